"""Lengths of examples, beside those of the trainer's own dataset, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundray.engine import Runner, convert
from groundray.formats.errors import ModelError
from groundray.models.tiny import build_tiny
from groundray.models.trainer_reading import Reading, TrainerReader, folder_at_hand
from tests.models.asking import Paddle

SAMPLE = Path(__file__).parents[1] / "data/coco_small_ccby"
TEMPLATES = {
    "qwen3-vl": "qwen3_vl_nothink",
    "glm-4.5v": "glm4v_moe",
    "ernie-4.5-vl": "ernie_vl",
}
MAX_SEQ_LEN = 300

pytestmark = pytest.mark.timeout(300)

_TRAINER = """
import json, sys
from paddleformers.datasets.SFTDataset import MapSFTDataset
from paddleformers.datasets.template.template import get_template_and_fix_tokenizer
from paddleformers.transformers import AutoProcessor, AutoTokenizer

model, template, shard, *limits = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(model)
shared = {
    "tokenizer": tokenizer,
    "processor": AutoProcessor.from_pretrained(model),
    "random_seed": 42,
    "random_shuffle": False,
    "num_samples_each_epoch": 1000,
    "packing": False,
    "mix_strategy": "concat",
    "template_backend": "custom",
    "template": template,
    "tool_format": None,
    "default_system": None,
    "dtype": "float32",
    "task_group": shard,
    "task_group_prob": "1.0",
    "sub_dataset_type": "messages",
}
shared["template_instance"] = get_template_and_fix_tokenizer(shared)
for limit in limits:
    dataset = MapSFTDataset(**shared, max_seq_len=int(limit))
    read = {}
    for example in dataset.raw_data:
        sequence = dataset._process_sft_sequence(example, 1)
        read[example["id"]] = None if sequence is None else len(sequence.token_ids)
    print("READ", json.dumps(read))
"""


def trainer_lengths(
    model: Path, template: str, shard: Path, *limits: int
) -> list[dict[str, int | None]]:
    """For each limit, tokens of each example of a shard by its id; None where it is left out."""
    command = [sys.executable, "-c", _TRAINER, *map(str, (model, template, shard, *limits))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("READ ")]
    return [json.loads(line.removeprefix("READ ")) for line in lines]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("read") / "converted"
    convert(str(SAMPLE), str(output), formats=[*TEMPLATES], runner=Runner("local"))
    return output


def examples(shard: Path) -> Iterator[dict[str, Any]]:
    for line in shard.read_text("utf-8").splitlines():
        yield json.loads(line)


def our_lengths(model: Path, template: str, shard: Path) -> dict[str, int]:
    """The same by our reader, from sizes alone."""
    reader = TrainerReader(model, template)
    return {
        example["id"]: reader.read(
            example["messages"],
            example.get("objects", {}),
            [(example["width"], example["height"])],
        ).num_tokens
        for example in examples(shard)
    }


def read_one(model: Path, images: list[tuple[int, int]]) -> Reading:
    messages = [
        {"role": "user", "content": "<image>Task: Object Detection"},
        {"role": "assistant", "content": "None"},
    ]
    return TrainerReader(model, "qwen3_vl_nothink").read(messages, {}, images)


@pytest.mark.parametrize("family", sorted(TEMPLATES))
def test_as_many_tokens_as_the_trainer_counts(
    family: str, converted: Path, tmp_path: Path, paddle: Paddle
) -> None:
    paddle(build_tiny, tmp_path / "tiny", family=family)
    (shard,) = (converted / family / "train").iterdir()
    ours = paddle(our_lengths, tmp_path / "tiny", TEMPLATES[family], shard)
    theirs, kept = trainer_lengths(
        tmp_path / "tiny", TEMPLATES[family], shard, 100_000, MAX_SEQ_LEN
    )
    assert ours == theirs
    assert kept == {
        name: length if length <= MAX_SEQ_LEN else None for name, length in ours.items()
    }
    assert None in kept.values()


def test_an_image_is_seen_in_whole_patches_within_the_processors_area(
    tmp_path: Path, paddle: Paddle
) -> None:
    paddle(build_tiny, tmp_path / "tiny")
    ((width, height),) = paddle(read_one, tmp_path / "tiny", [(640, 480)]).seen
    assert (width % 32, height % 32) == (0, 0)
    assert width * height <= 256 * 256  # the tiny processor's
    with pytest.raises(ModelError, match="the trainer's reader fails"):
        paddle(read_one, tmp_path / "tiny", [])


def test_a_folder_without_a_processor_is_refused_by_name(tmp_path: Path, paddle: Paddle) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"no tokenizer and processor"):
        paddle(read_one, tmp_path, [])


def test_a_model_that_is_not_here_is_not_fetched(tmp_path: Path) -> None:
    assert folder_at_hand("nobody/no-such-model") is None
    assert folder_at_hand(str(tmp_path)) == tmp_path
