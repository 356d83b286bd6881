"""The first cases of every target of `python -m tests.fuzz`."""

import pytest

from tests.fuzz.campaign import case, targets

SEED = 0
CASES = {"parse": 500, "round-trip": 300, "cut": 150, "time": 20, "schema": 80, "recipe.yaml": 60}
CASES_OF_FILES = 400


@pytest.mark.parametrize("name", targets())
def test_nothing_breaks_it(name: str) -> None:
    target = targets()[name]
    for number in range(CASES.get(name.rpartition("/")[2], CASES_OF_FILES)):
        failure = case(name, target, SEED, number)
        assert failure is None, str(failure)
