"""What can be wrong with an answer: the codes in `ParsedAnswer.issues`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

TRUNCATED: Final = "truncated"
TRUNCATED_REASONING: Final = "truncated_reasoning"
BAD_BOX: Final = "bad_box"
UNPARSABLE: Final = "unparsable"

ISSUES: Mapping[str, str] = MappingProxyType(
    {
        BAD_BOX: "a box is missing or is not the finite numbers that it should be; it is left out",
        TRUNCATED: "the text stops inside an object; what was complete before it counts",
        TRUNCATED_REASONING: "the text stops inside the reasoning, before any answer",
        UNPARSABLE: "no object, and no words for 'nothing there' either",
    }
)
"""Every code with its meaning, alphabetical. An answer that finds nothing has none of them."""
