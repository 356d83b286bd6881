"""The manifest of a prediction run: who was asked what, and what became of every record."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from groundray.engine.converted import Converted
from groundray.engine.plan import Plan
from groundray.engine.plugins import declaration_of
from groundray.engine.prediction.predictor import BY, PredictJob
from groundray.engine.run import Checksums, Run
from groundray.engine.shards import nested

VERSION = 2


@dataclass(frozen=True, slots=True)
class RecordAccount:
    """Where all records of the split went: `read` is `not_chosen` and `predicted`.

    Attributes:
        read: in the truth files.
        not_chosen: by reason.
        predicted: lines that were written.
        failed: those of them that hold an `error` and no answer.
        not_in_truth: records of the whole data set that its conversion rejected, by reason; nothing
            could be asked about them.
    """

    read: int
    not_chosen: Mapping[str, int]
    predicted: int
    failed: int
    not_in_truth: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PredictionManifest:
    """What a prediction run did; holds no time, host, absolute path or number of actors.

    Attributes:
        version: of this form.
        fingerprint: of the configuration.
        configuration: everything that the bytes depend on.
        checkpoint: name of who answered.
        format: that the answers are read by.
        task: that was asked.
        split: of the data.
        classes: in id order.
        answered_by: what answered and how (device, precision, ...), one entry for each kind.
        records: where they went.
        boxes: `targets`, and `predicted`.
        issues: answers that have each, by code.
        shards: files of predictions.
        warnings: sentences for people.
        declaration: the TOML text that declares the format; None where it is installed, or Python.
    """

    version: int
    fingerprint: str
    configuration: Mapping[str, Any]
    checkpoint: str
    format: str
    task: str
    split: str
    classes: tuple[str, ...]
    answered_by: tuple[Mapping[str, Any], ...]
    records: RecordAccount
    boxes: Mapping[str, int]
    issues: Mapping[str, int]
    shards: Checksums
    warnings: tuple[str, ...]
    declaration: str | None = None

    def to_json(self) -> bytes:
        """The manifest file."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_json(cls, data: bytes) -> "PredictionManifest":
        """Undoes `to_json`."""
        fields = orjson.loads(data)
        fields["records"] = RecordAccount(**fields["records"])
        fields["shards"] = Checksums(**fields["shards"])
        for name in ("classes", "answered_by", "warnings"):
            fields[name] = tuple(fields[name])
        return cls(**fields)


def make_prediction_manifest(
    converted: Converted,
    plan: Plan,
    run: Run,
    job: PredictJob,
    configuration: Mapping[str, Any],
) -> PredictionManifest:
    """Adds up what the units of a finished run counted."""
    tally = run.commits.tally
    answered_by = sorted(name for name in tally if name.startswith(BY))
    counts = nested({name: count for name, count in tally.items() if name not in answered_by})
    (split,) = {file.split for file in job.source.files}
    return PredictionManifest(
        version=VERSION,
        fingerprint=run.fingerprint,
        configuration=configuration,
        checkpoint=job.checkpoint,
        format=job.format,
        task=job.source.task,
        split=split,
        classes=job.classes,
        answered_by=tuple(orjson.loads(name[len(BY) :]) for name in answered_by),
        records=RecordAccount(
            read=plan.total.records,
            not_chosen={reason: amount.records for reason, amount in plan.not_chosen.items()},
            predicted=tally["records/predicted"],
            failed=tally["records/failed"],
            not_in_truth=converted.manifest.records.rejected,
        ),
        boxes=counts.get("boxes", {}),
        issues=counts.get("issues", {}),
        shards=run.write_checksums(),
        warnings=plan.warnings,
        declaration=declaration_of(job.format, job.plugins),
    )
