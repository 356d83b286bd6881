"""The first cases of every target of `python -m tests.fuzz`."""

import pytest

from tests.fuzz.campaign import case, targets

pytestmark = pytest.mark.untraced

SEED = 0
CASES = {
    "parse": 1200,
    "round-trip": 800,
    "cut": 400,
    "time": 40,
    "schema": 200,
    "recipe.yaml": 100,
}
CASES_OF_FILES = 1000


@pytest.mark.parametrize("name", targets())
def test_nothing_breaks_it(name: str) -> None:
    target = targets()[name]
    for number in range(CASES.get(name.rpartition("/")[2], CASES_OF_FILES)):
        failure = case(name, target, SEED, number)
        assert failure is None, str(failure)
