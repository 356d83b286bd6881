"""`groundray evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from groundray.engine.cli.options import Address, FormatPlugins, NumCpus
from groundray.engine.cli.tables import plain_table
from groundray.engine.cli.terminal import complain, console, say
from groundray.models.urls import public_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from groundray.engine.evaluation.evaluate import Progress
    from groundray.engine.scoring.scores import Difference, RunScores, Scores

_PIPE_WIDTH = 160
_GALLERY = 1000

EPILOG = "Example: groundray evaluate predictions/checkpoint-500 scores"


def evaluate(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="PREDICTIONS... OUTPUT",
            help="Folders that `predict` wrote (or globs, or jsonl files), one a run, and the "
            "folder to write to. With --coco: GT.json DETECTIONS.json... OUTPUT.",
            show_default=False,
        ),
    ],
    score_mode: Annotated[
        Literal["constant", "order", "logprob"],
        typer.Option(help="What AP ranks boxes by; numbers of two modes cannot be compared."),
    ] = "constant",
    protocol: Annotated[
        Literal["honest", "published"],
        typer.Option(help="published: as Qwen's ODinW script counts, without failed answers."),
    ] = "honest",
    classes: Annotated[
        Path | None, typer.Option(help="File of class names by id, one a line.")
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(metavar="N", min=0, help="Resamplings for intervals; 0 for none.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the resampling.")] = 0,
    name: Annotated[
        list[str] | None, typer.Option(help="Name of a run, in their order; repeat it.")
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="Leave lower boxes out of all but COCO's numbers."),
    ] = None,
    coco: Annotated[
        bool, typer.Option("--coco", help="Score COCO results by their own scores.")
    ] = False,
    gallery: Annotated[
        int, typer.Option(metavar="N", min=0, help="Records that the report shows; 0 for none.")
    ] = _GALLERY,
    plugin: FormatPlugins = None,
    address: Address = None,
    num_cpus: NumCpus = None,
    runner: Annotated[
        Literal["auto", "ray", "local"],
        typer.Option(help="local: in this process, to the same numbers; auto: what is sooner."),
    ] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the scores in OUTPUT.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print scores.json instead of tables.")
    ] = False,
) -> None:
    """Score predictions, and compare checkpoints over the same images."""
    from groundray.engine.cli.convert import read_names
    from groundray.engine.evaluation.evaluate import evaluate as evaluate_predictions
    from groundray.engine.evaluation.evaluate import evaluate_coco
    from groundray.engine.runners import Runner

    least = 3 if coco else 2
    if len(places) < least:
        wanted = "GT.json DETECTIONS.json... OUTPUT" if coco else "PREDICTIONS... OUTPUT"
        raise typer.BadParameter(f"{wanted} are all needed", param_hint=wanted)
    *inputs, output = places
    if coco:
        _refuse_with_coco(
            {
                "--score-mode": score_mode != "constant",
                "--protocol": protocol != "honest",
                "--classes": classes is not None,
                "--gallery": gallery != _GALLERY,
                "--plugin": plugin is not None,
                "--runner": runner != "auto",
                "--address": address is not None,
                "--num-cpus": num_cpus is not None,
            }
        )
        scores = evaluate_coco(
            inputs[0],
            inputs[1:],
            output,
            names=name or [],
            min_score=min_score,
            replicates=bootstrap,
            seed=seed,
            overwrite=overwrite,
        )
    else:
        scores = evaluate_predictions(
            inputs,
            output,
            names=name or [],
            score_mode=score_mode,
            protocol=protocol,
            classes=None if classes is None else read_names(classes),
            min_score=min_score,
            replicates=bootstrap,
            seed=seed,
            plugins=plugin or [],
            runner=Runner(runner, address, num_cpus),
            gallery=gallery,
            overwrite=overwrite,
            on_progress=_say,
        )
    if as_json:
        say(scores.to_json().decode(), end="")
    else:
        _summarise(scores, output)


def _refuse_with_coco(given: dict[str, bool]) -> None:
    """Refuses options that say nothing about COCO files, so that none is ignored in silence."""
    wrong = [option for option, is_given in given.items() if is_given]
    if wrong:
        raise typer.BadParameter(
            "COCO files hold their own scores and classes, no images and no answers, and are read "
            f"by this process: leave out {', '.join(wrong)}",
            param_hint="--coco",
        )


def _say(progress: "Progress") -> None:
    if progress.files_done == 0 and progress.runner.kind == "ray":
        complain(f"{progress.run}: on ray ({progress.runner.reason})")


def _summarise(scores: "Scores", output: str) -> None:

    out = console()
    if not out.is_terminal:
        out.width = _PIPE_WIDTH
    for part in _render(scores):
        out.print(part)
    out.print(f"wrote {public_name(output).rstrip('/')}/report.html, scores.json and per_class.csv")


def _render(scores: "Scores") -> "Iterator[RenderableType]":
    interval = "95 % intervals over images in brackets" if scores.replicates else "no intervals"
    yield f"{scores.protocol} protocol; {interval}"
    yield ""
    yield _headline(scores)
    yield ""
    for run in scores.runs:
        yield from _remarks(run)
    if scores.differences:
        yield ""
        yield _differences(scores.differences)
    yield ""


def _headline(scores: "Scores") -> "Table":
    rows = [
        ("records", *(f"{run.records:,}" for run in scores.runs)),
        *(
            (label, *(_with_interval(run, path) for run in scores.runs))
            for label, path in _shown(scores)
        ),
    ]
    return plain_table(["", *(run.name for run in scores.runs)], rows)


def _shown(scores: "Scores") -> "list[tuple[str, str]]":
    """Label and path of the figures that any run has."""
    from groundray.engine.scoring.scores import value_of

    ap = f"AP ({scores.score_mode})"
    figures = [
        ("precision at IoU 0.5", "operating_point.precision_50"),
        ("recall at IoU 0.5", "operating_point.recall_50"),
        ("F1 at IoU 0.5", "operating_point.f1_50"),
        ("F1 at IoU 0.75", "operating_point.f1_75"),
        ("F1 mean of 0.5:0.95", "operating_point.f1_mean"),
        ("macro F1 at IoU 0.5", "operating_point.macro_f1_50"),
        ("mean IoU of matches", "operating_point.mean_iou"),
        ("ceiling: mean IoU", "ceiling.mean_iou"),
        ("ceiling: F1 mean", "ceiling.f1_mean"),
        (ap, "coco.AP"),
        (f"{ap} at IoU 0.5", "coco.AP50"),
        ("Acc@0.5", "grounding.acc_50"),
        ("mean IoU of first boxes", "grounding.mean_iou"),
        ("rejection accuracy", "grounding.rejection_accuracy"),
    ]
    return [
        (label, path)
        for label, path in figures
        if any(value_of(run, path) is not None for run in scores.runs)
    ]


def _with_interval(run: "RunScores", path: str) -> str:
    from groundray.engine.scoring.scores import value_of

    value, found = value_of(run, path), run.intervals.get(path)
    if value is None:
        return "-"
    return f"{value:.4f}" + (f" [{found.low:.4f}, {found.high:.4f}]" if found else "")


def _remarks(run: "RunScores") -> "Iterator[str]":
    health = run.health
    kinds = ", ".join(
        f"{each.kind} {max(each.predictions, each.targets if each.kind == 'missed' else 0):,}"
        for each in run.errors
    )
    yield f"{run.name}: {kinds}"
    figures = {
        **{f"answers {issue}": count for issue, count in health.issues.items()},
        **{f"not answered ({error})": count for error, count in health.errors.items()},
        "boxes of invented classes": health.invented_classes,
        "boxes without a label": health.unlabelled,
        "boxes out of their image": health.out_of_range,
        "duplicate boxes": health.duplicates,
        "boxes on empty images": health.false_boxes_on_empty_images,
    }
    found = [f"{name} {count:,}" for name, count in figures.items() if count]
    if found:
        yield f"  health: {', '.join(found)}"
    yield from (f"  warning: {reading.message}" for reading in health.coordinate_lint)
    yield from (f"  note: {note}" for note in run.notes)


def _differences(differences: "Sequence[Difference]") -> "Table":
    rows = []
    for each in differences:
        common = f"{each.common:,}"
        for label in ("operating_point.f1_50", "operating_point.f1_mean", "grounding.acc_50"):
            change = each.metrics.get(label)
            if change is None:
                continue
            span = "" if change.low is None else f" [{change.low:+.4f}, {change.high:+.4f}]"
            rows.append(
                (
                    f"{each.run} - {each.baseline}",
                    label,
                    common,
                    f"{change.difference:+.4f}{span}",
                )
            )
    return plain_table(["difference", "of", "records of both", "over these"], rows)
