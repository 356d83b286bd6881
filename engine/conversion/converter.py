"""The converter: reads one unit, and writes its shards in every format asked for."""

import gc
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from groundray.engine import boxes
from groundray.engine.ahead import iter_ahead
from groundray.engine.arrays import from_numpy
from groundray.engine.boxes import clean, is_in_displayed_frame, scale_to_pixels, turn_to_stored
from groundray.engine.conversion.examples import ExampleStyle, example_lines, make_style
from groundray.engine.conversion.fates import Fates
from groundray.engine.conversion.json_texts import concatenated
from groundray.engine.conversion.pictures import (
    ImageCursor,
    Pictures,
    copy_pictures,
    refer_to_pictures,
)
from groundray.engine.conversion.unit_shards import UnitShards
from groundray.engine.converted import Sharing
from groundray.engine.plan import Part, Unit
from groundray.engine.plugins import Plugin, load_plugins
from groundray.engine.records import BoolArray, FloatArray, IntArray, Records
from groundray.engine.selection import Selection, not_drawn
from groundray.engine.shards import Commit, Tally, UnitWriter, num_attempts, read_commit
from groundray.engine.sources import (
    Decoded,
    Keys,
    Source,
    SourceFile,
    iter_decoded,
    iter_images,
    read_keys,
)
from groundray.engine.storage import open_store, write_errors
from groundray.engine.truth import truth_table
from groundray.formats import get_format
from groundray.formats.errors import DamagedError, SourceError

Item = TypeVar("Item")
Column = TypeVar("Column", pa.Array, pa.Table)

REASONS = (*boxes.REASONS, "unknown_category", "crowd", "difficult")
"""Why a box is dropped, as manifests count it: it is dead, of no known class, or not wanted."""

FIRST_UNWANTED = len(boxes.REASONS)
OPTIONAL = ("crowd", "difficult")

MAX_DEATHS = 5
"""Processes that may end while they convert a unit, before its records are rejected."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every unit of a conversion has in common; picklable.

    Attributes:
        output: URL of OUTPUT.
        token: of the run.
        source: where records come from.
        selection: which of them are chosen.
        num_shards: split -> total, for shard names.
        formats: names.
        plugins: files that define some of them.
        classes: of the whole data set, in id order.
        prompt, system: in place of what each format says; None leaves it.
        present_only: whether prompts name only the classes of their own record.
        images: whether image files are written, or only referred to.
        verify: how much of each image is decoded.
        bad_images: whether a record without a sound image is rejected, or kept with what is there.
        sharing: how examples name the images of a converted folder, where they stay in it.
        drop: kinds of boxes to leave out: "crowd", "difficult".
        on_error: what a bad record does.
    """

    output: str
    token: str
    source: Source
    selection: Selection
    num_shards: dict[str, int]
    formats: tuple[str, ...]
    plugins: tuple[Plugin, ...]
    classes: tuple[str, ...]
    prompt: str | None
    system: str | None
    present_only: bool
    images: Literal["copy", "reference"]
    verify: Literal["header", "decode"]
    bad_images: Literal["reject", "keep"]
    sharing: Sharing | None
    drop: frozenset[str]
    on_error: Literal["reject", "raise"]

    def styles(self) -> tuple[ExampleStyle, ...]:
        """How each format writes its examples, loaded in this process.

        Raises:
            FormatError: a format is unknown, or cannot do the task.
        """
        load_plugins(self.plugins)
        return tuple(
            make_style(
                name,
                get_format(name),
                self.source.task,
                classes=self.classes,
                prompt=self.prompt,
                system=self.system,
                present_only=self.present_only,
            )
            for name in self.formats
        )


