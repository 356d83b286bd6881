"""What answers a prompt about an image, and how each family is trained."""

from groundray.formats.errors import ModelError
from groundray.formats.registry import Registry
from groundray.models.base import Answer, Backend, Prompt, Settings, Token

__all__ = [
    "BACKENDS",
    "Answer",
    "Backend",
    "Prompt",
    "Settings",
    "Token",
    "backend_names",
    "get_backend",
]

BACKENDS = Registry(
    "groundray.backends",
    {
        "paddleformers": "groundray.models.paddleformers:PaddleFormers",
        "replay": "groundray.models.replay:Replay",
        "server": "groundray.models.server:Server",
    },
    noun="backend",
    accepts=lambda value: isinstance(value, type) and not _missing(value),
    error=ModelError,
)
"""Every backend: built in, of an installed package, or of a plugin file (`BACKENDS.add_file`)."""


def backend_names() -> list[str]:
    """Names of all backends, sorted."""
    return BACKENDS.names()


def get_backend(name: str) -> type[Backend]:
    """The class of a backend; making one with `Settings` loads it.

    Raises:
        ModelError: no such backend, two packages define it, or it is not a whole `Backend`.
    """
    loaded = BACKENDS.load(name)
    missing = _missing(loaded)
    if missing or not isinstance(loaded, type):
        lacks = ", ".join(missing) or "a class"
        raise ModelError(f"backend {name!r} of {BACKENDS.origin(name)} lacks: {lacks}")
    return loaded


_MEMBERS = (
    "name",
    "image_input",
    "batch_size",
    "max_batch_size",
    "has_logprobs",
    "check",
    "answer",
    "describe",
)


def _missing(value: object) -> list[str]:
    return [member for member in _MEMBERS if not hasattr(value, member)]
