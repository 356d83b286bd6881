"""Things by name: the built-in ones, those of installed packages, and those of plugin files."""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from pkgutil import resolve_name
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING

from groundray.formats.errors import GroundrayError, did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PACKAGE = "groundray"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a name stands for.

    Attributes:
        target: `"module:attribute"`.
        origin: the package and its version, or the plugin file.
    """

    target: str
    origin: str


class Registry:
    """Names of one kind of thing, found the same way in every process.

    Nothing depends on an import having happened: built-in names stand in a mapping, those of other
    packages in their entry points; both are imported when they are asked for. Plugin files, which
    are for notebooks and trials, are added by every process that needs them.

    >>> colours = Registry("example.colours", {"red": "groundray.formats.errors:FormatError"})
    >>> colours.names()
    ['red']
    >>> colours.load("rad")
    Traceback (most recent call last):
    groundray.formats.errors.GroundrayError: unknown name 'rad'; did you mean 'red'? (known: red)
    """

    def __init__(
        self,
        group: str,
        builtins: Mapping[str, str],
        *,
        noun: str = "name",
        accepts: Callable[[object], bool] = lambda value: hasattr(value, "name"),
        error: type[GroundrayError] = GroundrayError,
        readers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Makes a registry.

        Args:
            group: entry point group that other packages join by.
            builtins: name to `"module:attribute"`, alphabetical.
            noun: what a thing is called in messages.
            accepts: which objects of a plugin file are such things; each has a `name`.
            error: raised when a name is unknown, defined twice, or cannot be loaded.
            readers: for plugin files that are no Python: the end of their name, such as `.toml`,
                to `"module:function"`, which makes a thing of (content, path) or raises `error`.
        """
        self.group = group
        self.noun = noun
        self._builtins = MappingProxyType(dict(builtins))
        self._accepts = accepts
        self._error = error
        self._readers = MappingProxyType(dict(readers))
        self._files: dict[Path, tuple[str, Mapping[str, Entry]]] = {}

    def names(self) -> list[str]:
        """All names, sorted.

        Raises:
            GroundrayError: a name is defined twice.
        """
        return sorted(self._entries())

    def origin(self, name: str) -> str:
        """Package and version that define a name, or the path of the plugin file."""
        return self._entry(name).origin

    def load(self, name: str) -> object:
        """What a name stands for, imported now if it was not yet.

        Raises:
            GroundrayError: the name is unknown or defined twice, or its module cannot be imported.
        """
        entry = self._entry(name)
        try:
            return resolve_name(entry.target)
        except (Exception, SystemExit) as error:
            raise self._error(
                f"{self.noun} {name!r} ({entry.target}, from {entry.origin}) cannot be loaded: "
                f"{type(error).__name__}: {error}"
            ) from error

    def add_file(self, path: str | Path, *, required: bool = True) -> list[str]:
        """Adds the things that a file defines, Python or what a reader takes, under their `name`.

        The same content again, here or as a copy elsewhere, is no change. A file that was edited
        since takes the place of what it defined before.

        Args:
            path: the file.
            required: whether a file that defines no such thing is an error; it may hold others.

        Returns:
            The names added, sorted.

        Raises:
            GroundrayError: the file cannot be read, raises when it is run, defines no such thing
                where it must, or one whose name is taken.
        """
        file = Path(path).absolute()
        try:
            source = file.read_bytes()
        except OSError as error:
            raise self._error(f"plugin {str(path)!r} cannot be read: {error.strerror}") from error
        digest = hashlib.sha256(source).hexdigest()[:16]
        for known, entries in self._files.values():
            if known == digest:
                return sorted(entries)
        module = self._run(file, source, f"groundray_plugin_{digest}")
        before = self._files.pop(file, None)
        try:
            found = self._found_in(module, file)
            if required and not found:
                raise self._error(f"plugin {str(file)!r} defines no {self.noun}")
        except GroundrayError:
            if before is not None:
                self._files[file] = before
            raise
        self._files[file] = (digest, found)
        return sorted(found)

    def _entry(self, name: str) -> Entry:
        entries = self._entries()
        if name in entries:
            return entries[name]
        hint = did_you_mean(name, entries)
        known = ", ".join(sorted(entries))
        raise self._error(f"unknown {self.noun} {name!r}{hint} (known: {known})")

    def _entries(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for name, entry in self._all_entries():
            self._refuse_second(name, entries.setdefault(name, entry), entry)
        return entries

    def _all_entries(self) -> Iterator[tuple[str, Entry]]:
        own = f"{PACKAGE} {_own_version()}"
        for name, target in self._builtins.items():
            yield name, Entry(target, own)
        yield from _installed(self.group, _state_of_path())
        for _, found in self._files.values():
            yield from found.items()

    def _found_in(self, module: ModuleType, file: Path) -> Mapping[str, Entry]:
        known = self._entries()
        found: dict[str, Entry] = {}
        for attribute, name in self._things(module, known):
            entry = Entry(f"{module.__name__}:{attribute}", str(file))
            self._refuse_second(name, known.get(name, entry), entry)
            self._refuse_second(name, found.setdefault(name, entry), entry)
        return MappingProxyType(found)

    def _refuse_second(self, name: str, first: Entry, second: Entry) -> None:
        if first != second:
            raise self._error(
                f"{self.noun} {name!r} is defined twice: {first.target} from {first.origin}, "
                f"and {second.target} from {second.origin}; remove one of them"
            )

    def _run(self, file: Path, source: bytes, module_name: str) -> ModuleType:
        module = ModuleType(module_name)
        module.__file__ = str(file)
        if file.suffix in self._readers:
            read = resolve_name(self._readers[file.suffix])
            vars(module)["READ"] = read(source, str(file))
            sys.modules[module_name] = module
            return module
        sys.modules[module_name] = module  # where pickle and dataclasses look classes up
        try:
            exec(compile(source, str(file), "exec"), vars(module))  # noqa: S102 - as the user asked
        except (Exception, SystemExit) as error:
            del sys.modules[module_name]
            raise self._error(
                f"plugin {str(file)!r} fails when it is loaded: {type(error).__name__}: {error}"
            ) from error
        return module

    def _things(self, module: ModuleType, known: Mapping[str, Entry]) -> Iterator[tuple[str, str]]:
        """(attribute, name) of what the module itself defines, not of what it imports."""
        for attribute, value in list(vars(module).items()):
            if not self._accepts(value):
                continue
            name = str(getattr(value, "name", attribute))
            if isinstance(value, type):
                imported = value.__module__ != module.__name__
            else:
                imported = name in known and value is resolve_name(known[name].target)
            if not imported:
                yield attribute, name


def _state_of_path() -> tuple[tuple[str, int], ...]:
    """What changes when a package is installed or removed, or the import path is."""
    return tuple((place, _changed_at(place or ".")) for place in sys.path)


def _changed_at(place: str) -> int:
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=16)
def _installed(
    group: str,
    state_of_path: tuple[tuple[str, int], ...],
) -> tuple[tuple[str, Entry], ...]:
    """Names that installed packages define; looking through their metadata takes 6 ms."""
    import importlib.metadata

    return tuple(
        (point.name, Entry(point.value, _package_of(point)))
        for point in importlib.metadata.entry_points(group=group)
    )


def _package_of(point: "EntryPoint") -> str:
    return "unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"


@lru_cache(maxsize=1)
def _own_version() -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"
