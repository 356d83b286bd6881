"""One machine's part of a training: the trainer's command, its logs and its end; a Ray actor."""

import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from groundray.engine.training.command import CLI, trainer_command, trainer_environment
from groundray.engine.training.job import TrainingJob
from groundray.engine.training.log import Lines
from groundray.engine.training.processes import Ended, Guarded, TrainerProcesses

_LOOK_EVERY_S = 0.1
_NEWS_WAIT_S = 0.5
_STOP_S = 30.0
_OF_RAY = ("OMP_NUM_THREADS", "PYTHONPATH")
_OF_LAUNCHER = "LAUNCH "


class Line(NamedTuple):
    """A line of a log.

    Attributes:
        node: number of the machine, from 0.
        rank: of the trainer process, over all machines; None for what starts it.
        text: without colours.
    """

    node: int
    rank: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a machine's part runs.

    Attributes:
        host: as the other machines reach it.
        port: free a moment ago.
        time_s: its clock.
        gpus: ids that Ray gave, as CUDA_VISIBLE_DEVICES takes them; empty on a CPU.
        missing: what is not there, in words; None where everything is.
    """

    host: str
    port: int
    time_s: float
    gpus: tuple[str, ...]
    missing: str | None


@dataclass(slots=True)
class News:
    """What happened on a machine since the last news.

    Attributes:
        lines: in order, rank by rank.
        ended: trainer processes that ended.
        code: exit status of the whole command; None while it runs.
    """

    lines: list[Line] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    code: int | None = None

    def __bool__(self) -> bool:
        return bool(self.lines or self.ended or self.code is not None)


class TrainingNode:
    """Runs the trainer's command on one machine.

    Args:
        job: the training.
        node: number of the machine, from 0.
    """

    def __init__(self, job: TrainingJob, node: int) -> None:
        self._job, self._node = job, node
        self._per_node = max(1, job.gpus_per_node)
        self._news, self._changed = News(), threading.Condition()
        self._guarded: Guarded | None = None
        self._watcher: threading.Thread | None = None
        self._scratch = Path(tempfile.mkdtemp(prefix="groundray-train-"))

    def address(self) -> Address:
        """Where this machine is, and whether it has what the training needs."""
        import ray

        host: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        ids = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
        with socket.create_server((host, 0)) as server:
            port = server.getsockname()[1]
        return Address(host, port, time.time(), tuple(map(str, ids)), self._missing())

    def start(
        self, own: Address, first: Address, settings: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """Starts the command.

        Args:
            own: address of this machine.
            first: of machine 0.
            settings: `key=value` for the trainer, over its configuration.
            environment: beside what the trainer needs.
        """
        log = Path(self._job.output, "logs")
        log.mkdir(parents=True, exist_ok=True)
        program, *arguments = trainer_command(self._job)
        self._guarded = Guarded(
            [str(_programs() / program), *arguments, *settings],
            scratch=self._scratch,
            log=self._scratch / "command.log",
            folder=self._job.output,
            environment=self._environment(own, first) | dict(environment),
        )
        self._watcher = threading.Thread(target=self._watch, args=(self._guarded, log), daemon=True)
        self._watcher.start()

    def news(self) -> News:
        """What happened since it was last asked for; waits a moment where nothing did."""
        with self._changed:
            if not self._news:
                self._changed.wait(_NEWS_WAIT_S)
            news, self._news = self._news, News(code=self._news.code)
        return news

    def stop(self) -> News:
        """Ends every process of the training, and forgets its environment; the last news."""
        if self._guarded is not None and self._watcher is not None:
            self._guarded.end()
            self._watcher.join(_STOP_S)
        shutil.rmtree(self._scratch, ignore_errors=True)
        return self._news

    def _missing(self) -> str | None:
        if not Path(self._job.config).is_file():
            return f"it does not see {self._job.config}: OUTPUT must be a folder that all share"
        if not (_programs() / CLI).is_file():
            return f"it has no {CLI}: pip install 'groundray[cpu]', or requirements-gpu.txt"
        return None

    def _environment(self, own: Address, first: Address) -> dict[str, str]:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in _OF_RAY and not name.startswith("PADDLE_TRAINER")
        }
        environment |= trainer_environment(
            self._job,
            rank=self._node,
            address=own.host,
            master_address=first.host,
            master_port=str(first.port),
        )
        if own.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(own.gpus)
        # its launcher writes its whole environment there, secrets too, so no one else may read it
        environment["PADDLEFORMERS_DIST_LOG"] = str(self._scratch)
        environment["PATH"] = f"{_programs()}{os.pathsep}{environment.get('PATH', '')}"
        return environment

    def _watch(self, guarded: Guarded, log: Path) -> None:
        processes = TrainerProcesses(guarded.pid, self._per_node)
        logs = [_Log(self._scratch / "command.log", log / f"node-{self._node}.log")]
        ranks = [self._node * self._per_node + local for local in range(self._per_node)]
        for local, rank in enumerate(ranks):
            logs.append(_Log(self._scratch / f"workerlog.{local}", log / f"rank-{rank}.log"))
        try:
            code = None
            while code is None:
                code = guarded.poll()
                ended = processes.look()
                news = News(self._read(logs, ranks, is_over=code is not None), ended, code)
                if news:
                    self._tell(news)
                processes.wait(_LOOK_EVERY_S)
        finally:
            processes.close()
            for each in logs:
                each.close()

    def _read(self, logs: Sequence["_Log"], ranks: Sequence[int], *, is_over: bool) -> list[Line]:
        trainers = [
            Line(self._node, rank, text)
            for rank, log in zip(ranks, logs[1:], strict=True)
            for text in log.read(is_over=is_over)
        ]
        # the launcher repeats what its first trainer says
        repeats = logs[1].is_there
        launcher = [
            Line(self._node, None, text)
            for text in logs[0].read(is_over=is_over)
            if not repeats or text.startswith(_OF_LAUNCHER)
        ]
        return [*launcher, *trainers]

    def _tell(self, news: News) -> None:
        with self._changed:
            self._news.lines += news.lines
            self._news.ended += news.ended
            self._news.code = news.code
            self._changed.notify_all()


class _Log:
    """A growing file, copied without colours."""

    def __init__(self, source: Path, copy: Path) -> None:
        self._path = source
        self._source: IO[bytes] | None = None
        self._copy = copy.open("a", encoding="utf-8")
        self._lines = Lines()

    @property
    def is_there(self) -> bool:
        return self._source is not None

    def read(self, *, is_over: bool) -> list[str]:
        if self._source is None:
            try:
                self._source = self._path.open("rb")
            except FileNotFoundError:
                return []
        lines = self._lines.add(self._source.read())
        if is_over:
            lines += self._lines.end()
        if lines:
            self._copy.write("".join(f"{line}\n" for line in lines))
            self._copy.flush()
        return lines

    def close(self) -> None:
        self._copy.close()
        if self._source is not None:
            self._source.close()


def _programs() -> Path:
    return Path(sys.executable).parent
