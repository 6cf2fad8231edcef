"""What an API server, or what stands in front of it, may answer: it is taken whole or refused in a line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kube_clusters import Hand, Silence
from kube_objects import at

from collectors.kubernetes import cluster as clusters
from collectors.kubernetes.login import connect
from collectors.kubernetes_inventory import KubernetesInventoryCollector, KubernetesSettings
from domain.errors import SourceError
from domain.probe import Health
from domain.resource import ResourceId, Unknown

CANARY = "CANARY-7d1f"


@dataclass(slots=True)
class Gate:
    """A server that gives one answer to everything; with `wants`, only to those who bring this token."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    location: str = ""
    wants: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            knows = not made.wants or self.headers.get("Authorization") == f"Bearer {made.wants}"
            self.send_response(made.status if knows else 401)
            if made.location:
                self.send_header("Location", made.location)
            self.send_header("Content-Length", str(len(made.body)))
            self.end_headers()
            self.wfile.write(made.body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield made
        server.shutdown()
    clusters.close_all()


def settings(folder: Path, server: str, token: str = CANARY) -> KubernetesSettings:
    content = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "me"}}],
    }
    return written(folder, json.dumps(content))


def written(folder: Path, kubeconfig: str) -> KubernetesSettings:
    file = folder / "kubeconfig"
    file.write_text(kubeconfig, encoding="utf-8")
    return KubernetesSettings(name="prod", kubeconfig=file, spool=folder / "spool")


def collector(made: KubernetesSettings) -> KubernetesInventoryCollector:
    return KubernetesInventoryCollector(made, clock=Hand(at("10:00")))


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[]",
        "null",
        '"x"',
        "<html>log in</html>",
        '{"kind": "List", "metadata": {}, "items": {"a": 1}}',
        '{"kind": "List", "metadata": {}, "items": [1]}',
        '{"kind": "List", "metadata": {}, "items": [{"metadata": {"name": "no uid"}}]}',
        '{"kind": "Status", "status": "Success"}',
    ],
)
def test_an_answer_that_is_no_list_is_refused_and_never_an_empty_cluster(
    body: str, gate: Gate, tmp_path: Path
) -> None:
    gate.body = body.encode()
    made = collector(settings(tmp_path, gate.url))
    with pytest.raises(SourceError):
        made.fetch_usage({}, progress=Silence())
    which = ResourceId(place="prod", kind="node", namespace="", name="n")
    assert isinstance(made.get(which), Unknown)
    assert [type(one) for one in made.list("node")] == [Unknown]
    assert Health.OK not in {one.health for one in made.probe()} or body.startswith("{")


@pytest.mark.parametrize(
    "line", ["[]", '{"type": "ADDED"}', '{"type": "ADDED", "object": {"metadata": 1}}', "5"]
)
def test_a_watch_that_sends_no_event_is_said_and_keeps_what_was_known(
    line: str, gate: Gate, tmp_path: Path
) -> None:
    gate.body = b'{"kind": "List", "metadata": {"resourceVersion": "7"}, "items": []}'
    made = collector(settings(tmp_path, gate.url))
    made.fetch_usage({}, progress=Silence())
    gate.body = line.encode()
    with pytest.raises(SourceError, match=r"the watch of|a watch sent"):
        made.fetch_usage({}, progress=Silence())


def test_a_page_that_names_itself_as_the_next_one_ends(gate: Gate, tmp_path: Path) -> None:
    gate.body = b'{"kind": "List", "metadata": {"resourceVersion": "7", "continue": "x"}, "items": []}'
    with pytest.raises(SourceError, match="same page twice"):
        collector(settings(tmp_path, gate.url)).fetch_usage({}, progress=Silence())


def test_a_redirect_is_not_followed(gate: Gate, tmp_path: Path) -> None:
    gate.status, gate.location = 302, f"{gate.url}/elsewhere"
    with pytest.raises(SourceError, match="redirects are not followed"):
        connect(settings(tmp_path, gate.url)).get("/version")
    assert gate.asked == ["/version"]


def test_a_token_that_was_replaced_is_read_anew(gate: Gate, tmp_path: Path) -> None:
    gate.wants = "first"
    api = connect(settings(tmp_path, gate.url, "first"))
    assert api.get("/version") == {}
    gate.wants = "second"
    with pytest.raises(SourceError) as caught:
        api.get("/version")
    assert "log in again" in caught.value.hint
    settings(tmp_path, gate.url, "second")
    assert api.get("/version") == {}


def test_neither_a_token_nor_a_password_is_in_an_error(tmp_path: Path) -> None:
    for made in (
        settings(tmp_path / "a", f"https://me:{CANARY}@127.0.0.1:1"),
        settings(tmp_path / "a", "http://127.0.0.1:1", f"{CANARY}\nsecond"),
    ):
        with pytest.raises(SourceError) as caught:
            connect(made).get("/version")
        assert CANARY not in str(caught.value) + caught.value.hint
        assert CANARY not in repr(collector(made).probe())


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()


@pytest.mark.parametrize(
    "text",
    [
        f"users: [token: {CANARY}\n  - : : {{",
        f"token {CANARY}",
        f"[1, {CANARY}]",
        "current-context: 5\ncontexts: 3\nclusters: 3\nusers: 3",
        "\x00",
        "",
    ],
)
def test_a_kubeconfig_that_is_none_is_said_in_one_line_without_what_it_holds(
    text: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="no login for the cluster of source prod") as caught:
        connect(written(tmp_path, text))
    assert CANARY not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_no_url_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no http or https URL"):
        connect(settings(tmp_path, "prod-eu"))
