"""The real server under clients that are slow, many, or too large: it goes on answering others."""

from __future__ import annotations

import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from acme import Acme
from door import site
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn import Server

from config.http import HttpSettings
from daemon.http.answer import Answer, answered
from daemon.http.binding import check_binding, connection_limit
from daemon.http.headers import EVERY_ANSWER
from daemon.http.limits import Limits
from daemon.http.protocol import Connections
from daemon.http.server import server_config
from domain.errors import ConfigError

QUICK = Limits(chunk_seconds=0.3, body_seconds=0.6)


@contextmanager
def serving(acme: Acme, most: int = 100, route: Route | None = None) -> Iterator[int]:
    """Serve a company on a free port of loopback, with short times."""
    made = site(acme, QUICK)
    made.app.router.routes.extend([route] if route else [])
    guard = Connections(most=most, head_seconds=0.4, taking_seconds=0.4)
    server = Server(server_config(made.app, made.services.settings.http, port=0, connections=guard))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
        made.services.close()


@pytest.fixture
def port(acme: Acme) -> Iterator[int]:
    with serving(acme) as port:
        yield port


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def ended_within(connection: socket.socket, seconds: float) -> bool:
    """Tell whether the server ended a connection that nothing more is sent on."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def whoami(port: int) -> int:
    return httpx2.get(f"http://127.0.0.1:{port}/v1/whoami", timeout=5).status_code


def test_a_head_that_never_ends_is_not_waited_for(port: int) -> None:
    """A slow-loris client sends one header line after the other."""
    with connect(port) as loris:
        loris.sendall(b"GET /v1/whoami HTTP/1.1\r\nhost: 127.0.0.1\r\n")
        began = time.monotonic()
        try:
            while time.monotonic() - began < 3:
                loris.sendall(b"x-a: b\r\n")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - began < 2


def test_a_connection_that_says_nothing_is_not_waited_for(port: int) -> None:
    with connect(port) as silent:
        assert ended_within(silent, 2)


def test_a_second_head_that_never_ends_is_not_waited_for(port: int) -> None:
    with connect(port) as loris:
        loris.sendall(b"GET /v1/whoami HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        assert b" 200 " in loris.recv(65536)
        began = time.monotonic()
        try:
            while time.monotonic() - began < 3:
                loris.sendall(b"G")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - began < 2


def test_a_body_that_trickles_is_not_waited_for(port: int) -> None:
    with connect(port) as loris:
        loris.sendall(
            b"POST /sign-in HTTP/1.1\r\nhost: 127.0.0.1:%d\r\norigin: http://127.0.0.1:%d\r\n" % (port, port)
            + b"content-type: application/x-www-form-urlencoded\r\ncontent-length: 1000\r\n\r\n"
        )
        answer = b""
        began = time.monotonic()
        loris.settimeout(0.1)
        while b"\r\n\r\n" not in answer and time.monotonic() - began < 5:
            try:
                loris.sendall(b"a")
                answer += loris.recv(65536)
            except TimeoutError:
                continue
        assert b" 408 " in answer
        assert time.monotonic() - began < 3


def test_an_answer_that_nobody_takes_is_given_up(acme: Acme) -> None:
    large = Answer(content=b"x" * 64_000_000, media_type="text/plain", tag='"x"')

    async def endpoint(request: Request) -> Response:
        return answered(request, large, "large")

    with serving(acme, route=Route("/large", endpoint)) as port, connect(port) as greedy:
        greedy.sendall(b"GET /large HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        assert greedy.recv(10)
        time.sleep(1.2)
        got = 0
        try:
            while piece := greedy.recv(1_000_000):
                got += len(piece)
        except OSError:
            pass
        assert got < len(large.content) // 2
        assert whoami(port) == 200


def test_when_all_connections_are_held_the_longest_waiting_gives_way(acme: Acme) -> None:
    with serving(acme, most=10) as port:
        held = [connect(port) for _ in range(10)]
        for one in held:
            one.sendall(b"GET / HTTP/1.1\r\n")
        time.sleep(0.05)
        assert whoami(port) == 200
        assert ended_within(held[0], 0.2)
        for one in held:
            one.close()


def test_many_slow_clients_keep_nobody_else_out(acme: Acme) -> None:
    stop = threading.Event()

    def loris(port: int) -> None:
        while not stop.is_set():
            try:
                with connect(port) as one:
                    while not stop.is_set():
                        one.sendall(b"x")
                        time.sleep(0.02)
            except OSError:
                continue

    with serving(acme, most=20) as port:
        crowd = [threading.Thread(target=loris, args=(port,), daemon=True) for _ in range(30)]
        for one in crowd:
            one.start()
        time.sleep(0.2)
        try:
            assert [whoami(port) for _ in range(10)] == [200] * 10
        finally:
            stop.set()
            for one in crowd:
                one.join(5)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /v1/report?x=" + b"a" * 20_000 + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", b" 414 "),
        (b"GET /" + b"a/" * 10_000 + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", b" 414 "),
        (b"GET /v1/whoami HTTP/1.1\r\nhost: 127.0.0.1\r\nx: " + b"a" * 40_000 + b"\r\n\r\n", b" 431 "),
        (b"GET /v1/whoami HTTP/1.1\r\nhost: 127.0.0.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b" 431 "),
        (b"GET /v1/whoami HTTP/1.1\r\nhost: 127.0.0.1\r\nx: " + b"a" * 200_000 + b"\r\n\r\n", b" 400 "),
        (b"POST /sign-in HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2000000\r\n\r\n", b" 413 "),
        (b"GET http://evil.example/ HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", b" 400 "),
        (b"OPTIONS * HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", b" 400 "),
        (b"GET /v1/whoami HTTP/1.1\r\n\r\n", b" 400 "),
        (b"GET /v1/whoami HTTP/1.0\r\n\r\n", b" 421 "),
        (b"GET /v1/whoami HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: evil.example\r\n\r\n", b" 400 "),
        (b"GET /v1/whoami HTTP/1.1\r\nhost: evil.example\r\n\r\n", b" 421 "),
        (b"GET /v1/whoami HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: -1\r\n\r\n", b" 400 "),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n", b" 400 "),
        (b"GET /%00%ff%0d%0aset-cookie:a=b HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", b" 404 "),
        (b"GET /static/../../etc/passwd HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", b" 404 "),
        (b"GET /static/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", b" 404 "),
    ],
    ids=lambda value: str(value[:30]),
)
def test_what_no_client_of_ours_sends_is_refused_and_the_server_goes_on(
    port: int, request_: bytes, status: bytes
) -> None:
    with connect(port) as odd:
        odd.sendall(request_)
        odd.settimeout(5)
        assert status in odd.recv(65536).partition(b"\r\n")[0] + b" "
    assert whoami(port) == 200


def test_a_body_that_grows_beyond_its_bound_is_cut_off(port: int) -> None:
    def forever() -> Iterator[bytes]:
        for _ in range(200):
            yield b"a" * 10_000

    headers = {"origin": f"http://127.0.0.1:{port}", "content-type": "application/x-www-form-urlencoded"}
    try:
        url = f"http://127.0.0.1:{port}/sign-in"
        status = httpx2.post(url, content=forever(), headers=headers, timeout=5).status_code
    except httpx2.HTTPError:
        status = 413  # it hung up before we had sent everything
    assert status == 413


# Where it may listen


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.7", "::", "costd.acme.example"])  # noqa: S104  # refused
def test_listening_for_other_machines_without_authentication_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="can be reached from other machines") as caught:
        check_binding(HttpSettings(host=host))
    for way_out in ("http.auth: token", "costd token create", "http.trusted_proxies", "127.0.0.1"):
        assert way_out in caught.value.hint
    check_binding(HttpSettings.model_validate({"host": host, "auth": "token"}))
    proxy = {"host": host, "auth": "proxy", "trusted_proxies": ["10.0.0.1"]}
    check_binding(HttpSettings.model_validate(proxy))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_listening_on_loopback_needs_nothing(host: str) -> None:
    check_binding(HttpSettings(host=host))


def test_the_server_itself_refuses_an_open_address(acme: Acme) -> None:
    made = site(acme)
    with pytest.raises(ConfigError, match="other machines"):
        server_config(made.app, HttpSettings(host="0.0.0.0"))  # noqa: S104  # refused
    made.services.close()


def test_connections_are_never_more_than_files_that_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1500))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    assert connection_limit(500) == 500
    assert asked == []
    assert connection_limit(2000) == 1500 - 256
    assert asked == [(1500, 1500)]


def test_no_answer_waits_for_the_clients_acknowledgement(port: int) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        taken = []
        for _ in range(20):
            began = time.monotonic()
            client.get("/healthz")
            taken.append(time.monotonic() - began)
    assert sorted(taken)[10] < 0.03


# What is no HTTP, or two requests in one


def answers(port: int, sent: bytes) -> bytes:
    """Send something, and give everything that comes back before the server hangs up."""
    with connect(port) as odd:
        odd.sendall(sent)
        found = b""
        while piece := odd.recv(65536):
            found += piece
    return found


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost : 127.0.0.1\r\n\r\n",
    ],
    ids=["tls", "no host", "a space before the colon"],
)
def test_what_is_no_http_is_answered_with_every_header_too(port: int, sent: bytes) -> None:
    head, _, body = answers(port, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    for name, value in {**EVERY_ANSWER, "cache-control": "no-store", "connection": "close"}.items():
        assert f"\r\n{name}: {value}".encode() in head
    assert json.loads(body)["code"] == "bad_request"


def test_a_request_with_two_lengths_is_refused_and_nothing_after_it_is_read(port: int) -> None:
    smuggled = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    head = b"POST /sign-in HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\n"
    found = answers(port, head + b"transfer-encoding: chunked\r\n\r\n" + b"0\r\n\r\n" + smuggled)
    assert found.startswith(b"HTTP/1.1 400 ")
    assert found.count(b"HTTP/1.1 ") == 1


def test_a_body_that_turns_into_no_http_gets_one_answer(port: int) -> None:
    head = (
        b"POST /sign-in HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: http://127.0.0.1:%d\r\n"
        b"content-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n" % port
    )
    found = answers(port, head + b"not a size\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 400 ")
    assert found.count(b"HTTP/1.1 ") == 1
    assert whoami(port) == 200


def test_strangers_cannot_fill_the_log(port: int, caplog: pytest.LogCaptureFixture) -> None:
    ask = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close, upgrade\r\n"
    ask += b"upgrade: websocket\r\n\r\n"
    for _ in range(40):
        answers(port, ask)
        answers(port, b"no http\r\n\r\n")
    assert len([one for one in caplog.records if one.name == "uvicorn.error"]) <= 3 * 7
