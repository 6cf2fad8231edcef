"""A small Kubernetes API over HTTP for the real client: lists, watches, writes, and refusals on demand."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from kubernetes_api import writes
from kubernetes_api.resources import BY_PATH, BY_PLURAL, Json, Kind, Refused, denied, metadata_only
from kubernetes_api.store import Store
from kubernetes_api.watching import watched

_PATH = re.compile(
    r"^/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[a-z]))?/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<part>status|scale|eviction|finalize))?$"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came, with what it was answered with."""

    method: str
    path: str
    query: dict[str, str]
    accept: str
    status: int
    sent: int

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch", "") in {"1", "true"}

    @property
    def is_list(self) -> bool:
        match = _PATH.match(self.path)
        return self.method == "GET" and not self.is_watch and bool(match) and not match["name"]  # type: ignore[index]  # it matched


@dataclass(slots=True)
class Peer:
    """The server's world, what it was asked, and what it refuses on demand.

    `refuse_next` answers the next requests with 429 and a Retry-After; `forbidden` holds pairs of verb and
    plural that answer 403; `denied_by` is a webhook that denies every write, rehearsed ones too; `broken`
    plurals answer 500; `bookmarks` is the time between bookmarks.
    """

    store: Store = field(default_factory=Store)
    asked: list[Asked] = field(default_factory=list)
    refuse_next: int = 0
    retry_after: str = "1"
    forbidden: set[tuple[str, str]] = field(default_factory=set)
    denied_by: str = ""
    broken: set[str] = field(default_factory=set)
    bookmarks: float = 60.0
    url: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    def kind(self, plural: str) -> Kind:
        return BY_PLURAL[plural]

    def put(self, plural: str, body: Json) -> Json:
        """Store an object as a controller or a kubelet would: without any check."""
        meta = body["metadata"]
        return self.store.put(BY_PLURAL[plural], (meta.get("namespace", ""), meta["name"]), body)

    def drop(self, plural: str, name: str, namespace: str = "") -> None:
        self.store.drop(BY_PLURAL[plural], (namespace, name))

    @property
    def lists(self) -> list[Asked]:
        return [one for one in self.asked if one.is_list]

    @property
    def bytes_sent(self) -> int:
        return sum(one.sent for one in self.asked)


@contextmanager
def serving(peer: Peer | None = None) -> Iterator[Peer]:
    """Run the API on a free port of this machine."""
    held = peer or Peer()
    handler = type("_Bound", (_Handler,), {"peer": held})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        held.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield held
        finally:
            held.stopping.set()
            with held.store.changed:
                held.store.changed.notify_all()
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    peer: Peer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name in the base class
        """Say nothing: what was asked is kept in the peer."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        status, sent = 200, 0
        try:
            self._refusals()
            if query.get("watch") in {"1", "true"}:
                sent = self._watch(*self._place(parts.path, "watch")[:2], query)
            else:
                status, found = self._found(method, unquote(parts.path), query, body)
                sent = self._send(status, found)
        except Refused as refused:
            status = refused.code
            sent = self._send(status, refused.status)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        self.peer.asked.append(Asked(method, parts.path, query, self.headers.get("Accept", ""), status, sent))

    def _refusals(self) -> None:
        if self.peer.refuse_next > 0:
            self.peer.refuse_next -= 1
            raise Refused(429, "TooManyRequests", "too many requests, please try again later")

    def _place(self, path: str, verb: str) -> tuple[Kind, str, str, str]:
        match = _PATH.match(path)
        found = match and BY_PATH.get((match["group"] or "", match["version"], match["plural"]))
        if not match or not found:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        if (verb, found.plural) in self.peer.forbidden:
            message = f'{found.plural} is forbidden: User "costd" cannot {verb} resource "{found.plural}"'
            raise Refused(403, "Forbidden", message, kind=found.plural)
        if found.plural in self.peer.broken:
            raise Refused(500, "InternalError", "etcdserver: request timed out")
        return found, match["namespace"] or "", match["name"] or "", match["part"] or ""

    def _found(self, method: str, path: str, query: dict[str, str], body: Json) -> tuple[int, Json]:
        if path in {"/version", "/readyz"}:
            return 200, {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
        if path.endswith("/selfsubjectaccessreviews"):
            return 201, self._access(body)
        match = _PATH.match(path)
        verbs = {"GET": "get" if match and match["name"] else "list", "POST": "create", "PUT": "update"}
        kind, namespace, name, part = self._place(path, verbs.get(method, method.lower()))
        key = (namespace if kind.namespaced else "", name)
        if method == "GET":
            return 200, self._read(kind, namespace, name, part, query)
        if self.peer.denied_by:
            raise denied(self.peer.denied_by)
        return self._written(method, kind, key, part, body, dry=query.get("dryRun") == "All")

    def _written(
        self, method: str, kind: Kind, key: tuple[str, str], part: str, body: Json, *, dry: bool
    ) -> tuple[int, Json]:
        store = self.peer.store
        if method == "POST" and part == "eviction":
            return 201, writes.evict(store, key, body, dry=dry)
        if method == "POST":
            return 201, writes.create(store, kind, key[0], body, dry=dry)
        if method == "DELETE":
            return 200, writes.delete(store, kind, key, body, dry=dry)
        if method == "PUT":
            made = writes.update(store, kind, key, body, part=part, dry=dry)
        else:
            content = self.headers.get("Content-Type", "").partition(";")[0]
            made = writes.patch(store, kind, key, body, content, part=part, dry=dry)
        return 200, writes.scale_of(made) if part == "scale" else made

    def _access(self, body: Json) -> Json:
        asked = body["spec"]["resourceAttributes"]
        allowed = (asked["verb"], asked["resource"]) not in self.peer.forbidden
        return {**body, "status": {"allowed": allowed}}

    def _read(self, kind: Kind, namespace: str, name: str, part: str, query: dict[str, str]) -> Json:
        if name:
            found = self.peer.store.get(kind, (namespace if kind.namespaced else "", name))
            if part == "scale":
                return writes.scale_of(found)
            return metadata_only(found) if self._is_partial() else found
        page = self.peer.store.page(kind, namespace, query)
        meta: Json = {"resourceVersion": str(page.version)}
        if page.token:
            meta["continue"] = page.token
            if not (query.get("labelSelector") or query.get("fieldSelector")):
                meta["remainingItemCount"] = page.left
        if self._is_partial():
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return {**head, "metadata": meta, "items": [metadata_only(item) for item in page.items]}
        head = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version}
        bare = [{k: v for k, v in item.items() if k not in {"kind", "apiVersion"}} for item in page.items]
        return {**head, "metadata": meta, "items": bare}

    def _is_partial(self) -> bool:
        return "as=PartialObjectMetadata" in self.headers.get("Accept", "")

    def _send(self, status: int, found: Json) -> int:
        content = json.dumps(found, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if status == 429:
            self.send_header("Retry-After", self.peer.retry_after)
        self.end_headers()
        self.wfile.write(content)
        return len(content)

    def _watch(self, kind: Kind, namespace: str, query: dict[str, str]) -> int:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        for what, found in watched(self.peer, kind, namespace, query):
            shown = metadata_only(found) if self._is_partial() and what != "ERROR" else found
            line = json.dumps({"type": what, "object": shown}, separators=(",", ":")).encode() + b"\n"
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            sent += len(line)
        self.wfile.write(b"0\r\n\r\n")
        return sent
