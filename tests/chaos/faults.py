"""Faults: what happens to a command, how it is mended, and how the command may end of it."""

import os
import shutil
import signal
import subprocess
import tempfile
import textwrap
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.commands import kill
from tests.chaos.nodes import is_actor
from tests.chaos.scene import Scene, Where
from tests.chaos.workload import ROWS_PER_UNIT, undisturbed

GOES_ON = frozenset({0})
KILLED = frozenset({-signal.SIGKILL})
STOPS = frozenset({1})

_ONE_PROCESS: tuple[Where, ...] = ("one process",) * 8  # drawn most often, as it starts soonest
_ON_RAY: tuple[Where, ...] = ("own Ray", *("cluster",) * 5)
ANYWHERE: tuple[Where, ...] = (*_ONE_PROCESS, "own Ray", "cluster")
DISK_BYTES = 256 << 20


def _nothing(scene: Scene) -> None:
    del scene


def _possible() -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a command.

    Attributes:
        name: for people.
        strike: does it, and says what was done; None where there was nothing to do it to.
        ends: exit statuses (negative: of a signal) that the struck start may have, besides 0 where
            it had finished before. 1 stands for an error that was said in one line.
        where: what the command runs on, to be drawn from.
        workloads: what it makes sense for.
        prepare: before the command is typed.
        mend: before it is typed again.
        obstacle: why it cannot be done here, or None.
    """

    name: str
    strike: Callable[[Scene], str | None]
    ends: Collection[int]
    where: tuple[Where, ...] = ANYWHERE
    workloads: tuple[str, ...] = ("convert", "predict")
    prepare: Callable[[Scene], object] = _nothing
    mend: Callable[[Scene], object] = _nothing
    obstacle: Callable[[], str | None] = _possible


def _kill_a_worker(scene: Scene, *, actor: bool) -> str | None:
    start = scene.running
    found = start.wait_until(lambda: any(is_actor(p) == actor for p in scene.workers()))
    victims = [process for process in scene.workers() if is_actor(process) == actor]
    if not found or not victims:
        return None
    victim = scene.rng.choice(victims)
    kill(victim)
    return f"killed 1 of {len(victims)} {'actors' if actor else 'workers'}"


def _kill_raylet(scene: Scene) -> str | None:
    if scene.nodes is None:
        raise AssertionError("this needs a cluster")
    if scene.running.is_over():
        return None
    scene.nodes.kill_second_raylet()
    return "killed the raylet of one node"


def _replace_node(scene: Scene) -> None:
    if scene.nodes is not None:
        scene.nodes.replace_second()


def _signal(number: int, *, whole_group: bool = False) -> Callable[[Scene], str | None]:
    def strike(scene: Scene) -> str | None:
        if scene.running.is_over():
            return None
        scene.running.signal(number, whole_group=whole_group)
        return f"{signal.Signals(number).name} to the {'group' if whole_group else 'driver'}"

    return strike


def _mount_disk(scene: Scene) -> None:
    disk = Path(scene.target).parent
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", disk], check=True)


def unmount_disk(scene: Scene) -> None:
    """Takes the file system of a scene away, if it has one."""
    disk = Path(scene.target).parent
    if disk.is_mount():
        subprocess.run(["umount", "-l", disk], check=True)


def _fill_disk(scene: Scene) -> str | None:
    filler = _filler(scene)
    try:
        with filler.open("wb", buffering=0) as file:
            while file.write(bytes(64 << 10)):
                pass
    except OSError:
        pass
    return f"no space left after {filler.stat().st_size >> 20} MB more"


def _free_disk(scene: Scene) -> None:
    _filler(scene).unlink(missing_ok=True)


def _filler(scene: Scene) -> Path:
    return Path(scene.target).with_name("filler")


def _why_no_disk() -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder],
            capture_output=True,
            check=False,
        )
        if mounted.returncode == 0:
            subprocess.run(["umount", folder], check=True)
            return None
    return "no file system can be mounted here: that takes CAP_SYS_ADMIN"


def _without_override(scene: Scene) -> None:
    """Makes permissions bind, for root too."""
    if os.geteuid() == 0:
        kept = "--bounding-set=-dac_override,-dac_read_search"
        scene.prefix = ("setpriv", kept, "--inh-caps=-all")


def _why_no_permissions() -> str | None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "permissions do not bind root, and there is no setpriv"
    return None


def _folders(scene: Scene) -> list[Path]:
    """OUTPUT and all that is in it, as far as it stays there while we look."""
    return [Path(folder) for folder, _, _ in os.walk(scene.target)]


def _revoke(scene: Scene) -> str | None:
    folders = _folders(scene)
    for folder in folders:
        with suppress(FileNotFoundError):
            folder.chmod(0o555)
    return f"took write permission from {len(folders)} folders" if folders else None


def _grant(scene: Scene) -> None:
    for folder in _folders(scene):
        folder.chmod(0o755)


def _change(scene: Scene, change: Callable[[Path], None]) -> str:
    """Changes one source file; the run may end with what either makes."""
    file = scene.rng.choice(sorted(Path(scene.source, "data").iterdir()))
    change(file)
    changed = scene.folder / "changed/out"
    command = scene.workload.arguments(scene.source, str(changed), [])
    scene.accepted.append(undisturbed(command, str(changed), scene.folder / "changed/log"))
    return f"changed {file.name}"


def rewrite_without_last_row(file: Path) -> None:
    """Puts another file of one row less in the place of a parquet file."""
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    aside = file.with_suffix(".new")
    pq.write_table(
        table.slice(0, len(table) - 1), aside, row_group_size=ROWS_PER_UNIT, use_dictionary=False
    )
    aside.replace(file)


def flip_a_byte(file: Path) -> None:
    """Changes a byte of an image of a parquet file, whose size and footer stay the same."""
    import pyarrow.parquet as pq

    group = pq.read_metadata(file).row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    (column,) = [column for column in columns if column.path_in_schema == "image.bytes"]
    data = bytearray(file.read_bytes())
    end = data.rfind(b"\xff\xd9", 0, column.data_page_offset + column.total_compressed_size)
    if end < 0:
        raise AssertionError(f"{file}: no image stands in it as it is")
    with file.open("r+b") as handle:
        handle.seek(end - 40)
        handle.write(bytes([data[end - 40] ^ 1]))


def _changed_during(name: str, change: Callable[[Path], None]) -> Fault:
    def strike(scene: Scene) -> str | None:
        return None if scene.running.is_over() else _change(scene, change)

    return Fault(
        f"{name} during",
        strike,
        STOPS,
        where=(*_ONE_PROCESS, "cluster"),
        workloads=("convert",),
        prepare=Scene.copy_source,
    )


def _changed_between(name: str, change: Callable[[Path], None]) -> Fault:
    return Fault(
        f"{name} between",
        _signal(signal.SIGKILL),
        KILLED,
        where=(*_ONE_PROCESS, "cluster"),
        workloads=("convert",),
        prepare=Scene.copy_source,
        mend=lambda scene: _change(scene, change),
    )


def _start_another(scene: Scene) -> str | None:
    """The first waits meanwhile, as on a machine that is busy: else it is over too soon."""
    if scene.running.is_over():
        return None
    scene.running.signal(signal.SIGSTOP)
    try:
        end = scene.another_start().end()
    finally:
        scene.running.signal(signal.SIGCONT)
    if end.status == 0:  # the first had no lock yet, or its lease ran out
        return "the second run found OUTPUT free"
    if end.status != 1 or "another run" not in end.last_line:
        raise AssertionError(f"the second run ended with {end.status}: {end.last_line}")
    return "the second run was refused"


_JUMPING = """
    import random, time
    _real, _offset = time.time, random.uniform(-1e5, 1e5)
    def _time():
        global _offset
        if random.random() < 0.05:
            _offset += random.uniform(-1e4, 1e4)
        return _real() + _offset
    time.time = _time
    time.time_ns = lambda: int(_time() * 1e9)
