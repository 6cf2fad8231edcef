"""Asking the API through the official client: raw JSON, patience with 429, and errors in plain words."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from collectors.kubernetes.settings import KubernetesSettings
from domain.errors import SourceError
from domain.text import printable, shortened

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Json = dict[str, Any]

WHOLE = "application/json"
ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_MOST_TRIES = 5
_CONNECTIONS = 24
"""One per kind that is watched, and some for what is read besides."""
_LONGEST_WAIT = 30.0
_GONE, _BUSY = 410, 429


class RefusedError(SourceError):
    """The API server answered, and the answer is no.

    Attributes:
        status: of HTTP.
        said: the Status it sent, empty if it sent none.
    """

    code = "kubernetes_refused"

    def __init__(self, message: str, *, status: int, said: Json, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.said = said

    @property
    def is_expired(self) -> bool:
        """Tell whether the version or page that was asked for is forgotten."""
        return self.status == _GONE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """One request as it is sent, perhaps more than once."""

    path: str
    method: str = "GET"
    query: Mapping[str, str] = field(default_factory=dict)
    accept: str = WHOLE
    body: Json | None = None
    seconds: float = _READ_SECONDS


@dataclass(slots=True)
class Api:
    """One cluster's API.

    Attributes:
        lists, watches, bytes_read: what was asked and what came, counted for tests and `doctor`.
    """

    client: ApiClient
    sleep: Callable[[float], None] = time.sleep
    lists: int = 0
    watches: int = 0
    bytes_read: int = 0
    server_date: str = field(default="")

    def get(self, path: str, query: Mapping[str, str] | None = None, accept: str = WHOLE) -> Json:
        """Read one answer.

        Raises:
            RefusedError: the server refused.
            SourceError: it could not be reached.
        """
        return self._answer(_Request(path=path, query=query or {}, accept=accept))

    def post(self, path: str, body: Json) -> Json:
        """Ask a question that has a body, such as an access review; it creates nothing that lasts."""
        return self._answer(_Request(path=path, method="POST", body=body))

    def lines(self, path: str, query: Mapping[str, str], accept: str) -> Iterator[bytes]:
        """Give the lines of a watch until the server ends it.

        Raises:
            RefusedError: the server refused.
            SourceError: it could not be reached, or went away in between.
        """
        import urllib3.exceptions as broken

        self.watches += 1
        seconds = float(query.get("timeoutSeconds", "0")) + _READ_SECONDS
        response = self._opened(_Request(path=path, query=query, accept=accept, seconds=seconds))
        rest = b""
        try:
            for piece in response.stream(2**16, decode_content=True):
                self.bytes_read += len(piece)
                *whole, rest = (rest + piece).split(b"\n")
                yield from (line for line in whole if line)
        except broken.HTTPError as error:
            raise SourceError(f"the watch of {path} broke off: {_told(error)}") from error
        finally:
            response.close()  # what is left unread must not hold up the connection
            response.release_conn()
        if rest.strip():
            yield rest

    def _answer(self, asked: _Request) -> Json:
        import orjson
        import urllib3.exceptions as broken

        response = self._opened(asked)
        try:
            content = response.read(decode_content=True)
        except broken.HTTPError as error:
            raise SourceError(f"the answer of {asked.path} broke off: {_told(error)}") from error
        finally:
            response.release_conn()
        self.bytes_read += len(content)
        self.server_date = response.headers.get("Date", "")
        try:
            found: Json = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise SourceError(f"{asked.path} answered with something that is no JSON") from error
        return found

    def _opened(self, asked: _Request) -> Any:
        for attempt in range(_MOST_TRIES):
            response = self._sent(asked)
            if response.status != _BUSY or attempt == _MOST_TRIES - 1:
                break
            response.read()
            self.sleep(_wait(response.headers.get("Retry-After", ""), attempt))
        if response.status >= 400:
            raise _refusal(asked.path, response.status, response.read())
        return response

    def _sent(self, asked: _Request) -> Any:
        import urllib3.exceptions as broken
        from kubernetes.client.exceptions import ApiException

        serialized = self.client.param_serialize(
            method=asked.method,
            resource_path=asked.path,
            query_params=list(asked.query.items()),
            header_params={"Accept": asked.accept, "Content-Type": WHOLE},
            body=asked.body,
            auth_settings=["BearerToken"],
        )
        try:
            timeout = (_CONNECT_SECONDS, asked.seconds)
            return self.client.call_api(*serialized, _request_timeout=timeout).response
        except (broken.HTTPError, ApiException, OSError) as error:
            host = self.client.configuration.host
            raise SourceError(
                f"the API server {host} could not be reached: {_told(error)}",
                hint="look whether `kubectl get nodes` works from this machine with the same context",
            ) from error


def connect(settings: KubernetesSettings) -> Api:
    """Log in as the settings say; nothing is asked of the cluster yet.

    Raises:
        SourceError: there is no such context, or nothing to log in with.
    """
    from kubernetes import client, config

    configuration = client.Configuration()
    configuration.connection_pool_maxsize = _CONNECTIONS
    configuration.retries = False  # waiting is ours: Retry-After is honoured where it is seen
    try:
        if settings.context or settings.kubeconfig or not _in_pod():
            config.load_kube_config(  # type: ignore[no-untyped-call]  # its package has no types there
                config_file=str(settings.kubeconfig) if settings.kubeconfig else None,
                context=settings.context or None,
                client_configuration=configuration,
                persist_config=False,
            )
        else:
            config.load_incluster_config(  # type: ignore[no-untyped-call]  # its package has no types there
                client_configuration=configuration
            )
    except (config.ConfigException, OSError, ValueError) as error:
        raise SourceError(
            f"no login for the cluster of source {settings.name}: {_told(error)}",
            hint="name a `context` of your kubeconfig (`kubectl config get-contexts`), or run in the cluster",
        ) from error
    return Api(client.ApiClient(configuration))


def _in_pod() -> bool:
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


def _wait(told: str, attempt: int) -> float:
    return min(float(told), _LONGEST_WAIT) if told.strip().isdecimal() else float(2**attempt)


def _refusal(path: str, status: int, content: bytes) -> RefusedError:
    import orjson

    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError:
        said = {}
    said = said if isinstance(said, dict) else {}
    told = shortened(printable(str(said.get("message") or "")), 300) or f"HTTP {status}"
    hints = {
        401: "log in again: the token or certificate is not accepted",
        403: "grant it: deploy/kubernetes/rbac.yaml holds all that costd reads",
        _BUSY: "the API server is overloaded; costd tries again at its next round",
    }
    return RefusedError(f"{path}: {told}", status=status, said=said, hint=hints.get(status, ""))


def _told(error: BaseException) -> str:
    return shortened(printable(str(error)) or type(error).__name__, 300)
