"""How a process ends that is told to: in order, wherever it is."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

GRACE_S = 10.0
"""How long what is held may take to be given back."""

_AGAIN_S = 0.01


class TerminatedError(BaseException):
    """SIGTERM came. No `SystemExit`: where a plugin raises that, it costs one record."""


@contextmanager
def stopping() -> Iterator[None]:
    """SIGTERM raises `TerminatedError` in here; neither it nor Ctrl-C is lost in a finalizer.

    Python drops what is raised while a finalizer runs, and only tells a hook: then it comes again.
    Signals are a matter of the main thread: in others, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    on_sigterm, on_dropped = signal.getsignal(signal.SIGTERM), sys.unraisablehook

    def come_again(dropped: "sys.UnraisableHookArgs") -> None:
        if dropped.exc_type is TerminatedError:
            _later(_AGAIN_S, os.kill, os.getpid(), signal.SIGTERM)
        elif dropped.exc_type is KeyboardInterrupt:
            _later(_AGAIN_S, os.kill, os.getpid(), signal.SIGINT)
        else:
            on_dropped(dropped)

    signal.signal(signal.SIGTERM, _stop)
    sys.unraisablehook = come_again
    try:
        yield
    finally:
        sys.unraisablehook = on_dropped
        signal.signal(signal.SIGTERM, on_sigterm)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    _later(GRACE_S, os._exit, 128 + number)  # a clean-up may hang
    raise TerminatedError


def _later(seconds: float, call: Callable[..., object], *arguments: int) -> None:
    timer = threading.Timer(seconds, call, arguments)
    timer.daemon = True
    timer.start()