"""


def _let_clocks_jump(scene: Scene) -> None:
    """Every Python process of the command has a wall clock that is wrong, and jumps."""
    if scene.proxy is not None:
        scene.proxy.skew_s = scene.rng.uniform(-1e5, 1e5)
        return
    (scene.folder / "clock").mkdir()
    (scene.folder / "clock/sitecustomize.py").write_text(textwrap.dedent(_JUMPING))
    path = os.environ.get("PYTHONPATH", "")
    scene.env["PYTHONPATH"] = f"{scene.folder / 'clock'}{os.pathsep}{path}"


def _break_network(scene: Scene) -> str:
    if scene.proxy is None:
        raise AssertionError("this needs a proxy")
    scene.proxy.share = scene.rng.choice([0.02, 0.1, 0.3, 1.0])
    return f"{scene.proxy.share:.0%} of all requests fail from now on"


def _mend_network(scene: Scene) -> None:
    if scene.proxy is not None:
        scene.proxy.share = 0.0


FAULTS = (
    Fault(
        "worker",
        lambda scene: _kill_a_worker(scene, actor=False),
        GOES_ON,
        where=_ON_RAY,
    ),
    Fault(
        "actor",
        lambda scene: _kill_a_worker(scene, actor=True),
        GOES_ON,
        where=_ON_RAY,
        workloads=("predict",),
    ),
    Fault("raylet", _kill_raylet, GOES_ON, where=("cluster",), mend=_replace_node),
    Fault("driver", _signal(signal.SIGKILL), KILLED, where=(*ANYWHERE, "S3")),
    Fault("SIGTERM", _signal(signal.SIGTERM), {-signal.SIGTERM, 143, 1}),
    Fault("Ctrl-C", _signal(signal.SIGINT, whole_group=True), {130, -signal.SIGINT}),
    Fault(
        "disk full",
        _fill_disk,
        STOPS,
        prepare=_mount_disk,
        mend=_free_disk,
        obstacle=_why_no_disk,
    ),
    Fault(
        "permission",
        _revoke,
        STOPS,
        where=(*_ONE_PROCESS, "own Ray"),
        prepare=_without_override,
        mend=_grant,
        obstacle=_why_no_permissions,
    ),
    _changed_during("rewritten", rewrite_without_last_row),
    _changed_during("in place", flip_a_byte),
    _changed_between("rewritten", rewrite_without_last_row),
    _changed_between("in place", flip_a_byte),
    Fault("second run", _start_another, GOES_ON | STOPS, where=(*_ONE_PROCESS, "cluster", "S3")),
    Fault(
        "clock",
        _signal(signal.SIGKILL),
        KILLED,
        where=(*_ONE_PROCESS, "own Ray", "S3"),
        prepare=_let_clocks_jump,
    ),
    Fault("network", _break_network, GOES_ON | STOPS, where=("S3",), mend=_mend_network),
)
