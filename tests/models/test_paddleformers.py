"""Real checkpoints, real Paddle, on a CPU."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from groundray.formats.errors import ModelError, OutOfMemoryError
from groundray.models import Answer, Prompt, Settings, get_backend
from tests.models.asking import Paddle, answers, description, forced_logprobs
from tests.models.tiny_training import Trained, build_tiny

pytestmark = pytest.mark.timeout(600)

SYSTEM = "You are a helpful assistant."


def settings(checkpoint: Path, **options: Any) -> Settings:
    return Settings(checkpoint=str(checkpoint), **{"max_new_tokens": 80} | options)


def examples(trained: Trained) -> list[dict[str, Any]]:
    path = next((trained.converted / "qwen3-vl/train").glob("*.jsonl"))
    return [json.loads(line) for line in path.read_text().splitlines()]


def prompts(trained: Trained) -> list[Prompt]:
    return [
        Prompt(
            id=example["id"],
            text=example["messages"][1]["content"].removeprefix("<image>"),
            system=example["messages"][0]["content"],
            image=pixels(trained.converted / "qwen3-vl/train" / example["images"][0]),
        )
        for example in examples(trained)
    ]


def pixels(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def known_by_heart(example: Mapping[str, Any]) -> str:
    """What the trainer made of an example's answer, by hand."""
    text: str = example["messages"][2]["content"]
    for label in example["objects"]["ref"]:
        ref = f"<|object_ref_start|>{label}<|object_ref_end|>"
        text = text.replace("<ref-object>", ref, 1)
    for x1, y1, x2, y2 in example["objects"]["bbox"]:
        text = text.replace("<bbox>", f"<|box_start|>({x1},{y1}),({x2},{y2})<|box_end|>", 1)
    return text


def uneven(trained: Trained) -> list[Prompt]:
    """The known prompts, and others between them whose images and texts have other lengths."""
    wide = Prompt("wide", "Task: Object Detection", SYSTEM, np.zeros((64, 256, 3), np.uint8))
    long = Prompt("long", "Locate every car, dog and cat. " * 4, None, wide.image)
    known = prompts(trained)
    return [known[0], wide, *known[1:3], long, *known[3:]]


@pytest.fixture(scope="module")
def known(paddle: Paddle, trained_checkpoint: Trained) -> list[Answer]:
    """Answers about the eight images, in one batch, with their tokens."""
    asked = settings(trained_checkpoint.checkpoint, logprobs=True)
    return paddle(answers, asked, prompts(trained_checkpoint), 8)


def test_trained_boxes_come_back_exactly(known: list[Answer], trained_checkpoint: Trained) -> None:
    expected = [known_by_heart(example) for example in examples(trained_checkpoint)]
    assert [answer.text for answer in known] == expected
    assert {answer.finish for answer in known} == {"stop"}


def test_the_end_token_is_counted_and_not_told(known: list[Answer]) -> None:
    for answer in known:
        assert "<|im_end|>" not in answer.text
        assert answer.tokens is not None
        assert answer.num_tokens == len(answer.tokens) + 1


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_batch_changes_no_answer(
    batch_size: int, paddle: Paddle, trained_checkpoint: Trained
) -> None:
    asked, all_prompts = settings(trained_checkpoint.checkpoint), uneven(trained_checkpoint)
    whole = paddle(answers, asked, all_prompts, len(all_prompts))
    assert paddle(answers, asked, all_prompts, batch_size) == whole


def test_padding_on_the_right_would_change_answers(
    paddle: Paddle, trained_checkpoint: Trained
) -> None:
    asked, all_prompts = settings(trained_checkpoint.checkpoint), uneven(trained_checkpoint)
    right = paddle(answers, asked, all_prompts, len(all_prompts), "right")
    assert right != paddle(answers, asked, all_prompts, len(all_prompts))


def test_an_answer_that_the_limit_cuts_says_so(
    known: list[Answer], paddle: Paddle, trained_checkpoint: Trained
) -> None:
    asked = settings(trained_checkpoint.checkpoint, max_new_tokens=7)
    cut = paddle(answers, asked, prompts(trained_checkpoint), 8)
    for answer, whole in zip(cut, known, strict=True):
        assert (answer.finish, answer.num_tokens) == ("length", 7)
        assert answer.text
        assert whole.text.startswith(answer.text)


def test_texts_of_tokens_make_up_the_answer(known: list[Answer]) -> None:
    for answer in known:
        assert answer.tokens is not None
        assert "".join(token.text for token in answer.tokens) == answer.text
        assert all(token.logprob <= 0 for token in answer.tokens)


def test_logprobs_are_those_of_one_pass_over_prompt_and_answer(
    known: list[Answer], paddle: Paddle, trained_checkpoint: Trained
) -> None:
    asked = settings(trained_checkpoint.checkpoint, logprobs=True)
    for prompt, answer in zip(prompts(trained_checkpoint)[:3], known, strict=False):
        assert answer.tokens is not None
        forced = paddle(forced_logprobs, asked, prompt)
        found = [token.logprob for token in answer.tokens]
        np.testing.assert_allclose(found, forced[: len(found)], atol=1e-4)


