"""Words by which a model says that what was asked for is not there."""

import re

_WORDS = frozenset(
    "none null nil nothing no n/a na empty absent zero false 无 没有 空 不存在".split()  # noqa: SIM905
)
# A sentence to that effect stands at the start or the end of an answer.
_ENDS = 2000

_SEES = r"(?:find|locate|see|detect|identify|spot|recognize)"
_SEEN = r"(?:found|detected|visible|present|seen|located|identified|shown|depicted|there)"
_NOT = r"(?:not|never|cannot|can't|can’t|couldn't|isn't|aren't|wasn't|weren't|don't|doesn't|didn't)"  # noqa: RUF001
_PHRASES = re.compile(
    rf"""\bthere\s+(?:is|are|was|were)\s+(?:no|not\s+any|none|nothing)\b
    |\bno\s[^.;:!?\n]{{0,80}}?\b{_SEEN}\b
    |\bno\s(?:\w+\s){{0,3}}(?:objects?|instances?|targets?|matches|detections?|results?|box(?:es)?)\b
    |\bno\s[^.;:!?\n]{{0,80}}?\bin\s(?:the|this)\s(?:image|picture|photo|scene)\b
    |\b(?:none|nothing)\b[^.;:!?\n]{{0,80}}?\b{_SEEN}\b
    |\b{_NOT}\s+(?:be\s+)?(?:{_SEEN}|contain|include|show|appear|exist|able\s+to\s+{_SEES}|{_SEES})\b
    |\b{_NOT}\s+in\s(?:the|this)\s(?:image|picture|photo|scene)\b
    |\bunable\s+to\s+{_SEES}\b
    |未(?:能)?(?:找到|发现|检测到|见|出现)|没有|不存在|找不到|无法(?:找到|检测到|定位)|无(?:目标|物体|对象|匹配)
    """,
    re.VERBOSE | re.IGNORECASE,
)
# A model that has no image, or will not look, has not said that nothing is there.
_REFUSES = re.compile(
    r"""\b(?:see|view|open|access|load|process|receive|look\s+at|analy[sz]e)\s+
        (?:the|this|that|any|an|your|these|those)?\s*(?:attached\s+|uploaded\s+)?
        (?:images?|pictures?|photos?)\s*(?:[.,;!]|$|directly|itself|you|because|as\b|so\b)
    |\bno\s+(?:image|picture|photo)\s+(?:was|is|has\s+been|were)\s+
        (?:provided|given|attached|uploaded|shown|included|visible|found)
    |\b(?:sorry|cannot|can't|can’t|unable)\b[^.!?\n]{0,40}\b(?:assist|help|comply)\b
    """,  # noqa: RUF001
    re.VERBOSE | re.IGNORECASE,
)


def says_nothing(text: str) -> bool:
    """Whether a text without any box says that there is none, rather than something else.

    >>> says_nothing("None."), says_nothing("There are no cats in the image."), says_nothing("cat")
    (True, True, False)
    >>> says_nothing("I cannot see the image.")
    False
    """
    if len(text) > 2 * _ENDS:
        text = f"{text[:_ENDS]} {text[-_ENDS:]}"
    word = text.strip().strip("`\"'[](){}<>.!。").strip().casefold()
    return word in _WORDS or bool(_PHRASES.search(text) and not _REFUSES.search(text))
