"""The first cases of every target of `python -m tests.fuzz`."""

import pytest

from tests.fuzz.campaign import case, targets

SEED = 0
CASES = {"parse": 120, "round-trip": 80, "cut": 40, "time": 6, "schema": 30, "recipe.yaml": 30}
CASES_OF_FILES = 100


@pytest.mark.parametrize("name", targets())
def test_nothing_breaks_it(name: str) -> None:
    target = targets()[name]
    for number in range(CASES.get(name.rpartition("/")[2], CASES_OF_FILES)):
        failure = case(name, target, SEED, number)
        assert failure is None, str(failure)
