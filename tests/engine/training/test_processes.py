"""Real processes: sessions of their own, orphans, and an owner that is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from groundray.engine.training.processes import Ended, Guarded, TrainerProcesses

SLEEP = "import time; time.sleep(300)"
FAMILY = f"""
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", {SLEEP!r}], start_new_session=True)  # a session of its own
if os.fork() == 0:
    subprocess.Popen([sys.executable, "-c", {SLEEP!r}], start_new_session=True)
    os._exit(0)  # and an orphan
os.wait()
print("all there", flush=True)
"""
TRAINER = """
import os, subprocess, sys
environment = {**os.environ, "PADDLE_LOCAL_RANK": "0"}
code = subprocess.run([sys.executable, "-c", sys.argv[1]], env=environment).returncode
sys.exit(abs(code))
"""
OWNER = """
import os, sys
from pathlib import Path
from groundray.engine.training.processes import Guarded
scratch, *command = sys.argv[1:]
guarded = Guarded(command, scratch=Path(scratch), log=Path(scratch, "log"), folder="/",
                  environment=os.environ)
print(guarded.pid, flush=True)
os.read(0, 1)
"""


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def guard(command: list[str], scratch: Path) -> Guarded:
    return Guarded(
        command, scratch=scratch, log=scratch / "log", folder="/", environment=os.environ
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def family(guard_pid: int) -> list[psutil.Process]:
    return psutil.Process(guard_pid).children(recursive=True)


def code_of(guarded: Guarded) -> int:
    def has_ended() -> bool:
        return guarded.poll() is not None

    wait_for(has_ended)
    code = guarded.poll()
    assert code is not None
    return code


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("print('fine')", 0),
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", -9),
    ],
)
def test_the_exit_status_is_told(scratch: Path, code: str, status: int) -> None:
    assert code_of(guard(python(code), scratch)) == status


def test_what_the_command_says_is_kept(scratch: Path) -> None:
    code_of(guard(python("import sys; print('out', flush=True); sys.stderr.write('err')"), scratch))
    assert (scratch / "log").read_text() == "out\nerr"


def test_nothing_outlives_the_command(scratch: Path) -> None:
    ending = "import time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.02)\nsys.exit(5)"
    guarded = guard(python(FAMILY + ending, str(scratch / "end")), scratch)
    wait_for(lambda: len(family(guarded.pid)) == 3)
    members = family(guarded.pid)
    (scratch / "end").touch()
    assert code_of(guarded) == 5
    assert not any(member.is_running() for member in members)
    wait_for(lambda: not psutil.pid_exists(guarded.pid))
    assert scratch.exists()


@pytest.mark.parametrize("ending", ["end", "terminate"])
def test_all_end_when_it_is_told_to(scratch: Path, ending: str) -> None:
    guarded = guard(python(FAMILY + SLEEP), scratch)
    wait_for(lambda: len(family(guarded.pid)) == 3)
    members = family(guarded.pid)
    if ending == "end":
        guarded.end()
    else:
        os.kill(guarded.pid, signal.SIGTERM)
    assert code_of(guarded) == -9
    assert not any(member.is_running() for member in members)


@pytest.fixture
def owner(scratch: Path) -> Iterator[subprocess.Popen[str]]:
    command = python(OWNER, str(scratch), *python(FAMILY + SLEEP))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_all_end_with_a_killed_owner(scratch: Path, owner: subprocess.Popen[str]) -> None:
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    wait_for(lambda: len(family(pid)) == 3)
    members = [psutil.Process(pid), *family(pid)]
    owner.kill()
    wait_for(lambda: not any(member.is_running() for member in members))
    assert not scratch.exists()


def test_a_guard_is_no_child_that_ray_would_kill(
    scratch: Path, owner: subprocess.Popen[str]
) -> None:
    assert owner.stdout is not None
    owner.stdout.readline()
    assert scratch.exists()
    assert psutil.Process(owner.pid).children() == []


@pytest.mark.parametrize(("code", "status"), [("raise SystemExit(7)", 7), (SLEEP, -9)])
def test_the_end_of_a_trainer_is_seen(scratch: Path, code: str, status: int) -> None:
    slow = f"import time; time.sleep(2); {code}" if status == 7 else code
    guarded = guard(python(TRAINER, slow), scratch)
    processes = TrainerProcesses(guarded.pid, 1)
    seen: list[Ended] = []

    def has_ended() -> bool:
        seen.extend(processes.look())
        return bool(seen)

    before = time.time()
    if status == -9:
        wait_for(lambda: processes.look() == [] and processes._handles != {})
        (trainer,) = psutil.Process(guarded.pid).children()[0].children()
        trainer.kill()
        began = time.monotonic()
        processes.wait(60)  # until it ends
        assert time.monotonic() - began < 30
    wait_for(has_ended)
    assert [(end.local_rank, end.code) for end in seen] in ([(0, status)], [(0, None)])
    assert before <= seen[0].time_s <= time.time()
    assert code_of(guarded) == abs(status)
    assert processes.look() == []
