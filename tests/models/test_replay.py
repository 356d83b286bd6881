import gzip
import json
import resource
import sys
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from groundray.formats.errors import ModelError
from groundray.models import Answer, Backend, Prompt, Settings, Token, get_backend
from groundray.models.replay import Replay

CAT = "<|object_ref_start|>cat<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>"


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def write(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def replay(path: object, *ids: str, logprobs: bool = False) -> list[Answer]:
    settings = Settings(str(path), logprobs=logprobs)
    Replay.check(settings)
    return Replay(settings).answer([Prompt(id_, "Find all.", None, None) for id_ in ids])


def test_the_registry_finds_a_whole_backend(answers: Path) -> None:
    backend = get_backend("replay")(Settings(str(write(answers, {"id": "1", "text": CAT}))))
    assert isinstance(backend, Backend)


def test_half_a_character_of_a_batch_output_can_be_stored(answers: Path) -> None:
    choice = {"message": {"content": "a\ud83d"}}
    line = {"custom_id": "1", "response": {"body": {"choices": [choice]}}}
    assert [answer.text for answer in replay(write(answers, line), "1")] == ["a?"]


def test_logprobs_beyond_float64_are_left_out(answers: Path) -> None:
    line = '{"id": "1", "text": "a", "tokens": [["a", -1' + "0" * 400 + "]]}"
    assert replay(write(answers, line), "1", logprobs=True) == [Answer("a")]


def test_answers_come_in_the_order_of_the_prompts(answers: Path) -> None:
    write(answers, {"id": "1", "text": "one"}, {"id": "2", "text": "two"})
    assert [answer.text for answer in replay(answers, "2", "1", "2")] == ["two", "one", "two"]


@pytest.mark.parametrize(
    "line",
    [
        {"id": 17, "text": CAT},
        {"id": 17.0, "response": CAT, "labels": "dog"},
        {"question_id": 17, "answer": CAT},
        {"image_id": "17", "predict": CAT, "label": "dog"},
        {"id": None, "image_id": 17, "generated_text": CAT},
        {"id": "17", "text": CAT, "response": CAT},
        {
            "id": "17",
            "image": "a.jpg",
            "targets": [],
            "predictions": [{"category": "cat", "xyxy": [1.0, 2.0, 3.0, 4.0], "score": None}],
            "text": CAT,
            "issues": [],
            "error": None,
        },
        {
            "id": "batch_req_1",
            "custom_id": "17",
            "error": None,
            "response": {
                "status_code": 200,
                "body": {"choices": [{"message": {"content": CAT}, "finish_reason": "stop"}]},
            },
        },
    ],
    ids="+".join,
)
def test_known_forms_of_lines_are_read(answers: Path, line: dict[str, Any]) -> None:
    assert replay(write(answers, line), "17") == [Answer(CAT)]


def test_what_a_line_says_of_its_answer_is_kept(answers: Path) -> None:
    line = {
        "id": "1",
        "text": "a b",
        "finish": "length",
        "num_tokens": 2,
        "tokens": [["a", -0.5], {"text": " b", "logprob": -1}],
    }
    [answer] = replay(write(answers, line), "1", logprobs=True)
    tokens = (Token("a", -0.5), Token(" b", -1.0))
    assert answer == Answer("a b", finish="length", num_tokens=2, tokens=tokens)


def test_tokens_that_nobody_asked_for_are_left_out(answers: Path) -> None:
    [answer] = replay(write(answers, {"id": "1", "text": "a", "tokens": [["a", -0.5]]}), "1")
    assert answer.tokens is None


@pytest.mark.parametrize(
    "tokens",
    ["a", [], [["b", -1]], [["a"]], [["a", None]], [{"text": "a"}]],
    ids=str,
)
def test_tokens_that_are_not_of_the_text_are_left_out(answers: Path, tokens: object) -> None:
    [answer] = replay(
        write(answers, {"id": "1", "text": "a", "tokens": tokens}), "1", logprobs=True
    )
    assert answer == Answer("a")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ({"id": "1", "text": "", "error": "out of memory"}, "out of memory"),
        ({"custom_id": "1", "error": {"code": 1, "message": "no image"}}, "no image"),
        (
            {
                "custom_id": "1",
                "response": {"status_code": 400, "body": {"error": {"message": "too long"}}},
            },
            "too long",
        ),
        (
            {"custom_id": "1", "response": {"status_code": 200, "body": {}}},
            "line 1 of answers.jsonl: its response has no choices",
        ),
        (
            {"id": "1", "text": "cat", "answer": "dog"},
            "line 1 of answers.jsonl: several answers (text, answer)",
        ),
        (
            {"id": "1"},
            "line 1 of answers.jsonl: no answer (text, response, answer, predict, generated_text)",
        ),
    ],
    ids=[
        "its own error",
        "error of a batch",
        "status of a batch",
        "no choices",
        "two answers",
        "none",
    ],
)
def test_a_line_without_an_answer_is_an_error_of_its_record(
    answers: Path, line: dict[str, Any], error: str
) -> None:
    write(answers, line, {"id": "2", "text": CAT})
    assert replay(answers, "1", "2") == [Answer("", error=error), Answer(CAT)]


def test_a_text_that_a_format_could_not_read_is_read_again(answers: Path) -> None:
    write(answers, {"id": "1", "text": CAT, "finish": None, "error": "format toy raised"})
    assert replay(answers, "1") == [Answer(CAT)]


def test_a_record_that_the_file_lacks_is_an_error_that_shows_its_ids(answers: Path) -> None:
    write(answers, {"id": "000000000017", "text": CAT})
    error = "no answer in answers.jsonl for id '17'; it has ids such as '000000000017'"
    assert replay(answers, "17") == [Answer("", error=error)]


