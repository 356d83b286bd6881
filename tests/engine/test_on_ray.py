"""Planning and units on a cluster, against the same in this process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from groundray.engine.runners import Runner, run_on_ray
from tests.engine.coco import rows, write

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

SCRIPT = """
import os
import sys
import ray
from groundray.engine import head_start, rank_pools, runners, survey
from groundray.engine.plan import make_plan
from groundray.engine.runners import Runner, run_on_ray
from groundray.engine.selection import Sampling
from groundray.engine.sources import open_source
from groundray.engine.workers import RayTasks, deal
from groundray.formats.errors import SourceError

class Number:
    def __call__(self, unit):
        if unit.index == 0:
            raise SourceError("as it has to")
        return unit.index

ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
rank_pools.SPAN_RANKS, survey.MAX_GROUPS, runners.LEAST_TASKS = 20, 3, 2
head_start.MOST_UNITS = 0  # all are done by workers
source = open_source([sys.argv[1]])
asked = Sampling(samples=40, val_ratio=0.5)
both = (None, RayTasks())
plans = [make_plan(source, asked, rows_per_shard=5, workers=each) for each in both]
assert plans[0] == plans[1]
assert any(part.repeats for unit in plans[0].units for part in unit.parts)

units = plans[0].units
assert len(deal(units, 8)) == 8 < len(units)
assert sorted(run_on_ray(Number(), units[1:], Runner("ray"))) == list(range(1, len(units)))
os.remove(source.files[0].url)
attempts = (
    lambda: list(run_on_ray(Number(), units, Runner("ray"))),
    lambda: make_plan(source, asked, rows_per_shard=5, workers=RayTasks()),
)
for attempt, reason in zip(attempts, ("as it has to", "train-0.parquet: cannot be read")):
    try:
        attempt()
    except SourceError as error:
        assert str(error).startswith(("data/" + reason, reason)), error
    else:
        raise AssertionError(reason)
"""


def test_a_cluster_plans_and_runs_what_one_process_does(tmp_path: Path) -> None:
    files = {f"train-{i}": rows(30, first_id=20 * i) for i in range(4)} | {"val-0": rows(25)}
    source = write(tmp_path / "in", files, row_group_rows=5)
    subprocess.run([sys.executable, "-c", SCRIPT, str(source)], check=True)


WHO_DOES = """
import os, time
from groundray.engine import runners
from groundray.engine.runners import Runner, run_on_ray

runners.LEAST_TASKS = 50

class WhoDoes:
    def __init__(self, takes_s):
        self.driver, self.takes_s = os.getpid(), takes_s
    def __call__(self, unit):
        if os.getpid() == self.driver:
            time.sleep(self.takes_s)
        return unit, os.getpid()

def num_done_here(runner, takes_s=0.1):
    done = list(run_on_ray(WhoDoes(takes_s), range(1000), runner))
    assert sorted(unit for unit, _ in done) == list(range(1000))
    here = [unit for unit, pid in done if pid == os.getpid()]
    assert here == list(range(len(here)))
    return len(here)
"""

RAY_OF_ITS_OWN = """
assert 3 <= num_done_here(Runner("ray", num_cpus=2)) < 1000
"""

RUNNING_CLUSTER = """
import ray
from ray.cluster_utils import Cluster

settings = {"num_cpus": 2, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=settings)
assert 3 <= num_done_here(Runner("ray", cluster.address)) < 1000
ray.init(cluster.address, log_to_driver=False)
assert 1 <= num_done_here(Runner("ray"), 3.0) <= 2  # a second one if the machine was very busy
ray.shutdown()
cluster.shutdown()
"""


@pytest.mark.parametrize("script", [RAY_OF_ITS_OWN, RUNNING_CLUSTER], ids=["own", "running"])
def test_while_workers_start_the_first_units_are_done_here_once(script: str) -> None:
    subprocess.run([sys.executable, "-c", WHO_DOES + script], check=True)


SPOILT = """
import os, time
from groundray.engine.runners import Runner, run_on_ray
from groundray.formats.errors import SourceError

class Spoilt:
    def __init__(self):
        self.driver = os.getpid()
    def __call__(self, unit):
        if os.getpid() != self.driver:
            time.sleep(1)
        elif unit == 3:
            time.sleep(10)  # until its Ray has begun
            raise SourceError("spoilt")
        return unit

done = []
try:
    for unit in run_on_ray(Spoilt(), range(200), Runner("ray", num_cpus=2)):
        done.append(unit)
except SourceError as error:
    assert len(done) < 100, len(done)  # and not when all others were done
else:
    raise AssertionError("nothing was raised")
"""


def test_an_error_of_the_first_units_ends_the_run_at_once() -> None:
    subprocess.run([sys.executable, "-c", SPOILT], check=True)


def test_who_speaks_to_a_cluster_from_outside_leaves_all_units_to_it() -> None:
    units: Any = range(3)
    done: Any = []
    with pytest.raises((ValueError, ConnectionError)):  # no client installed, or nothing there
        list(run_on_ray(done.append, units, Runner("ray", "ray://127.0.0.1:1")))
    assert not done
