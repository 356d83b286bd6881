import base64
import json
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from groundray.formats.errors import ModelError
from groundray.models import Answer, Backend, Prompt, Settings, Token, get_backend
from groundray.models.endpoint import Patience
from groundray.models.server import Server
from tests.servers import ChatServer

StartServer = Callable[..., ChatServer]

HASTE = Patience(attempts=5, first_wait_s=0.01, answer_timeout_s=20)
CAT = "<|object_ref_start|>cat<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDRAY_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def settings(chat: ChatServer, **changes: Any) -> Settings:
    return Settings(**{"checkpoint": "auto", "server": chat.url} | changes)


def picture(*, image_format: str = "JPEG", grey: int = 100) -> bytes:
    data = BytesIO()
    Image.new("RGB", (8, 8), (grey, grey, grey)).save(data, image_format)
    return data.getvalue()


def prompt(text: str = "Find all.", *, system: str | None = None, grey: int = 100) -> Prompt:
    return Prompt(text, text, system, picture(grey=grey))


def ask(chat: ChatServer, *texts: str, patience: Patience = HASTE, **changes: Any) -> list[Answer]:
    backend = Server(settings(chat, **changes), patience=patience)
    return backend.answer([prompt(text) for text in texts])


def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_the_registry_finds_a_whole_backend(chat_server: StartServer) -> None:
    backend = get_backend("server")(settings(chat_server()))
    assert isinstance(backend, Backend)
    assert isinstance(backend, Server)


def test_answers_come_in_the_order_of_the_prompts(chat_server: StartServer) -> None:
    texts = [f"question {number}" for number in range(40)]
    answers = ask(chat_server(answers={text: f"to {text}" for text in texts}), *texts)
    assert [answer.text for answer in answers] == [f"to {text}" for text in texts]


def test_a_request_holds_image_text_and_what_makes_answers_repeatable(
    chat_server: StartServer,
) -> None:
    chat = chat_server()
    backend = Server(settings(chat, max_new_tokens=77, max_pixels=589_824))
    backend.answer([prompt("Find all.", system="You help.")])
    request = chat.requests()[-1]
    url = "data:image/jpeg;base64," + base64.b64encode(picture()).decode()
    assert request["path"] == "/v1/chat/completions"
    assert request["body"] == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "You help."},
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": url}},
                    {"type": "text", "text": "Find all."},
                ],
            },
        ],
        "temperature": 0,
        "max_tokens": 77,
        "skip_special_tokens": False,
        "spaces_between_special_tokens": False,
        "top_k": 1,
        "repetition_penalty": 1.0,
        "mm_processor_kwargs": {"max_pixels": 589_824},
    }
    assert "Authorization" not in request["headers"]


@pytest.mark.parametrize(
    ("image_format", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
    ],
)
def test_an_image_is_sent_as_what_it_is(
    chat_server: StartServer, image_format: str, media_type: str
) -> None:
    chat = chat_server()
    backend = Server(settings(chat))
    backend.answer([Prompt("1", "Find all.", None, picture(image_format=image_format))])
    [part, _] = chat.requests()[-1]["body"]["messages"][-1]["content"]
    assert part["image_url"]["url"].startswith(f"data:{media_type};base64,")


def test_bytes_that_are_no_image_cost_their_prompt(chat_server: StartServer) -> None:
    backend = Server(settings(chat_server(answers={"b": "yes"})))
    answers = backend.answer([Prompt("a", "a", None, b"nothing"), prompt("b")])
    assert answers[0].error is not None
    assert "neither JPEG, PNG, WebP, GIF, BMP nor TIFF" in answers[0].error
    assert answers[1].text == "yes"


def test_an_answer_says_how_it_ended_and_how_long_it_is(chat_server: StartServer) -> None:
    answers = ask(chat_server(answers={"a": "abc", "b": "abcdefgh"}, truncate=5), "a", "b")
    assert answers == [
        Answer("abc", finish="stop", num_tokens=4),
        Answer("abcde", finish="length", num_tokens=5),
    ]


def test_tokens_are_those_of_the_text(chat_server: StartServer) -> None:
    chat = chat_server(answers={"a": "a猫"}, logprobs=True)
    [answer] = ask(chat, "a", logprobs=True)
    assert answer.tokens == (Token("a", 0.0), Token("猫", -0.125))
    assert chat.requests()[-1]["body"]["logprobs"] is True
    assert chat.requests()[-1]["body"]["top_logprobs"] == 0


def test_tokens_are_none_where_the_server_gives_none(chat_server: StartServer) -> None:
    [answer] = ask(chat_server(answers={"a": CAT}), "a", logprobs=True)
    assert (answer.text, answer.tokens) == (CAT, None)


