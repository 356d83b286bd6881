"""Where planning reads keys: threads of this process, or tasks of a cluster.

What a function returns stays where it was made, and is named by a handle, which later functions
take. The values of a few, small ones are fetched. So planning holds what follows from the rows of a
data set only where there is one machine.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from groundray.formats.errors import GroundrayError

READERS = 8
"""Threads that read keys: these are small, so that threads hide the latency of a store, and cost
nothing locally."""

T = TypeVar("T")

Handle = Any
"""Of a value: itself where it was made here, else a reference to it."""


class Workers(Protocol):
    """Calls functions, which are picklable and depend on their arguments alone.

    Attributes:
        readers: threads that a function which reads files may use, so that as many read on each
            machine.
    """

    readers: int

    def each(self, work: Callable[..., Any], *columns: Sequence[Any]) -> list[Handle]:
        """Handles of what `work` returns for the arguments of each place; some may be handles."""
        ...

    def scatter(
        self, work: Callable[..., list[Any]], arguments: Sequence[Any], count: int
    ) -> list[list[Handle]]:
        """For each argument, handles of the `count` values that `work` returns in a list."""
        ...

    def gather(self, work: Callable[..., Any], groups: Sequence[Sequence[Handle]]) -> list[Any]:
        """What `work` returns for the values of each group, all given at once."""
        ...

    def take(self, handles: Sequence[Handle]) -> list[Any]:
        """The values.

        Raises:
            GroundrayError: what a function raised.
        """
        ...


class Threads:
    """Threads of this process."""

    readers = 1

    def each(self, work: Callable[..., Any], *columns: Sequence[Any]) -> list[Handle]:
        """See `Workers`."""
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(work, *columns))

    def scatter(
        self, work: Callable[..., list[Any]], arguments: Sequence[Any], count: int
    ) -> list[list[Handle]]:
        """See `Workers`."""
        del count  # which a list knows
        return self.each(work, arguments)

    def gather(self, work: Callable[..., Any], groups: Sequence[Sequence[Handle]]) -> list[Any]:
        """See `Workers`; one after another, as each holds a part of all rows."""
        return [work(*group) for group in groups]

    def take(self, handles: Sequence[Handle]) -> list[Any]:
        """See `Workers`."""
        return list(handles)


class RayTasks:
    """Tasks of the cluster that this process is connected to; values stay in its object store."""

    readers = READERS

    def each(self, work: Callable[..., Any], *columns: Sequence[Any]) -> list[Handle]:
        """See `Workers`."""
        return [_remote(_call, work, *arguments) for arguments in zip(*columns, strict=True)]

    def scatter(
        self, work: Callable[..., list[Any]], arguments: Sequence[Any], count: int
    ) -> list[list[Handle]]:
        """See `Workers`."""
        if count == 1:  # for which Ray would give the list itself
            return [[_remote(_call_for_one, work, argument)] for argument in arguments]
        return [_remote(_call, work, argument, num_returns=count) for argument in arguments]

    def gather(self, work: Callable[..., Any], groups: Sequence[Sequence[Handle]]) -> list[Any]:
        """See `Workers`."""
        return self.take([_remote(_call, work, *group) for group in groups])

    def take(self, handles: Sequence[Handle]) -> list[Any]:
        """See `Workers`."""
        import ray
        from ray.exceptions import RayTaskError

        try:
            values: list[Any] = ray.get(list(handles))
        except RayTaskError as error:
            if isinstance(error.cause, GroundrayError):
                raise error.cause from None
            raise
        return values


def deal(items: Sequence[T], num_groups: int) -> list[Sequence[T]]:
    """Neighbours in at most so many groups, whose lengths differ by one at most."""
    num_groups = min(num_groups, len(items))
    cuts = [len(items) * i // num_groups for i in range(num_groups + 1)] if items else [0]
    return [items[start:stop] for start, stop in pairwise(cuts)]


def _remote(function: Callable[..., Any], *arguments: Any, num_returns: int = 1) -> Any:
    """Starts a task; handles among the arguments become their values."""
    import ray

    task: Any = ray.remote(function)
    return task.options(num_returns=num_returns).remote(*arguments)


def _call(work: Callable[..., Any], *arguments: Any) -> Any:
    return work(*arguments)


def _call_for_one(work: Callable[..., list[Any]], argument: Any) -> Any:
    (value,) = work(argument)
    return value
