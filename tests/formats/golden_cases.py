"""Golden cases: text files that a person can read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from groundray.formats import ParsedAnswer, ParsedObject

FOLDER = Path(__file__).parent / "golden"


class GoldenCase(NamedTuple):
    """A model's text and what it says."""

    title: str
    text: str
    answer: ParsedAnswer


class Written(NamedTuple):
    """What a format writes: `detection`, `grounding`, or `nothing` where there is nothing."""

    name: str
    kind: str
    text: str


def golden_cases(name: str) -> Iterator[GoldenCase]:
    """Cases of a file: `# title`, the text, `=> [box] label` for objects, `! code` for issues."""
    blocks = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").split("\n\n# ")
    for block in blocks:
        title, *lines = block.removeprefix("# ").rstrip("\n").split("\n")
        answer = [line for line in lines if line.startswith(("=> ", "! "))]
        text = "\n".join(lines[: len(lines) - len(answer)])
        yield GoldenCase(title, text, _answer(answer))


def written_cases(file: str) -> Iterator[Written]:
    """Cases of a file: `# format detection|grounding|nothing`, and the text."""
    for block in (FOLDER / f"{file}.txt").read_text(encoding="utf-8").split("\n\n# "):
        heading, _, text = block.removeprefix("# ").rstrip("\n").partition("\n")
        name, kind = heading.split()
        yield Written(name, kind, text)


def title(case: object) -> str | None:
    """What a test calls a case; None for what is none."""
    if isinstance(case, Written):
        return f"{case.name} {case.kind}"
    return case.title if isinstance(case, GoldenCase) else None


def model_outputs(*grammars: str) -> Iterator[GoldenCase]:
    """Collected real and odd outputs of models."""
    for line in (FOLDER / "model_outputs.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case["grammar"] in grammars:
            objects = [ParsedObject(o["label"], tuple(o["wire_box"])) for o in case["expected"]]
            answer = ParsedAnswer(tuple(objects), tuple(case["flags"]))
            yield GoldenCase(f"{case['id']} {case['family']}", case["text"], answer)


def _answer(lines: list[str]) -> ParsedAnswer:
    objects = []
    for line in lines:
        if line.startswith("=> ["):
            numbers, _, label = line.removeprefix("=> ").partition("]")
            objects.append(ParsedObject(label[1:] or None, tuple(json.loads(f"{numbers}]"))))
    issues = [line.removeprefix("! ") for line in lines if line.startswith("! ")]
    return ParsedAnswer(tuple(objects), tuple(issues))
