"""Follows the nodes of a training until all have finished, or one has failed."""

import signal
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from groundray.engine.training.job import TrainingJob
from groundray.engine.training.node import Line, News
from groundray.engine.training.nodes import Node
from groundray.engine.training.processes import Ended
from groundray.formats.errors import TrainingError

_TAIL_LINES = 25
MEETING_S = 600.0
"""The trainer starts once the nodes have found each other, which its launcher would wait for for
ever."""

SILENCE_S = 60.0
"""A node may be out of reach for so long: networks have bad moments, trainings last for days."""

_LAST_NEWS_S = 5.0
_ASK_AGAIN_S = 1.0


class _Failure(NamedTuple):
    """A process that failed.

    Attributes:
        time_s: when, by the driver's clock.
        node: number of the machine.
        rank: of the trainer process; None for what starts it.
        code: exit status, minus a signal's number; None where it is not known.
    """

    time_s: float
    node: int
    rank: int | None
    code: int | None


@dataclass(frozen=True, slots=True)
class _Part:
    number: int
    node: Node


class Follower:
    """Hands lines on as they come, and keeps what a message about a failure needs.

    Args:
        job: the training.
        nodes: that run it.
        on_line: gets every line.
    """

    def __init__(
        self, job: TrainingJob, nodes: Sequence[Node], on_line: Callable[[Line], None]
    ) -> None:
        self._job, self._nodes, self._on_line = job, nodes, on_line
        self._tails: dict[tuple[int, int | None], deque[str]] = defaultdict(
            lambda: deque(maxlen=_TAIL_LINES)
        )
        self._failures: list[_Failure] = []
        self._unknown: dict[int, list[_Failure]] = defaultdict(list)
        self._codes: dict[int, int] = {}
        self._lost: dict[int, str] = {}
        self._silent: dict[int, float] = {}

    def follow(self) -> None:
        """Returns when every node has finished.

        Raises:
            TrainingError: a process failed, or a node was lost; the others still run then.
        """
        import ray

        deadline = time.monotonic() + MEETING_S
        pending = {part.node.actor.news.remote(): part for part in self._parts()}
        while pending and not self._failures:
            ready, _ = ray.wait(list(pending), timeout=1.0)
            for reference in ready:
                part = pending.pop(reference)
                self._take(part, reference)
                if part.number not in {*self._codes, *self._lost}:
                    pending[part.node.actor.news.remote()] = part
            self._check_meeting(deadline)
        if self._failures:
            self._take_last(pending)
            for number in list(self._silent):
                self._lose(number, "it does not answer")
            raise TrainingError(self._explain())

    def _parts(self) -> Iterator[_Part]:
        return (_Part(number, node) for number, node in enumerate(self._nodes))

    def _take(self, part: _Part, reference: Any) -> None:
        import ray
        from ray.exceptions import ActorUnavailableError, RayError

        try:
            news: News = ray.get(reference)
        except ActorUnavailableError:
            self._silent.setdefault(part.number, time.time())
            if time.time() - self._silent[part.number] > SILENCE_S:
                self._lose(part.number, f"it did not answer for {SILENCE_S:g} s")
            time.sleep(_ASK_AGAIN_S)
            return
        except RayError as error:
            self._lose(part.number, type(error).__name__)
            return
        self._silent.pop(part.number, None)
        for line in news.lines:
            self._tails[line.node, line.rank].append(line.text)
            self._on_line(line)
        for ended in news.ended:
            self._take_end(part, ended)
        if news.code is not None:
            self._take_code(part.number, news.code)

    def _lose(self, number: int, why: str) -> None:
        self._lost[number] = why
        at = self._silent.pop(number, time.time())
        self._failures.append(_Failure(at, number, None, None))

    def _take_end(self, part: _Part, ended: Ended) -> None:
        rank = part.number * max(1, self._job.gpus_per_node) + ended.local_rank
        failure = _Failure(ended.time_s - part.node.ahead_s, part.number, rank, ended.code)
        if ended.code is None:  # which the status of the whole command tells
            self._unknown[part.number].append(failure)
        elif ended.code != 0:
            self._failures.append(failure)

    def _take_code(self, number: int, code: int) -> None:
        self._codes[number] = code
        if code != 0:
            self._failures += self._unknown[number]
            if not any(failure.node == number for failure in self._failures):
                self._failures.append(_Failure(time.time(), number, None, code))

    def _take_last(self, pending: dict[Any, _Part]) -> None:
        """One more round: another node may have failed earlier, and said so later."""
        import ray

        with suppress(Exception):  # a node that says nothing more leaves what is known
            ray.wait(list(pending), num_returns=len(pending), timeout=_LAST_NEWS_S)
        for reference, part in pending.items():
            ready, _ = ray.wait([reference], timeout=0)
            if ready:
                self._take(part, reference)

    def _check_meeting(self, deadline: float) -> None:
        if len(self._nodes) == 1 or time.monotonic() < deadline:
            return
        silent = [
            part
            for part in self._parts()
            if not any(number == part.number and rank is not None for number, rank in self._tails)
        ]
        if silent:
            first = self._nodes[0].address
            names = ", ".join(f"{part.number} ({part.node.address.host})" for part in silent)
            raise TrainingError(
                f"node {names} started no trainer process within {MEETING_S:g} s: all nodes must "
                f"reach node 0 at {first.host}, any port (a firewall, or another network?)"
            )

    def _order(self, failure: _Failure) -> tuple[bool, float]:
        """A lost node is what made others fail, though it is noticed after them."""
        return failure.rank is not None or failure.node not in self._lost, failure.time_s

    def _explain(self) -> str:
        first = min(self._failures, key=self._order)
        where = f"node {first.node} ({self._nodes[first.node].address.host})"
        rank, log = first.rank, f"rank-{first.rank}.log"
        if first.node in self._lost and rank is None:
            what = f"{where} was lost ({self._lost[first.node]})"
            rank = first.node * max(1, self._job.gpus_per_node)  # its first has most to say
            log = f"rank-{rank}.log"
        elif rank is None:
            what = f"the launcher on {where} failed, {_describe_code(first.code)}"
            log = f"node-{first.node}.log"
        else:
            what = f"rank {rank} on {where} failed first, {_describe_code(first.code)}"
        failed = {failure.rank for failure in self._failures if failure.rank is not None}
        others = [str(other) for other in sorted(failed - {first.rank})]
        after = f", and rank {', '.join(others)} after it" if others else ""
        tail = [text for text in self._tails[first.node, rank] if text] or ["(none)"]
        shown = "".join(f"\n  {text}" for text in tail)
        return (
            f"{what}{after}; the training was ended.\n"
            f"Its last lines, from {self._job.output}/logs/{log}:{shown}"
        )


def _describe_code(code: int | None) -> str:
    """An exit status in words."""
    if code is None:
        return "exit status unknown"
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
