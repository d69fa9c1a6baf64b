"""Code in a process of its own that has torch, and nothing yet of BasicSR or of this package."""

import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SERVER = """
import json, os, sys
import cv2, scipy.special, scipy.stats, skimage.io, torchvision.models  # what basicsr imports: five seconds
for order in sys.stdin:
    child = os.fork()
    if child == 0:
        code, *outputs = json.loads(order)
        for number, path in enumerate(outputs, start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
        exec(code, {"__name__": "__main__"})
        sys.stdout.flush()
        os._exit(0)  # taking all that was imported apart would take seconds
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def run_forked(code: str) -> str:
    """What ``code`` prints; the test fails where it does, with what it wrote to stderr."""
    server = _server()
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder, name) for name in ("stdout", "stderr")]
        print(json.dumps([code, *map(str, outputs)]), file=server.stdin, flush=True)
        status = server.stdout.readline()
        shown, said = (path.read_text(encoding="utf-8") for path in outputs)
    assert status == "0\n", said
    return shown


@functools.cache
def _server() -> "subprocess.Popen[str]":
    """Forks for each order; ends with this process, which closes its stdin."""
    command = [sys.executable, "-W", "error::ImportWarning", "-c", SERVER]
    return subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
