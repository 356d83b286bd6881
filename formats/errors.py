"""What can go wrong, as one tree.

    GroundrayError
    ├── FormatError    a format is unknown, defined twice, or its definition is wrong
    │   └── LabelError     a label would corrupt the text of a format
    ├── SourceError    an INPUT cannot be read at all
    │   ├── LayoutError    what its columns mean cannot be settled
    │   ├── ChangedError   a file is no longer the one that was planned with
    │   └── DamagedError   what a file holds cannot be decoded
    ├── ImageError     the bytes of one image are not usable
    ├── ModelError     a checkpoint, server or backend cannot be used
    ├── OutOfMemoryError   a batch is too large for the device
    ├── TrainingError  a training cannot start, or one of its processes failed
    ├── OutputError    OUTPUT is locked, holds another run, or cannot be written
    └── RejectsError   the run finished, but too much was rejected

The command line prints a `GroundrayError` as one line; anything else is a bug, with a traceback.
"""

from collections.abc import Iterable


class GroundrayError(Exception):
    """Base of every error that a user can cause or mend."""


class FormatError(GroundrayError, ValueError):
    """A format is unknown, defined twice, or its definition is wrong."""


class LabelError(FormatError):
    """A label would corrupt the text of a format, so that it could not be read back."""


class SourceError(GroundrayError):
    """An INPUT cannot be read: no such path, no parquet in it, no permission."""


class LayoutError(SourceError):
    """What the columns of a source mean cannot be settled, or was declared wrongly."""


class ChangedError(SourceError):
    """A file is no longer the one that was planned with: what it holds must not be mixed in."""


class DamagedError(SourceError):
    """What a file holds cannot be decoded, now or ever: it costs the file, and nothing else."""


class ImageError(GroundrayError):
    """The bytes of one image are not usable; `reason` is a short code that rejects are counted by.

    Attributes:
        reason: snake_case code, such as `not_an_image` or `truncated_image`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class ModelError(GroundrayError):
    """A checkpoint, server or backend cannot be used: missing, incomplete, or of another kind."""


class OutOfMemoryError(GroundrayError):
    """A batch is too large for the device; smaller ones may not be."""


class TrainingError(GroundrayError):
    """A training cannot start (too few machines or GPUs, no trainer), or a process of it failed."""


class OutputError(GroundrayError):
    """OUTPUT is in use, holds the result of another configuration, or cannot be written."""


class RejectsError(GroundrayError):
    """A run finished with more rejects than allowed; everything it wrote is on disk."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Goes on a message about an unknown name: `; did you mean 'x'?`, or nothing if none is close.

    Args:
        name: that was given.
        known: what would be right.
    """
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
