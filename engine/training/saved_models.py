"""Saved models: what a training leaves that can be loaded, found while it still writes."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

_STEP = re.compile(r"hf_checkpoint-(\d+)")
_INDEX = "model.safetensors.index.json"
_WEIGHTS = ("model.safetensors", "peft_model.safetensors", "adapter_model.safetensors")
_CONFIGS = ("config.json", "lora_config.json", "adapter_config.json")
_MAX_HEADER_BYTES = 100 << 20


class SavedModel(NamedTuple):
    """A folder that can be loaded.

    Attributes:
        step: optimizer steps that it was trained for; None for the end of the training.
        path: the folder.
    """

    step: int | None
    path: Path

    @property
    def name(self) -> str:
        """What it is called beside the others of its run."""
        return "end" if self.step is None else f"step-{self.step}"


def find_saved_models(folder: Path) -> list[SavedModel]:
    """Whole models in a trainer's output_dir, in the order of their steps, its end last.

    `checkpoint-STEP` folders are none: they hold what a training goes on from. Whole is a folder
    with a configuration, whose safetensors files are as long as their headers say.
    """
    if not folder.is_dir():
        return []
    steps = [
        SavedModel(int(name[1]), path)
        for path in folder.iterdir()
        if (name := _STEP.fullmatch(path.name)) and _is_whole(path)
    ]
    end = [SavedModel(None, folder)] if _is_whole(folder) else []
    return sorted(steps, key=lambda model: model.step or 0) + end


def _is_whole(folder: Path) -> bool:
    if not any((folder / name).is_file() for name in _CONFIGS):
        return False
    try:
        files = list(_weight_files(folder))
        return bool(files) and all(_is_file_whole(file) for file in files)
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return False


def _weight_files(folder: Path) -> Iterator[Path]:
    index = folder / _INDEX
    if index.is_file():
        names = orjson.loads(index.read_bytes())["weight_map"].values()
        yield from (folder / name for name in sorted(set(names)))
    else:
        yield from (folder / name for name in _WEIGHTS if (folder / name).is_file())


def _is_file_whole(file: Path) -> bool:
    """Whether a safetensors file has all the bytes that its header speaks of."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        if length > _MAX_HEADER_BYTES:
            return False
        header = orjson.loads(opened.read(length))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    whole: int = 8 + length + max(ends, default=0)
    return file.stat().st_size == whole
