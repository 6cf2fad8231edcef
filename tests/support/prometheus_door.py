"""A server that answers as Prometheus, Thanos, Mimir and VictoriaMetrics do, and as badly."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]

    @property
    def points(self) -> int:
        """Count the points of a range."""
        span = float(self.form["end"]) - float(self.form["start"])
        return int(span / float(self.form["step"])) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is given back."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


def success(*series: Mapping[str, Any], **more: Any) -> Answer:
    """Give series as Prometheus does."""
    return Answer(
        body={"status": "success", "data": {"resultType": "matrix", "result": list(series)}, **more}
    )


def error(status: int, kind: str, text: str) -> Answer:
    """Give an error as Prometheus does."""
    return Answer(status=status, body={"status": "error", "errorType": kind, "error": text})


def flat(asked: Asked, value: float, **labels: str) -> dict[str, Any]:
    """Give a series with one value at every point that was asked for."""
    start, step = float(asked.form["start"]), float(asked.form["step"])
    values = [[start + number * step, repr(value)] for number in range(asked.points)]
    return {"metric": labels, "values": values}


@dataclass(slots=True)
class Door:
    """Where it is, what was asked, and what answers."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Answer] = lambda _: success()


@contextmanager
def serving() -> Iterator[Door]:
    """Serve until the block ends."""
    door = Door()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            self.reply(parse_qs(content.decode()))

        def do_GET(self) -> None:
            self.reply({})

        def reply(self, form: Mapping[str, list[str]]) -> None:
            headers = {name.lower(): text for name, text in self.headers.items()}
            asked = Asked(path=self.path, headers=headers, form={name: one[0] for name, one in form.items()})
            door.asked.append(asked)
            answer = door.answer(asked)
            time.sleep(answer.delay)
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            body = gzip.compress(body)
            self.send_response(answer.status)
            self.send_header("content-encoding", "gzip")
            self.send_header("content-length", str(len(body)))
            for name, text in answer.headers.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    door.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield door
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
