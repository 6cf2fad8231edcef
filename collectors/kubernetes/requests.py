"""What a pod requests, by the rules of Kubernetes' scheduler. Pure.

Source: k8s.io/component-helpers/resource `PodRequests`: containers and sidecars add up; an init container
needs its own beside the sidecars started before it; the greater counts; overhead comes on top. While a
resize is under way the greatest of desired, allocated and actual counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from collectors.kubernetes.quantities import quantity

Json = Mapping[str, Any]
Amounts = dict[str, float]


def request(spec: Json, status: Json) -> Amounts:
    """Give what a pod holds of each resource, in the base units (cores, bytes, devices)."""
    standing = {
        str(one.get("name")): one
        for part in ("containerStatuses", "initContainerStatuses")
        for one in status.get(part) or ()
    }
    refused = _is_infeasible(status)

    def of(container: Json) -> Amounts:
        return _container(container, standing.get(str(container.get("name"))) or {}, refused=refused)

    total = _sum(of(container) for container in spec.get("containers") or ())
    sidecars: Amounts = {}
    most: Amounts = {}
    for container in spec.get("initContainers") or ():
        needs = of(container)
        if container.get("restartPolicy") == "Always":
            sidecars = _sum((sidecars, needs))
            most = _greatest((most, sidecars))
        else:
            most = _greatest((most, _sum((sidecars, needs))))
    total = _greatest((_sum((total, sidecars)), most))
    whole = _amounts((spec.get("resources") or {}).get("requests"))
    return _sum((total | whole, _amounts(spec.get("overhead"))))


def _container(container: Json, standing: Json, *, refused: bool) -> Amounts:
    resources = container.get("resources") or {}
    limits, requests = _amounts(resources.get("limits")), _amounts(resources.get("requests"))
    desired = {**{name: held for name, held in limits.items() if "/" in name}, **requests}
    real = [
        _amounts((standing.get("resources") or {}).get("requests")),
        _amounts(standing.get("allocatedResources")),
    ]
    if refused and any(real):
        return {**desired, **_greatest(real)}
    return _greatest((desired, *real))


def _is_infeasible(status: Json) -> bool:
    return any(
        one.get("type") == "PodResizePending" and one.get("reason") == "Infeasible"
        for one in status.get("conditions") or ()
    )


def _amounts(held: object) -> Amounts:
    return {str(key): quantity(text) for key, text in held.items()} if isinstance(held, Mapping) else {}


def _sum(parts: Iterable[Amounts]) -> Amounts:
    total: Amounts = {}
    for part in parts:
        for name, held in part.items():
            total[name] = total.get(name, 0.0) + held
    return total


def _greatest(parts: Iterable[Amounts]) -> Amounts:
    found: Amounts = {}
    for part in parts:
        for name, held in part.items():
            found[name] = max(found.get(name, 0.0), held)
    return found
