"""Answers by PaddleFormers, in the process that asks.

Answers are greedy and without penalties: they depend on the checkpoint and the prompt alone.
"""

import importlib.metadata
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from groundray.formats.errors import ModelError, OutOfMemoryError
from groundray.models.base import Answer, ImageInput, Prompt, Settings, Token
from groundray.models.families import limit_pixels
from groundray.models.loading import check_checkpoint, load
from groundray.models.paddle_import import INSTALL
from groundray.models.tokens import end_ids, split_text, until_end


class PaddleFormers:
    """A checkpoint that PaddleFormers generates with; a `Backend`.

    Families: Qwen3-VL, Qwen2.5-VL, GLM-4.5V and ERNIE-4.5-VL, whose processor takes one prompt at a
    time.
    """

    name: ClassVar[str] = "paddleformers"
    image_input: ClassVar[ImageInput] = "pixels"
    batch_size: ClassVar[int] = 8
    max_batch_size: ClassVar[int | None] = None
    has_logprobs: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("paddle", "paddleformers")

    @classmethod
    def check(cls, settings: Settings) -> None:
        """Looks whether Paddle is there and the checkpoint's configuration is of a known family.

        Raises:
            ModelError: what is wrong, and what would be right.
        """
        for module in cls.needs:
            if importlib.util.find_spec(module) is None:
                raise ModelError(f"{INSTALL} (no module named {module!r})")
        if settings.server is not None:
            raise ModelError("the backend 'paddleformers' asks no server; --backend server does")
        check_checkpoint(settings.checkpoint)

    def __init__(self, settings: Settings) -> None:
        loaded = load(settings.checkpoint)
        if loaded.family.needs_gpu and loaded.device != "gpu":
            raise ModelError(f"{loaded.family.name} has layers that run on GPUs only; here is none")
        self.device: str = loaded.device
        self._settings = settings
        self._loaded = loaded
        self._processor = loaded.processor
        self._model = loaded.model
        self._processor.tokenizer.padding_side = "left"  # padding on the right changes answers
        self._max_pixels = limit_pixels(loaded.processor, loaded.family, settings.max_pixels)
        text = getattr(loaded.model.config, "text_config", loaded.model.config)
        generation = loaded.model.generation_config
        self._end_ids = end_ids(loaded.processor.tokenizer, loaded.model.config, text, generation)
        if not loaded.family.hands_on_cache:
            _hand_on_cache(loaded.model)
        self._logprobs = _Logprobs(loaded.model) if settings.logprobs else None

    def answer(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """Answers a batch, or one prompt after the other where the family's processor takes one.

        Raises:
            OutOfMemoryError: the batch is too large for the device.
        """
        if not prompts:
            return []
        step = 1 if self._loaded.family.one_by_one else len(prompts)
        with _out_of_memory(len(prompts)):
            return [
                answer
                for start in range(0, len(prompts), step)
                for answer in self._answer(prompts[start : start + step])
            ]

    def describe(self) -> dict[str, Any]:
        """Versions, and what was chosen by the device and the settings."""
        return {
            "backend": self.name,
            "family": self._loaded.family.name,
            "device": self.device,
            "dtype": self._loaded.dtype,
            "attention": list(self._loaded.attention),
            "is_adapted": self._loaded.is_adapted,
            "decoding": "greedy",
            "max_new_tokens": self._settings.max_new_tokens,
            "max_pixels": self._max_pixels,
            "paddle": _version("paddlepaddle-gpu", "paddlepaddle"),
            "paddleformers": _version("paddleformers"),
        }

    def _answer(self, prompts: Sequence[Prompt]) -> list[Answer]:
        if self._logprobs is not None:
            self._logprobs.forget()
        ids, _ = self._model.generate(
            **self._inputs(prompts),
            max_new_tokens=self._settings.max_new_tokens,
            do_sample=False,
            decode_strategy="greedy_search",
            repetition_penalty=1.0,
            use_cache=True,  # a trained checkpoint says that it wants none
            eos_token_id=self._end_ids,
            pad_token_id=self._pad_id,
        )
        rows: list[list[int]] = ids.tolist()
        logprobs = [None] * len(rows) if self._logprobs is None else self._logprobs.rows()
        return [self._as_answer(*row) for row in zip(rows, logprobs, strict=True)]

    def _inputs(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        from PIL import Image

        return dict(
            self._processor(
                text=[self._chat(prompt) for prompt in prompts],
                images=[Image.fromarray(np.asarray(prompt.image)) for prompt in prompts],
                padding=True,
                return_tensors="pd",
            )
        )

    def _chat(self, prompt: Prompt) -> str:
        system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
        question = [dict(self._loaded.family.image_part), {"type": "text", "text": prompt.text}]
        messages = [*system, {"role": "user", "content": question}]
        chat: str = self._processor.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        return chat

    @property
    def _pad_id(self) -> int:
        pad: int | None = self._processor.tokenizer.pad_token_id
        return self._end_ids[0] if pad is None else pad

    def _as_answer(self, ids: list[int], logprobs: list[float] | None) -> Answer:
        ended = until_end(ids, self._end_ids)
        tokens = None
        if logprobs is not None:
            texts = split_text(ended.ids, self._decode)
            tokens = tuple(map(Token, texts, logprobs[: len(texts)]))
        return Answer(
            text=self._decode(ended.ids),
            finish="stop" if ended.is_whole else "length",
            num_tokens=ended.num_tokens,
            tokens=tokens,
        )

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self._processor.tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text


class _Logprobs:
    """Sees the logits of every step, and keeps the logarithm of the largest probability.

    Greedy decoding takes that token, so this is its logprob, without a second pass over the answer.
    """

    def __init__(self, model: Any) -> None:
        self._steps: list[Any] = []
        model.adjust_logits_during_generation = self._see

    def forget(self) -> None:
        """Begins anew."""
        self._steps.clear()

    def rows(self) -> list[list[float]]:
        """For each prompt, of each step."""
        import paddle

        rows: list[list[float]] = paddle.stack(self._steps, axis=1).tolist()
        return rows

    def _see(self, logits: Any) -> Any:
        import paddle

        wide = logits.astype("float32")
        logprob = wide.max(axis=-1) - paddle.logsumexp(wide, axis=-1)
        self._steps.append(logprob.clip(max=0.0))  # rounding must not make it more than certain
        return logits


def _hand_on_cache(model: Any) -> None:
    """Gives the keys and values of a step to the next.

    `generate` of PaddleFormers 1.2 does so only for outputs of one class, which these families'
    are not of: it reads prompt and image anew for every token. Same answers, 8 times as fast
    for 50 tokens of the tiny checkpoint.
    """
    update = model.update_model_kwargs_for_generation

    def update_with_cache(outputs: Any, inputs: dict[str, Any], **options: Any) -> dict[str, Any]:
        updated: dict[str, Any] = update(outputs, inputs, **options)
        updated["past_key_values"] = outputs.past_key_values
        return updated

    model.update_model_kwargs_for_generation = update_with_cache


@contextmanager
def _out_of_memory(num_prompts: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        is_memory = isinstance(error, MemoryError) or "ResourceExhausted" in str(error)
        if not is_memory and "Out of memory" not in str(error):
            raise
        import paddle

        if paddle.is_compiled_with_cuda():
            paddle.device.cuda.empty_cache()
        raise OutOfMemoryError(f"{num_prompts} prompts are too many for the device") from error


def _version(*packages: str) -> str:
    for package in packages:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
