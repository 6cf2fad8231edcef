"""Asking the API through the official client: raw JSON, patience with 429, and errors in plain words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from domain.errors import SourceError
from domain.text import printable, shortened

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Json = dict[str, Any]

_PROXY = "look whether something between costd and the API server, such as a login page, answers for it"

WHOLE = "application/json"
ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_MOST_TRIES = 5
_LONGEST_WAIT = 30.0
_UNKNOWN, _GONE, _BUSY = 401, 410, 429


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
        login: logs in anew where the server no longer knows us, as after a token was replaced; None if
            there is no other login.
        lists, watches, bytes_read: what was asked and what came, counted for tests and `doctor`.
    """

    client: ApiClient
    sleep: Callable[[float], None] = time.sleep
    login: Callable[[], ApiClient] | None = None
    lists: int = 0
    watches: int = 0
    bytes_read: int = 0
    server_date: str = field(default="")

    @property
    def host(self) -> str:
        """Give the address as it may be shown: a kubeconfig may hold a password in it."""
        scheme, _, rest = self.client.configuration.host.rpartition("://")
        place, slash, path = rest.partition("/")
        return f"{scheme}://{place.rpartition('@')[2]}{slash}{path}"

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
            raise SourceError(f"the watch of {path} broke off: {told(error)}") from error
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
            raise SourceError(f"the answer of {asked.path} broke off: {told(error)}") from error
        finally:
            response.release_conn()
        self.bytes_read += len(content)
        self.server_date = response.headers.get("Date", "")
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise SourceError(f"{asked.path} answered with something that is no object of JSON", hint=_PROXY)
        return found

    def _opened(self, asked: _Request) -> Any:
        response = self._sent(asked)
        if response.status == _UNKNOWN and self.login is not None:
            response.read()
            self.client = self.login()
            response = self._sent(asked)
        for attempt in range(_MOST_TRIES):
            if response.status != _BUSY or attempt == _MOST_TRIES - 1:
                break
            response.read()
            self.sleep(_wait(response.headers.get("Retry-After", ""), attempt))
            response = self._sent(asked)
        if 300 <= response.status < 400:
            response.read()
            raise SourceError(
                f"{asked.path} is redirected elsewhere; redirects are not followed", hint=_PROXY
            )
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
        except ValueError:  # its text holds the header, and so the token
            raise SourceError(
                f"nothing can be asked of {self.host}: its token has characters that no header may have",
                hint="write the token anew, in one line",
            ) from None
        except (broken.HTTPError, ApiException, OSError) as error:
            raise SourceError(
                f"the API server {self.host} could not be reached: {told(error)}",
                hint="look whether `kubectl get nodes` works from this machine with the same context",
            ) from error


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


def told(error: BaseException) -> str:
    """Give what an error says, as it may be shown."""
    return shortened(printable(str(error)) or type(error).__name__, 300)
