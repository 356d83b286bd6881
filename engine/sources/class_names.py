"""Class names: those that a data set's own descriptions give, and whether they agree."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from groundray.engine.sources.features import ClassNames, footer_class_names
from groundray.engine.sources.layout import Path, format_path
from groundray.engine.sources.parquet import FooterFacts
from groundray.engine.sources.side_files import DataSet
from groundray.engine.sources.source import SourceFile
from groundray.formats.errors import LayoutError


class Part(NamedTuple):
    """A file that can be read, and what is known around it."""

    file: SourceFile
    footer: FooterFacts
    data_set: DataSet


class Naming(NamedTuple):
    """Names of the classes of one field, in the sequence of their numbers.

    Attributes:
        names: the names.
        place: what gives them: the footer, or a file beside the data.
        file: the first file that is named so.
    """

    names: tuple[str, ...]
    place: str
    file: str


def find_namings(parts: Sequence[Part]) -> Mapping[Path, list[Naming]]:
    """All different names that the files give to the classes of a field; as a rule one."""
    found: dict[Path, list[Naming]] = {}
    seen: dict[tuple[bytes | None, str], tuple[str, ClassNames]] = {}
    for part in parts:
        schema = part.footer.schema
        key = ((schema.metadata or {}).get(b"huggingface"), part.data_set.root)
        if key not in seen:
            seen[key] = "the footer", footer_class_names(schema)
            if not seen[key][1]:
                seen[key] = part.data_set.class_names(set(schema.names))
        place, by_path = seen[key]
        for path, names in by_path.items():
            namings = found.setdefault(path, [])
            if names not in [naming.names for naming in namings]:
                namings.append(Naming(names, place, part.file.relative))
    return found


def the_naming(namings: Mapping[Path, list[Naming]], path: Path) -> Naming | None:
    """The names of the classes of a field, or None where nothing gives them.

    Raises:
        LayoutError: files disagree, so that one number would stand for several classes.
    """
    found = namings.get(path, [])
    if len(found) > 1:
        first, second = found[:2]
        raise LayoutError(
            f"the files do not agree on the classes of {format_path(path)}: {first.file} says "
            f"{_excerpt(first.names)}, {second.file} says {_excerpt(second.names)}; take them one "
            f"by one, or give the names with --classes FILE"
        )
    return found[0] if found else None


def _excerpt(names: Sequence[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"
