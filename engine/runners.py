"""What the units of a plan run on: the calling process, or Ray Data on one machine or many."""

import logging
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from groundray.engine.head_start import HeadStart
from groundray.engine.plan import Unit
from groundray.engine.shards import Commit
from groundray.engine.stopping import TerminatedError, stopping
from groundray.engine.workers import RayTasks, Threads, Workers, deal
from groundray.formats.errors import GroundrayError

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

Work = Callable[[Unit], Commit]
"""Does one unit; picklable, and the same bytes whichever process calls it."""

VALUE = "value"
"""The column that units, and what stages make of them, travel in."""

RAY_START_S = 6.0
"""What starting and stopping a local Ray costs on a small machine."""

OWN_FIRST_TASK_S = 5.0
"""From a Ray that has just started until its workers have something done, and rather more: what is
left to it then should be worth the start of its workers (4 s on two CPUs that are busy)."""

FIRST_TASK_S = 2.5
"""The same on a cluster that runs: who connects gets workers of his own, which have to start."""

ALONE_S = 1.0
"""That the first unit has before Ray is imported and started, which slow it down several times."""

PLAN_ON_RAY_ROWS = 20_000_000
"""Rows above which a cluster plans: about 10 s and 300 MB where one machine does."""

LEAST_TASKS, TASKS_PER_CPU = 1_000, 4
"""Tasks that the units of a run are dealt into: a task costs the driver 6 ms and 65 KB, and none
starts before Ray Data has seen all of them, 1 ms each (measured, Ray 2.60)."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Where units run.

    Attributes:
        kind: "local": one after another in this process; "ray": as tasks; "auto": local where Ray's
            start would cost more than it saves.
        address: of a running cluster; None starts a local one, or joins the one that this
            process is connected to.
        num_cpus: of a local cluster; None for all.
    """

    kind: Literal["auto", "ray", "local"] = "auto"
    address: str | None = None
    num_cpus: int | None = None


class Choice(NamedTuple):
    """The runner that was taken, and why, in words."""

    kind: Literal["ray", "local"]
    reason: str


def choose_runner(runner: Runner, units: int, work_s: float) -> Choice:
    """Settles "auto".

    Args:
        runner: as asked for.
        units: how many are to be done.
        work_s: what they would take one process, roughly.
    """
    address = _address(runner)
    if runner.kind != "auto":
        return Choice(runner.kind, "as asked for")
    if address is not None:
        return Choice("ray", f"a cluster was given ({address})")
    workers = max(1, min(units, runner.num_cpus or os.cpu_count() or 1))
    saved_s = work_s - work_s / workers
    if saved_s > RAY_START_S:
        return Choice("ray", f"about {work_s:.0f} s of work for {workers} workers")
    counted = "1 unit is" if units == 1 else f"{units:,} units are"
    return Choice("local", f"{counted} done sooner than a Ray cluster starts")


@contextmanager
def planning(runner: Runner, num_rows: int) -> Iterator[Workers]:
    """What reads the keys of a plan: the cluster where there is one and the rows are many."""
    address = _address(runner)
    is_on_ray = runner.kind == "ray" or (runner.kind == "auto" and address is not None)
    if is_on_ray and num_rows > PLAN_ON_RAY_ROWS:
        with connected(runner):
            yield RayTasks()
    else:
        yield Threads()


def run_locally(work: Work, units: Iterable[Unit]) -> Iterator[Commit]:
    """Does units one after another."""
    return map(work, units)


def run_on_ray(work: Work, units: Sequence[Unit], runner: Runner) -> Iterator[Commit]:
    """Does units as tasks of one Ray Data operator; yields commits as they finish.

    What is read and written stays inside the task: only units go in, and only commits come out.
    While workers start, this process does the first units, and the very first before; where it is
    connected already, so that workers may be there, the very first one alone.

    Raises:
        GroundrayError: what a unit raised.
    """
    if not units:
        return
    if (_address(runner) or "").startswith("ray://"):  # the data may be far from this process
        with connected(runner):
            yield from _iter_on_ray(work, units)
        return
    further_s = _until_first_task_s(runner)
    with HeadStart(work, units) as head:
        if further_s:
            head.wait_for_first(ALONE_S)
            yield from head.iter_done()
        with connected(runner):
            left = head.leave(further_s)
            yield from head.iter_done()
            for commit in _iter_on_ray(work, left):
                yield commit
                yield from head.iter_done()  # an error here ends the run now, not when Ray is done
        yield from head.iter_rest()


def _iter_on_ray(work: Work, units: Sequence[Unit]) -> Iterator[Commit]:
    if not units:
        return
    yield from iter_results(
        unit_dataset(units).map_batches(Stage(work), batch_size=None, batch_format="pyarrow")
    )


