"""What is kept of nodes, pods, volumes, claims, quotas and Services beyond their metadata. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any

from collectors.kubernetes.devices import capacity_of, is_device
from collectors.kubernetes.quantities import GIB, amount, quantity
from collectors.kubernetes.requests import request

Json = Mapping[str, Any]
Amounts = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """`gpus` are whole devices; `units` says what part of one a unit of a device resource is."""

    provider_id: str
    cpu: float
    memory: float
    gpus: float
    units: Amounts
    heartbeat: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """Requests in cores and GiB, devices by resource; `started` and `ended` as its containers say."""

    node: str
    phase: str
    started: str
    ended: str
    cpu: float
    memory: float
    devices: Amounts
    volumes: tuple[str, ...]
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFacts:
    """A persistent volume: the provider's id, GiB, and which claim is bound to it."""

    volume_id: str
    size: float
    claim_namespace: str
    claim: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFacts:
    """A claim of a volume (`volume`) or of devices (`devices`, shared by `holders` pods)."""

    volume: str = ""
    devices: float = 0.0
    holders: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaFacts:
    """Per resource (`cpu`, `memory`, `gpu`) what may be requested, and what is."""

    hard: Amounts
    used: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """Where its load balancer is, "" without one."""

    address: str


Facts = NodeFacts | PodFacts | VolumeFacts | ClaimFacts | QuotaFacts | ServiceFacts


def facts_of(kind: str, found: Json) -> Facts | None:
    """Give the facts of an object, None for a kind that has none."""
    build = _BUILDERS.get(kind)
    return (
        build(found.get("metadata") or {}, found.get("spec") or {}, found.get("status") or {})
        if build
        else None
    )


def _node(meta: Json, spec: Json, status: Json) -> NodeFacts:
    capacity = status.get("capacity") or {}
    labels = meta.get("labels") or {}
    gpus, units = capacity_of(capacity, labels, meta.get("annotations") or {})
    beats = [str(one.get("lastHeartbeatTime") or "") for one in status.get("conditions") or ()]
    return NodeFacts(
        provider_id=str(spec.get("providerID") or ""),
        cpu=amount(capacity, "cpu"),
        memory=amount(capacity, "memory") / GIB,
        gpus=gpus,
        units=units,
        heartbeat=max(beats, default=""),
    )


def _pod(_meta: Json, spec: Json, status: Json) -> PodFacts:
    asked = request(spec, status)
    phase = str(status.get("phase") or "")
    states = [_times(one) for one in status.get("containerStatuses") or ()]
    starts = [start for start, _ in states if start]
    ends = [end for _, end in states if end] if phase in {"Succeeded", "Failed"} else []
    volumes = (one.get("persistentVolumeClaim") or {} for one in spec.get("volumes") or ())
    return PodFacts(
        node=intern(str(spec.get("nodeName") or "")),
        phase=intern(phase),
        started=intern(min(starts, default=str(status.get("startTime") or ""))),
        ended=intern(max(ends, default="")),
        cpu=asked.get("cpu", 0.0),
        memory=asked.get("memory", 0.0) / GIB,
        devices=tuple(sorted((name, held) for name, held in asked.items() if is_device(name) and held)),
        volumes=tuple(sorted({str(one["claimName"]) for one in volumes if one.get("claimName")})),
        claims=tuple(sorted(_device_claims(spec, status))),
    )


def _times(one: Json) -> tuple[str, str]:
    """Give when a container started first and ended last, as far as its status still says."""
    now, last = one.get("state") or {}, (one.get("lastState") or {}).get("terminated") or {}
    running, ended = now.get("running") or {}, now.get("terminated") or {}
    starts = [text for part in (running, ended, last) if (text := part.get("startedAt"))]
    return min(starts, default=""), str(ended.get("finishedAt") or "")


def _device_claims(spec: Json, status: Json) -> Iterator[str]:
    made = {
        one.get("name"): one.get("resourceClaimName") for one in status.get("resourceClaimStatuses") or ()
    }
    for one in spec.get("resourceClaims") or ():
        if name := one.get("resourceClaimName") or made.get(one.get("name")):
            yield str(name)


def _volume(_meta: Json, spec: Json, _status: Json) -> VolumeFacts:
    bound = spec.get("claimRef") or {}
    ids = (
        (spec.get(source) or {}).get(key)
        for source, key in (
            ("csi", "volumeHandle"),
            ("awsElasticBlockStore", "volumeID"),
            ("gcePersistentDisk", "pdName"),
            ("azureDisk", "diskURI"),
        )
    )
    return VolumeFacts(
        volume_id=str(next((found for found in ids if found), "")),
        size=amount(spec.get("capacity"), "storage") / GIB,
        claim_namespace=str(bound.get("namespace") or ""),
        claim=str(bound.get("name") or ""),
    )


def _volume_claim(_meta: Json, spec: Json, _status: Json) -> ClaimFacts:
    return ClaimFacts(volume=str(spec.get("volumeName") or ""))


def _device_claim(_meta: Json, _spec: Json, status: Json) -> ClaimFacts:
    devices = ((status.get("allocation") or {}).get("devices") or {}).get("results") or ()
    drivers = [str(one.get("driver") or "") for one in devices if not one.get("adminAccess")]
    return ClaimFacts(
        devices=float(sum("gpu" in driver or "neuron" in driver for driver in drivers)),
        holders=len(status.get("reservedFor") or ()),
    )


def _quota(_meta: Json, spec: Json, status: Json) -> QuotaFacts:
    return QuotaFacts(
        hard=_quota_amounts(status.get("hard") or spec.get("hard")), used=_quota_amounts(status.get("used"))
    )


def _quota_amounts(held: object) -> Amounts:
    """Sum what counts: `cpu` is another name of `requests.cpu`, and limits are no requests."""
    found: dict[str, float] = {}
    for key, text in held.items() if isinstance(held, Mapping) else ():
        name = str(key).removeprefix("requests.")
        if name == "cpu":
            found["cpu"] = quantity(text)
        elif name == "memory":
            found["memory"] = quantity(text) / GIB
        elif is_device(name):
            found["gpu"] = found.get("gpu", 0.0) + quantity(text)
    return tuple(sorted(found.items()))


def _service(_meta: Json, _spec: Json, status: Json) -> ServiceFacts:
    ways = (status.get("loadBalancer") or {}).get("ingress") or ()
    addresses = (str(way.get("hostname") or way.get("ip") or "") for way in ways)
    return ServiceFacts(address=next((address for address in addresses if address), ""))


_BUILDERS: Mapping[str, Callable[[Json, Json, Json], Facts]] = {
    "node": _node,
    "pod": _pod,
    "persistentvolume": _volume,
    "persistentvolumeclaim": _volume_claim,
    "resourceclaim": _device_claim,
    "resourcequota": _quota,
    "service": _service,
}
