"""Each kind of fault once, with fixed seeds; `python -m tests.chaos` does the same at random."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.nodes import two_nodes
from tests.chaos.scene import Where
from tests.chaos.trial import Grounds, Result, Trial
from tests.chaos.workload import make_conversion, make_prediction

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]

TRIALS = 5
BY_NAME = {fault.name: fault for fault in FAULTS}


@pytest.fixture(scope="module", autouse=True)
def _interruptible() -> Iterator[None]:
    """What is started can be interrupted, even where this process cannot: behind an `&`."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def conversion(tmp_path_factory: pytest.TempPathFactory) -> Grounds:
    folder = tmp_path_factory.mktemp("chaos")
    return Grounds(folder, make_conversion(folder / "data", files=2))


@pytest.fixture(scope="module")
def prediction(tmp_path_factory: pytest.TempPathFactory) -> Grounds:
    folder = tmp_path_factory.mktemp("chaos")
    return Grounds(folder, make_prediction(folder / "data", records=60))


def disturb(grounds: Grounds, name: str, where: Where, *, after: int = 1, seed: int = 1) -> Result:
    """What comes of a fault that strikes when `after` units are done.

    On a busy machine a command may end before it is seen that they are: then again, some times.
    """
    fault = BY_NAME[name]
    if (obstacle := fault.obstacle()) is not None:
        pytest.skip(obstacle)
    for trial in range(seed, seed + TRIALS):
        result = Trial(fault, trial, grounds, where=where, when=after).run()
        assert not result.wrong, result
        if result.commits is not None and result.ends[0] in fault.ends:
            return result
    raise AssertionError(f"{name}: {TRIALS} times it ended before it was struck")


@pytest.mark.parametrize(
    "name", ["driver", "Ctrl-C", "disk full", "permission", "second run", "clock"]
)
def test_a_conversion_comes_through(conversion: Grounds, name: str) -> None:
    disturb(conversion, name, "one process")


def test_a_conversion_stops_in_order_when_it_is_told_to(conversion: Grounds) -> None:
    assert disturb(conversion, "SIGTERM", "one process").ends[0] == 128 + signal.SIGTERM


@pytest.mark.parametrize("name", ["rewritten during", "in place during", "in place between"])
def test_a_source_file_that_changes_is_noticed(conversion: Grounds, name: str) -> None:
    disturb(conversion, name, "one process")


@pytest.mark.parametrize("name", ["driver", "Ctrl-C"])
def test_a_prediction_comes_through(prediction: Grounds, name: str) -> None:
    disturb(prediction, name, "one process")


@pytest.mark.ray
def test_a_cluster_may_lose_workers_and_nodes(conversion: Grounds, prediction: Grounds) -> None:
    with two_nodes() as nodes:
        converting = replace(conversion, nodes=nodes)
        predicting = replace(prediction, nodes=nodes)
        assert disturb(converting, "worker", "cluster").ends == (0,)
        assert disturb(predicting, "actor", "cluster").ends == (0,)
        assert disturb(converting, "raylet", "cluster").ends == (0,)


@pytest.mark.ray
def test_a_local_ray_ends_with_its_driver(prediction: Grounds) -> None:
    result = disturb(prediction, "driver", "own Ray")
    assert result.outlived_s < 30


def test_a_bad_network_costs_nothing_but_time(bucket: str, tmp_path: Path) -> None:
    remote = make_conversion(tmp_path / "data", files=2, file_rows=12, bucket=bucket)
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    grounds = Grounds(tmp_path / "trials", remote, server=endpoint, remote=remote)
    disturb(grounds, "network", "S3", seed=6)
