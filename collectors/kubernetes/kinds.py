"""Which kinds are read, where they live, and how much of them is needed."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of object.

    Attributes:
        name: lower case, as `ResourceId.kind` has it.
        shown: as Kubernetes writes it: `Deployment`.
        group, version, plural: where it lives.
        namespaced: it lies in a namespace.
        whole: more than its metadata is read.
        needed: without it nothing can be said; others are noted and left out.
    """

    name: str
    shown: str
    group: str
    version: str
    plural: str
    namespaced: bool = True
    whole: bool = False
    needed: bool = False

    @property
    def path(self) -> str:
        """Give the path of the list over all namespaces."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{root}/{self.plural}"

    def path_of(self, namespace: str, name: str) -> str:
        """Give the path of one object."""
        root, _, plural = self.path.rpartition("/")
        inside = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced else ""
        return f"{root}{inside}/{plural}/{quote(name, safe='')}"


def _core(
    shown: str, plural: str, *, namespaced: bool = True, whole: bool = True, needed: bool = False
) -> Kind:
    return Kind(
        name=shown.lower(),
        shown=shown,
        group="",
        version="v1",
        plural=plural,
        namespaced=namespaced,
        whole=whole,
        needed=needed,
    )


def _workload(shown: str, group: str) -> Kind:
    lower = shown.lower()
    return Kind(name=lower, shown=shown, group=group, version="v1", plural=f"{lower}s")


KINDS: tuple[Kind, ...] = (
    _core("Namespace", "namespaces", namespaced=False, whole=False),
    _workload("Deployment", "apps"),
    _workload("ReplicaSet", "apps"),
    _workload("StatefulSet", "apps"),
    _workload("DaemonSet", "apps"),
    _workload("Job", "batch"),
    _workload("CronJob", "batch"),
    _core("PersistentVolume", "persistentvolumes", namespaced=False),
    _core("PersistentVolumeClaim", "persistentvolumeclaims"),
    _core("ResourceQuota", "resourcequotas"),
    _core("Service", "services"),
    _core("Node", "nodes", namespaced=False, needed=True),
    _core("Pod", "pods", needed=True),
)
"""Owners before what they own: a pod that is first seen finds its owners there."""

CLAIMS = Kind(
    name="resourceclaim",
    shown="ResourceClaim",
    group="resource.k8s.io",
    version="v1",
    plural="resourceclaims",
    whole=True,
)
"""Devices of dynamic resource allocation; clusters older than 1.34 do not serve it."""

ALL: tuple[Kind, ...] = (CLAIMS, *KINDS)
BY_NAME = {kind.name: kind for kind in ALL}
WORKLOADS = frozenset({"deployment", "replicaset", "statefulset", "daemonset", "job", "cronjob"})
