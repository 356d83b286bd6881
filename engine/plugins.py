"""Plugin files: they travel with a job by content, since other machines do not have them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

from groundray.formats import FORMATS, registered_name
from groundray.formats.errors import FormatError
from groundray.models import BACKENDS


@dataclass(frozen=True, slots=True)
class Plugin:
    """A file that defines formats or backends, as it was when the command was given.

    Attributes:
        path: absolute; what ends in `.toml` declares a format, anything else is Python.
        content: of the file.
    """

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


def read_formats(
    formats: Sequence[str], plugins: Iterable[str]
) -> tuple[tuple[str, ...], tuple[Plugin, ...]]:
    """Names of formats, and the plugin files that define some of them.

    A format that is given as a TOML file goes by the name in it from here on, and the file travels
    as plugin files do.

    Args:
        formats: names, or paths that end in `.toml`.
        plugins: paths of further files.

    Raises:
        FormatError: a file cannot be read, or does not declare a format.
    """
    files = [name for name in formats if name.endswith(".toml")]
    read = read_plugins([*plugins, *files])
    return tuple(map(registered_name, formats)), read


def declaration_of(format_name: str, plugins: Iterable[Plugin]) -> str | None:
    """The text of the TOML file among plugins that declares a format; None where none does."""
    from groundray.formats.toml_format import read_toml_format  # imports every grammar

    for plugin in plugins:
        if not plugin.path.endswith(".toml"):
            continue
        if read_toml_format(plugin.content, plugin.path).name == format_name:
            return plugin.content.decode()
    return None


def load_plugins(plugins: Iterable[Plugin]) -> None:
    """Adds what plugin files define to the formats and backends of this process.

    Again is no change.

    Raises:
        FormatError: a file fails when it is run, defines nothing, or a name that is taken.
    """
    for plugin in plugins:
        path = Path(plugin.path)
        if not path.is_file() or path.read_bytes() != plugin.content:
            path = Path(mkdtemp(prefix="groundray-plugin-")) / path.name
            path.write_bytes(plugin.content)
        registries = (FORMATS,) if path.suffix == ".toml" else (FORMATS, BACKENDS)
        found = [registry.add_file(path, required=False) for registry in registries]
        if not any(found):
            raise FormatError(f"plugin {plugin.path!r} defines no format and no backend")
