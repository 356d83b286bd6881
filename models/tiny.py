"""Tiny checkpoints of real architectures: for tests, demonstrations and dry runs without a GPU.

Configuration, tokenizer and processor are of the family's own classes, and PaddleFormers' auto
classes load them. The weights are random, and the same for the same version of Paddle. Trained on
eight images, a tiny Qwen3-VL knows their boxes by heart after about a minute on two cores.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundray.formats.errors import ModelError, OutputError
from groundray.models.paddle_import import import_paddle
from groundray.models.tiny_families import BUILDERS
from groundray.models.tiny_tokenizers import write_json


def build_tiny(folder: str | Path, *, family: str = "qwen3-vl", overwrite: bool = False) -> int:
    """Builds a tiny checkpoint.

    Args:
        folder: that it is written to.
        family: one of `tiny_families()`.
        overwrite: whether a folder that is not empty is emptied first.

    Returns:
        Number of parameters.

    Raises:
        ModelError: an unknown family, or Paddle is missing.
        OutputError: the folder is not empty, or cannot be written.
    """
    if family not in BUILDERS:
        raise ModelError(f"no tiny checkpoint of family {family!r} (known: {', '.join(BUILDERS)})")
    target = Path(folder)
    _make_empty(target, overwrite=overwrite)
    import_paddle().seed(0)
    built = BUILDERS[family](target)
    built.model.save_pretrained(str(target), **built.save_options)
    _complete(target / "config.json", {"architectures": [built.architecture]})
    generation = {"do_sample": False, "eos_token_id": built.end_ids, "pad_token_id": built.pad_id}
    write_json(target / "generation_config.json", generation)
    return sum(int(parameter.numel()) for parameter in built.model.parameters())


def tiny_families() -> list[str]:
    """Families of which a tiny checkpoint can be built, sorted."""
    return sorted(BUILDERS)


def _make_empty(folder: Path, *, overwrite: bool) -> None:
    try:
        if folder.is_dir() and any(folder.iterdir()):
            if not overwrite:
                raise OutputError(f"{str(folder)!r} is not empty; --overwrite empties it first")
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{str(folder)!r} cannot be written: {error.strerror}") from error


def _complete(path: Path, values: Mapping[str, Any]) -> None:
    """Adds to a JSON file what its writer left out."""
    write_json(path, {**json.loads(path.read_bytes()), **values})
