"""What the API knows: its kinds, where they live, and the errors it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of object: `scaled` has a scale subresource, `evicted` an eviction one."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    scaled: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


KINDS = (
    Kind(group="", version="v1", plural="namespaces", kind="Namespace", namespaced=False),
    Kind(group="", version="v1", plural="nodes", kind="Node", namespaced=False),
    Kind(group="", version="v1", plural="persistentvolumes", kind="PersistentVolume", namespaced=False),
    Kind(group="", version="v1", plural="persistentvolumeclaims", kind="PersistentVolumeClaim"),
    Kind(group="", version="v1", plural="pods", kind="Pod"),
    Kind(group="", version="v1", plural="resourcequotas", kind="ResourceQuota"),
    Kind(group="", version="v1", plural="services", kind="Service"),
    Kind(group="apps", version="v1", plural="daemonsets", kind="DaemonSet"),
    Kind(group="apps", version="v1", plural="deployments", kind="Deployment", scaled=True),
    Kind(group="apps", version="v1", plural="replicasets", kind="ReplicaSet", scaled=True),
    Kind(group="apps", version="v1", plural="statefulsets", kind="StatefulSet", scaled=True),
    Kind(group="batch", version="v1", plural="cronjobs", kind="CronJob"),
    Kind(group="batch", version="v1", plural="jobs", kind="Job"),
    Kind(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease"),
    Kind(group="policy", version="v1", plural="poddisruptionbudgets", kind="PodDisruptionBudget"),
)
BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
BY_PLURAL = {kind.plural: kind for kind in KINDS}


class Refused(Exception):  # noqa: N818  # the API calls it a status, not an error
    """An answer that is a Status: what a client sees as an ApiException."""

    def __init__(self, code: int, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            **({"reason": reason} if reason else {}),
            "code": code,
            **({"details": details} if details else {}),
        }


def not_found(kind: Kind, name: str) -> Refused:
    message = f'{kind.plural} "{name}" not found'
    return Refused(404, "NotFound", message, name=name, kind=kind.plural, group=kind.group)


def conflict(kind: Kind, name: str, why: str) -> Refused:
    message = f'Operation cannot be fulfilled on {kind.plural} "{name}": {why}'
    return Refused(409, "Conflict", message, name=name, kind=kind.plural)


def denied(webhook: str) -> Refused:
    """Give what an admission webhook that names neither a code nor a reason makes the API answer."""
    return Refused(400, "", f'admission webhook "{webhook}" denied the request: not today')


def expired(message: str) -> Refused:
    return Refused(410, "Expired", message)


def metadata_only(found: Json) -> Json:
    """Give an object as `PartialObjectMetadata`."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": found["metadata"],
    }
