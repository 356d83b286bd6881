"""Paddle and PaddleFormers, imported when something needs them, and without their noise."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from groundray.formats.errors import ModelError

INSTALL = (
    "the backend 'paddleformers' needs Paddle: pip install 'groundray[cpu]', or what "
    "requirements-gpu.txt names on a machine with GPUs"
)


def import_paddle() -> ModuleType:
    """Imports both, and makes the classes for one process loadable.

    From then on both log errors only: at import and for each checkpoint they warn
    of what is not wrong.

    Raises:
        ModelError: one of them is not installed.
    """
    from groundray.models.cpu_support import prepare

    try:
        with _quiet():
            import paddle
            from paddleformers.utils.log import logger

            logger.set_level("ERROR")
            prepare()
            warnings.filterwarnings("ignore", module=r"paddle(formers)?\.")  # of its own calls
    except ImportError as error:
        raise ModelError(f"{INSTALL} ({error})") from error
    module: ModuleType = paddle
    return module


@contextmanager
def _quiet() -> Iterator[None]:
    verbosity = os.environ.get("TRANSFORMERS_VERBOSITY")
    os.environ["TRANSFORMERS_VERBOSITY"] = verbosity or "error"
    os.environ.setdefault("GLOG_minloglevel", "2")  # read when Paddle is imported
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if verbosity is None:
            del os.environ["TRANSFORMERS_VERBOSITY"]