@pytest.mark.parametrize(
    "options",
    [
        {"fail_every": 3},
        {"fail_every": 3, "fail_status": 429, "retry_after": 0},
        {"fail_every": 2, "fail_status": 503},
        {"fail_every": 3, "fail_status": 408},
        {"drop_every": 3},
    ],
    ids=str,
)
def test_requests_that_fail_are_sent_again(
    chat_server: StartServer, options: dict[str, Any]
) -> None:
    texts = [f"question {number}" for number in range(20)]
    chat = chat_server(answers={text: f"to {text}" for text in texts}, **options)
    patience = Patience(attempts=12, first_wait_s=0.01, longest_wait_s=0.1)
    answers = ask(chat, *texts, patience=patience)
    assert [answer.text for answer in answers] == [f"to {text}" for text in texts]
    assert len(chat.requests()) > 21


def test_a_server_is_left_alone_as_long_as_it_asks(chat_server: StartServer) -> None:
    chat = chat_server(fail_every=2, fail_status=429, retry_after=1)
    began = time.monotonic()
    [answer] = ask(chat, "a")
    assert answer.error is None
    assert time.monotonic() - began >= 1


def test_a_request_that_hangs_is_sent_again(chat_server: StartServer) -> None:
    chat = chat_server(hang_every=2, answers={"a": "yes"})
    patience = Patience(attempts=4, first_wait_s=0.01, answer_timeout_s=0.5)
    assert ask(chat, "a", patience=patience)[0].text == "yes"


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("400", "the server refuses this prompt: HTTP 400: this prompt is wrong"),
        ("422", "the server refuses this prompt: HTTP 422: this prompt is wrong"),
        ("500", "the server fails at this prompt: HTTP 500: this prompt is wrong"),
        ("drop", "the server fails at this prompt: Server disconnected"),
        ("hang", "the server fails at this prompt: no answer in time (ReadTimeout)"),
    ],
)
def test_a_prompt_that_never_succeeds_costs_itself(
    chat_server: StartServer, how: str, error: str
) -> None:
    patience = Patience(attempts=4, first_wait_s=0.01, answer_timeout_s=1)
    chat = chat_server(poison={"bad": how}, answers={"good": "yes"})
    bad, good = ask(chat, "bad", "good", patience=patience)
    assert good.text == "yes"
    assert bad.text == ""
    assert bad.error is not None
    assert bad.error.startswith(error)


def test_a_server_that_is_gone_stops_the_run(chat_server: StartServer) -> None:
    chat = chat_server(poison={"bad": "exit"})
    with pytest.raises(ModelError, match=r"no longer answers: .*the same command goes on") as error:
        ask(chat, "good", "bad", "good too")
    assert chat.url in str(error.value)


def test_a_key_that_is_refused_stops_the_run_at_once(chat_server: StartServer) -> None:
    chat = chat_server(poison={"slow": "hang", "bad": "401"})
    began = time.monotonic()
    with pytest.raises(ModelError, match="refuses every request: HTTP 401"):
        ask(chat, "slow", "bad", patience=Patience(answer_timeout_s=60))
    assert time.monotonic() - began < 30


def test_a_server_that_comes_back_is_waited_for(chat_server: StartServer) -> None:
    chat = chat_server(answers={"a": "yes"})
    backend = Server(settings(chat), patience=Patience(attempts=200, longest_wait_s=0.1))
    chat.stop()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(backend.answer, [prompt("a"), prompt("a")])
        time.sleep(1)
        assert not asked.done()
        chat_server(port=chat.port, answers={"a": "yes"})
        assert asked.result() == [Answer("yes", num_tokens=4)] * 2


def test_a_server_that_refuses_all_prompts_stops_the_run(chat_server: StartServer) -> None:
    chat = chat_server(poison={"Find": "400"})
    with pytest.raises(ModelError, match=r"none of the last 60 prompts: .*this prompt is wrong"):
        ask(chat, *["Find all."] * 60)


def test_fields_that_a_server_refuses_are_left_out_and_described(
    chat_server: StartServer,
) -> None:
    accepted = ["model", "messages", "temperature", "max_tokens", "top_k"]
    chat = chat_server(accepts=accepted, answers={"a": "yes"})
    backend = Server(settings(chat))
    assert backend.answer([prompt("a")]) == [Answer("yes", num_tokens=4)]
    assert sorted(chat.requests()[-1]["body"]) == sorted(accepted)
    assert backend.describe() == {
        "model": "tiny",
        "served_by": "chat_server",
        "refused_fields": [
            "repetition_penalty",
            "skip_special_tokens",
            "spaces_between_special_tokens",
        ],
    }


