"""What a long command says of itself: a line that changes on a terminal, plain lines elsewhere."""

import os
import pty
import subprocess
import sys

SCRIPT = """
import sys
from groundray.engine.cli.live_line import LiveLine

with LiveLine("begins") as line:
    line.print("a line \\x1b[31mthat stays")
    line.show("half way")
    line.show("done", is_last=True)
print("rich" in sys.modules)
"""


def test_a_terminal_is_steered() -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    said = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.stdout == b"True\n"
    assert "a line \\u001b[31mthat stays\r\n" in said
    assert "\x1b[2K" in said  # the line is made anew


def test_elsewhere_lines_are_plain_and_rare() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True)
    assert done.stdout == b"False\n"
    assert done.stderr == b"a line \\u001b[31mthat stays\ndone\n"
