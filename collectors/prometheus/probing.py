"""What `costd doctor` finds out about a Prometheus, read-only: a few questions about one instant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from collectors.prometheus.answers import number_of, read
from collectors.prometheus.api import Api
from collectors.prometheus.families import FAMILIES, GPU_FAMILIES, Family
from collectors.prometheus.reading import refuse_several
from collectors.prometheus.settings import PrometheusSettings
from domain.errors import CostdError, SourceError
from domain.probe import Health, Probe
from domain.text import shortened
from domain.usage import HOUR

_MODEL_SERVERS = (
    "vllm:num_requests_running",
    "sglang:num_running_reqs",
    "tgi_batch_current_size",
    "nv_inference_request_duration_us",
)
_HERE = (".svc", ".cluster.local", "localhost", "127.0.0.1", "::1")


def probes_of(settings: PrometheusSettings, api: Api, now: datetime) -> list[Probe]:
    """Look at the server step by step; what fails ends the looking, for the rest hangs on it."""
    found: list[Probe] = []
    try:
        found.extend(_looked(settings, api, now))
    except CostdError as error:
        fix = error.hint or "see docs/connect-prometheus.md"
        found.append(Probe(subject=settings.url, health=Health.FAIL, breaks=str(error), fix=fix))
    return found


def _looked(settings: PrometheusSettings, api: Api, now: datetime) -> list[Probe]:
    found = [_reached(settings, api)]
    found += _in_the_clear(settings)
    at = now - settings.lag
    if settings.matcher and not api.instant(f'count({{__name__=~"{"|".join(_ANY)}",$C}})', at):
        return [*found, _strange_cluster(settings, api, at)]
    refuse_several(api, at)
    counts = _counts(api, at)
    if not counts:
        fix = "let it scrape kube-state-metrics and the kubelets; docs/connect-prometheus.md says how"
        breaks = "nothing of a cluster was scraped, so there is no usage to split its bill by"
        return [*found, Probe(subject=settings.url, health=Health.FAIL, breaks=breaks, fix=fix)]
    found += _families(FAMILIES.values(), counts)
    found += _gpus(counts)
    found.append(_history(settings, api, now))
    return found


_ANY = ("kube_node_info", "kube_pod_info", "container_memory_working_set_bytes", "DCGM_FI_DEV_GPU_UTIL")


def _reached(settings: PrometheusSettings, api: Api) -> Probe:
    reply = api.web.post("/api/v1/query", {"query": "vector(1)"})
    read(reply, settings.url)
    what = "Prometheus"
    try:
        data = read(api.web.get("/api/v1/status/buildinfo"), settings.url).get("data")
        if isinstance(data, dict) and isinstance(data.get("version"), str):
            what = f"{shortened(str(data.get('application') or what), 40)} {shortened(data['version'], 40)}"
    except SourceError:
        pass  # Thanos and others do not say their version; nothing depends on it
    return Probe(subject=f"{settings.url}: {what} answers", health=Health.OK, server_time=reply.server_time)


def _in_the_clear(settings: PrometheusSettings) -> Iterator[Probe]:
    parts = urlsplit(settings.url)
    host = parts.hostname or ""
    has_login = settings.token is not None or settings.password is not None
    if has_login and parts.scheme == "http" and "." in host and not host.endswith(_HERE):
        yield Probe(
            subject=f"{settings.url}: login without encryption",
            health=Health.WARN,
            breaks="everybody on the way can read the token or password",
            fix="use an https address",
        )


def _strange_cluster(settings: PrometheusSettings, api: Api, at: datetime) -> Probe:
    """Say which clusters there are instead."""
    label = settings.cluster_label
    found = api.web.post(
        "/api/v1/query", {"query": f"count by ({label})(kube_node_info)", "time": str(at.timestamp())}
    )
    series = read(found, settings.url)["data"]["result"]
    names = sorted({shortened(one["metric"].get(label, ""), 60) for one in series} - {""})
    known = f"{label} is one of {', '.join(names[:10])}" if names else f"no node has the label {label}"
    return Probe(
        subject=f"{settings.url}: {settings.matcher}",
        health=Health.FAIL,
        breaks=f"no metric of a cluster matches, so there is no usage; {known}",
        fix="correct `cluster_label` and `cluster_value` of this source",
    )


def _counts(api: Api, at: datetime) -> Mapping[str, int]:
    """Count the series of every metric that is read."""
    names = "|".join((*FAMILIES, *GPU_FAMILIES, *_MODEL_SERVERS))
    found = api.instant(f'count by (__name__)({{__name__=~"{names}",$C}})', at)
    return {one["metric"].get("__name__", ""): int(number_of(one)) for one in found}


def _families(families: Iterable[Family], counts: Mapping[str, int]) -> Iterator[Probe]:
    """Give a line per exporter with what it exports, and one per metric that is missing."""
    exported: dict[str, list[str]] = {}
    for family in families:
        count = counts.get(family.metric, 0)
        if count:
            exported.setdefault(family.exporter, []).append(f"{family.metric} ({count:,})")
        elif not family.optional:
            yield Probe(
                subject=f"{family.metric} is missing ({family.exporter})",
                health=Health.WARN,
                breaks=family.costs,
                fix=family.fix,
            )
    for exporter, metrics in exported.items():
        yield Probe(subject=f"series of {exporter}: {', '.join(metrics)}", health=Health.OK)


def _gpus(counts: Mapping[str, int]) -> Iterator[Probe]:
    if not any(name in counts for name in GPU_FAMILIES):
        yield Probe(subject="no GPU metrics (DCGM): right for a cluster without GPUs", health=Health.OK)
        return
    yield from _families(GPU_FAMILIES.values(), counts)
    servers = [f"{name} ({counts[name]:,})" for name in _MODEL_SERVERS if name in counts]
    said = f"series of model servers: {', '.join(servers)}" if servers else "no metrics of model servers"
    yield Probe(subject=said, health=Health.OK)


def _history(settings: PrometheusSettings, api: Api, now: datetime) -> Probe:
    """Say how far back there is something, at the ends of a few spans."""
    spans = [settings.since, *(timedelta(days=days) for days in (14, 7, 3, 1))]
    for span in sorted({one for one in spans if one <= settings.since}, reverse=True):
        if api.instant(f'count({{__name__=~"{"|".join(_ANY)}",$C}})', now - span + HOUR):
            short = span < settings.since
            days = span / timedelta(days=1)
            return Probe(
                subject=f"history of at least {days:g} days",
                health=Health.WARN if short else Health.OK,
                breaks=f"the first collection asks for {settings.since.days} days and gets less"
                if short
                else "",
                fix="start Prometheus with a longer --storage.tsdb.retention.time, or lower `since`"
                if short
                else "",
            )
    return Probe(
        subject="history of less than a day",
        health=Health.WARN,
        breaks="little can be split or judged yet",
        fix="wait, or look whether Prometheus keeps what it scrapes",
    )