def unit_dataset(units: Sequence[Unit]) -> "Dataset":
    """A Ray Data set of units, a row each, which stages (`Stage`) are mapped over.

    A block is what one task does, one unit after another: a single one, until there are more units
    than the driver should have tasks.
    """
    import ray.data

    _quieten_console()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.op_resource_reservation_enabled = False  # or small fused tasks wait for each other
    groups = deal(units, max(LEAST_TASKS, TASKS_PER_CPU * _num_cpus()))
    source: Dataset = ray.data.read_datasource(
        _unit_source(groups), override_num_blocks=len(groups)
    )
    return source


def iter_results(dataset: "Dataset") -> Iterator[Any]:
    """What the last stage gave for each unit, as units finish.

    Raises:
        GroundrayError: what a stage raised.
    """
    batches: Iterable[Any] = dataset.iter_batches(
        batch_size=None, batch_format="pyarrow", prefetch_batches=0
    )
    for batch in batches:
        for value in batch[VALUE].to_pylist():
            outcome = pickle.loads(value)  # noqa: S301  written by our own stage
            if isinstance(outcome, GroundrayError):
                raise outcome
            yield outcome


class Stage:
    """The function of a Ray Data operator: a block of values in, a block of what `work` makes out.

    An error of ours ends the block, and travels on as a value, past the stages behind, to the
    driver.
    """

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self._work = work

    def __call__(self, block: "pa.Table") -> "pa.Table":
        """See the class."""
        import pyarrow as pa

        values: list[bytes] = []
        try:
            with stopping():
                for given in block[VALUE]:
                    value = pickle.loads(given.as_py())  # noqa: S301  our own driver's or stage's
                    result = self._do(value)
                    values.append(pickle.dumps(result))
                    if isinstance(result, GroundrayError):
                        break
        except TerminatedError:  # Ray's way to end, now that no plugin can be blamed for it
            signal.raise_signal(signal.SIGTERM)
            raise
        return pa.table({VALUE: pa.array(values, pa.binary())})

    def _do(self, value: Any) -> Any:
        if isinstance(value, GroundrayError):
            return value
        try:
            return self._work(value)
        except GroundrayError as error:
            return error


def _num_cpus() -> int:
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return int(resources.get("CPU", 1))


def _unit_source(groups: Sequence[Sequence[Unit]]) -> Any:
    import pyarrow as pa
    from ray.data import Datasource, ReadTask
    from ray.data.block import BlockMetadata

    schema = pa.schema([(VALUE, pa.binary())])

    class UnitSource(Datasource):
        """A block a group of units; the task that gets it does the reading."""

        def get_name(self) -> str:
            return "Units"

        def estimate_inmemory_data_size(self) -> int:
            return sum(len(pickle.dumps(group)) for group in groups[:1]) * len(groups)

        def get_read_tasks(self, parallelism: int, *_: object, **__: object) -> list[ReadTask]:
            del parallelism  # the groups are the blocks, whatever is asked for
            size = self.estimate_inmemory_data_size() // max(len(groups), 1)
            return [
                ReadTask(_Block(group), BlockMetadata(len(group), size, None, None), schema)
                for group in groups
            ]

    return UnitSource()  # type: ignore[no-untyped-call]


class _Block:
    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = units

    def __call__(self) -> list["pa.Table"]:
        import pyarrow as pa

        values = [pickle.dumps(unit) for unit in self._units]
        return [pa.table({VALUE: pa.array(values, pa.binary())})]


def _address(runner: Runner) -> str | None:
    return runner.address or os.environ.get("RAY_ADDRESS")


def _until_first_task_s(runner: Runner) -> float:
    """From being connected until workers have something done; 0 where they may be there already."""
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        return 0.0
    return OWN_FIRST_TASK_S if _is_own(runner) else FIRST_TASK_S


def _is_own(runner: Runner) -> bool:
    """Whether a process that belongs to no Ray starts one, since none is named."""
    return _address(runner) in (None, "local")


@contextmanager
def connected(runner: Runner) -> Iterator[None]:
    """Connects to Ray, and disconnects if this call was the one that connected."""
    os.environ.setdefault(
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0"
    )  # else `uv run` rebuilds workers' environments
    import ray

    if ray.is_initialized():
        yield
        return
    address, own = _address(runner), _is_own(runner)
    on_sigterm = signal.getsignal(signal.SIGTERM)
    ray.init(
        address="local" if own else address,  # without one, Ray joins any cluster that it finds
        num_cpus=runner.num_cpus if own else None,
        include_dashboard=False if own else None,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray's own shows the stack, and ends at once
    try:
        yield
    finally:
        ray.shutdown()


def _quieten_console() -> None:
    """Leaves Ray Data's log files as they are; what people need to know, the command says."""
    for handler in logging.getLogger("ray.data").handlers:
        if handler.name == "console":
            handler.setLevel(logging.ERROR)
