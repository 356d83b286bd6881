"""Whether a loaded model holds the weights of its files.

Loaders of checkpoints skip what they do not find, with a line in a log at most. What was seen with
PaddleFormers 1.2: GLM-4.5V saved in Paddle's own layout and read as Hugging Face's keeps other
weights than the file's; Qwen2.5-VL saves the biases of attention under names that it does not read.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groundray.formats.errors import ModelError

_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"

_NUMBERED = re.compile(r"\.(\d+)\.")
_PARTS = {
    "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "up_gate_proj": ("gate_proj", "up_proj"),
}
_REDUCED_TOLERANCE = 2.0**-7  # bfloat16 keeps eight bits

Floats = NDArray[np.float32]


class WeightFiles(NamedTuple):
    """The tensors of a checkpoint, not read yet.

    Attributes:
        folder: that they are in.
        places: name of a tensor to the name of its file.
    """

    folder: Path
    places: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path, *, stem: str = "model") -> "WeightFiles":
        """Those of a folder.

        Args:
            folder: of the checkpoint.
            stem: "model", or "peft_model" for an adapter.

        Raises:
            ModelError: there are none.
        """
        index, single = (folder / name.replace("model", stem, 1) for name in (_INDEX, _SINGLE))
        try:
            if index.is_file():
                return cls(folder, json.loads(index.read_bytes())["weight_map"])
            if single.is_file():
                from safetensors import safe_open

                with safe_open(single, framework="numpy") as file:
                    return cls(folder, dict.fromkeys(file.keys(), single.name))
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"weights in {str(folder)!r} cannot be read: {error}") from error
        raise ModelError(f"{str(folder)!r} holds neither {index.name} nor {single.name}")

    def read(self, name: str) -> Floats:
        """One tensor, as float32."""
        from safetensors import SafetensorError, safe_open

        path = self.folder / self.places[name]
        try:
            with safe_open(path, framework="paddle") as file:
                return _as_floats(file.get_tensor(name))
        except (OSError, SafetensorError) as error:
            raise ModelError(f"tensor {name!r} of {str(path)!r} cannot be read: {error}") from error


def is_paddle_layout(files: WeightFiles) -> bool:
    """Whether tensors are fused as Paddle's layers hold them, rather than as Hugging Face has them.

    Another loader reads them then.
    """
    return any(".layers." in name and name.endswith("qkv_proj.weight") for name in files.places)


def check_weights(model: Any, files: WeightFiles) -> None:
    """Compares a model with the files that it was loaded from.

    Every tensor of the model must have its source in a file. The values are compared of all tensors
    outside the numbered parts (layers, blocks, experts), and of the first and last of these.

    Raises:
        ModelError: a tensor has no source, or other values than that.
    """
    sources = _by_name_in_model(model, files)
    state: Mapping[str, Any] = model.state_dict()
    for name in state:
        if not _parts_of(name, sources):
            raise ModelError(
                f"tensor {name!r} of the model is in no file of {str(files.folder)!r}: it would "
                "keep random values"
            )
    for name in _sample(state):
        parts = [_read(source, files, model) for source in _parts_of(name, sources)]
        expected = _fused(name, parts, model)
        found = _as_floats(state[name])
        if not _equal(found, expected, reduced="float32" not in str(state[name].dtype)):
            raise ModelError(
                f"tensor {name!r} was loaded with other values than {str(files.folder)!r} holds: "
                "the loader took the files for another layout; seen with GLM-4.5V that was trained "
                "without 'save_checkpoint_format: \"\"', and with biases of Qwen2.5-VL"
            )


def check_adapter(model: Any, files: WeightFiles) -> None:
    """Compares the adapter layers of a model, before they are merged, with the adapter's files.

    Raises:
        ModelError: a tensor is missing on either side, or has other values.
    """
    state = {name: value for name, value in model.state_dict().items() if "lora_" in name}
    if set(state) != set(files.places):
        name = min(set(state) ^ set(files.places))
        raise ModelError(
            f"the adapter {str(files.folder)!r} does not fit its base: only one of both has tensor "
            f"{name!r}"
        )
    for name, value in state.items():
        if not _equal(
            _as_floats(value), files.read(name), reduced="float32" not in str(value.dtype)
        ):
            raise ModelError(
                f"tensor {name!r} was loaded with other values than {str(files.folder)!r} holds"
            )


def _by_name_in_model(model: Any, files: WeightFiles) -> dict[str, str]:
    """Name in the model's terms to name in the files."""
    mapping: Mapping[str, str] = getattr(model, "_checkpoint_conversion_mapping", None) or {}
    return {_renamed(name, mapping): name for name in files.places}


def _renamed(name: str, mapping: Mapping[str, str]) -> str:
    for pattern, replacement in mapping.items():
        renamed, count = re.subn(pattern, replacement, name)
        if count:
            return renamed
    return name


def _parts_of(name: str, sources: Mapping[str, str]) -> list[str]:
    """Names in the files of what a tensor of the model is made of; none if not all are there."""
    if name in sources:
        return [sources[name]]
    for fused, parts in _PARTS.items():
        if f".{fused}." in name:
            wanted = [name.replace(f".{fused}.", f".{part}.") for part in parts]
            return [sources[part] for part in wanted] if all(p in sources for p in wanted) else []
    if name == "lm_head.weight":  # tied to the embedding, and written once
        return [sources[other] for other in sources if other.endswith("embed_tokens.weight")][:1]
    return []


def _sample(names: Mapping[str, object]) -> Iterator[str]:
    """Names whose numbers are each the first or the last of their kind."""
    last: dict[str, int] = {}
    for name in names:
        for found in _NUMBERED.finditer(name):
            kind = name[: found.start()]
            last[kind] = max(last.get(kind, 0), int(found[1]))
    for name in names:
        if all(int(f[1]) in {0, last[name[: f.start()]]} for f in _NUMBERED.finditer(name)):
            yield name


def _read(source: str, files: WeightFiles, model: Any) -> Floats:
    """A tensor as the model has it: its linear layers are the other way round."""
    tensor = files.read(source)
    is_linear = any(re.search(rf"\.{key}\.weight$", source) for key in model.transpose_weight_keys)
    return tensor.T if is_linear and tensor.ndim == 2 else tensor


def _fused(name: str, parts: list[Floats], model: Any) -> Floats:
    """Linear layers side by side; heads of attention in the groups that share keys and values."""
    if len(parts) == 1:
        return parts[0]
    if len(parts) == len(_PARTS["up_gate_proj"]):
        return np.concatenate(parts, axis=-1)
    text = getattr(model.config, "text_config", model.config)
    groups = int(text.num_key_value_heads)
    split = [part.reshape(*part.shape[:-1], groups, -1) for part in parts]
    heads: Floats = np.concatenate(split, axis=-1).reshape(*parts[0].shape[:-1], -1)
    return heads


def _as_floats(tensor: Any) -> Floats:
    floats: Floats = tensor.astype("float32").numpy()
    return floats


def _equal(found: Floats, expected: Floats, *, reduced: bool) -> bool:
    if found.shape != expected.shape:
        return False
    if reduced:
        return bool(np.allclose(found, expected, rtol=_REDUCED_TOLERANCE, atol=0))
    return bool(np.array_equal(found, expected))
