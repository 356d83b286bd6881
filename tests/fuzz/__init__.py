"""Fuzzing: everything that reads what others wrote, on texts and files that were made to break it.

    python -m tests.fuzz --minutes 60            # as long as that, in processor time
    python -m tests.fuzz --format glm-4.5v       # one format alone
    python -m tests.fuzz --only layout.toml --case 1234 --seed 7   # one case again

A case is made of nothing but the seed, the target's name and the case's number, so that each can be
repeated alone. `tests/test_fuzz.py` runs the first cases of every target.
"""
