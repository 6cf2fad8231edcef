"""The page that Prometheus scrapes, and the small site around it."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.gpu.facts import FIELDS, LABELS
from daemon.http.app import Refusals
from daemon.http.asker import Askers
from daemon.http.counts import Counts
from daemon.http.errors import HANDLERS, Refused
from daemon.http.headers import Headers
from daemon.http.hosts import Hosts
from daemon.http.limits import Guarded, Limits

if TYPE_CHECKING:
    from config.http import HttpSettings
    from daemon.gpu.facts import Facts, Reader

_BODY_BYTES = 1024


class GpuMetrics:
    """Reads the GPUs whenever it is asked, one reader at a time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = Lock()

    def describe(self) -> Iterable[Metric]:
        """Say nothing in advance: what there is depends on the GPUs."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Give every figure as it is now."""
        with self._lock:
            found = self._reader.read()
        yield from metrics_of(found)


def metrics_of(found: Iterable[Facts]) -> Iterator[Metric]:
    """Give figures as metrics; one that no GPU has is no metric."""
    found = list(found)
    for name, text in FIELDS.items():
        family = GaugeMetricFamily(name, text, labels=LABELS)
        for facts in found:
            if name in facts.values:
                family.add_metric([facts.labels[label] for label in LABELS], facts.values[name])
        if family.samples:
            yield family
    missing = GaugeMetricFamily(
        "costd_gpu_field_missing",
        "1 for a figure that the GPU or its driver does not give, with the reason.",
        labels=("gpu", "UUID", "GPU_I_ID", "field", "reason"),
    )
    for facts in found:
        where = [facts.labels[label] for label in ("gpu", "UUID", "GPU_I_ID")]
        for name, reason in facts.missing.items():
            missing.add_metric([*where, name, reason], 1)
    yield missing


def text_of(found: Iterable[Facts]) -> str:
    """Give figures as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(_Fixed(found))
    return generate_latest(registry).decode()


class _Fixed:
    """Figures that were read already."""

    def __init__(self, found: Iterable[Facts]) -> None:
        self._found = list(found)

    def describe(self) -> Iterable[Metric]:
        """Say nothing in advance."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Give the figures."""
        return metrics_of(self._found)


def create_exporter(reader: Reader, http: HttpSettings, *, token: str = "") -> Starlette:
    """Give the site: `/metrics`, and `/healthz` that says whether GPUs can be read.

    Args:
        reader: reads the GPUs.
        http: where it listens.
        token: what a request must carry as bearer; "" asks nobody.
    """
    registry, counts = CollectorRegistry(), Counts()
    registry.register(GpuMetrics(reader))

    async def metrics(request: Request) -> Response:
        """Give the metrics as they are now."""
        _check(request, token)
        return Response(await run_in_threadpool(generate_latest, registry), media_type=CONTENT_TYPE_LATEST)

    async def health(_request: Request) -> Response:
        """Say that it answers; it tells nothing of the machine."""
        return Response("ok\n", media_type="text/plain")

    guards = [
        Middleware(Headers),
        Middleware(Refusals),
        Middleware(Guarded, limits=Limits(body_bytes=_BODY_BYTES), counts=counts),
        Middleware(Askers, http=http, counts=counts),
    ]
    if not token:  # a page of a stranger in a browser here has no token, but could ask by a name of its own
        guards.append(Middleware(Hosts, http=http, counts=counts))
    routes = [Route("/metrics", metrics), Route("/healthz", health)]
    app = Starlette(routes=routes, middleware=guards, exception_handlers=HANDLERS)
    app.router.redirect_slashes = False
    return app


def _check(request: Request, token: str) -> None:
    """Let a request pass that carries the token.

    Raises:
        Refused: it does not.
    """
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
    if token and not (kind.lower() == "bearer" and right):
        raise Refused(
            401,
            "unauthenticated",
            "the request has no token, or another one than the exporter's",
            hint="give Prometheus the file of `--token-file` as `authorization: {credentials_file: …}`",
            headers={"www-authenticate": "Bearer"},
        )