class Converter:
    """Converts units; every process that does has one of its own."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._styles: tuple[ExampleStyle, ...] = ()

    def __reduce__(self) -> tuple[type["Converter"], tuple[Job]]:
        return Converter, (self._job,)  # formats of plugin files are loaded by each process

    def __call__(self, unit: Unit) -> Commit:
        """Reads a unit and writes its shards, unless that was done.

        Raises:
            ChangedError: a file is no longer what it was when the plan was made.
            SourceError: a file cannot be read at the moment.
            OutputError: OUTPUT cannot be written, or another run has taken it over.
            RejectedError: with `on_error="raise"`.
        """
        job = self._job
        self._styles = self._styles or job.styles()
        tally: Tally = Tally()
        store = open_store(job.output)
        with write_errors(store.shown):
            if done := read_commit(store, unit.index):
                return done
            deaths = num_attempts(store, unit.index)
        with (
            _paused_gc(),
            write_errors(store.shown),
            UnitWriter(store, unit.index, job.token) as writer,
        ):
            with UnitShards(
                writer,
                unit,
                splits=job.selection.splits,
                num_shards=job.num_shards,
                formats=job.formats,
            ) as shards:
                for part in unit.parts:
                    if deaths < MAX_DEATHS:
                        self._convert_part(unit, part, shards, tally)
                    else:
                        tally.update(self._give_up(unit, part, shards, deaths))
            if job.images == "copy":  # else Arrow's allocator holds 12 MB more after 60 units
                pa.default_memory_pool().release_unused()
            return writer.commit(tally, state=unit.state)

    def _convert_part(self, unit: Unit, part: Part, shards: UnitShards, tally: Tally) -> None:
        job = self._job
        span = (job.source, part.file, part.start, part.stop)
        num_done = 0
        with (
            closing(_early(part.file, iter_images(*span))) as batches,
            closing(_early(part.file, iter_decoded(*span))) as decoded_early,
        ):
            images = ImageCursor(batches, part.start)
            try:
                for decoded in decoded_early:
                    fates = self._fates(unit, part, decoded.keys, shards)
                    fit = self._fit(part, decoded, fates)
                    self._convert(decoded, fit, images, fates, shards)
                    tally.update(_close(fates, shards))
                    num_done += len(decoded.keys)
            except DamagedError as error:
                keys = read_keys(*span).from_index(num_done)
                tally.update(self._reject(unit, part, keys, shards, ("damaged_file", str(error))))

    def _give_up(self, unit: Unit, part: Part, shards: UnitShards, deaths: int) -> Tally:
        """Rejects the records of a part of a unit that has killed its processes."""
        where = f"{part.file.relative}, rows {part.start:,} to {part.stop:,}"
        if deaths > MAX_DEATHS:
            raise SourceError(f"{where}: reading ids ends the process, {deaths} times")
        why = ("killed_process", f"{deaths} processes ended while they converted {where}")
        keys = read_keys(self._job.source, part.file, part.start, part.stop)
        return self._reject(unit, part, keys, shards, why)

    def _reject(
        self, unit: Unit, part: Part, keys: Keys, shards: UnitShards, why: tuple[str, str]
    ) -> Tally:
        """Rejects the next records of a part."""
        fates = self._fates(unit, part, keys, shards)
        for index in np.flatnonzero(fates.slot >= 0).tolist():
            fates.reject(index, *why)
        return _close(fates, shards)

    def _fates(self, unit: Unit, part: Part, keys: Keys, shards: UnitShards) -> Fates:
        """Gives the next records of a part their shards."""
        outcome = self._job.selection.outcome(unit.pool, keys)
        if part.drawn is not None:
            outcome = not_drawn(outcome, np.isin(keys.row, part.drawn))
        return Fates(
            part.file.relative, keys, shards.assign(outcome), self._job.on_error == "raise"
        )

    def _fit(self, part: Part, decoded: Decoded, fates: Fates) -> BoolArray:
        """`(N,)` sound records to convert, over all keys; rejects the chosen ones that are not."""
        keys = decoded.keys
        fit = fates.slot >= 0
        for fault in decoded.faults:
            if fit[fault.index]:
                fates.reject(fault.index, fault.reason, fault.detail)
                fit[fault.index] = False
        if part.repeats:
            for index in np.flatnonzero(fit).tolist():
                if (int(keys.row[index]), str(keys.id[index])) in part.repeats:
                    fates.reject(index, "duplicate_id", "an earlier record has this id")
                    fit[index] = False
        return fit

    def _convert(
        self,
        decoded: Decoded,
        fit: BoolArray,
        images: ImageCursor,
        fates: Fates,
        shards: UnitShards,
    ) -> None:
        sound = np.ones(len(fit), dtype=np.bool_)
        sound[[fault.index for fault in decoded.faults]] = False
        where = np.flatnonzero(fit)  # place, among all keys, of each record that is left
        records = decoded.records.take(fit[sound])
        if self._job.images == "copy":
            slots, job = fates.slot[where], self._job
            pictures = copy_pictures(
                records, slots, images, shards, verify=job.verify, bad_images=job.bad_images
            )
        else:
            pictures = refer_to_pictures(records, images, self._job.sharing)
        for place, error in pictures.errors.items():
            fates.reject(int(where[place]), error.reason, str(error))
        records, alive = self._clean(records, pictures, where, fates)
        fates.tally.update(pictures.settle(alive, shards))
        images = pictures.names.filter(from_numpy(alive))
        self._write(records, images, pictures.sizes[alive], where[alive], fates, shards)

    def _clean(
        self, records: Records, pictures: Pictures, where: IntArray, fates: Fates
    ) -> tuple[Records, BoolArray]:
        """Records with their usable boxes, in pixels, and which of those that came in they are."""
        sizes, orientations = pictures.sizes, pictures.orientations
        declared = np.stack([records.width, records.height], axis=1)
        turned = is_in_displayed_frame(orientations, declared, sizes.astype(np.int64))
        box_sizes = records.per_box(sizes)
        space = self._job.source.layout.space
        if turned.any():
            frames = records.per_box(np.where(turned[:, None], sizes[:, ::-1], sizes))
            turns = records.per_box(np.where(turned, orientations, 1))
            xyxy = scale_to_pixels(records.xyxy, space, frames)
            xyxy = turn_to_stored(xyxy, turns, box_sizes)
        else:
            xyxy = scale_to_pixels(records.xyxy, space, box_sizes)
        cleaned = clean(xyxy, box_sizes)
        reason = cleaned.reason.copy()
        for name, flags in (
            ("difficult", records.difficult),
            ("crowd", records.iscrowd),
            ("unknown_category", records.category < 0),
        ):
            if name not in OPTIONAL or name in self._job.drop:
                reason[flags] = REASONS.index(name)
        keep = reason == 0
        ready = np.ones(len(records), dtype=np.bool_)
        ready[list(pictures.errors)] = False
        alive = ready & self._judge(records, reason, where, ready, fates)
        lives = records.per_box(alive)
        counts = np.bincount(reason[lives], minlength=len(REASONS)).tolist()
        for name, count in zip(REASONS[1:], counts[1:], strict=True):
            fates.drop_boxes(name, count)
        differs = (declared != sizes) & (declared != 0)
        mismatched = (differs[:, 0] | differs[:, 1]) & ~turned
        fates.count("boxes/clipped", int((cleaned.clipped & keep & lives).sum()))
        fates.count("images/boxes_turned", int((turned & alive).sum()))
        fates.count("images/size_mismatch", int((mismatched & alive).sum()))
        return replace(records, xyxy=cleaned.xyxy).take_boxes(keep).take(alive), alive

    def _judge(
        self,
        records: Records,
        reason: NDArray[np.int8],
        where: IntArray,
        ready: BoolArray,
        fates: Fates,
    ) -> BoolArray:
        """`(N,)` records that keep a box, or never had one; rejects or leaves out the others."""
        num = len(records)
        if not reason.any():
            return np.ones(num, dtype=np.bool_)
        box = records.box_record
        had = np.diff(records.offsets)
        kept = np.bincount(box[reason == 0], minlength=num)
        unwanted = np.bincount(box[reason >= FIRST_UNWANTED], minlength=num)
        alive: BoolArray = (had == 0) | (kept > 0)
        for i in np.flatnonzero(ready & ~alive).tolist():
            if unwanted[i] == had[i]:
                fates.leave_out(int(where[i]), "no_wanted_box")
            else:
                reasons = sorted({REASONS[code] for code in reason[box == i].tolist()})
                detail = f"{had[i]} boxes, none usable: {', '.join(reasons)}"
                fates.reject(int(where[i]), "no_usable_box", detail)
        return alive

    def _write(
        self,
        records: Records,
        images: pa.Array,
        sizes: FloatArray,
        where: IntArray,
        fates: Fates,
        shards: UnitShards,
    ) -> None:
        """Writes truth and examples; records go to the shards that `fates` says."""
        slots = fates.slot[where]
        for slot, table in _by_slot(slots, truth_table(records, images, sizes)):
            shards.write_truth(slot, table)
        shards.complete_truth()  # it is encoded behind while lines are made
        if not len(records):
            return
        for style in self._styles:
            lines = example_lines(style, records, images, sizes)
            for refusal in lines.refusals:
                index = int(where[refusal.place])
                fates.refuse(index, style.name, refusal.reason, refusal.detail)
            written = np.delete(slots, [refusal.place for refusal in lines.refusals])
            for slot, texts in _by_slot(written, lines.texts):
                shards.write_lines(slot, style.name, concatenated(texts), len(texts))


def _by_slot(slots: IntArray, column: Column) -> Iterator[tuple[int, Column]]:
    """The values that belong to each shard, in order; not copied where they stand together."""
    for slot in np.flatnonzero(np.bincount(slots)).tolist():
        here = np.flatnonzero(slots == slot)
        first, last = int(here[0]), int(here[-1])
        is_whole = last - first == len(here) - 1
        yield slot, column.slice(first, len(here)) if is_whole else column.take(from_numpy(here))


@contextmanager
def _paused_gc() -> Iterator[None]:
    """Keeps Python from looking for cycles among millions of short lists, which have none.

    Measured: 3 of 13 us a row.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _early(file: SourceFile, items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items, made ahead where reading them waits for a network.

    On a disk the kernel reads ahead; a thread of ours then costs a sixth of the CPU time more, and
    was no sooner done, from a cold cache either (measured).
    """
    yield from iter_ahead(items) if file.is_remote else items


def _close(fates: Fates, shards: UnitShards) -> Tally:
    """Writes the rejects of a batch, and returns its counts."""
    for slot, line in fates.close():
        shards.write_reject(slot, line)
    return fates.tally
