"""How published numbers are counted, so that ours can be compared with them, and the gap be seen.

What QwenLM/Qwen3-VL, evaluation/ODinW-13/run_odinw.py (at 9658872) does: an answer that is not
whole JSON counts as no boxes, without a trace; labels are compared without case, and a box whose
label is not in the list is dropped instead of counted as false; every score is 1. lmms-eval's
referring tasks take an answer that cannot be read as a box of zeros, as a failure, like ours.
What is not repeated here: reading a box in several spaces and keeping the one that fits the truth.
"""

from dataclasses import replace

import numpy as np

from groundray.engine.scoring.pairs import INVENTED, UNSEEN, Answers, Pairs


def as_published(pairs: Pairs) -> Pairs:
    """The pairs as a published protocol sees them; the same object where it sees no difference."""
    classes = _without_case(pairs)
    known = (classes >= 0) | pairs.is_grounding[pairs.prediction_record]
    keep = known & ~_unseen(pairs)[pairs.prediction_record]
    sound = pairs.is_sound
    if keep.all() and sound.all() and np.array_equal(classes, pairs.prediction_class):
        return pairs
    changed = replace(pairs, prediction_class=classes).take_predictions(keep)
    return replace(changed, answers=_all_sound(pairs.answers))


def _without_case(pairs: Pairs) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """`(P,)` classes, with labels found that differ from a class by case alone."""
    if not pairs.invented:
        return pairs.prediction_class
    numbers = {name.lower(): i for i, name in reversed(list(enumerate(pairs.classes)))}
    table = np.array([numbers.get(name.lower(), INVENTED) for name in pairs.invented])
    classes = pairs.prediction_class
    unknown = classes <= INVENTED
    found = classes.copy()
    found[unknown] = table[INVENTED - classes[unknown]]
    return found


def _unseen(pairs: Pairs) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """`(N,)` answers that a strict reader gets nothing from."""
    if pairs.answers is None:
        return np.zeros(len(pairs), dtype=np.bool_)
    return np.array([not UNSEEN.isdisjoint(issues) for issues in pairs.answers.issues], np.bool_)


def _all_sound(answers: Answers | None) -> Answers | None:
    if answers is None:
        return None
    none: tuple[str, ...] = ()
    return replace(answers, issues=[none] * len(answers.issues), error=[None] * len(answers.error))
