"""What the trainer makes of an example, against PaddleFormers' own code."""

import copy
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundray.formats import LabelError, Rendered, get_format
from groundray.formats.trainer import trained_text


def grounding_plugin() -> ModuleType:
    """PaddleFormers' module, loaded from its file: the whole package takes seconds to import."""
    package = importlib.util.find_spec("paddleformers")
    if package is None or package.submodule_search_locations is None:
        pytest.skip("paddleformers is not installed")
    file = Path(
        package.submodule_search_locations[0], "datasets", "template", "grounding_plugin.py"
    )
    spec = importlib.util.spec_from_file_location("paddleformers_grounding_plugin", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trained_by_paddleformers(rendered: Rendered, user: str) -> list[str]:
    messages = [
        {"role": "user", "content": f"<image>{user}"},
        {"role": "assistant", "content": rendered.assistant},
    ]
    objects = copy.deepcopy(rendered.objects or {})
    filled = grounding_plugin().BaseGroundingPlugin().process_messages(messages, objects)
    return [message["content"] for message in filled]


@given(
    st.lists(
        st.tuples(st.text(max_size=12), st.lists(st.integers(0, 1000), min_size=4, max_size=4))
    )
)
def test_paddleformers_makes_the_same_text(items: list[tuple[str, list[int]]]) -> None:
    labels = [label for label, _ in items]
    try:
        rendered = get_format("qwen3-vl").render(
            "detection", expression=None, categories=labels, wire=[box for _, box in items]
        )
    except LabelError:
        return
    user, assistant = trained_by_paddleformers(rendered, "Task: Object Detection")
    assert assistant == trained_text(rendered)
    assert user == "<image>Task: Object Detection"


@pytest.mark.parametrize("name", ["doubao", "glm-4.1v", "internvl", "qwen3-vl-json", "shikra"])
def test_paddleformers_leaves_other_answers_alone(name: str) -> None:
    """Doubao's, too, whose tag is spelled as the trainer's placeholder."""
    rendered = get_format(name).render(
        "detection", expression=None, categories=["cat"], wire=[[1, 2, 3, 4]]
    )
    assert trained_by_paddleformers(rendered, "?")[1] == rendered.assistant


def test_a_label_with_a_placeholder_would_corrupt_the_row() -> None:
    rendered = Rendered(
        "<ref-object><bbox>, <ref-object><bbox>",
        {"ref": ["a<bbox>", "b"], "bbox": [[1, 2, 3, 4], [5, 6, 7, 8]]},
    )
    assistant = trained_by_paddleformers(rendered, "?")[1]
    assert assistant == trained_text(rendered)
    assert assistant.endswith("<bbox>")  # a literal placeholder is left in the target


def test_coordinates_are_cut_to_integers() -> None:
    rendered = Rendered("<bbox>", {"bbox": [[1.9, 2.0, 3.5, 4.99]]})
    assert trained_text(rendered) == "<|box_start|>(1,2),(3,4)<|box_end|>"
    assert trained_by_paddleformers(rendered, "?")[1] == trained_text(rendered)
