"""Sources: data sets of parquet files, whatever their columns mean, as records."""

from groundray.engine.sources.decode import Decoded
from groundray.engine.sources.faults import Fault
from groundray.engine.sources.image_files import IMAGE_FAULTS, RowImage, RowImages, is_web
from groundray.engine.sources.inputs import absolute
from groundray.engine.sources.keys import Keys
from groundray.engine.sources.layout import Layout, format_path
from groundray.engine.sources.open import open_source
from groundray.engine.sources.parquet import open_parquet
from groundray.engine.sources.places import (
    file_system,
    is_client_error,
    join,
    may_pass,
    normalize,
    open_file,
    parent,
    protocol_of,
    store_errors,
    unanswered,
)
from groundray.engine.sources.presets import PRESETS
from groundray.engine.sources.reader import iter_decoded, iter_images, iter_keys, read_keys
from groundray.engine.sources.sample import read_header_sizes
from groundray.engine.sources.source import Source, SourceFile, UnreadableFile

__all__ = [
    "IMAGE_FAULTS",
    "PRESETS",
    "Decoded",
    "Fault",
    "Keys",
    "Layout",
    "RowImage",
    "RowImages",
    "Source",
    "SourceFile",
    "UnreadableFile",
    "absolute",
    "file_system",
    "format_path",
    "is_client_error",
    "is_web",
    "iter_decoded",
    "iter_images",
    "iter_keys",
    "join",
    "may_pass",
    "normalize",
    "open_file",
    "open_parquet",
    "open_source",
    "parent",
    "protocol_of",
    "read_header_sizes",
    "read_keys",
    "store_errors",
    "unanswered",
]