def test_all_are_left_out_where_the_server_does_not_say_which(chat_server: StartServer) -> None:
    accepted = ["model", "messages", "temperature", "max_tokens"]
    chat = chat_server(accepts=accepted, names_field=False, answers={"a": "yes"})
    assert ask(chat, "a")[0].text == "yes"
    assert sorted(chat.requests()[-1]["body"]) == sorted(accepted)


def test_image_sizes_are_never_left_to_chance(chat_server: StartServer) -> None:
    chat = chat_server(accepts=["model", "messages", "temperature", "max_tokens"])
    with pytest.raises(ModelError, match=r"mm_processor_kwargs; without --max-pixels N"):
        ask(chat, "a", max_pixels=100)


def test_a_model_is_found_or_the_choice_explained(chat_server: StartServer) -> None:
    one = chat_server(model="one")
    assert ask(one, "a", checkpoint="")[0].text.startswith("a ")
    assert one.requests()[-1]["body"]["model"] == "one"
    with pytest.raises(ModelError, match=r"does not serve 'other' \(it serves one\)"):
        Server.check(settings(one, checkpoint="other"))
    Server.check(settings(one, checkpoint="one:adapter"))
    two = chat_server(models=["one", "two"])
    with pytest.raises(ModelError, match=r"serves one, two: name a model \(--checkpoint\)"):
        Server.check(settings(two))
    Server.check(settings(two, checkpoint="two"))
    silent = chat_server(no_list=True)
    with pytest.raises(ModelError, match="does not say what it serves: name a model"):
        Server.check(settings(silent))
    Server.check(settings(silent, checkpoint="any"))


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/chat/completions", "/gate/v1"])
def test_a_url_is_taken_with_and_without_the_path_of_the_api(
    chat_server: StartServer, path: str
) -> None:
    Server.check(settings(chat := chat_server(), server=chat.url + path))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, r"needs the URL of a server \(--server\)"),
        ("localhost:8000", "'localhost:8000' is no URL of a server"),
        ("me:secret@localhost:8000", "'localhost:8000' is no URL of a server"),
        ("http://me:secret@localhost/v1?key=secret", "at localhost has a query or fragment"),
    ],
)
def test_what_is_no_url_is_explained(url: str | None, message: str) -> None:
    with pytest.raises(ModelError, match=message) as error:
        Server.check(Settings("auto", server=url))
    assert "secret" not in str(error.value)


def test_a_server_that_is_not_there_is_named_within_seconds() -> None:
    url = f"http://me:secret@127.0.0.1:{unused_port()}"
    began = time.monotonic()
    with pytest.raises(ModelError, match=r"/v1 cannot be reached: .*is it running") as error:
        Server.check(Settings("auto", server=url))
    assert time.monotonic() - began < 30
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("variable", ["GROUNDRAY_API_KEY", "OPENAI_API_KEY"])
def test_the_key_of_the_environment_is_sent_and_never_shown(
    chat_server: StartServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    chat = chat_server(key="right-secret")
    monkeypatch.setenv(variable, "right-secret")
    backend = Server(settings(chat))
    assert backend.answer([prompt("a")])[0].error is None
    assert "secret" not in json.dumps(backend.describe())
    monkeypatch.setenv(variable, "wrong-secret")
    with pytest.raises(ModelError, match=r"HTTP 401: wrong key Bearer \*\*\*; the key") as error:
        Server.check(settings(chat))
    assert "secret" not in str(error.value)


def test_a_password_in_the_url_is_sent_and_never_shown(chat_server: StartServer) -> None:
    chat = chat_server(key="me:word@1")
    address = chat.url.removeprefix("http://")
    Server.check(Settings("auto", server=f"http://me:word%401@{address}"))
    with pytest.raises(ModelError, match="HTTP 401") as error:
        Server.check(Settings("auto", server=f"http://me:wrong-word@{address}"))
    assert "wrong-word" not in str(error.value)


def test_a_key_that_is_none_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "ключ")
    with pytest.raises(ModelError, match="OPENAI_API_KEY holds characters that no key has"):
        Server.check(Settings("auto", server="http://localhost:1"))


def test_a_batch_is_answered_at_once(chat_server: StartServer) -> None:
    backend = Server(settings(chat_server(delay_s=2)))
    began = time.monotonic()
    backend.answer([prompt(str(number)) for number in range(16)])
    assert time.monotonic() - began < 16  # one after another: 32


def test_an_empty_batch_has_no_answers(chat_server: StartServer) -> None:
    assert ask(chat_server()) == []


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "httpx.py").write_text("raise ImportError('no httpx')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "httpx", raising=False)
    with pytest.raises(ModelError, match=r"pip install 'groundray\[server\]'"):
        Server.check(Settings("auto", server="http://localhost:1"))
