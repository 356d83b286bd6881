"""Training recipes: one YAML a family and method, found by name."""

from groundray.formats.errors import ModelError
from groundray.formats.registry import Registry
from groundray.models.recipes.recipe import Recipe

__all__ = ["RECIPES", "Recipe", "default_recipe", "get_recipe", "recipe_names"]

_HERE = "groundray.models.recipes.built_in"

RECIPES = Registry(
    "groundray.recipes",
    {
        "ernie-4.5-vl-full": f"{_HERE}:ERNIE_4_5_VL_FULL",
        "glm-4.5v-full": f"{_HERE}:GLM_4_5V_FULL",
        "glm-4.5v-tiny-cpu": f"{_HERE}:GLM_4_5V_TINY_CPU",
        "qwen3-vl-full": f"{_HERE}:QWEN3_VL_FULL",
        "qwen3-vl-lora": f"{_HERE}:QWEN3_VL_LORA",
        "qwen3-vl-tiny-cpu": f"{_HERE}:QWEN3_VL_TINY_CPU",
    },
    noun="recipe",
    accepts=lambda value: isinstance(value, Recipe),
    error=ModelError,
    readers=dict.fromkeys((".yaml", ".yml"), "groundray.models.recipes.recipe:read_yaml_recipe"),
)
"""Every recipe: built in, of an installed package, or of a file (`RECIPES.add_file`)."""


def recipe_names() -> list[str]:
    """Names of all recipes, sorted."""
    return RECIPES.names()


def get_recipe(name: str) -> Recipe:
    """A recipe by name, or by the path of a YAML file of the trainer's settings.

    Raises:
        ModelError: no such recipe, two packages define it, or it is none.
    """
    if name.endswith((".yaml", ".yml")):
        name = RECIPES.add_file(name)[0]
    loaded = RECIPES.load(name)
    if not isinstance(loaded, Recipe):
        raise ModelError(f"recipe {name!r} of {RECIPES.origin(name)} is no Recipe")
    return loaded


def default_recipe(format_name: str, *, on_cpu: bool) -> Recipe:
    """What data of a format is trained by where no recipe is named: all of the model.

    Raises:
        ModelError: no recipe is for that format.
    """
    recipes = [get_recipe(name) for name in recipe_names()]
    fitting = [
        recipe
        for recipe in recipes
        if format_name in recipe.formats
        and recipe.method == "full"
        and (recipe.gpus == 0) == on_cpu
    ]
    if not fitting:
        known = ", ".join(sorted({name for recipe in recipes for name in recipe.formats}))
        where = "on a CPU " if on_cpu else ""
        raise ModelError(
            f"no recipe trains data of the format {format_name!r} {where}by itself (formats that "
            f"one is for: {known}); name one with --recipe, or give a YAML file of your own"
        )
    return fitting[0]
