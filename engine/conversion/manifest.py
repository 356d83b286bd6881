"""The manifest of a conversion: what was asked for, what was read, and where all of it went."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from groundray.engine.plan import Plan
from groundray.engine.run import MANIFEST, Checksums, Run
from groundray.engine.shards import nested
from groundray.formats.errors import SourceError

VERSION = 2


@dataclass(frozen=True, slots=True)
class Account:
    """Where all of something went: `read` is the sum of all else, but for `clipped`.

    Attributes:
        read: in the files that can be read.
        written: in truth files; a format may still have refused some.
        not_chosen: by reason.
        rejected: by reason; boxes are rejected with their record.
        dropped: boxes of written records that are not written, by reason.
        clipped: boxes, among the written ones, that overhung their image.
    """

    read: int
    written: int
    not_chosen: Mapping[str, int]
    rejected: Mapping[str, int]
    dropped: Mapping[str, int] = field(default_factory=dict)
    clipped: int = 0


@dataclass(frozen=True, slots=True)
class FormatAccount:
    """Examples that one format wrote, and the records that it refused, by reason."""

    examples: int
    rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SplitAccount:
    """Records of a split, and the shards that they are in."""

    records: int
    shards: int


@dataclass(frozen=True, slots=True)
class InputFile:
    """A parquet file as it was read."""

    path: str
    split: str
    rows: int
    bytes: int
    footer_sha256: str


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A parquet file that could not be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a conversion did; holds no time, host, absolute path or number of workers.

    Attributes:
        version: of this form.
        fingerprint: of the configuration.
        configuration: everything that the bytes depend on.
        why_layout: where each piece of the layout was found.
        classes: in id order; of names found in the data, in alphabetical order.
        rows, records, boxes: where they went.
        images: how many were written, and what was done to them.
        formats: by name.
        splits: by name.
        input_files: in reading order.
        unreadable_files: which cost only themselves.
        output_files: all but images.
        warnings: sentences for people.
    """

    version: int
    fingerprint: str
    configuration: Mapping[str, Any]
    why_layout: str
    classes: tuple[str, ...]
    rows: Account
    records: Account
    boxes: Account
    images: Mapping[str, Any]
    formats: Mapping[str, FormatAccount]
    splits: Mapping[str, SplitAccount]
    input_files: tuple[InputFile, ...]
    unreadable_files: tuple[UnreadFile, ...]
    output_files: Checksums
    warnings: tuple[str, ...]

    def to_json(self) -> bytes:
        """The manifest file."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_json(cls, data: bytes) -> "Manifest":
        """Undoes `to_json`.

        Raises:
            SourceError: it is of another version.
        """
        fields = orjson.loads(data)
        if fields["version"] != VERSION:
            raise SourceError(
                f"{MANIFEST} is of version {fields['version']}, and this Groundray reads version "
                f"{VERSION}: convert the data again"
            )
        for name in ("rows", "records", "boxes"):
            fields[name] = Account(**fields[name])
        fields["formats"] = {k: FormatAccount(**v) for k, v in fields["formats"].items()}
        fields["splits"] = {k: SplitAccount(**v) for k, v in fields["splits"].items()}
        for name, kind in (
            ("input_files", InputFile),
            ("unreadable_files", UnreadFile),
        ):
            fields[name] = tuple(kind(**each) for each in fields[name])
        fields["output_files"] = Checksums(**fields["output_files"])
        fields["classes"] = tuple(fields["classes"])
        fields["warnings"] = tuple(fields["warnings"])
        return cls(**fields)


def make_manifest(
    plan: Plan, run: Run, formats: Sequence[str], configuration: Mapping[str, Any]
) -> Manifest:
    """Adds up what the units of a finished run counted."""
    counts, lines = nested(run.commits.tally), run.commits.lines
    return Manifest(
        version=VERSION,
        fingerprint=run.fingerprint,
        configuration=configuration,
        why_layout=plan.source.reason,
        classes=plan.classes,
        rows=_account(plan, counts, "rows"),
        records=_account(plan, counts, "records"),
        boxes=_account(plan, counts, "boxes"),
        images=counts.get("images", {}),
        formats={
            name: FormatAccount(
                _lines(lines, f"{name}/"),
                counts.get("formats", {}).get(name, {}).get("rejected", {}),
            )
            for name in formats
        },
        splits={
            split: SplitAccount(lines[f"truth/{split}"], shards)
            for split, shards in plan.num_shards.items()
        },
        input_files=tuple(
            InputFile(f.relative, f.split, f.num_rows, f.size_bytes, f.footer_sha256)
            for f in plan.source.files
        ),
        unreadable_files=tuple(UnreadFile(f.relative, f.reason) for f in plan.unreadable),
        output_files=run.write_checksums(),
        warnings=plan.warnings,
    )


def _account(plan: Plan, counts: Mapping[str, Any], kind: str) -> Account:
    own = counts.get(kind, {})
    not_chosen = Counter({why: getattr(amount, kind) for why, amount in plan.not_chosen.items()})
    not_chosen.update(own.get("not_chosen", {}))
    return Account(
        read=getattr(plan.total, kind),
        written=own.get("written", 0),
        not_chosen=dict(sorted(not_chosen.items())),
        rejected=own.get("rejected", {}),
        dropped=own.get("dropped", {}),
        clipped=own.get("clipped", 0),
    )


def _lines(lines: Mapping[str, int], folder: str) -> int:
    """In all splits of a folder."""
    return sum(count for place, count in lines.items() if place.startswith(folder))