def test_tokens_are_left_out_unless_asked_for(paddle: Paddle, trained_checkpoint: Trained) -> None:
    asked = settings(trained_checkpoint.checkpoint)
    assert paddle(answers, asked, prompts(trained_checkpoint)[:1], 1)[0].tokens is None


def test_random_weights_write_broken_characters_whose_tokens_still_add_up(
    paddle: Paddle, trained_checkpoint: Trained
) -> None:
    asked = settings(trained_checkpoint.untrained, logprobs=True)
    for answer in paddle(answers, asked, uneven(trained_checkpoint), 4):
        assert answer.tokens is not None
        assert "".join(token.text for token in answer.tokens) == answer.text


def test_what_was_chosen_is_described(paddle: Paddle, trained_checkpoint: Trained) -> None:
    described = paddle(description, settings(trained_checkpoint.checkpoint))
    assert {key: described[key] for key in ("family", "device", "dtype", "attention")} == {
        "family": "qwen3-vl",
        "device": "cpu",
        "dtype": "float32",
        "attention": ["sdpa", "sdpa"],
    }
    assert str(trained_checkpoint.checkpoint) not in json.dumps(described)


@pytest.mark.parametrize(("asked", "held"), [(None, 65536), (4096, 4096), (10**9, 65536)])
def test_the_area_is_lowered_and_never_raised(
    asked: int | None, held: int, paddle: Paddle, trained_checkpoint: Trained
) -> None:
    found = paddle(description, settings(trained_checkpoint.checkpoint, max_pixels=asked))
    assert found["max_pixels"] == held


def test_a_smaller_area_changes_what_the_model_sees(
    known: list[Answer], paddle: Paddle, trained_checkpoint: Trained
) -> None:
    asked = settings(trained_checkpoint.checkpoint, max_pixels=1024)
    assert paddle(answers, asked, prompts(trained_checkpoint), 8) != known


def test_a_read_only_checkpoint_is_left_as_it_is(
    known: list[Answer], paddle: Paddle, trained_checkpoint: Trained, tmp_path: Path
) -> None:
    folder = tmp_path / "read_only"
    shutil.copytree(trained_checkpoint.checkpoint, folder)
    before = sorted(path.name for path in folder.iterdir())
    folder.chmod(0o555)
    again = paddle(answers, settings(folder, logprobs=True), prompts(trained_checkpoint), 8)
    folder.chmod(0o755)
    assert again == known
    assert sorted(path.name for path in folder.iterdir()) == before


def test_glm_4_5v_answers_alike_in_batches_and_alone(
    paddle: Paddle, trained_checkpoint: Trained, tmp_path: Path
) -> None:
    asked = settings(build_tiny(tmp_path / "glm", "glm-4.5v"), max_new_tokens=16, logprobs=True)
    batch = paddle(answers, asked, uneven(trained_checkpoint), 10)
    alone = paddle(answers, asked, uneven(trained_checkpoint), 1)
    assert [answer.text for answer in batch] == [answer.text for answer in alone]
    assert len({answer.text for answer in batch}) > 1
    described = paddle(description, asked)
    assert described["family"] == "glm-4.5v"
    assert described["max_pixels"] == 65536 // 2  # its limit counts both frames of a patch


def test_glm_as_the_trainer_saves_it_names_its_class_in_its_text_part_only(
    paddle: Paddle, tmp_path: Path
) -> None:
    folder = build_tiny(tmp_path / "glm", "glm-4.5v")
    config = json.loads((folder / "config.json").read_text())
    assert config.pop("architectures") == config["text_config"]["architectures"]
    (folder / "config.json").write_text(json.dumps(config))
    described = paddle(description, settings(folder))
    assert described["family"] == "glm-4.5v"
    assert json.loads((folder / "config.json").read_text()) == config  # it is left as it is


def test_ernie_needs_a_gpu_and_says_so(paddle: Paddle, tmp_path: Path) -> None:
    checkpoint = build_tiny(tmp_path / "ernie", "ernie-4.5-vl")
    get_backend("paddleformers").check(settings(checkpoint))
    with pytest.raises(ModelError, match=r"ernie-4\.5-vl has layers that run on GPUs only"):
        paddle(description, settings(checkpoint))


def test_no_prompts_have_no_answers(paddle: Paddle, trained_checkpoint: Trained) -> None:
    assert paddle(answers_to_nothing, settings(trained_checkpoint.checkpoint)) == []


def test_what_paddle_raises_without_memory_becomes_the_error_that_halves_batches(
    paddle: Paddle,
) -> None:
    with pytest.raises(OutOfMemoryError, match="3 prompts are too many for the device"):
        paddle(too_large_for_any_memory)


def answers_to_nothing(asked: Settings) -> list[Answer]:
    return get_backend("paddleformers")(asked).answer([])


def too_large_for_any_memory() -> None:
    import paddle

    from groundray.models.paddleformers import _out_of_memory

    with _out_of_memory(3):
        paddle.zeros([10**7, 10**7])


def test_a_server_is_refused(trained_checkpoint: Trained) -> None:
    asked = settings(trained_checkpoint.checkpoint, server="http://localhost:8000")
    with pytest.raises(ModelError, match="asks no server; --backend server does"):
        get_backend("paddleformers").check(asked)
