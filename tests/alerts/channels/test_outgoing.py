"""What costd sends out goes where it was told, and nowhere else, and ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alerts.channels.outgoing import Outgoing, OutgoingError

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Peer:
    """A web server on loopback that answers as a test says and remembers what it was sent."""

    server: ThreadingHTTPServer
    answers: dict[str, Answer] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def peer() -> Iterator[Peer]:
    with serving() as made:
        yield made


@contextmanager
def serving() -> Iterator[Peer]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            sent = {name.lower(): value for name, value in self.headers.items()}
            made.seen.append((self.command, self.path, sent, body))
            made.answers.get(self.path, plain(b"ok"))(self)

        do_GET = do_POST = handle_any  # noqa: N815  # as http.server names them

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = Peer(server)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def plain(body: bytes, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def redirect(location: str, status: int = 302) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("location", location)
        handler.send_header("content-length", "0")
        handler.end_headers()

    return answer


SECRET = {"authorization": "Bearer secret"}


def test_sends_what_it_is_given_and_gives_what_came_back(peer: Peer) -> None:
    reply = Outgoing().send("POST", f"{peer.url}/hook?x=1", headers=SECRET, content=b'{"a": 1}')
    assert (reply.status, reply.body) == (200, b"ok")
    ((method, path, headers, body),) = peer.seen
    assert (method, path, body) == ("POST", "/hook?x=1", b'{"a": 1}')
    assert headers["authorization"] == "Bearer secret"
    assert headers["host"] == peer.url.removeprefix("http://")


def test_a_redirect_on_the_same_site_is_followed(peer: Peer) -> None:
    peer.answers["/old"] = redirect("/new", 307)
    assert Outgoing().send("POST", f"{peer.url}/old", content=b"x").body == b"ok"
    assert [(m, p, b) for m, p, _, b in peer.seen] == [("POST", "/old", b"x"), ("POST", "/new", b"x")]


def test_after_an_old_redirect_nothing_is_posted_again(peer: Peer) -> None:
    peer.answers["/old"] = redirect("/new", 302)
    Outgoing().send("POST", f"{peer.url}/old", content=b"x")
    assert [(m, p, b) for m, p, _, b in peer.seen][1] == ("GET", "/new", b"")


@pytest.mark.parametrize(
    "elsewhere",
    [
        *("http://127.0.0.2:1/", "https://127.0.0.1/", "//evil.example/", "http://localhost/"),
        *("file:///etc/passwd", "gopher://127.0.0.1/", "http://[::1]/", "http://127.0.0.1:1/"),
    ],
)
def test_a_redirect_to_another_site_is_not_followed_and_credentials_stay(peer: Peer, elsewhere: str) -> None:
    peer.answers["/old"] = redirect(elsewhere)
    with pytest.raises(OutgoingError, match=r"redirects to another site|no http or https URL"):
        Outgoing().send("GET", f"{peer.url}/old", headers=SECRET)
    assert len(peer.seen) == 1


def test_a_site_that_others_redirect_to_gets_nothing(peer: Peer) -> None:
    with serving() as other:
        for elsewhere in (other.url, peer.url.replace("127.0.0.1", "localhost")):
            peer.answers["/old"] = redirect(f"{elsewhere}/steal", 307)
            with pytest.raises(OutgoingError, match="redirects to another site"):
                Outgoing().send("POST", f"{peer.url}/old", headers=SECRET, content=b"secret")
        assert other.seen == []
        assert {path for _, path, _, _ in peer.seen} == {"/old"}


def test_redirects_in_circles_end(peer: Peer) -> None:
    peer.answers["/a"] = redirect("/a")
    with pytest.raises(OutgoingError, match="in circles"):
        Outgoing().send("GET", f"{peer.url}/a")
    assert len(peer.seen) == 4


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "0.0.0.0"],  # noqa: S104
)
def test_metadata_is_never_asked(host: str) -> None:
    with pytest.raises(OutgoingError, match="nothing is sent there"):
        Outgoing(seconds=2).send("GET", f"http://{host}/latest/meta-data/")


def test_a_name_that_leads_to_metadata_among_others_is_refused(peer: Peer) -> None:
    resolved = ["127.0.0.1", "169.254.169.254"]
    with pytest.raises(OutgoingError, match=r"hooks\.example is 169\.254\.169\.254"):
        Outgoing(resolve=lambda *_: resolved).send("GET", "http://hooks.example/")
    assert peer.seen == []


def test_the_connection_goes_to_the_address_that_was_judged(peer: Peer) -> None:
    """A name that leads elsewhere at its second lookup gains nothing: there is one lookup."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    port = peer.url.rpartition(":")[2]
    outgoing = Outgoing(resolve=lambda *_: next(answers))
    assert outgoing.send("GET", f"http://rebinding.example:{port}/").body == b"ok"
    assert peer.seen[0][2]["host"] == f"rebinding.example:{port}"
    assert next(answers) == ["169.254.169.254"]


def test_an_answer_that_never_stops_is_cut_off(peer: Peer) -> None:
    peer.answers["/"] = plain(b"x" * 5_000_000)
    with pytest.raises(OutgoingError, match="more than 1,048,576 bytes"):
        Outgoing().send("GET", f"{peer.url}/")


def test_a_compressed_answer_is_refused_for_it_may_be_any_size(peer: Peer) -> None:
    peer.answers["/"] = plain(b"x", **{"content-encoding": "gzip"})
    with pytest.raises(OutgoingError, match="compressed"):
        Outgoing().send("GET", f"{peer.url}/")
    assert peer.seen[0][2]["accept-encoding"] == "identity"


@pytest.mark.parametrize("part", ["head", "body"])
def test_an_answer_that_trickles_ends_at_the_deadline(peer: Peer, part: str) -> None:
    def trickle(handler: BaseHTTPRequestHandler) -> None:
        start = (
            b"HTTP/1.1 200 OK\r\n" if part == "head" else b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n"
        )
        handler.wfile.write(start)
        for _ in range(100):
            try:
                handler.wfile.write(b"x")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    peer.answers["/"] = trickle
    began = time.monotonic()
    with pytest.raises(OutgoingError, match="did not answer"):
        Outgoing(seconds=0.5).send("GET", f"{peer.url}/")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "url",
    ["ftp://x.example/", "http://", "/path", "http://x:99999/", "http://\u2100.example/", "http://[x/", ""],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(OutgoingError, match=r"no http or https URL|no URL"):
        Outgoing().send("GET", url)


def test_errors_name_the_host_and_no_secret() -> None:
    for url, says in {
        "http://127.0.0.1:1/services/T0/B0/verysecret?key=alsosecret": "http://127.0.0.1:1 did not answer",
        "http://lee:hunter2@127.0.0.1:1/verysecret": "http://127.0.0.1:1: credentials do not belong",
    }.items():
        with pytest.raises(OutgoingError) as caught:
            Outgoing(seconds=2).send("POST", url)
        told = f"{caught.value} {caught.value.hint}"
        assert says in told
        for secret in ("hunter2", "verysecret", "alsosecret", "lee"):
            assert secret not in told


def test_a_name_that_nobody_knows_says_so() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError(-2, f"no {host}:{port}")

    with pytest.raises(OutgoingError, match="cannot be resolved"):
        Outgoing(resolve=unknown).send("GET", "http://nowhere.example/")


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.example", ".example"])
def test_what_can_be_nobodys_name_says_so_too(host: str) -> None:
    with pytest.raises(OutgoingError, match="cannot be resolved"):
        Outgoing().send("GET", f"http://{host}/")
