"""What the package lists is what it exports."""

import types

from groundray.engine import sources


def test_all_lists_what_is_exported() -> None:
    exported = {
        name
        for name, value in vars(sources).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert sorted(exported) == sorted(sources.__all__)
