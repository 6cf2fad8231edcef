"""Metrics that usage is made of: who exports them, and what is not known without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

KSM = "kube-state-metrics"
CADVISOR = "the kubelet (cAdvisor)"
DCGM = "dcgm-exporter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A metric.

    Attributes:
        metric: its name.
        exporter: who gives it.
        costs: what is not known without it.
        fix: what to do.
        optional: a cluster may well do without.
    """

    metric: str
    exporter: str
    costs: str
    fix: str
    optional: bool = False

    @property
    def note(self) -> str:
        """Say that it is missing."""
        return f"{self.metric} is missing ({self.exporter} gives it): {self.costs}"


_SCRAPE_KSM = "scrape kube-state-metrics 2.0 or newer, and leave this metric out of no allow-list"
_LABELS = "start kube-state-metrics with --metric-labels-allowlist=pods=[*],namespaces=[*],nodes=[*]"
_SCRAPE_KUBELET = "scrape /metrics/cadvisor of every kubelet, and drop none of its container_ metrics"
_SCRAPE_DCGM = "run dcgm-exporter on GPU nodes, and let Prometheus scrape it"
_DCP = "enable DCP metrics in dcgm-exporter (etc/dcp-metrics-included.csv)"


def _family(metric: str, exporter: str, costs: str, fix: str, *, optional: bool = False) -> Family:
    return Family(metric=metric, exporter=exporter, costs=costs, fix=fix, optional=optional)


FAMILIES: Mapping[str, Family] = {
    family.metric: family
    for family in (
        _family("kube_node_info", KSM, "nodes cannot be joined to the bill by provider id", _SCRAPE_KSM),
        _family("kube_node_status_capacity", KSM, "the size of nodes is unknown", _SCRAPE_KSM),
        _family(
            "kube_node_labels",
            KSM,
            "instance type, zone, spot and GPU sharing of nodes are unknown",
            _LABELS,
        ),
        _family("kube_pod_status_phase", KSM, "how long pods ran is only told by their usage", _SCRAPE_KSM),
        _family("kube_pod_info", KSM, "nodes of pods without requests are unknown", _SCRAPE_KSM),
        _family(
            "kube_pod_container_resource_requests", KSM, "requests are unknown; usage counts", _SCRAPE_KSM
        ),
        _family("kube_pod_owner", KSM, "workloads of pods are unknown", _SCRAPE_KSM),
        _family("kube_pod_labels", KSM, "labels of pods are unknown, so rules cannot use them", _LABELS),
        _family("kube_namespace_labels", KSM, "labels of namespaces are unknown", _LABELS),
        _family(
            "container_cpu_usage_seconds_total",
            CADVISOR,
            "CPU in use is unknown; requests count",
            _SCRAPE_KUBELET,
        ),
        _family(
            "container_memory_working_set_bytes",
            CADVISOR,
            "memory in use is unknown; requests count",
            _SCRAPE_KUBELET,
        ),
        _family(
            "container_network_transmit_bytes_total",
            CADVISOR,
            "network traffic of pods is unknown",
            _SCRAPE_KUBELET,
            optional=True,
        ),
        _family(
            "kube_persistentvolumeclaim_info",
            KSM,
            "volumes cannot be given to pods",
            _SCRAPE_KSM,
            optional=True,
        ),
        _family(
            "kube_persistentvolume_info",
            KSM,
            "volumes cannot be joined to the bill",
            _SCRAPE_KSM,
            optional=True,
        ),
        _family("kube_resourcequota", KSM, "quotas are unknown", _SCRAPE_KSM, optional=True),
    )
}
"""By metric; what every cluster has, and what many have."""

GPU_FAMILIES: Mapping[str, Family] = {
    family.metric: family
    for family in (
        _family("DCGM_FI_DEV_FB_USED", DCGM, "memory held on GPUs is unknown", _SCRAPE_DCGM),
        _family(
            "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
            DCGM,
            "activity is only told by GPU_UTIL, which says that a kernel ran, and not for MIG",
            _DCP,
        ),
        _family(
            "DCGM_FI_DEV_GPU_UTIL", DCGM, "whether GPUs work is unknown without DCP metrics", _SCRAPE_DCGM
        ),
        _family(
            "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", DCGM, "use of tensor cores is unknown", _DCP, optional=True
        ),
        _family("DCGM_FI_DEV_POWER_USAGE", DCGM, "power of GPUs is unknown", _SCRAPE_DCGM, optional=True),
        _family("DCGM_FI_DEV_XID_ERRORS", DCGM, "errors of GPUs are unknown", _SCRAPE_DCGM, optional=True),
    )
}
"""By metric; what a cluster with GPUs has."""
