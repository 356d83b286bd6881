"""Secrets in URLs and in the environment: nothing that is written or printed holds them."""

import io
import json
import logging
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.engine.on_workers import on_workers
from tests.hostile.made import jpeg, rejects, row, run, write
from tests.servers import ChatServer

pytestmark = pytest.mark.untraced

SECRET = "Zx9" + "hidden" + "Q7"
USER = f"me:{SECRET}@"
QUERY = f"?token={SECRET}&X-Amz-Signature={SECRET}&sig={SECRET},{SECRET}"
ANSWER = '[{"bbox_2d": [1, 2, 300, 400], "label": "cat"}]'


class _Files(BaseHTTPRequestHandler):
    """Serves a folder to who knows the token; paths such as `/500/...` and `/cut/...` fail."""

    root: Path

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it
        """Says nothing."""

    def _answer(self, *, with_body: bool) -> None:
        path = urlsplit(self.path).path.lstrip("/")
        status = int(path[:3]) if path[:3].isdigit() else 200
        file = self.root / path
        if status == 200 and (SECRET not in self.path or not file.is_file()):
            status = 403 if SECRET not in self.path else 404
        data = file.read_bytes() if status == 200 else self.path.encode()
        first = 0
        if status == 200 and (wanted := self.headers.get("Range", "").removeprefix("bytes=")):
            low, _, high = wanted.partition("-")
            first, total = int(low), len(data)
            data = data[first : int(high) + 1 if high else None]
            status = 206
            self.send_response(status)
            self.send_header("Content-Range", f"bytes {first}-{first + len(data) - 1}/{total}")
        else:
            self.send_response(status, f"no {self.path}" if status >= 400 else None)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if with_body:
            self.wfile.write(data)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server's URL with a user and a password, and the folder that it serves."""
    root = tmp_path_factory.mktemp("served")
    handler = type("Handler", (_Files,), {"root": root})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://{USER}127.0.0.1:{server.server_port}", root
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Runs a command; its status, and all that it printed or logged at any level."""
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    logger = logging.getLogger("groundray")
    logger.setLevel(logging.DEBUG)
    monkeypatch.setattr(logger, "handlers", [handler])

    def tell(*arguments: object) -> tuple[int, str]:
        status = run(*arguments)
        printed = capfd.readouterr()
        return status, printed.out + printed.err + logged.getvalue()

    return tell


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, hidden ones too, by what it is called and what it holds."""
    for file in folder.rglob("*"):
        yield str(file.relative_to(folder)), file.read_bytes() if file.is_file() else b""


def require_none(printed: str, *folders: Path) -> None:
    assert SECRET not in printed, printed[:3000]
    for folder in folders:
        for name, content in written(folder):
            assert SECRET not in name
            assert SECRET.encode() not in content, (name, content[:500])
    for name, content in MemoryFileSystem.store.items():
        assert SECRET.encode() not in content.getvalue(), name[:300]


def convert(data: str, output: object, *options: object) -> tuple[object, ...]:
    return (
        *("convert", data, output, "--format", "qwen3-vl-json", "--layout", "voc"),
        *("--runner", "local", "--max-reject-ratio", 1, "--keep-empty", *options),
    )


@pytest.mark.usefixtures("hub")
def test_inputs_behind_urls(
    served: tuple[str, Path], tmp_path: Path, told: Callable[..., tuple[int, str]]
) -> None:
    url, root = served
    write([row("1"), row("2", data=b"no image")], root / "val.parquet")
    (root / "broken.parquet").write_bytes(b"PAR1" * 9)
    for number, (place, expected) in enumerate(
        {
            f"{url}/val.parquet{QUERY}": 0,
            f"{url}/broken.parquet{QUERY}": 1,
            f"{url}/none.parquet{QUERY}": 1,
            f"{url}/500/val.parquet{QUERY}": 1,
            f"{url}/403/val.parquet{QUERY}": 1,
            f"{url}/401/val.parquet{QUERY}": 1,
            f"http://{USER}127.0.0.1:9/val.parquet{QUERY}": 1,
            f"s3://{USER}no-such-bucket-here/val.parquet{QUERY}": 1,
            f"hf://datasets/no/such/val.parquet{QUERY}": 1,
            f"nothing://{USER}host/val.parquet{QUERY}": 1,
            f"simplecache::nothing://{USER}host/val.parquet{QUERY}": 1,
        }.items()
    ):
        out = tmp_path / f"out-{number}"
        status, printed = told("inspect", place, "--layout", "voc")
        assert status == expected, printed
        require_none(printed)
        status, printed = told(*convert(place, out))
        assert status == expected, printed
        require_none(printed, tmp_path)
        assert "Traceback" not in printed


def test_images_behind_urls(
    served: tuple[str, Path], tmp_path: Path, told: Callable[..., tuple[int, str]]
) -> None:
    url, root = served
    (root / "ok.jpg").write_bytes(jpeg())
    (root / "bad.jpg").write_bytes(b"no image")
    names = ("ok.jpg", "bad.jpg", "none.jpg", "500/ok.jpg", "403/ok.jpg")
    rows = [row(str(i), path=f"{url}/{name}{QUERY}") for i, name in enumerate(names)]
    rows.append(row("9", path=f"http://{USER}127.0.0.1:9/ok.jpg{QUERY}"))
    write(rows, tmp_path / "data" / "val.parquet")
    status, printed = told(*convert(str(tmp_path / "data"), tmp_path / "out"))
    assert status == 0
    require_none(printed, tmp_path / "out")
    assert len(rejects(tmp_path / "out")) == 5


