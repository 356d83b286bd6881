"""Side files: what stands beside the parquet and tells of the data set as a whole."""

from collections.abc import Sequence
from typing import NamedTuple

from groundray.engine.sources.features import ClassNames, card_class_names, infos_class_names
from groundray.engine.sources.places import join, parent, read_text
from groundray.engine.sources.splits import is_split_name
from groundray.models.urls import public_name

_INFOS = "dataset_infos.json"
_CARD = "README.md"
_LEVELS = 3
_DATA_FOLDERS = frozenset({"data", "default", "parquet", "annotations"})


class DataSet(NamedTuple):
    """What was found around a folder of parquet files.

    Attributes:
        root: path or URL of the data set's root: the nearest folder, from INPUT upwards, that has
            a description, else the folder above those that are called `data`, `train` or the like.
        infos: text of dataset_infos.json, or None.
        card: text of README.md, or None.
    """

    root: str
    infos: str | None = None
    card: str | None = None

    def class_names(self, columns: set[str]) -> tuple[str, ClassNames]:
        """The file that gives class names for a table with these columns, and the names."""
        if self.infos is not None and (names := infos_class_names(self.infos, columns)):
            return _INFOS, names
        if self.card is not None and (names := card_class_names(self.card, columns)):
            return _CARD, names
        return "", {}


def find_data_set(root: str) -> DataSet:
    """The data set that the folder of an INPUT belongs to."""
    folders = _folders_from(root)
    for folder in folders:
        infos, card = read_text(join(folder, _INFOS)), read_text(join(folder, _CARD))
        if infos is not None or (card is not None and "dataset_info:" in card):
            return DataSet(folder, infos, card)
    for folder in folders:
        if not _is_data_folder(folder):
            return DataSet(folder)
    return DataSet(folders[-1])


def _folders_from(root: str) -> Sequence[str]:
    folders = [public_name(root)] if root.startswith("http") else [root]
    while len(folders) <= _LEVELS and (above := parent(folders[-1])) is not None:
        folders.append(above)
    return folders


def _is_data_folder(folder: str) -> bool:
    name = folder.rstrip("/").rsplit("/", 1)[-1]
    return name in _DATA_FOLDERS or is_split_name(name)
