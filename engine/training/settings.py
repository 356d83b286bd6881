"""A training's settings: the recipe, what Groundray adds, what the user sets; and their YAML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundray.engine.training.data import TrainingData
from groundray.formats.errors import ModelError
from groundray.models.recipes import Recipe
from groundray.models.recipes.recipe import spelled_for, spelled_now, without_keys

CHECKPOINTS = "checkpoints"
SWEEP = "sweep"
VISUALDL = "visualdl"
ESTIMATION = "estimation.json"
SUPPORT = "trainer_support.py"

FLEX = "flex_checkpoint"
"""The one checkpoint format that `hf_checkpoint-N`, a model that loads, is written in."""

_BY_ARGUMENTS = {
    "model_name_or_path": "--model",
    "output_dir": "OUTPUT",
    "logging_dir": "OUTPUT",
    "estimation_output_file": "OUTPUT",
    "train_dataset_path": "DATA",
    "train_dataset_type": "DATA",
    "train_dataset_prob": "DATA",
    "eval_dataset_path": "DATA",
    "eval_dataset_type": "DATA",
    "eval_dataset_prob": "DATA",
    "resume_from_checkpoint": "--resume",  # at each start, over the settings
}


@dataclass(frozen=True, slots=True)
class TrainerSettings:
    """Everything that the trainer is told.

    Attributes:
        values: by the trainer's own names.
        yaml: the same as YAML, the recipe's comments kept.
        warnings: sentences for people.
    """

    values: Mapping[str, Any]
    yaml: str
    warnings: tuple[str, ...] = ()

    def number(self, name: str, default: int = 1) -> int:
        """A setting that counts something; the trainer's -1 and what is missing are the default."""
        value = self.values.get(name)
        return value if isinstance(value, int) and value > 0 else default


def compose_settings(
    recipe: Recipe,
    data: TrainingData,
    output: Path,
    *,
    model: str,
    chosen: Mapping[str, Any],
    version: str = "1.2",
) -> TrainerSettings:
    """Puts a training's settings together.

    Args:
        recipe: what they begin with.
        data: whose shards are named one by one: in a folder the trainer reads them in the order
            that the file system lists them, and nodes may not agree.
        output: absolute.
        model: a folder's absolute path, or the name of a model.
        chosen: by the user; they win over the recipe.
        version: of PaddleFormers, whose spelling is written.

    Raises:
        ModelError: a setting that the command's arguments decide is among the chosen.
    """
    chosen = spelled_now(chosen)
    for name in chosen:
        if name in _BY_ARGUMENTS:
            raise ModelError(f"--set {name}: {_BY_ARGUMENTS[name]} decides that")
    base = recipe.settings
    added = {
        "model_name_or_path": model,
        **_data_settings(data),
        "do_train": True,
        "output_dir": str(output / CHECKPOINTS),
        "logging_dir": str(output / VISUALDL),
        "estimation_output_file": str(output / ESTIMATION),
    }
    if "custom_register_path" not in {*base, *chosen}:
        added["custom_register_path"] = str(output / SUPPORT)
    added.update(_loadable_models(base, chosen))
    values = {**base, **added, **chosen}
    added = {name: value for name, value in added.items() if name not in chosen}
    return TrainerSettings(
        values,
        _as_yaml(recipe, spelled_for(version, values), added, chosen),
        _warnings(values, output),
    )


def _data_settings(data: TrainingData) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for ours, theirs in (("train", "train"), ("val", "eval")):
        shards = data.shards.get(ours, ())
        if shards:
            settings[f"{theirs}_dataset_path"] = ", ".join(map(str, shards))
            settings[f"{theirs}_dataset_type"] = ", ".join(["messages"] * len(shards))
            settings[f"{theirs}_dataset_prob"] = ", ".join(["1.0"] * len(shards))
    settings["do_eval"] = "val" in data.shards
    settings["evaluation_strategy"] = "steps" if "val" in data.shards else "no"
    return settings


def _loadable_models(base: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """That a model which loads stands beside each of the trainer's states."""
    values = {**base, **chosen}
    if "save_hf_steps" in chosen or values.get("save_checkpoint_format", FLEX) != FLEX:
        return {}
    if "save_hf_steps" in base and "save_steps" not in chosen:
        return {}
    return {"save_hf_steps": values.get("save_steps", 500)}


def _warnings(values: Mapping[str, Any], output: Path) -> tuple[str, ...]:
    found = []
    if values.get("custom_register_path") != str(output / SUPPORT):
        found.append(
            "custom_register_path is yours: what groundray/models/cpu_support.py does there, it "
            "has to do on a CPU, and where several nodes share OUTPUT"
        )
    if values.get("save_checkpoint_format", FLEX) != FLEX:
        found.append(
            f"save_checkpoint_format is not {FLEX}, so no hf_checkpoint-N appears: the one model "
            "that loads is the final one; and PaddleFormers 1.2 may not go on from checkpoint-N"
        )
    if values.get("template") == "qwen3_vl":
        found.append(
            "template qwen3_vl trains an empty <think> block before every answer; instruct "
            "checkpoints want qwen3_vl_nothink"
        )
    if values.get("template_backend", "custom") != "custom":
        found.append("placeholders of boxes are filled with template_backend: custom only")
    return tuple(found)


def _as_yaml(
    recipe: Recipe,
    values: Mapping[str, Any],
    added: Mapping[str, Any],
    chosen: Mapping[str, Any],
) -> str:
    """The recipe's own text, less what is set otherwise, which follows it."""
    import yaml

    kept = without_keys(recipe.yaml, frozenset({*added, *chosen}))
    parts = ["\n### of this training", *(_entry(name, value) for name, value in added.items())]
    if chosen:
        parts += ["\n### --set", *(_entry(name, value) for name, value in chosen.items())]
    text = kept + "\n".join(parts) + "\n"
    try:
        if yaml.safe_load(text) == values:
            return text
    except yaml.YAMLError:
        pass
    # a file of the user's, which is YAML in another style, or spelled as 1.0 has it
    return f"# {recipe.name}\n" + "\n".join(_entry(name, value) for name, value in values.items())


def _entry(name: str, value: Any) -> str:
    import yaml

    if name.endswith("_dataset_path"):
        return f"{name}: >-\n" + _folded(str(value).split(", "))
    dumped: str = yaml.safe_dump({name: value}, width=1 << 20)
    return dumped.rstrip("\n")


def _folded(paths: Sequence[str]) -> str:
    """A path a line; the trainer drops the spaces that a YAML reader puts between them."""
    return ",\n".join(f"  {path}" for path in paths)
