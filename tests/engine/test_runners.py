"""Workers of a Ray that is there already: whatever runs on them gives the bytes of one process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from groundray.engine import Actors, Runner, head_start
from groundray.engine.evaluation.evaluate import evaluate
from tests.engine.coco import rows, tree, write
from tests.engine.conversion.test_conversion_plugins import declared, plugin
from tests.engine.conversion.test_convert import run as convert
from tests.engine.prediction.predictions_made import write_predictions
from tests.engine.prediction.test_predict import checkpoint, lines
from tests.engine.prediction.test_predict import run as predict
from tests.engine.scoring.made import random_lines
from tests.models.asking import Paddle
from tests.models.tiny_training import build_tiny

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("joined"),
]

LOCAL = Runner("local")
RAY = Runner("ray")
POISON = "1020"


@pytest.fixture(scope="module")
def joined() -> Iterator[None]:
    """This process belongs to a Ray of two CPUs, whose workers do all of every `Runner("ray")`."""
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head_start, "MOST_UNITS", 0)
        yield
    ray.shutdown()


def test_a_conversion_to_several_formats(tmp_path: Path) -> None:
    files = {"train": rows(40), "val": rows(20, first_id=9000)}
    source = write(tmp_path / "in", files, row_group_rows=10)
    for runner in (LOCAL, RAY):
        out = tmp_path / runner.kind
        formats = ["qwen3-vl", "glm-4.5v"]
        convert(source, out, formats=formats, rows_per_shard=5, verify="decode", runner=runner)
    assert tree(tmp_path / "ray") == tree(tmp_path / "local")


def test_formats_of_plugin_files_and_of_declarations(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(12)}, row_group_rows=4)
    formats, plugins = ["corner-on-ray"], [plugin(tmp_path, "corner-on-ray")]
    formats.append(declared(tmp_path, "toml-on-ray"))
    for runner in (LOCAL, RAY):
        out = tmp_path / runner.kind
        convert(source, out, formats=formats, plugins=plugins, rows_per_shard=4, runner=runner)
    assert tree(tmp_path / "ray") == tree(tmp_path / "local")


STOPPED_ONCE = """
import os, signal
from groundray.formats.families.qwen3_vl_json import QWEN3_VL_JSON as base

class Stopped:
    name = "stopped-once"
    system, prompts, source = None, dict(base.prompts), "made up"
    encode, decode, parse = base.encode, base.decode, base.parse
    def render(self, task, **record):
        if not os.path.exists(MARK):
            open(MARK, "w").close()
            os.kill(os.getpid(), signal.SIGTERM)
        return base.render(task, **record)
"""


def test_a_worker_that_is_told_to_stop_rejects_nothing(tmp_path: Path) -> None:
    """As `ray stop` tells it, while it is within a format's code."""
    source = write(tmp_path / "in", {"train": rows(12)}, row_group_rows=4)
    mark, file = tmp_path / "stopped", tmp_path / "stopped_once.py"
    file.write_text(STOPPED_ONCE.replace("MARK", repr(str(mark))))
    options = {"formats": ["stopped-once"], "plugins": [str(file)], "rows_per_shard": 4}
    convert(source, tmp_path / "ray", runner=RAY, **options)
    assert mark.exists()
    convert(source, tmp_path / "local", runner=LOCAL, **options)
    assert tree(tmp_path / "ray") == tree(tmp_path / "local")
    assert not (tmp_path / "ray/rejects").exists()


def test_a_reformatted_conversion(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(30), "val": rows(5, first_id=9000)})
    convert(source, tmp_path / "converted", keep_empty=True, rows_per_shard=8)
    for runner in (LOCAL, RAY):
        convert(
            tmp_path / "converted",
            tmp_path / runner.kind,
            formats=["glm-4.5v"],
            images="reference",
            keep_empty=True,
            runner=runner,
        )
    assert tree(tmp_path / "ray") == tree(tmp_path / "local")


def test_an_evaluation(tmp_path: Path) -> None:
    made = str(write_predictions(tmp_path / "run", random_lines(3, 30), shards=3))
    for runner in (LOCAL, RAY):
        evaluate([made], str(tmp_path / runner.kind), replicates=20, runner=runner)
    for name in ("scores.json", "per_class.csv"):
        assert (tmp_path / "local" / name).read_bytes() == (tmp_path / "ray" / name).read_bytes()


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 records."""
    folder = tmp_path_factory.mktemp("converted")
    convert(write(folder / "in", {"val": rows(60)}), folder / "out", keep_empty=True)
    return folder / "out"


def test_any_number_of_actors(converted: Path, tmp_path: Path) -> None:
    predict(converted, tmp_path / "local", checkpoint(tmp_path))
    for count in (1, 2):
        out = tmp_path / f"actors-{count}"
        actors = Actors(count, count)
        manifest = predict(converted, out, checkpoint(tmp_path), runner=RAY, actors=actors)
        assert tree(out) == tree(tmp_path / "local")
        assert manifest.records.failed == 0


def predict_tiny(source: Path, output: Path, model: str, runner: Runner, actors: Actors) -> None:
    """Answers of random weights, which hang on every number that is computed."""
    predict(
        source,
        output,
        model,
        backend="paddleformers",
        plugins=[],
        batch_size=4,
        max_new_tokens=24,
        limit=12,
        rows_per_shard=4,
        runner=runner,
        actors=actors,
    )


def test_a_real_checkpoint_in_two_actors(converted: Path, paddle: Paddle, tmp_path: Path) -> None:
    tiny = str(build_tiny(tmp_path / "tiny", "qwen3-vl"))
    paddle(predict_tiny, converted, tmp_path / "local", tiny, LOCAL, Actors())
    predict_tiny(converted, tmp_path / "ray", tiny, RAY, Actors(2, 2))
    assert tree(tmp_path / "ray") == tree(tmp_path / "local")
    assert len({line["text"] for line in lines(tmp_path / "ray/tiny")}) > 1


def test_a_record_that_kills_every_actor_is_given_up(converted: Path, tmp_path: Path) -> None:
    poison = checkpoint(tmp_path, "poison", kill=[POISON], log=str(tmp_path / "log"))
    predict(converted, tmp_path / "out", poison, runner=RAY)
    found = lines(tmp_path / "out/poison")
    errors = {line["id"]: line["error"] for line in found if line["error"]}
    assert errors == {POISON: "gave up: 2 processes died while they answered this"}
    assert len(found) == 60
