"""Files of a public price list over HTTPS, read as they arrive."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

from collectors.stores.endpoints import refuse_link_local
from domain.errors import SourceError
from domain.text import shortened

_SECONDS = 60
_MOST_BYTES = 20 * 2**30
_MOST_JSON = 64 * 2**20
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})
_HINT = "check the network and the proxy, and `prices` in the configuration; what the book has stays"


class _Whole(io.RawIOBase):
    """A body as it came over the wire; one that ends before its promised length is an error."""

    def __init__(self, body: Any, promised: str | None) -> None:
        self._body, self._missing = body, int(promised) if promised and promised.isdigit() else None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, or fail where the connection broke."""
        data = self._body.read(len(buffer))
        if self._missing is not None:
            self._missing -= len(data)
            if not data and self._missing > 0:
                raise OSError(f"the connection broke {self._missing:,} bytes before the end")
        buffer[: len(data)] = data
        return len(data)


class _Counted(io.RawIOBase):
    """A body that refuses to be endless."""

    def __init__(self, body: Any, most: int) -> None:
        self._body, self._left = body, most

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, or fail beyond the limit."""
        data = self._body.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise SourceError("a price list is larger than any real one; it was not read")
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def opened(base: str, path: str, *, most: int = _MOST_BYTES) -> Iterator[io.BufferedReader]:
    """Open a file below a base URL; no redirect is followed, and nothing leaves the host.

    Raises:
        SourceError: it cannot be had, or the connection broke while it was read.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, build_opener

    url = _below(base, path)
    refuse_link_local(url)
    request = Request(url, headers={"Accept-Encoding": "gzip", "User-Agent": "costd"})  # noqa: S310 -- `_below` allows http(s) only
    try:
        with build_opener(_no_redirects()).open(request, timeout=_SECONDS) as answer:
            raw: Any = io.BufferedReader(_Whole(answer, answer.headers.get("Content-Length")), 2**20)
            if answer.headers.get("Content-Encoding") == "gzip":
                raw = gzip.GzipFile(fileobj=raw)
            yield io.BufferedReader(_Counted(raw, most), 2**20)
    except HTTPError as error:
        error.close()
        raise SourceError(f"{shortened(url, 200)} answered with status {error.code}", hint=_HINT) from error
    except (URLError, OSError, EOFError, HTTPException, zlib.error) as error:
        reason = getattr(error, "reason", None) or error
        raise SourceError(f"{shortened(url, 200)} cannot be read: {reason}", hint=_HINT) from error


def document(base: str, path: str) -> dict[str, Any]:
    """Read a small JSON document.

    Raises:
        SourceError: it cannot be had, or is no JSON object.
    """
    with opened(base, path, most=_MOST_JSON) as body:
        try:
            found = json.loads(body.read())
        except ValueError as error:
            raise SourceError(f"{shortened(path, 200)} is no JSON: {error}", hint=_HINT) from error
    if not isinstance(found, dict):
        raise SourceError(f"{shortened(path, 200)} is no JSON object", hint=_HINT)
    return found


def _below(base: str, path: str) -> str:
    """Give the URL of a path; it must stay on the host, and be HTTPS unless that is this machine."""
    url = urljoin(base, path)
    asked, found = urlsplit(base), urlsplit(url)
    if (asked.scheme, asked.netloc) != (found.scheme, found.netloc):
        raise SourceError(f"the price list of {asked.netloc} names a file elsewhere: {shortened(path, 200)}")
    if found.scheme != "https" and not (found.scheme == "http" and found.hostname in _HERE):
        raise SourceError(f"a price list must be read over https, not {found.scheme}", hint=_HINT)
    return url


def _no_redirects() -> Any:
    from urllib.request import HTTPRedirectHandler

    class Refusing(HTTPRedirectHandler):
        """Follows no redirect: its target was never asked for."""

        def redirect_request(self, *_args: Any) -> None:
            """Give no request, so that the redirect itself is the answer."""

    return Refusing()
