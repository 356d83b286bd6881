"""Plugin files: they travel with a job by content, since other machines do not have them."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

from groundray.formats import FORMATS
from groundray.formats.errors import FormatError


@dataclass(frozen=True, slots=True)
class Plugin:
    """A Python file that defines formats, as it was when the command was given."""

    path: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Digest of the content, hexadecimal."""
        return sha256(self.content).hexdigest()


def read_plugins(paths: Iterable[str]) -> tuple[Plugin, ...]:
    """Reads plugin files.

    Raises:
        FormatError: a file cannot be read.
    """
    plugins = []
    for path in paths:
        try:
            plugins.append(Plugin(str(Path(path).absolute()), Path(path).read_bytes()))
        except OSError as error:
            raise FormatError(f"plugin {path!r} cannot be read: {error.strerror}") from error
    return tuple(plugins)


def load_plugins(plugins: Iterable[Plugin]) -> None:
    """Adds what plugin files define to the formats of this process; again is no change.

    Raises:
        FormatError: a file fails when it is run, or defines a name that is taken.
    """
    for plugin in plugins:
        path = Path(plugin.path)
        if not path.is_file() or path.read_bytes() != plugin.content:
            path = Path(mkdtemp(prefix="groundray-plugin-")) / path.name
            path.write_bytes(plugin.content)
        FORMATS.add_file(path)
