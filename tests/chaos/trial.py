"""A trial: one command is disturbed once, typed again until it finishes, and looked over."""

import json
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.commands import End, HangError, Start, name_of
from tests.chaos.faults import Fault, unmount_disk
from tests.chaos.nodes import Nodes
from tests.chaos.output import differences, finished, left_behind, results
from tests.chaos.proxy import proxy_to
from tests.chaos.scene import Scene, Where
from tests.chaos.workload import BATCH_SIZE, Workload

EARLY = 0.2
"""Share of trials that strike at any time after the start; the others wait for a random unit."""

MAX_STARTS = 4
PATIENCE_S = 60.0
"""How long what a driver started may go on without it."""

MAX_ACTORS = 2
"""Processes that can have a batch under way: of the two nodes' CPUs none is needed to answer."""

TIMEOUT_S = 2
"""Of clients of the object store, whose own default of 60 would make a trial last for minutes."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What trials share: data, a cluster, a server.

    Attributes:
        folder: for the scenes.
        workload: what is done.
        nodes: a cluster of two nodes, or None where no trial needs one.
        server: URL of an S3 server, or None where no trial needs one.
        remote: what is done there, which is smaller; its INPUT and OUTPUT are URLs of the server.
    """

    folder: Path
    workload: Workload
    nodes: Nodes | None = None
    server: str | None = None
    remote: Workload | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a trial.

    Attributes:
        fault: its name.
        seed: repeats it.
        where: what the command ran on.
        commits: how many units were finished when it was struck; None where it had ended before.
        units: of all.
        what: was done.
        ends: exit statuses of all starts.
        outlived_s: how long the driver's processes went on without it, Ray's agents apart.
        wrong: what did not hold; empty where all did.
    """

    fault: str
    seed: int
    where: Where
    commits: int | None
    units: int
    what: str
    ends: tuple[int, ...]
    outlived_s: float
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        when = "after its end" if self.commits is None else f"at {self.commits}/{self.units} units"
        ends = ",".join(map(str, self.ends))
        line = f"seed {self.seed}: {self.fault} ({self.where}) {when}: {self.what}; ends {ends}; "
        return line + ("ok" if not self.wrong else f"FAIL: {'; '.join(self.wrong)}")


class Trial:
    """One command, one fault.

    Args:
        fault: what happens.
        seed: settles what it runs on, when, and every choice of the fault.
        grounds: where.
        where: what it runs on; None draws it.
        when: after how many units; None draws it.
    """

    def __init__(
        self,
        fault: Fault,
        seed: int,
        grounds: Grounds,
        *,
        where: Where | None = None,
        when: int | None = None,
    ) -> None:
        self._fault = fault
        self._seed = seed
        self._grounds = grounds
        rng = random.Random(f"{seed} {fault.name} {grounds.workload.name}")
        self._where: Where = rng.choice(fault.where)
        self._where = where or self._where
        self._workload = grounds.workload
        if self._where == "S3":
            if grounds.remote is None:
                raise AssertionError("this needs a server")
            self._workload = grounds.remote
        early, later = rng.random() < EARLY, rng.randint(1, self._workload.units)
        self._after = when if when is not None else 0 if early else later
        self._jitter_s = rng.uniform(0, 0.05 if self._after else 3.0)
        self._rng = rng
        self._ends: list[End] = []
        self._outlived_s = 0.0
        self._wrong: list[str] = []

    def run(self) -> Result:
        """Does it."""
        commits, what = None, "nothing was left to strike"
        with self._scene() as scene:
            try:
                commits, what = self._disturb(scene)
                self._fault.mend(scene)
                before = self._finished(scene)
                self._type_again(scene)
                self._look_over(scene, before)
            except AssertionError as error:  # hangs too
                self._wrong.append(str(error))
            finally:
                if scene.start is not None:
                    scene.start.kill_all()
        return Result(
            self._fault.name,
            self._seed,
            self._where,
            commits,
            self._workload.units,
            what,
            tuple(end.status for end in self._ends),
            self._outlived_s,
            tuple(self._wrong),
        )

    @contextmanager
    def _scene(self) -> Iterator[Scene]:
        grounds = self._grounds
        folder = grounds.folder / f"{self._fault.name.replace(' ', '-')}-{self._seed}"
        target = folder / "disk/out"
        target.parent.mkdir(parents=True)
        workload = self._workload
        workload.forget()
        accepted = [workload.expected]
        scene = Scene(
            workload,
            self._where,
            self._rng,
            folder,
            workload.source,
            str(target),
            accepted=accepted,
        )
        if self._where == "cluster":
            scene.nodes = grounds.nodes
        with ExitStack() as stack:
            if grounds.server is not None and self._where == "S3":
                proxy = stack.enter_context(proxy_to(grounds.server, self._rng.randrange(1 << 30)))
                scene.proxy = proxy
                scene.target = f"{workload.source.rpartition('/')[0]}/{folder.name}"
                scene.env["AWS_ENDPOINT_URL"] = proxy.url
                scene.env["FSSPEC_S3"] = json.dumps({"config_kwargs": {"read_timeout": TIMEOUT_S}})
            self._fault.prepare(scene)
            try:
                yield scene
            finally:
                unmount_disk(scene)
        if not self._wrong:
            shutil.rmtree(folder)

    def _disturb(self, scene: Scene) -> tuple[int | None, str]:
        """Types the command, strikes, and waits for its end."""
        start = scene.type_command()
        output = scene.output
        every_s = 0.01 if self._where != "S3" else 0.2
        is_time = start.wait_until(lambda: len(output.commits()) >= self._after, every_s=every_s)
        time.sleep(self._jitter_s)
        commits = len(output.commits())
        what = self._fault.strike(scene) if is_time and not start.is_over() else None
        self._see_end(scene, start, may_be=set(self._fault.ends) | {0})
        if what is None:
            return None, "nothing was left to strike"
        return commits, what

    def _see_end(self, scene: Scene, start: Start, *, may_be: set[int]) -> End:
        end = start.end()
        self._ends.append(end)
        if self._fault.name == "Ctrl-C" and not scene.output.files():
            pass  # Python was still starting: nothing of ours has begun
        elif end.status not in may_be:
            self._wrong.append(f"ended with {end.status}: {end.said[-400:]}")
        elif end.status == 1 and not end.last_line.startswith("error: "):
            self._wrong.append(f"ended without an error in one line: {end.said[-400:]}")
        elif "Traceback" in end.said and "Exception ignored in" not in end.said:
            self._wrong.append(f"showed a traceback: {end.said[-400:]}")
        try:
            self._outlived_s = max(self._outlived_s, start.outlived_s(PATIENCE_S))
        except HangError as error:
            self._wrong.append(str(error))
        return end

    def _finished(self, scene: Scene) -> dict[str, object]:
        """What was finished before the command is typed again; settled once nothing runs."""
        output = scene.output
        return finished(output, output.commits())

    def _type_again(self, scene: Scene) -> None:
        """The same command until it finishes; `--overwrite` only where a refusal asks for it.

        What has finished is typed once more only where a start is cheap.
        """
        while self._ends[-1].status or (len(self._ends) == 1 and self._where == "one process"):
            if len(self._ends) > MAX_STARTS:
                raise AssertionError(f"not finished after {MAX_STARTS} starts")
            is_refusal = "--overwrite" in self._ends[-1].last_line
            more = ("--overwrite",) if is_refusal else ()
            may_be = {0, 1} if len(scene.accepted) > 1 else {0}
            self._see_end(scene, scene.type_command(*more), may_be=may_be)

    def _look_over(self, scene: Scene, before: dict[str, object]) -> None:
        output = scene.output
        files = output.files()
        wrong = [differences(results(files), tree) for tree in scene.accepted]
        if all(wrong):
            self._wrong += min(wrong, key=len)[:5]
        self._wrong += [f"left behind: {path}" for path in left_behind(files)]
        if len(scene.accepted) == 1:
            now = output.stamps(path for path in before if path in files)
            again = [path for path, stamp in before.items() if now.get(path) != stamp]
            self._wrong += [f"done twice: {path}" for path in again[:5]]
            self._check_questions()
        if scene.nodes is not None:
            self._check_idle(scene.nodes)

    def _check_questions(self) -> None:
        """Only batches that were under way may have been asked again, by each of the actors."""
        asked = self._workload.asked()
        again = [name for name, times in asked.items() if times > 1]
        if len(again) > BATCH_SIZE * MAX_ACTORS:
            self._wrong.append(f"{len(again)} records were asked about twice")

    def _check_idle(self, nodes: Nodes) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while left := nodes.workers():
            if time.monotonic() > deadline:
                names = ", ".join(sorted({name_of(process) for process in left}))
                self._wrong.append(f"{len(left)} workers of the cluster still work: {names}")
                return
            time.sleep(0.1)


def results_table(found: list[Result]) -> str:
    """A Markdown table: what was struck how often, and what came of it."""
    lines = ["| fault | runs | struck before the first unit was done | after it | failures |"]
    lines.append("| --- | --- | --- | --- | --- |")
    rows: dict[str, Any] = {}
    for result in found:
        row = rows.setdefault(result.fault, [0, 0, 0, 0])
        row[0] += 1
        row[1] += result.commits == 0
        row[2] += bool(result.commits)
        row[3] += bool(result.wrong)
    lines += [f"| {name} | {' | '.join(map(str, row))} |" for name, row in rows.items()]
    total = [sum(row[i] for row in rows.values()) for i in range(4)]
    return "\n".join([*lines, f"| all | {' | '.join(map(str, total))} |"])
