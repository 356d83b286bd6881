"""Models by their name, fetched by PaddleFormers' own downloader.

It asks the hub that the variable DOWNLOAD_SOURCE names: huggingface, aistudio or modelscope.
"""

import json
from pathlib import Path

from groundray.formats.errors import ModelError

_CONFIG = "config.json"
_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_BESIDE = (
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "merges.txt",
    "preprocessor_config.json",
    "processor_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "video_preprocessor_config.json",
    "vocab.json",
)


def downloaded(name: str) -> Path:
    """The folder of a model that a hub has under this name; what is there is not fetched again.

    Raises:
        ModelError: there is no such model, or it cannot be fetched.
    """
    from huggingface_hub import constants

    config = _fetched(name, _CONFIG)
    if config is None:
        raise ModelError(f"{name!r} is no folder here, and no model of that name has a {_CONFIG}")
    index = _fetched(name, _INDEX)
    if index is None:
        weights = [_SINGLE]
    else:
        weights = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
    for file in weights:
        if _fetched(name, file) is None:
            raise ModelError(f"model {name!r} lacks {file}")
    for file in _BESIDE:
        try:
            _fetched(name, file)
        except ModelError:
            if not constants.HF_HUB_OFFLINE:  # where nothing is asked, what is there is all
                raise
    return config.parent


def _fetched(name: str, file: str) -> Path | None:
    """A file of a model; None where the model has none of that name."""
    from huggingface_hub.errors import EntryNotFoundError
    from paddleformers.utils.download import resolve_file_path

    try:
        path = resolve_file_path(name, [file], force_return=True)
    except EntryNotFoundError:
        return None
    except (OSError, ValueError, AssertionError) as error:
        raise ModelError(
            f"{name!r} is no folder here, and {file} of the model of that name cannot be "
            f"downloaded: {error}"
        ) from error
    return None if path is None else Path(path)