@pytest.mark.ray
def test_workers_of_ray_and_what_it_logs(served: tuple[str, Path], tmp_path: Path) -> None:
    """Workers read the rows and the images, and meet the errors."""
    url, root = served
    (root / "ok.jpg").write_bytes(jpeg())
    names = ("ok.jpg", "none.jpg", "500/ok.jpg", "403/ok.jpg")
    rows = [row(str(i), path=f"{url}/{name}{QUERY}") for i, name in enumerate(names)]
    write(rows, root / "val.parquet")
    command = on_workers(*map(str, convert(f"{url}/val.parquet{QUERY}", tmp_path / "out")))
    with tempfile.TemporaryDirectory(prefix="ray") as logs:  # a short path: Ray's sockets are in it
        environment = {**os.environ, "RAY_TMPDIR": logs, "AWS_SECRET_ACCESS_KEY": SECRET}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=200
        )
        require_none(done.stdout + done.stderr)
        logged = {file.name for file in Path(logs).rglob("worker-*")}
        assert logged, "Ray logs elsewhere: this test sees nothing"
        require_none("", tmp_path, Path(logs))
    assert len(rejects(tmp_path / "out")) == 3


def test_outputs_checkpoints_and_predictions_behind_urls(
    served: tuple[str, Path], tmp_path: Path, told: Callable[..., tuple[int, str]]
) -> None:
    def at(name: str) -> str:
        return f"memory://{USER}host/{name}"

    write([row("1"), row("2")], tmp_path / "data" / "val.parquet")
    said = "".join(f'{{"id": "{i}", "text": {json.dumps(ANSWER)}}}\n' for i in (1, 2))
    fs = MemoryFileSystem()
    fs.pipe(at("said.jsonl").removeprefix("memory://"), said.encode())
    url, root = served
    (root / "said.jsonl").write_text(said)
    write([row("3")], tmp_path / "data" / "train.parquet")
    data, trained = str(tmp_path / "data"), tmp_path / "c" / "qwen3-vl-json"
    commands: list[tuple[tuple[object, ...], int]] = [
        (convert(data, at("c")), 0),
        (convert(data, at("c")), 0),  # it is there already
        (convert(data, at("c"), "--seed", 1), 1),  # another configuration
        (("predict", at("c"), at("p"), "--checkpoint", at("said.jsonl"), "--split", "val"), 0),
        (("predict", at("c"), at("p2"), "--checkpoint", f"{url}/said.jsonl{QUERY}"), 0),
        (("predict", at("c"), at("q"), "--checkpoint", f"{url}/none.jsonl{QUERY}"), 1),
        (("predict", at("c"), at("q"), "--checkpoint", f"{url}/403/said.jsonl{QUERY}"), 1),
        (("predict", at("c"), at("q"), "--checkpoint", at("none.jsonl"), "--split", "val"), 1),
        (
            ("predict", at("c"), at("q"), "--checkpoint", at("none"), "--backend", "paddleformers"),
            1,
        ),
        (("predict", at("none"), at("q"), "--checkpoint", at("said.jsonl")), 1),
        (("evaluate", f"{at('p')}/said", tmp_path / "e"), 0),
        (("evaluate", f"{at('p')}/said", at("e")), 0),
        (("evaluate", f"{at('p')}/said", at("e")), 1),  # it is there already
        (("evaluate", at("none"), tmp_path / "e2"), 1),
        (("export", f"{at('p')}/said", tmp_path / "coco.json", "--coco"), 0),
        (("draw", f"{at('p')}/said", tmp_path / "look.png"), 1),  # its images are named without
        (("draw", at("none"), tmp_path / "look2.png"), 1),
        (("reformat", at("c"), at("r"), "--format", "molmo", "--runner", "local"), 0),
        (convert(data, tmp_path / "c"), 0),
        (("train", at("c"), tmp_path / "t", "--model", "a/b", "--dry-run"), 1),
        (("train", trained, tmp_path / "t", "--model", at("m"), "--dry-run"), 1),
        (("train", trained, tmp_path / "t", "--model", "a/b", "--recipe", at("r.yaml")), 1),
        (("train", trained, at("t"), "--model", "a/b", "--dry-run"), 1),
        (("sweep", at("t"), tmp_path / "c", at("s"), "--format", "qwen3-vl-json"), 1),
        (convert(data, f"nothing://{USER}host/out{QUERY}"), 1),
        (convert(data, f"http://{USER}127.0.0.1:9/out{QUERY}"), 1),
    ]
    for command, expected in commands:
        options: tuple[object, ...] = ()
        if command[0] == "predict":
            options = ("--format", "qwen3-vl-json", "--runner", "local")
        status, printed = told(*command, *options)
        assert "Traceback" not in printed
        require_none(printed, tmp_path)
        assert status == expected, (command[:3], printed[-2000:])


@pytest.mark.parametrize(
    "options",
    [{}, {"fail_every": 1}, {"refuse_every": 1}],
    ids=["answers", "fails", "refuses"],
)
def test_servers_behind_urls(
    chat_server: Callable[..., ChatServer],
    tmp_path: Path,
    told: Callable[..., tuple[int, str]],
    options: dict[str, Any],
) -> None:
    write([row("1"), row("2")], tmp_path / "data" / "val.parquet")
    url = chat_server(**options).url.replace("://", f"://{USER}")
    for place in (url, f"{url}{QUERY}", f"nothing://{USER}host{QUERY}"):
        _, printed = told(
            *("predict", tmp_path / "data", tmp_path / "out", "--format", "qwen3-vl-json"),
            *("--layout", "voc", "--checkpoint", "some-model", "--server", place),
            *("--runner", "local", "--overwrite"),
        )
        require_none(printed, tmp_path / "out")