def test_equal_answers_of_an_id_count_once_and_different_ones_are_an_error(answers: Path) -> None:
    write(
        answers,
        {"id": "1", "text": "cat"},
        {"id": "2", "text": "cat"},
        {"id": "1", "text": "cat"},
        {"id": "2", "text": "dog"},
        {"id": "3", "error": "timed out"},
        {"id": "3", "text": "cat"},
    )
    error = "different answers in answers.jsonl for id '2': line 2 of answers.jsonl, "
    error += "line 4 of answers.jsonl"
    assert replay(answers, "1", "2", "3") == [Answer("cat"), Answer("", error=error), Answer("cat")]


def test_faulty_lines_cost_themselves_and_are_counted_and_named(answers: Path) -> None:
    write(
        answers,
        {"id": "1", "text": "one"},
        "",
        '{"id": "2", "te',
        "[1, 2]",
        {"text": "nobody's"},
        {"id": True, "text": "nobody's"},
        {"id": "3"},
        '{"id": "4", "text": "half a pair \\ud83d", "score": NaN}',
        "[" * 100_000,
    )
    backend = Replay(Settings(str(answers)))
    prompts = [Prompt(id_, "", None, None) for id_ in "14"]
    assert [answer.text for answer in backend.answer(prompts)] == ["one", "half a pair ?"]
    description = backend.describe()
    assert description["answers"] == 2
    assert description["faulty_lines"] == 6
    assert description["first_faulty"] == [
        "line 3 of answers.jsonl: not JSON",
        "line 4 of answers.jsonl: not a JSON object",
        "line 5 of answers.jsonl: no id (custom_id, id, question_id, image_id)",
        "line 6 of answers.jsonl: no id (custom_id, id, question_id, image_id)",
        "line 7 of answers.jsonl: no answer (text, response, answer, predict, generated_text)",
    ]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(answers: Path) -> None:
    answers.write_bytes(b'\xef\xbb\xbf{"id": "1", "text": "a"}\r\n{"id": "2", "text": "b"}')
    assert replay(answers, "1", "2") == [Answer("a"), Answer("b")]


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": "1", "text": "a"}\n'))
    assert replay(path, "1") == [Answer("a")]


def test_a_damaged_compressed_file_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": "1", "text": "a"}\n' * 1000)[:40])
    with pytest.raises(ModelError, match="cannot be read"):
        Replay(Settings(str(path)))


def test_a_remote_file_is_read_and_named_without_its_secrets() -> None:
    MemoryFileSystem().pipe_file("/replay/answers.jsonl", b'{"id": "1", "text": "a"}\n')
    [answer, missing] = replay("memory://replay/answers.jsonl", "1", "2")
    assert answer == Answer("a")
    assert missing.error is not None
    assert missing.error.startswith("no answer in answers.jsonl")
    with pytest.raises(ModelError) as caught:
        Replay.check(Settings("memory://user:word@replay/other.jsonl?token=word"))
    assert "memory://replay/other.jsonl" in str(caught.value)
    assert "word" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "\n\n", '{"id": "1"}\n', "no json\n"])
def test_a_file_without_answers_is_refused_before_and_at_loading(
    answers: Path, content: str
) -> None:
    answers.write_text(content)
    for load in (Replay.check, Replay):
        with pytest.raises(ModelError, match="has no answers") as caught:
            load(Settings(str(answers)))
        assert '{"id": "17", "text": "what the model said"}' in str(caught.value)


def test_the_files_of_a_folder_are_one(tmp_path: Path) -> None:
    write(tmp_path / "val-00001-of-00002.jsonl", {"id": "2", "text": "two"})
    write(tmp_path / "val-00000-of-00002.jsonl", {"id": "1", "text": "one"}, {"id": "3"})
    (tmp_path / "manifest.json").write_text("{}")
    assert [answer.text for answer in replay(tmp_path, "1", "2")] == ["one", "two"]
    [named] = Replay(Settings(f"{tmp_path}/")).describe()["first_faulty"]
    assert named.startswith("line 2 of val-00000-of-00002.jsonl: no answer")


def test_a_remote_folder_ends_with_a_slash() -> None:
    for name in "ab":
        line = f'{{"id": "{name}", "text": "{name}"}}'
        MemoryFileSystem().pipe_file(f"/replay-folder/{name}.jsonl", line.encode())
    assert replay("memory://replay-folder/", "b", "a") == [Answer("b"), Answer("a")]


def test_a_folder_without_jsonl_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the folder has no jsonl files in it"):
        Replay.check(Settings(str(tmp_path)))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.jsonl cannot be read: there is no such file"):
        Replay.check(Settings(str(tmp_path / "none.jsonl")))


def test_the_manifest_tells_files_apart_and_names_no_path(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", {"id": "1", "text": "a"})
    two = write(tmp_path / "two.jsonl", {"id": "1", "text": "a"})
    other = write(tmp_path / "other.jsonl", {"id": "1", "text": "b"})
    descriptions = [Replay(Settings(str(path))).describe() for path in (one, two, other)]
    assert descriptions[0] == descriptions[1] != descriptions[2]
    assert str(tmp_path) not in json.dumps(descriptions)


def test_memory_holds_an_index_and_not_the_answers(answers: Path) -> None:
    num_answers, text = 10_000, "x" * 10_000
    with answers.open("w") as file:
        for number in range(num_answers):
            file.write(f'{{"id": "{number}", "text": "{text}"}}\n')
    before = _peak_bytes()
    backend = Replay(Settings(str(answers)))
    assert backend.answer([Prompt("9999", "", None, None)]) == [Answer(text)]
    assert _peak_bytes() - before < num_answers * len(text) / 4


def _peak_bytes() -> int:
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes if sys.platform == "darwin" else kibibytes * 1024
