"""What the trainer dies of without our file: going on in one process, and evaluating an adapter."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.engine.training.training_made import write_data
from tests.models.tiny_training import build_tiny, train

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LORA = {"fine_tuning": "lora", "lora_rank": 4}


def tensors(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    (file,) = folder.glob("*model*.safetensors")
    found: dict[str, np.ndarray[Any, Any]] = load_file(file)
    return found


@pytest.mark.parametrize("options", [{}, LORA], ids=["whole", "adapter"])
def test_one_process_goes_on_to_the_same_weights(options: dict[str, Any], tmp_path: Path) -> None:
    model = build_tiny(tmp_path / "tiny", "qwen3-vl")
    data = write_data(tmp_path / "made")
    (val,) = (data / "val").iterdir()
    evaluation = {
        "do_eval": True,
        "evaluation_strategy": "steps",
        "eval_steps": 2,
        "eval_dataset_path": str(val),
        "eval_dataset_type": "messages",
    }
    steps = {"max_steps": 4, "save_steps": 2, "save_strategy": "steps", "warmup_steps": 0}
    settings = {"per_device_train_batch_size": 2} | options | evaluation | steps
    train(model, data / "train", tmp_path / "whole", **settings)
    state = tmp_path / "whole/checkpoint-2"
    train(model, data / "train", tmp_path / "again", resume_from_checkpoint=str(state), **settings)
    whole, again = tensors(tmp_path / "whole"), tensors(tmp_path / "again")
    assert whole.keys() == again.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(again[name], value, err_msg=name)
    assert not (tmp_path / "again/checkpoint-2").exists()
