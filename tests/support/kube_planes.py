"""Control planes that one suite runs against: the peer in tests/peers, and a real one where there is one.

A real one is named by `COSTD_TEST_KUBECONFIG` (an account of `system:masters`), or started from
`KUBEBUILDER_ASSETS`, a folder with `etcd` and `kube-apiserver`. No kubelet and no controllers are needed: the
suite makes nodes and says what pods do.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes_api.resources import BY_PLURAL
from kubernetes_api.server import Peer, serving

from collectors.kubernetes.access import Api

Json = dict[str, Any]
_START_SECONDS = 60


@dataclass(slots=True)
class Plane:
    """A control plane: `peer` is the fake, None for a real one; names begin with `prefix`."""

    api: client.ApiClient
    peer: Peer | None = None
    prefix: str = field(default_factory=lambda: f"costd-{uuid.uuid4().hex[:8]}")

    @property
    def fake(self) -> Peer:
        """Give the fake; what only it can do on demand is skipped on a real control plane."""
        if self.peer is None:
            pytest.skip("a real control plane does not do this on demand")
        return self.peer

    def reader(self) -> Api:
        return Api(self.api)

    def call(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json", **query: Any
    ) -> Json:
        """Ask as the official client does; what is refused is its ApiException."""
        import orjson
        from kubernetes.client.exceptions import ApiException

        asked = self.api.param_serialize(
            method=method,
            resource_path=path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Content-Type": content},
            body=body,
            auth_settings=["BearerToken"],
        )
        response = self.api.call_api(*asked)
        data = response.read()
        if response.status >= 400:
            raise ApiException(http_resp=response)
        found: Json = orjson.loads(data)
        return found

    def path(self, plural: str, namespace: str = "", name: str = "") -> str:
        kind = BY_PLURAL[plural]
        root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        inside = f"/namespaces/{namespace}" if kind.namespaced and namespace else ""
        return f"{root}{inside}/{plural}" + (f"/{name}" if name else "")

    def make(self, plural: str, body: Json) -> Json:
        kind = BY_PLURAL[plural]
        body = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
        return self.call("POST", self.path(plural, body["metadata"].get("namespace", "")), body)

    def set_status(self, plural: str, namespace: str, name: str, status: Json) -> Json:
        path = self.path(plural, namespace, name) + "/status"
        merge = "application/merge-patch+json"
        return self.call("PATCH", path, {"status": status}, content=merge)

    def namespace(self, name: str = "", **labels: str) -> str:
        made = f"{self.prefix}-{name}" if name else self.prefix
        self.make("namespaces", {"metadata": {"name": made, "labels": labels}})
        if self.peer is None:  # pods need an account, which a controller may make too, but later
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
            with suppress(Exception):
                self.call("POST", f"/api/v1/namespaces/{made}/serviceaccounts", account)
        return made

    def settled(self, path: str) -> Json:
        """Read an object once no controller writes to it any more."""
        found = self.call("GET", path)
        while self.peer is None:
            time.sleep(0.5)
            again = self.call("GET", path)
            if again["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]:
                break
            found = again
        return found

    def clean(self) -> None:
        for plural in ("nodes", "persistentvolumes", "namespaces"):
            for item in self.call("GET", self.path(plural))["items"]:
                if item["metadata"]["name"].startswith(self.prefix):
                    with suppress(Exception):
                        self.call("DELETE", self.path(plural, "", item["metadata"]["name"]), {})


@contextmanager
def fake_plane() -> Iterator[Plane]:
    with serving() as peer:
        configuration = client.Configuration()
        configuration.host, configuration.retries = peer.url, False
        yield Plane(client.ApiClient(configuration), peer)


@contextmanager
def real_plane(folder: Path) -> Iterator[Plane]:
    """Use the named control plane, or start one; skips with what to set where there is none."""
    named, assets = os.environ.get("COSTD_TEST_KUBECONFIG"), os.environ.get("KUBEBUILDER_ASSETS")
    if named:
        plane = Plane(config.new_client_from_config(named))
        yield plane
        plane.clean()
    elif assets:
        with _started(Path(assets), folder) as configuration:
            yield Plane(client.ApiClient(configuration))
    else:
        pytest.skip(
            "no real control plane: set COSTD_TEST_KUBECONFIG, or KUBEBUILDER_ASSETS to a folder with "
            "etcd and kube-apiserver"
        )


@contextmanager
def _started(assets: Path, folder: Path) -> Iterator[client.Configuration]:
    etcd, peers, api = _port(), _port(), _port()
    token = uuid.uuid4().hex
    (folder / "tokens.csv").write_text(f'{token},costd-tests,1,"system:masters"\n', encoding="utf-8")
    _key(folder / "accounts.key")
    urls = f"http://127.0.0.1:{etcd}"
    store = [
        *(str(assets / "etcd"), f"--data-dir={folder / 'etcd'}", f"--listen-client-urls={urls}"),
        *(f"--advertise-client-urls={urls}", f"--listen-peer-urls=http://127.0.0.1:{peers}"),
    ]
    server = [
        *(str(assets / "kube-apiserver"), f"--etcd-servers={urls}", f"--secure-port={api}"),
        *("--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--allow-privileged=true"),
        *(f"--cert-dir={folder / 'certs'}", "--authorization-mode=RBAC"),
        *(f"--token-auth-file={folder / 'tokens.csv'}", "--service-cluster-ip-range=10.0.0.0/24"),
        *("--service-account-issuer=https://costd.test", "--disable-admission-plugins=ServiceAccount"),
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
    ]
    with (folder / "planes.log").open("wb") as log:
        programs: list[subprocess.Popen[bytes]] = []
        try:
            programs += [subprocess.Popen(line, stdout=log, stderr=log) for line in (store, server)]
            configuration = client.Configuration()
            configuration.host, configuration.retries = f"https://127.0.0.1:{api}", False
            configuration.verify_ssl = True
            configuration.ssl_ca_cert = str(folder / "certs" / "apiserver.crt")
            configuration.api_key = {"authorization": f"Bearer {token}"}
            configuration.api_key["BearerToken"] = f"Bearer {token}"
            _wait(configuration, programs)
            yield configuration
        finally:
            for program in reversed(programs):
                program.terminate()
                program.wait(20)


def _wait(configuration: client.Configuration, programs: list[subprocess.Popen[bytes]]) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        ended = [program.args for program in programs if program.poll() is not None]
        if ended:
            raise RuntimeError(f"ended before it was ready: {ended}")
        with suppress(Exception):
            Api(client.ApiClient(configuration)).get("/api/v1/namespaces/default")
            return
        time.sleep(0.5)
    raise RuntimeError(f"no control plane after {_START_SECONDS} s")


def _key(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
