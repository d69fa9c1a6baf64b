"""The real client of the hub against a server on this machine that answers as the hub does, each call a process."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMIT = "c0ffee" + 34 * "0"
CODE = """
import sys
from nerco_plugin.inference.hub import find_weights
from nerco_plugin.inference.packaged import WeightsMissingError
try:
    print(find_weights(sys.argv[1]))
except WeightsMissingError as error:
    sys.exit(str(error))
"""


class Hub(ThreadingHTTPServer):
    """Holds one/net: model.safetensors with its true SHA-256, damaged.safetensors with that of another file."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.content = content
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        if content := self.answer():
            self.wfile.write(content)

    def answer(self) -> bytes:
        """Status and headers; returns the content."""
        self.server.asked.append(f"{self.command} {self.path}")
        name = self.path.removeprefix("/one/net/resolve/main/").removeprefix(f"/one/net/resolve/{COMMIT}/")
        if name not in ("model.safetensors", "damaged.safetensors"):
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound" if self.path.startswith("/one/net/") else "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return b""
        content = self.server.content if name == "model.safetensors" else self.server.content[:-1] + b"x"
        self.send_response(200)
        self.send_header("ETag", f'"{self.server.sha256}"')
        self.send_header("X-Linked-Etag", f'"{self.server.sha256}"')
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def hub(tiny_weights: Path) -> Iterator[Hub]:
    server = Hub(tiny_weights.read_bytes())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def find(name: str, hub: Hub, home: Path, **environment: str) -> subprocess.CompletedProcess:
    own = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(home), "NO_PROXY": "127.0.0.1"}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    command = [sys.executable, "-c", CODE, name]
    return subprocess.run(command, env=kept | own | environment, capture_output=True, text=True, timeout=100)


def test_downloaded_once_and_then_offline(hub: Hub, tmp_path: Path) -> None:
    first = find("one/net", hub, tmp_path)
    assert Path(first.stdout.strip()).read_bytes() == hub.content, first.stderr
    assert "GET /one/net/resolve/main/model.safetensors" in [line.replace(COMMIT, "main") for line in hub.asked]
    hub.asked.clear()
    for environment in ({}, {"HF_HUB_OFFLINE": "1"}):
        again = find("one/net@main:model.safetensors", hub, tmp_path, **environment)
        assert again.stdout == first.stdout, again.stderr
    assert hub.asked == []
    absent = find("one/net@v1.0:other.safetensors", hub, tmp_path, HF_HUB_OFFLINE="1")
    assert absent.returncode == 1
    assert "it was not looked for (HF_HUB_OFFLINE)" in absent.stderr
    assert "hf download one/net other.safetensors --revision v1.0 --local-dir weights" in absent.stderr
    assert "unset" not in absent.stderr
    assert hub.asked == []


def test_a_file_that_is_not_what_was_promised(hub: Hub, tmp_path: Path) -> None:
    result = find("one/net:damaged.safetensors", hub, tmp_path)
    assert result.returncode == 1
    assert f"is damaged: SHA-256 {hashlib.sha256(hub.content[:-1] + b'x').hexdigest()}" in result.stderr
    assert hub.sha256 in result.stderr
    assert "Traceback" not in result.stderr


def test_what_the_hub_does_not_have(hub: Hub, tmp_path: Path) -> None:
    for name, file in (("one/net:gone.safetensors", "gone.safetensors"), ("no/one", "model.safetensors")):
        result = find(name, hub, tmp_path)
        assert result.returncode == 1
        assert f"{file} of the hub's {name.partition(':')[0]}" in result.stderr
        assert "404" in result.stderr
        assert "--revision" not in result.stderr
