"""Servers: any OpenAI-compatible chat endpoint, such as vLLM, SGLang and FastDeploy have.

Beside the common fields of a request these stand, which all three know or ignore:

    skip_special_tokens: false     or a format of special tokens loses its boxes
    spaces_between_special_tokens: false
    top_k: 1                       FastDeploy reads a temperature of 0 as 1
    repetition_penalty: 1          or a checkpoint's generation_config.json sets one, and
                                   coordinates that repeat are penalised
    mm_processor_kwargs            vLLM: {"max_pixels": N}
    top_logprobs: 0                without it FastDeploy gives no logprobs
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from io import BytesIO
from threading import Event
from typing import Any, ClassVar

import orjson

from groundray.formats.errors import ModelError
from groundray.models.base import Answer, ImageInput, Prompt, Settings
from groundray.models.chat_completion import read_completion
from groundray.models.endpoint import Endpoint, Failure, Patience, Refusal

_EXTRAS: Mapping[str, Any] = {
    "skip_special_tokens": False,
    "spaces_between_special_tokens": False,
    "top_k": 1,
    "repetition_penalty": 1.0,
}
_MEDIA_TYPES: Mapping[bytes, str] = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}
_PATIENCE = Patience()
_CHECK_PATIENCE = Patience(attempts=3, answer_timeout_s=120)
_MOST_AT_ONCE = 256
_MOST_IN_A_ROW = 50
_PATH = "/chat/completions"


class Server:
    """A model that another process serves.

    All prompts of a batch are sent at once, so that the server can batch them as it likes. Whether
    it takes every field is settled at loading with a question about a grey square: fields that it
    refuses are left out from then on, and `describe` names them.
    """

    name: ClassVar[str] = "server"
    image_input: ClassVar[ImageInput] = "jpeg"
    batch_size: ClassVar[int] = 16
    max_batch_size: ClassVar[int | None] = _MOST_AT_ONCE
    has_logprobs: ClassVar[bool] = True
    device: str = "remote"

    def __init__(self, settings: Settings, *, patience: Patience = _PATIENCE) -> None:
        """Finds out what the server serves, and what it takes.

        Raises:
            ModelError: it cannot be reached, serves another model, or cannot answer about images.
        """
        self._settings = settings
        self._endpoint = Endpoint(settings.server, patience)
        self._failed_in_a_row = 0
        self._model, self._served_by = _find_model(self._endpoint, settings.checkpoint)
        self._extras = self._settle_extras()

    @classmethod
    def check(cls, settings: Settings) -> None:
        """See `Backend`; asks the server, which costs it one token."""
        cls(settings, patience=_CHECK_PATIENCE)

    def answer(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """See `Backend`.

        A prompt that the server refuses, or always fails at while it answers others, costs itself.

        Raises:
            ModelError: the server is gone, or fails at one prompt after the other.
        """
        replies = self._ask_all(prompts)
        failures = [reply for reply in replies if isinstance(reply, Failure)]
        if failures:
            self._refuse_gone(failures[0])
        answers = [_answer_of(reply) for reply in replies]
        self._refuse_hopeless(answers)
        return answers

    def describe(self) -> dict[str, Any]:
        """See `Backend`."""
        asked = {*_EXTRAS, *self._wanted_extras()}
        return {
            "model": self._model,
            "served_by": self._served_by,
            "refused_fields": sorted(asked - {*self._extras}),
        }

    def _ask_all(self, prompts: Sequence[Prompt]) -> list[Answer | Refusal | Failure]:
        if not prompts:
            return []
        stop = Event()
        pool = ThreadPoolExecutor(min(len(prompts), _MOST_AT_ONCE))
        try:
            asked = [pool.submit(self._ask, prompt, stop) for prompt in prompts]
            for done in wait(asked, return_when=FIRST_EXCEPTION).done:
                done.result()  # or raises, without waiting for the others
            return [each.result() for each in asked]
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, prompt: Prompt, stop: Event) -> Answer | Refusal | Failure:
        try:
            content = _content(prompt)
        except ValueError as error:
            return Refusal(str(error))
        messages = [{"role": "user", "content": content}]
        if prompt.system is not None:
            messages.insert(0, {"role": "system", "content": prompt.system})
        return self._post(messages, self._extras, self._settings.max_new_tokens, stop)

    def _post(
        self, messages: Any, extras: Mapping[str, Any], max_tokens: int, stop: Event
    ) -> Answer | Refusal | Failure:
        body = {
            "model": self._model,
            "messages": messages,
            "temperature": 0,
            "max_tokens": max_tokens,
            **extras,
        }
        return self._endpoint.post(_PATH, orjson.dumps(body), read=read_completion, stop=stop)

    def _wanted_extras(self) -> dict[str, Any]:
        extras = dict(_EXTRAS)
        if self._settings.max_pixels is not None:
            extras["mm_processor_kwargs"] = {"max_pixels": self._settings.max_pixels}
        if self._settings.logprobs:
            extras |= {"logprobs": True, "top_logprobs": 0}
        return extras

    def _settle_extras(self) -> dict[str, Any]:
        """The fields that the server takes."""
        extras = self._wanted_extras()
        while True:
            reply = self._probe(extras)
            if isinstance(reply, Answer):
                return extras
            if isinstance(reply, Failure):
                raise ModelError(f"the server at {self._endpoint.url} fails: {reply.reason}")
            optional = [field for field in extras if field in _EXTRAS]
            refused = [field for field in optional if field in reply.reason] or optional
            if not refused:
                raise self._refused(reply.reason, extras)
            extras = {field: value for field, value in extras.items() if field not in refused}

    def _probe(self, extras: Mapping[str, Any]) -> Answer | Refusal | Failure:
        content = _content(Prompt("", "What is this?", None, _grey_square()))
        return self._post([{"role": "user", "content": content}], extras, 1, Event())

    def _refused(self, reason: str, extras: Mapping[str, Any]) -> ModelError:
        how = ""
        if "mm_processor_kwargs" in extras:
            how = "; without --max-pixels N (--max-pixels model) the server alone sizes images"
        if "logprobs" in extras:
            how += "; without logprobs it may answer"
        return ModelError(
            f"the server at {self._endpoint.url} refuses a question about an image: {reason}{how}"
        )

    def _refuse_gone(self, failure: Failure) -> None:
        """Raises where the server does not even answer about a grey square."""
        if not isinstance(self._probe(self._extras), Answer):
            raise ModelError(
                f"the server at {self._endpoint.url} no longer answers: {failure.reason}; "
                "when it does again, the same command goes on from here"
            )

    def _refuse_hopeless(self, answers: Sequence[Answer]) -> None:
        errors = [answer.error for answer in answers if answer.error is not None]
        self._failed_in_a_row = (
            self._failed_in_a_row + len(errors) if len(errors) == len(answers) else 0
        )
        if self._failed_in_a_row >= _MOST_IN_A_ROW:
            raise ModelError(
                f"the server at {self._endpoint.url} answered none of the last "
                f"{self._failed_in_a_row} prompts: {errors[-1]}"
            )


def _answer_of(reply: Answer | Refusal | Failure) -> Answer:
    if isinstance(reply, Answer):
        return reply
    verb = "refuses this prompt" if isinstance(reply, Refusal) else "fails at this prompt"
    return Answer("", error=f"the server {verb}: {reply.reason}")


def _find_model(endpoint: Endpoint, wanted: str) -> tuple[str, str | None]:
    """The name of the model to ask, and who serves it, as far as the server says.

    A name may be one that is listed with an adapter of it: `base:adapter`.
    """
    reply = endpoint.get("/models")
    if isinstance(reply, Failure):
        raise ModelError(
            f"the server at {endpoint.url} cannot be reached: {reply.reason}; is it running?"
        )
    names = {} if isinstance(reply, Refusal) else _served(reply)
    is_any = wanted in {"", "auto"}
    if is_any and len(names) == 1:
        wanted = next(iter(names))
    elif is_any:
        serves = f"serves {', '.join(names)}" if names else "does not say what it serves"
        raise ModelError(f"the server at {endpoint.url} {serves}: name a model (--checkpoint)")
    base = wanted.partition(":")[0]
    if names and wanted not in names and base not in names:
        raise ModelError(
            f"the server at {endpoint.url} does not serve {wanted!r} (it serves {', '.join(names)})"
        )
    return wanted, names.get(wanted, names.get(base))


def _served(listing: Mapping[str, Any]) -> dict[str, str | None]:
    """Names of models, and who owns each."""
    data = listing.get("data")
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    return {str(entry["id"]): entry.get("owned_by") for entry in entries if "id" in entry}


def _content(prompt: Prompt) -> list[dict[str, Any]]:
    """The content of a user's message: the image, then the text."""
    text = {"type": "text", "text": prompt.text}
    if prompt.image is None:
        return [text]
    data = bytes(prompt.image)
    url = f"data:{_media_type(data)};base64,{b64encode(data).decode()}"
    return [{"type": "image_url", "image_url": {"url": url}}, text]


def _media_type(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for start, media_type in _MEDIA_TYPES.items():
        if data.startswith(start):
            return media_type
    raise ValueError("the image is neither JPEG, PNG, WebP, GIF, BMP nor TIFF")


def _grey_square() -> bytes:
    from PIL import Image

    data = BytesIO()
    Image.new("RGB", (64, 64), "grey").save(data, "PNG")
    return data.getvalue()
