"""Writing behind: calls are made by a thread, in their order, while the caller goes on."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from typing import ParamSpec

Args = ParamSpec("Args")

_WAITING = 8  # calls; more only hold memory


class Behind:
    """Makes calls one after another in a thread.

    Worth it for few and large calls that leave Python's lock alone, as hashing, compressing and
    writing do. What a call raises is raised by a later one, or by `settle`.
    """

    def __init__(self) -> None:
        self._thread = _thread()
        self._waiting: deque[Future[object]] = deque()

    def call(
        self, function: Callable[Args, object], *args: Args.args, **kwargs: Args.kwargs
    ) -> None:
        """Makes a call when those before it are done."""
        while len(self._waiting) >= _WAITING:
            self._settle_one()
        self._waiting.append(self._thread.submit(function, *args, **kwargs))

    def settle(self) -> None:
        """Waits until all calls are made; raises what the first of them raised."""
        while self._waiting:
            self._settle_one()

    def wait(self) -> None:
        """Waits likewise, and raises nothing: for who has an error already."""
        wait(self._waiting)

    def _settle_one(self) -> None:
        wait([self._waiting[0]])  # where Ctrl-C ends this, the call is still one to wait for
        self._waiting.popleft().result()


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "groundray-behind")
