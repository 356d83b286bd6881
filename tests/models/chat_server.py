"""A small OpenAI-compatible chat server that misbehaves as it is told; a process of its own.

`python chat_server.py '{"fail_every": 3}'` prints the port it listens on. It answers with the
prompt's text and a digest of its image, or as `answers` says, so that an answer tells what was
asked. Options:

    port            to listen on; a free one by default
    model           name that it serves ("tiny"); models: several; owned_by; no_list: no /v1/models
    answers         {prompt text or digest of the image: answer}
    key             demands it as bearer token, or as user:password
    requests        file that a line is appended to for every request
    accepts         fields that a request may have; names_field: whether a refusal says which
    logprobs        gives tokens: of one character each, and an end token
    truncate        characters after which an answer is cut off for its length
    delay_s         before each answer
    fail_every      every nth request fails with fail_status (500) and retry_after
    drop_every      every nth request loses its connection
    hang_every      every nth request is not answered
    poison          {part of a prompt's text: "500", "400", "drop", "hang" or "exit"}
    exit_after      requests that it answers before it ends itself
"""

import base64
import hashlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

_HANG_S = 60


class ChatServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", options.get("port", 0)), _Handler)
        self.options = options
        self.lock = threading.Lock()
        self.numbers = count(1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChatServer

    def do_GET(self) -> None:
        options = self.server.options
        if not self._is_allowed():
            self._refuse(401, f"wrong key {self.headers.get('Authorization')}")
        elif options.get("no_list") or not self.path.endswith("/v1/models"):
            self._refuse(404, "Not Found")
        else:
            names = options.get("models", [options.get("model", "tiny")])
            owner = options.get("owned_by", "chat_server")
            self._send(200, {"data": [{"id": name, "owned_by": owner} for name in names]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text, digest = _question(body)
        with self.server.lock:
            number = next(self.server.numbers)
            self._record(body, digest)
        if not self._is_allowed():
            self._refuse(401, f"wrong key {self.headers.get('Authorization')}")
        elif self._misbehaves(number, text):
            return
        elif not self.path.endswith("/v1/chat/completions"):
            self._refuse(404, "Not Found")
        elif unknown := sorted(set(body) - set(self.server.options.get("accepts", body))):
            is_named = self.server.options.get("names_field", True)
            self._refuse(400, f"Unrecognized request argument supplied: {unknown[0]}" * is_named)
        else:
            time.sleep(self.server.options.get("delay_s", 0))
            self._send(200, self._completion(body, text, digest))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it
        """Says nothing."""

    def _is_allowed(self) -> bool:
        key = self.server.options.get("key")
        basic = base64.b64encode(str(key).encode()).decode()
        return key is None or self.headers.get("Authorization") in (
            f"Bearer {key}",
            f"Basic {basic}",
        )

    def _misbehaves(self, number: int, text: str) -> bool:
        how = self._mishap(number, text)
        match how:
            case "drop":
                self.close_connection = True
                self.connection.close()
            case "hang":
                time.sleep(_HANG_S)
            case "exit":
                os._exit(3)
            case "fail":
                self._refuse(self.server.options.get("fail_status", 500), "out of luck")
            case str(status):
                self._refuse(int(status), "this prompt is wrong")
        return how is not None

    def _mishap(self, number: int, text: str) -> str | None:
        options = self.server.options
        if number > options.get("exit_after", sys.maxsize):
            return "exit"
        for part, how in options.get("poison", {}).items():
            if part in text:
                return str(how)
        mishaps = ("fail", "drop", "hang")
        return next(
            (how for how in mishaps if number % options.get(f"{how}_every", number + 1) == 0), None
        )

    def _completion(self, body: dict[str, Any], text: str, digest: str) -> dict[str, Any]:
        options = self.server.options
        answers = options.get("answers", {})
        answer = answers.get(text, answers.get(digest, f"{text} {digest}".strip()))
        limit = min(options.get("truncate", body["max_tokens"]), body["max_tokens"])
        is_cut = len(answer) > limit
        answer = answer[:limit]
        logprobs = None
        if body.get("logprobs") and options.get("logprobs"):
            tokens = [*answer, *([] if is_cut else ["<|im_end|>"])]
            logprobs = {
                "content": [
                    {"token": token, "bytes": list(token.encode()), "logprob": -place / 8}
                    for place, token in enumerate(tokens)
                ]
            }
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": answer},
            "finish_reason": "length" if is_cut else "stop",
            "logprobs": logprobs,
        }
        usage = {"completion_tokens": len(answer) + (not is_cut)}
        return {"model": body["model"], "choices": [choice], "usage": usage}

    def _record(self, body: dict[str, Any], digest: str) -> None:
        path = self.server.options.get("requests")
        if path is not None:
            line = {"path": self.path, "headers": dict(self.headers), "image": digest, "body": body}
            with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123
                file.write(json.dumps(line) + "\n")

    def _refuse(self, status: int, message: str) -> None:
        self._send(status, {"error": {"message": message, "code": status}})

    def _send(self, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status >= 400 and "retry_after" in self.server.options:
            self.send_header("Retry-After", str(self.server.options["retry_after"]))
        self.end_headers()
        self.wfile.write(data)


def _question(body: dict[str, Any]) -> tuple[str, str]:
    """The text of the last message, and a digest of its image."""
    text = digest = ""
    for part in body["messages"][-1]["content"]:
        if part["type"] == "text":
            text = part["text"]
        else:
            data = base64.b64decode(part["image_url"]["url"].partition("base64,")[2])
            digest = hashlib.sha256(data).hexdigest()[:8]
    return text, digest


if __name__ == "__main__":
    server = ChatServer(json.loads(sys.argv[1]))
    print(server.server_port, flush=True)  # noqa: T201
    server.serve_forever()
