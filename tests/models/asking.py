"""What tests ask of real checkpoints, in a process that Paddle may change as it likes.

Importing Paddle and PaddleFormers replaces modules, warns and logs; here that meets no other test.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pytest

from groundray.models import Answer, Prompt, Settings
from groundray.models.base import Pixels

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Paddle:
    """A process that keeps what it has loaded."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def __call__(self, ask: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Calls a function of a test module there; what it raises is raised here."""
        return self._pool.submit(ask, *args, **kwargs).result()


@pytest.fixture(scope="session")
def paddle() -> Iterator[Paddle]:
    """One process for all tests of the session."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        yield Paddle(pool)


def answers(
    settings: Settings, prompts: Sequence[Prompt], batch_size: int, padding_side: str = "left"
) -> list[Answer]:
    """Answers of the backend in batches; padding elsewhere than on the left is for comparison."""
    backend = _loaded(settings)
    backend._processor.tokenizer.padding_side = padding_side
    return [
        answer
        for start in range(0, len(prompts), batch_size)
        for answer in backend.answer(prompts[start : start + batch_size])
    ]


def description(settings: Settings) -> dict[str, Any]:
    """What the backend says of itself."""
    described: dict[str, Any] = _loaded(settings).describe()
    return described


def forced_logprobs(settings: Settings, prompt: Prompt) -> list[float]:
    """Logprobs of the answer's tokens by one pass over prompt and answer, without `generate`."""
    import paddle

    backend = _loaded(settings)
    inputs = backend._inputs([prompt])
    ids, _ = backend._model.generate(**inputs, max_new_tokens=settings.max_new_tokens)
    begun = inputs["input_ids"].shape[1]
    whole = paddle.concat([inputs.pop("input_ids"), ids], axis=1)
    inputs["attention_mask"] = paddle.ones_like(whole)
    with paddle.no_grad():
        logits = backend._model(input_ids=whole, **inputs).logits[:, begun - 1 : -1]
    logprobs = paddle.nn.functional.log_softmax(logits, axis=-1)[0].numpy()
    found: list[float] = logprobs[np.arange(ids.shape[1]), ids[0].numpy()].tolist()
    return found


def weights(settings: Settings) -> Mapping[str, Pixels]:
    """Tensors of the loaded model, adapters merged."""
    state = _loaded(settings)._model.state_dict()
    return {name: value.numpy() for name, value in state.items()}


@lru_cache(maxsize=8)
def _loaded(settings: Settings) -> Any:
    from groundray.models import get_backend

    return get_backend("paddleformers")(settings)
