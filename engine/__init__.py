"""The streams: sources, plan, convert, predict, evaluate, train, report, and the command line.

`groundray.engine.convert(...)` and `predict(...)` are the commands from Python. Names are loaded
when they are first used, because what they stand on is heavy.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundray.engine.conversion.convert import convert
    from groundray.engine.conversion.manifest import Manifest
    from groundray.engine.prediction.actors import Actors
    from groundray.engine.prediction.manifest import PredictionManifest
    from groundray.engine.prediction.predict import predict
    from groundray.engine.runners import Runner

# Read by Arrow's allocator when pyarrow is first imported: it then takes memory as it needs it, and
# a conversion 20 to 45 MB less (measured).
os.environ.setdefault("MIMALLOC_ARENA_EAGER_COMMIT", "0")

__all__ = ["Actors", "Manifest", "PredictionManifest", "Runner", "convert", "predict"]

_MODULES = {
    "Actors": "groundray.engine.prediction.actors",
    "Manifest": "groundray.engine.conversion.manifest",
    "PredictionManifest": "groundray.engine.prediction.manifest",
    "Runner": "groundray.engine.runners",
    "convert": "groundray.engine.conversion.convert",
    "predict": "groundray.engine.prediction.predict",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)
