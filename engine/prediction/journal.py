"""The journal of a unit: which of its batches were begun, and what was answered.

A GPU's answers are dear, and a process that answers can die of what it is asked. So each batch is
noted before it is begun, and its answers are kept until the unit is committed: a unit that is done
again, by this run or by a later one, asks only what was not answered yet, and knows what killed
its predecessors.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from groundray.engine.storage import PRIVATE, Store, write_errors
from groundray.models import Answer, Token

JOURNAL = f"{PRIVATE}/answers"


class Journal:
    """The journal of one unit, in the store of its run.

    Args:
        store: OUTPUT.
        unit: index of the unit.

    Raises:
        OutputError: OUTPUT cannot be written, in any of the methods.
    """

    def __init__(self, store: Store, unit: int) -> None:
        self._store = store
        self._folder = f"{JOURNAL}/{unit:06d}"
        with write_errors(store.shown):
            self._names = set(store.names(self._folder))

    def deaths(self, task: str) -> int:
        """How many processes began a task, and neither ended it nor gave it up."""
        return self._count(task) if f"{task}.begun" in self._names else 0

    @contextmanager
    def begun(self, task: str) -> Iterator[None]:
        """Notes that a task has begun, until it ends or raises: what stays is of a dead process."""
        path = f"{self._folder}/{task}.begun"
        with write_errors(self._store.shown):
            self._store.write(path, str(self.deaths(task) + 1).encode())
        try:
            yield
        finally:
            with write_errors(self._store.shown):
                self._store.remove(path)

    def forgive(self, task: str) -> None:
        """Forgets who died of a task, so that the next start tries it again."""
        self._store.remove(f"{self._folder}/{task}.begun")

    def answers(self, batch: int) -> tuple[list[Answer], dict[str, Any]] | None:
        """What was answered to a batch, and how (`Backend.describe`); None where nothing was."""
        name = f"{batch:05d}.json"
        data = self._store.read(f"{self._folder}/{name}") if name in self._names else None
        if data is None:
            return None
        kept = json.loads(data)
        return [_answer(fields) for fields in kept["answers"]], kept["by"]

    def keep(self, batch: int, answers: Sequence[Answer], by: dict[str, Any]) -> None:
        """Keeps the answers to a batch."""
        kept = {"answers": [asdict(answer) for answer in answers], "by": by}
        # json and not orjson: a model's text may hold half a character
        with write_errors(self._store.shown):
            self._store.write(f"{self._folder}/{batch:05d}.json", json.dumps(kept).encode())

    def remove(self) -> None:
        """Forgets the unit, which is committed."""
        self._store.remove(self._folder)

    def _count(self, task: str) -> int:
        data = self._store.read(f"{self._folder}/{task}.begun")
        return int(data) if data and data.isdigit() else 1


def _answer(fields: dict[str, Any]) -> Answer:
    tokens = fields.pop("tokens")
    return Answer(**fields, tokens=None if tokens is None else tuple(Token(*t) for t in tokens))
