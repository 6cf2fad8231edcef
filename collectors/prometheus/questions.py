"""What is asked, in PromQL.

Every answer is aggregated on the server by the labels that are used, which drops what tells scrapes apart
(`instance`, `job`, a restarted exporter's pod): the greatest of duplicates counts, so that a second copy of
an exporter adds nothing. Where a scrape has `honor_labels: false`, labels are called `exported_…`; both are
asked for and told apart in `api.py`.

Subqueries look at whole minutes: `[299s:1m]` is five of them and `[3599s:1m]` sixty, whether or not a version
of Prometheus counts the left end of a range.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from collectors.prometheus.api import Question, by

POD = ("namespace", "pod")
GPU_RESOURCES = (
    "nvidia_com_gpu|nvidia_com_gpu_shared|nvidia_com_mig_.+|nvidia_com_gpucores|nvidia_com_gpumem.*|"
    "amd_com_gpu|aws_amazon_com_neuron.*|habana_ai_gaudi|gpu_intel_com_i915|gpu_intel_com_xe"
)
BLANK = "2e9"
"""DCGM writes what it cannot know as 2147483632 and upwards, up to 9223372036854775794."""

MINUTES = "[299s:1m]"
HOUR_OF_MINUTES = "[3599s:1m]"


def _newest(name: str, family: str, labels: tuple[str, ...], *, where: str = "") -> Question:
    """Ask which label sets there were in an hour."""
    matchers = f"{where},$C" if where else "$C"
    return Question(
        name=name,
        text=f"max by ({by(labels)})(last_over_time({family}{{{matchers}}}[1h]))",
        labels=labels,
        family=family,
    )


def _seen(name: str, family: str) -> Question:
    """Ask when each label set was last seen."""
    return Question(
        name=name, text=f"max_over_time(timestamp({family}{{$C}})[3599s:5m])", labels=(), family=family
    )


# Steps of five minutes.

RUNNING = Question(
    name="seconds that pods ran",
    text=f"count_over_time((max by ({by((*POD, 'uid'))})"
    f'(kube_pod_status_phase{{phase="Running",$C}}) == 1){MINUTES}) * 60',
    labels=(*POD, "uid"),
    family="kube_pod_status_phase",
)
REQUESTS = Question(
    name="requests of pods",
    text=f"max by ({by((*POD, 'uid', 'container', 'node'), 'resource')})"
    "(avg_over_time(kube_pod_container_resource_requests"
    f'{{resource=~"cpu|memory|{GPU_RESOURCES}",node!="",$C}}[299s]))',
    labels=(*POD, "uid", "container", "node", "resource"),
    family="kube_pod_container_resource_requests",
)
MEMORY = Question(
    name="memory of containers",
    text=f"max by ({by((*POD, 'container'))})"
    '(avg_over_time(container_memory_working_set_bytes{container!="",container!="POD",$C}[299s]))',
    labels=(*POD, "container"),
    family="container_memory_working_set_bytes",
)


def cpu(window: timedelta) -> Question:
    """Ask for the cores in use; a restarted container is another series, and both count."""
    seconds = int(window.total_seconds())
    return Question(
        name="CPU of containers",
        text=f"sum by ({by((*POD, 'container'))})(max by ({by((*POD, 'container'), 'id', 'name')})"
        f'(rate(container_cpu_usage_seconds_total{{container!="",container!="POD",$C}}[{seconds}s])))',
        labels=(*POD, "container"),
        family="container_cpu_usage_seconds_total",
    )


PULSE = Question(name="samples of any kind", text="count(kube_node_info{$C})", labels=())

# Whole hours.

NODES = Question(
    name="nodes",
    text=f"count_over_time((max by ({by(('node',), 'provider_id')})(kube_node_info{{$C}})){HOUR_OF_MINUTES}) "
    "* 60",
    labels=("node", "provider_id"),
    family="kube_node_info",
)
CAPACITY = Question(
    name="capacity of nodes",
    text=f"max by ({by(('node',), 'resource')})(max_over_time(kube_node_status_capacity"
    f'{{resource=~"cpu|memory|{GPU_RESOURCES}",$C}}[1h]))',
    labels=("node", "resource"),
    family="kube_node_status_capacity",
)
PODS = _newest("pods", "kube_pod_info", (*POD, "uid", "node", "host_network"))
POD_OWNERS = _newest("owners of pods", "kube_pod_owner", (*POD, "uid", "owner_kind", "owner_name"))
REPLICASET_OWNERS = _newest(
    "owners of ReplicaSets", "kube_replicaset_owner", ("namespace", "replicaset", "owner_kind", "owner_name")
)
JOB_OWNERS = _newest(
    "owners of Jobs", "kube_job_owner", ("namespace", "job_name", "owner_kind", "owner_name")
)
EGRESS = Question(
    name="bytes sent by pods",
    text=f"sum by ({by(POD)})(max by ({by(POD, 'interface', 'id', 'name')})(increase("
    'container_network_transmit_bytes_total{pod!="",interface!~"lo|veth.*",$C}[1h])))',
    labels=POD,
    family="container_network_transmit_bytes_total",
)
QUOTAS = Question(
    name="quotas",
    text=f"max by ({by(('namespace', 'resourcequota'), 'resource', 'type')})"
    '(avg_over_time(kube_resourcequota{type=~"hard|used",$C}[1h]))',
    labels=("namespace", "resourcequota", "resource", "type"),
    family="kube_resourcequota",
)

# Volumes.

MOUNTS = _newest(
    "mounts of volumes",
    "kube_pod_spec_volumes_persistentvolumeclaims_info",
    (*POD, "uid", "persistentvolumeclaim"),
)
CLAIMS = _newest(
    "claims of volumes",
    "kube_persistentvolumeclaim_info",
    ("namespace", "persistentvolumeclaim", "volumename"),
    where='volumename!=""',
)
VOLUME_IDS = (
    "csi_volume_handle",
    "ebs_volume_id",
    "gce_persistent_disk_name",
    "azure_disk_name",
)
VOLUMES = _newest("volumes", "kube_persistentvolume_info", ("persistentvolume", *VOLUME_IDS))
VOLUME_SIZES = Question(
    name="sizes of volumes",
    text=f"max by ({by(('persistentvolume',))})"
    "(max_over_time(kube_persistentvolume_capacity_bytes{$C}[1h]))",
    labels=("persistentvolume",),
)
_CLAIM = ("namespace", "persistentvolumeclaim")
CLAIM_SIZES = Question(
    name="sizes of claims",
    text=f"max by ({by(_CLAIM)})(max_over_time("
    "kube_persistentvolumeclaim_resource_requests_storage_bytes{$C}[1h]))",
    labels=_CLAIM,
    family="kube_persistentvolumeclaim_resource_requests_storage_bytes",
)
CLAIM_USED = Question(
    name="use of volumes",
    text=f"max by ({by(_CLAIM)})(avg_over_time(kubelet_volume_stats_used_bytes{{$C}}[1h]))",
    labels=_CLAIM,
    family="kubelet_volume_stats_used_bytes",
)

# What things are called.

POD_LABELS = _seen("labels of pods", "kube_pod_labels")
NAMESPACE_LABELS = _seen("labels of namespaces", "kube_namespace_labels")
NODE_LABELS = _seen("labels of nodes", "kube_node_labels")
BALANCERS = _seen("load balancers of Services", "kube_service_status_load_balancer_ingress")

# GPUs. `Hostname` until May 2026, `hostname` since.

DEVICE = ("UUID", "GPU_I_ID", "GPU_I_PROFILE", "modelName", "hostname", "Hostname", "node")
HOLDER = (*POD, "container", "pod_uid", "dra_claim_name", "dra_mig_profile")
_BY_DEVICE = by((*DEVICE, *HOLDER))


def _largest(metric: str) -> str:
    return f"(max by ({_BY_DEVICE})({metric}{{$C}} < {BLANK}))"


HOLDERS = Question(
    name="holders of GPUs",
    text="count_over_time(("
    + " or ".join(
        _largest(m) for m in ("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_PROF_GR_ENGINE_ACTIVE")
    )
    + f"){MINUTES}) * 60",
    labels=(*DEVICE, *HOLDER),
    family="DCGM_FI_DEV_FB_USED",
)


def gpu(metric: str, how: str = "avg") -> Question:
    """Ask for a metric of GPUs over an hour."""
    return Question(
        name=metric,
        text=f"{how}_over_time({_largest(metric)}{HOUR_OF_MINUTES})",
        labels=(*DEVICE, *HOLDER),
        family=metric,
    )


GPU_FACTS: Mapping[str, Question] = {
    "engine": gpu("DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
    "engine_max": gpu("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "max"),
    "util": gpu("DCGM_FI_DEV_GPU_UTIL"),
    "util_max": gpu("DCGM_FI_DEV_GPU_UTIL", "max"),
    "tensor": gpu("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
    "used": gpu("DCGM_FI_DEV_FB_USED"),
    "free": gpu("DCGM_FI_DEV_FB_FREE"),
    "reserved": gpu("DCGM_FI_DEV_FB_RESERVED"),
    "total": gpu("DCGM_FI_DEV_FB_TOTAL"),
    "power": gpu("DCGM_FI_DEV_POWER_USAGE"),
    "xid": gpu("DCGM_FI_DEV_XID_ERRORS", "max"),
}
"""Facts of devices by their short names."""

_RUNNING_REQUESTS = (
    "vllm:num_requests_running",
    "kserve_vllm:num_requests_running",
    "sglang:num_running_reqs",
    "tgi_batch_current_size",
)
MODEL_SERVERS = Question(
    name="requests of model servers",
    text="max_over_time(("
    + " or ".join(f"(sum by ({by(POD)})({metric}{{$C}}))" for metric in _RUNNING_REQUESTS)
    # Triton has no gauge of it; time spent in requests per second is how many ran at once.
    + f" or (sum by ({by(POD)})(rate(nv_inference_request_duration_us{{$C}}[5m])) / 1e6)){HOUR_OF_MINUTES})",
    labels=POD,
)
