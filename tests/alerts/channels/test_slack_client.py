"""Slack's client goes where it was told and nowhere else, and its token with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from alerts.channels.interface import ChannelBroken, ChannelDown
from alerts.channels.slack import SlackChannel
from alerts.channels.slack_api import SlackApi
from alerts.channels.slack_webhook import SlackWebhook
from alerts.slack_blocks import SlackMessage

TOKEN = "xoxb-canary-1"  # noqa: S105  # nobody's
MESSAGE = SlackMessage(text="hello", blocks=())
Answer = Callable[[BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes]]


@contextmanager
def serving(answer: Answer, host: str = "127.0.0.1") -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Run a server; give its address, and what it was asked: method, path, authorization."""
    seen: list[tuple[str, str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            seen.append((self.command, self.path, self.headers.get("authorization", "")))
            status, headers, body = answer(self)
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = handle_any  # noqa: N815  # as http.server names them

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://{host}:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()


def fine(_handler: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
    return 200, {"content-type": "application/json"}, b'{"ok": true, "ts": "1.1"}'


def channel(url: str) -> SlackChannel:
    return SlackChannel("C0123456", TOKEN, base_url=f"{url}/api/", sleep=lambda _: None)


def test_a_call_goes_to_the_address_with_its_token() -> None:
    with serving(fine) as (url, seen):
        assert channel(url).post(MESSAGE, key="k") == "1.1"
    assert seen == [("POST", "/api/chat.postMessage", f"Bearer {TOKEN}")]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_site_is_refused_and_no_token_goes_there(status: int) -> None:
    with serving(fine, "127.0.0.2") as (other, stolen):
        location = {"location": f"{other}/api/chat.postMessage"}
        with serving(lambda _: (status, location, b"")) as (url, seen):
            with pytest.raises(ChannelBroken, match="redirects to another site"):
                channel(url).post(MESSAGE, key="k")
            with pytest.raises(ChannelBroken, match="redirects to another site"):
                SlackWebhook("hook", f"{url}/services/T/B/x").post(MESSAGE, key="k")
    assert [method for method, _, _ in seen] == ["POST", "POST"]
    assert stolen == []


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "100.100.100.200"]
)
def test_link_local_and_metadata_addresses_are_never_called(host: str) -> None:
    with pytest.raises(ChannelBroken, match="nothing is sent there") as raised:
        channel(f"http://{host}").post(MESSAGE, key="k")
    assert TOKEN not in str(raised.value) + raised.value.hint
    assert "another host" in raised.value.hint
    with pytest.raises(ChannelBroken, match="nothing is sent there"):
        SlackWebhook("hook", f"http://{host}/services/T/B/x").post(MESSAGE, key="k")


def test_an_answer_without_end_is_cut_off() -> None:
    with (
        serving(lambda _: (200, {}, b"x" * (17 * 1024 * 1024))) as (url, _),
        pytest.raises(ChannelDown, match="more than"),
    ):
        SlackApi(TOKEN, "C1", base_url=f"{url}/api/").call("auth.test", {})


def test_what_nobody_serves_is_down_and_not_broken() -> None:
    with serving(fine) as (url, _):
        pass
    with pytest.raises(ChannelDown, match="cannot be reached"):
        channel(url).post(MESSAGE, key="k")


def test_where_a_proxy_is_set_it_is_used_and_its_redirects_are_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = {"location": "http://127.0.0.2:1/api/chat.postMessage"}
    with serving(fine) as (proxy, asked):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        assert channel("http://slack.example").post(MESSAGE, key="k") == "1.1"
    assert asked == [("POST", "http://slack.example/api/chat.postMessage", f"Bearer {TOKEN}")]
    with serving(lambda _: (302, away, b"")) as (proxy, asked):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(ChannelBroken):
            channel("http://slack.example").post(MESSAGE, key="k")
    assert len(asked) == 1
