"""A tiny Qwen3-VL that knows eight images by heart: trained by the trainer itself, on a CPU."""

import io
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
import yaml
from PIL import Image, ImageDraw

from groundray.engine import Runner, convert
from groundray.models import cpu_support
from tests.engine.coco import write

SIDE = 96
NUM_IMAGES = 8

_COLOURS = {0: (220, 30, 30), 2: (30, 30, 220), 16: (30, 200, 30)}  # person, car, dog
_TIMEOUT_S = 600


class Trained(NamedTuple):
    """What a training leaves.

    Attributes:
        checkpoint: trained; every answer about `converted` is known by heart.
        untrained: that it began with.
        converted: folder that `convert` wrote; all eight records are in the split train.
    """

    checkpoint: Path
    untrained: Path
    converted: Path


@pytest.fixture(scope="session")
def trained_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trains once a session, which takes about a minute on two cores.

    Tests that ask for it need a longer time limit: `pytest.mark.timeout(600)`.
    """
    folder = tmp_path_factory.mktemp("trained")
    source = write(folder / "source", {"train": _rows()})
    converted = folder / "converted"
    convert(str(source), str(converted), formats=["qwen3-vl"], runner=Runner("local"))
    untrained = build_tiny(folder / "untrained", "qwen3-vl")
    train(untrained, converted / "qwen3-vl/train", folder / "checkpoint")
    return Trained(folder / "checkpoint", untrained, converted)


def build_tiny(folder: Path, family: str) -> Path:
    """Builds a tiny checkpoint as a user does."""
    groundray("models", "tiny", str(folder), "--family", family)
    return folder


def groundray(*arguments: str) -> str:
    """What a command prints; it runs in a process of its own."""
    command = [sys.executable, "-m", "groundray.engine", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def train(model: Path, data: Path, output: Path, **options: Any) -> None:
    """Trains with PaddleFormers' own command, on a folder of shards.

    Args:
        model: checkpoint to begin with.
        data: folder of jsonl files.
        output: folder of the trained checkpoint.
        options: of the trainer, beside what a CPU needs.
    """
    settings = {
        "model_name_or_path": str(model),
        "custom_register_path": cpu_support.__file__,
        "stage": "VL-SFT",
        "fine_tuning": "full",
        "train_dataset_type": "messages",
        "train_dataset_path": str(data),
        "train_dataset_prob": "1.0",
        "template": "qwen3_vl_nothink",
        "template_backend": "custom",
        "packing": False,
        "mix_strategy": "concat",
        "max_seq_len": 512,
        "do_train": True,
        "per_device_train_batch_size": NUM_IMAGES,
        "gradient_accumulation_steps": 1,
        "max_steps": 80,
        "learning_rate": 3.0e-3,
        "min_lr": 1.0e-4,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 10,
        "weight_decay": 0.0,
        "logging_steps": 20,
        "save_strategy": "no",
        "output_dir": str(output),
        "compute_type": "float32",
        "amp_master_grad": False,
        "device": "cpu",
        "_attn_implementation": "sdpa",
        "seed": 42,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    file = output.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(settings | options))
    log = output.with_suffix(".log")
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "0",  # one process; there need be no GPU
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }
    with log.open("w") as out:
        done = subprocess.run(
            [programs / "paddleformers-cli", "train", file],
            check=False,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=output.parent,
            env=environment,
            timeout=_TIMEOUT_S,
        )
    assert done.returncode == 0, log.read_text()[-4000:]


def _rows() -> list[dict[str, Any]]:
    """Grey images with one or two coloured rectangles."""
    random = Random(0)
    return [_row(random, index) for index in range(NUM_IMAGES)]


def _row(random: Random, index: int) -> dict[str, Any]:
    image = Image.new("RGB", (SIDE, SIDE), (random.randint(180, 255),) * 3)
    draw = ImageDraw.Draw(image)
    categories = random.sample(list(_COLOURS), 1 + index % 2)
    boxes = []
    for category in categories:
        width, height = random.randint(20, 40), random.randint(20, 40)
        left, top = random.randint(0, SIDE - width), random.randint(0, SIDE - height)
        draw.rectangle((left, top, left + width - 1, top + height - 1), fill=_COLOURS[category])
        boxes.append([left, top, left + width, top + height])
    content = io.BytesIO()
    image.save(content, "JPEG", quality=95)
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes]
    return {
        "image_id": index + 1,
        "image": {"bytes": content.getvalue(), "path": None},
        "width": SIDE,
        "height": SIDE,
        "objects": {
            "bbox_id": [10 * index + number for number in range(len(boxes))],
            "category": categories,
            "bbox": boxes,
            "area": areas,
        },
    }
