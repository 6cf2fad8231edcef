"""Thirty hours of a small cluster's metrics, a sample a minute, with everything that goes wrong in real ones.

`prod` has a web shop, a database whose pod returned under its name, a finished job, a resize, a restart,
GPUs whole, shared and cut, and forty minutes in which nobody scraped. `lab` is scraped without `honor_labels`
and its exporter was restarted. `bare` has requests and nothing else. Numbers are round, to be told by heart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

START = datetime(2025, 11, 10, tzinfo=UTC)
HOURS = 30
OUTAGE = (26 * 60 + 20, 27 * 60)
"""Minutes since the start in which nothing was scraped."""

GIB = 2.0**30
_BLANK = 9223372036854775794.0

Value = Callable[[int], float | None]
"""A sample by the minute since the start; None for none."""


@dataclass(slots=True)
class Metrics:
    """Series by family: `(labels, value)`."""

    families: dict[str, list[tuple[dict[str, str], Value]]] = field(default_factory=dict)

    def add(
        self, family: str, value: float | Value, *, since: int = 0, until: int = 10**6, **labels: str
    ) -> None:
        """Add a series that has samples in the minutes `[since, until)`."""
        given: Value = value if callable(value) else (lambda _: value)

        def at(minute: int) -> float | None:
            return given(minute) if since <= minute < until else None

        self.families.setdefault(family, []).append((labels, at))

    def open_metrics(self, start: datetime, hours: int, outage: tuple[int, int] = (0, 0)) -> Iterator[str]:
        """Give it as text that `promtool` makes blocks of."""
        begin = int(start.timestamp())
        minutes = [m for m in range(hours * 60 + 1) if not outage[0] <= m < outage[1]]
        for family, rows in self.families.items():
            counter = family.endswith("_total")
            yield f"# TYPE {family.removesuffix('_total')} {'counter' if counter else 'gauge'}\n"
            for labels, value in rows:
                inside = ",".join(f'{key}="{text}"' for key, text in labels.items())
                name = f"{family}{{{inside}}}"
                for minute in minutes:
                    sample = value(minute)
                    if sample is not None:
                        yield f"{name} {sample!r} {begin + minute * 60}\n"
        yield "# EOF\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod to be scraped."""

    name: str
    uid: str
    node: str
    namespace: str = "shop"
    since: int = 0
    until: int = 10**6
    owner: tuple[str, str] = ("<none>", "<none>")
    host_network: str = "false"

    @property
    def place(self) -> dict[str, str]:
        """Give its labels without the uid."""
        return {"cluster": "prod", "namespace": self.namespace, "pod": self.name}


def running(metrics: Metrics, pod: Pod) -> None:
    """Add what kube-state-metrics says of any pod."""
    place = pod.place | {"uid": pod.uid}
    span = {"since": pod.since, "until": pod.until}
    metrics.add("kube_pod_info", 1, **span, **place, node=pod.node, host_network=pod.host_network)
    metrics.add("kube_pod_status_phase", 1, **span, **place, phase="Running")
    kind, name = pod.owner
    metrics.add("kube_pod_owner", 1, **span, **place, owner_kind=kind, owner_name=name)


def asks(
    metrics: Metrics, pod: Pod, resource: str, value: float | Value, unit: str = "core", **more: str
) -> None:
    """Add a request."""
    labels = pod.place | {
        "uid": pod.uid,
        "container": "main",
        "node": pod.node,
        "resource": resource,
        "unit": unit,
    }
    span = {"since": pod.since, "until": pod.until}
    metrics.add("kube_pod_container_resource_requests", value, **span, **labels, **more)


def uses(metrics: Metrics, pod: Pod, cores: float, gib: float, name: str = "c1") -> None:
    """Add steady usage of its container, counted from the container's start."""
    labels = pod.place | {"container": "main", "id": f"/kubepods/{name}", "name": name}
    span = {"since": pod.since, "until": pod.until}
    begin = pod.since
    metrics.add("container_cpu_usage_seconds_total", lambda m: (m - begin) * 60 * cores, **span, **labels)
    metrics.add("container_memory_working_set_bytes", gib * GIB, **span, **labels)


def gpu(metrics: Metrics, name: str, value: float | Value, **labels: str) -> None:
    """Add a metric of a device, which says `Hostname` until the twelfth hour and `hostname` from then on."""
    host = labels.pop("host")
    metrics.add(f"DCGM_FI_{name}", value, until=12 * 60 + 1, **labels, Hostname=host, cluster="prod")
    metrics.add(f"DCGM_FI_{name}", value, since=12 * 60 + 1, **labels, hostname=host, cluster="prod")


def world() -> Metrics:
    """Give all of it."""
    metrics = Metrics()
    _nodes(metrics)
    _shop(metrics)
    _database(metrics)
    _changes(metrics)
    _gpus(metrics)
    _lab(metrics)
    _bare(metrics)
    _cards(metrics)
    return metrics


def _nodes(metrics: Metrics) -> None:
    gpus = {
        "n1": {},
        "f1": {"nvidia_com_gpu": 2},
        "g1": {"nvidia_com_gpu_shared": 4},
        "m1": {"nvidia_com_mig_3g_40gb": 2},
    }
    for node, resources in gpus.items():
        labels = {"cluster": "prod", "node": node}
        metrics.add(
            "kube_node_info", 1, **labels, provider_id=f"aws:///eu-central-1a/i-0{node}", system_uuid=node
        )
        for resource, value in {"cpu": 16, "memory": 64 * GIB, **resources}.items():
            metrics.add("kube_node_status_capacity", float(value), **labels, resource=resource)
        more = {"label_nvidia_com_gpu_sharing_strategy": "time-slicing"} if node == "g1" else {}
        spot = {"label_karpenter_sh_capacity_type": "spot"} if node == "m1" else {}
        metrics.add(
            "kube_node_labels",
            1,
            **labels,
            label_node_kubernetes_io_instance_type="m5.4xlarge",
            label_topology_kubernetes_io_zone="eu-central-1a",
            label_topology_kubernetes_io_region="eu-central-1",
            **spot,
            **more,
        )


def _shop(metrics: Metrics) -> None:
    web = Pod(name="web-1", uid="u-web", node="n1", owner=("ReplicaSet", "web-7f"))
    running(metrics, web)
    metrics.add(
        "kube_replicaset_owner",
        1,
        cluster="prod",
        namespace="shop",
        replicaset="web-7f",
        owner_kind="Deployment",
        owner_name="web",
    )
    for copy in ("ksm-a", "ksm-b"):  # a second exporter of the same things adds nothing
        asks(metrics, web, "cpu", 1.0, instance=copy)
    asks(metrics, web, "memory", 2 * GIB, "byte")
    usage = web.place | {"container": "main", "id": "/kubepods/web", "name": "w"}
    # Nothing for twelve hours, then three cores: vector V10.
    metrics.add("container_cpu_usage_seconds_total", lambda m: max(0, m - 720) * 180.0, **usage)
    metrics.add("container_memory_working_set_bytes", 1 * GIB, **usage)
    labels = web.place | {"uid": "u-web", "label_app_kubernetes_io_name": "web"}
    metrics.add("kube_pod_labels", 1, until=570, **labels, label_team="red")
    metrics.add("kube_pod_labels", 1, since=570, **labels, label_team="blue")
    metrics.add("kube_namespace_labels", 1, cluster="prod", namespace="shop", label_team="shop")
    sent = web.place | {"interface": "eth0"}
    metrics.add("container_network_transmit_bytes_total", lambda m: m * GIB / 60, **sent)
    proxy = Pod(name="proxy", uid="u-proxy", node="n1", host_network="true", owner=("DaemonSet", "proxy"))
    running(metrics, proxy)
    uses(metrics, proxy, 0.25, 0.5, "proxy")  # without any request
    metrics.add(
        "container_network_transmit_bytes_total", lambda m: m * 9.0 * GIB, **proxy.place, interface="eth0"
    )
    for kind, value in (("hard", 10.0), ("used", 3.0)):
        quota = {"cluster": "prod", "namespace": "shop", "resourcequota": "q", "type": kind}
        metrics.add("kube_resourcequota", value, **quota, resource="requests.cpu")
        metrics.add("kube_resourcequota", value * GIB, **quota, resource="requests.memory")
    service = {"cluster": "prod", "namespace": "shop", "service": "web", "hostname": "web.elb.example"}
    metrics.add("kube_service_status_load_balancer_ingress", 1, **service)


def _database(metrics: Metrics) -> None:
    """A StatefulSet's pod that was replaced at 10:30 and ran again from 10:40."""
    for uid, since, until in (("u-db-a", 1, 631), ("u-db-b", 641, 10**6)):
        pod = Pod(name="db-0", uid=uid, node="n1", since=since, until=until, owner=("StatefulSet", "db"))
        running(metrics, pod)
        asks(metrics, pod, "cpu", 0.5)
        asks(metrics, pod, "memory", 1 * GIB, "byte")
        uses(metrics, pod, 1.0, 4.0, uid)
        mount = pod.place | {"uid": uid, "persistentvolumeclaim": "data-db-0", "volume": "data"}
        metrics.add("kube_pod_spec_volumes_persistentvolumeclaims_info", 1, since=since, until=until, **mount)
    claim = {"cluster": "prod", "namespace": "shop", "persistentvolumeclaim": "data-db-0"}
    metrics.add("kube_persistentvolumeclaim_info", 1, **claim, volumename="pv-1")
    metrics.add("kube_persistentvolumeclaim_resource_requests_storage_bytes", 100 * GIB, **claim)
    metrics.add("kubelet_volume_stats_used_bytes", 40 * GIB, **claim)
    for name, handle in (("pv-1", "vol-0abc"), ("pv-2", "vol-0def")):
        volume = {"cluster": "prod", "persistentvolume": name}
        metrics.add("kube_persistentvolume_info", 1, **volume, csi_volume_handle=handle)
        metrics.add("kube_persistentvolume_capacity_bytes", 120 * GIB, **volume)


def _changes(metrics: Metrics) -> None:
    """A job that ended, a resize, a restart, and a pod that nobody measured."""
    job = Pod(name="job-1", uid="u-job", node="n1", owner=("Job", "nightly-28"))
    place = job.place | {"uid": "u-job"}
    metrics.add(
        "kube_job_owner",
        1,
        cluster="prod",
        namespace="shop",
        job_name="nightly-28",
        owner_kind="CronJob",
        owner_name="nightly",
    )
    metrics.add("kube_pod_owner", 1, **place, owner_kind="Job", owner_name="nightly-28")
    metrics.add("kube_pod_info", 1, **place, node="n1", host_network="false")
    metrics.add("kube_pod_status_phase", lambda m: float(0 < m <= 320), **place, phase="Running")
    asks(metrics, job, "cpu", 2.0)  # goes on long after the job ended at 05:20
    resized = Pod(name="resized", uid="u-resized", node="n1")
    running(metrics, resized)
    asks(metrics, resized, "cpu", lambda m: 1.0 if m <= 510 else 2.0)
    uses(metrics, resized, 0.1, 0.1, "resized")
    restarted = Pod(name="restarted", uid="u-restarted", node="n1")
    running(metrics, restarted)
    for name, since, until in (("r1", 0, 430), ("r2", 430, 10**6)):
        part = Pod(name="restarted", uid="u-restarted", node="n1", since=since, until=until)
        uses(metrics, part, 1.0, 1.0, name)
    unseen = Pod(name="unseen", uid="u-unseen", node="n1")
    running(metrics, unseen)
    asks(metrics, unseen, "cpu", 0.25)


def _gpus(metrics: Metrics) -> None:
    card = {"modelName": "NVIDIA A100-SXM4-80GB"}
    train = Pod(name="train-1", uid="u-train", node="f1", namespace="ml", owner=("PyTorchJob", "train"))
    running(metrics, train)
    asks(metrics, train, "nvidia_com_gpu", 1.0, "integer")
    held = {**card, "UUID": "GPU-f1a", "host": "f1", "namespace": "ml", "pod": "train-1", "container": "main"}
    _device(metrics, held, engine=0.9, used=60000, free=21000)
    free = {**card, "UUID": "GPU-f1b", "host": "f1"}
    _device(metrics, free, engine=0.0, used=4, free=81000)
    gpu(metrics, "PROF_PIPE_TENSOR_ACTIVE", 0.5, **held)
    gpu(metrics, "PROF_PIPE_TENSOR_ACTIVE", _BLANK, **free)
    gpu(metrics, "DEV_XID_ERRORS", lambda m: 79.0 if m == 90 else 0.0, **held)
    for number in (1, 2):
        pod = Pod(
            name=f"nb-{number}", uid=f"u-nb-{number}", node="g1", namespace="ml", owner=("StatefulSet", "nb")
        )
        running(metrics, pod)
        asks(metrics, pod, "nvidia_com_gpu_shared", 1.0, "integer")
        shared = {
            **card,
            "UUID": "GPU-g1",
            "host": "g1",
            "namespace": "ml",
            "pod": pod.name,
            "container": "main",
        }
        _device(metrics, shared, engine=0.4, used=1000 * number, free=70000)
    vllm = Pod(name="vllm-1", uid="u-vllm", node="m1", namespace="ml", owner=("<none>", "<none>"))
    running(metrics, vllm)
    asks(metrics, vllm, "nvidia_com_mig_3g_40gb", 1.0, "integer")
    metrics.add("vllm:num_requests_running", lambda m: float(m % 8), **vllm.place, model_name="llama")
    cut = {**card, "UUID": "GPU-m1", "host": "m1.example.internal", "GPU_I_PROFILE": "3g.40gb"}
    mine = {**cut, "GPU_I_ID": "1", "namespace": "ml", "pod": "vllm-1", "container": "main"}
    _device(metrics, mine, engine=0.2, used=30000, free=10000)
    _device(metrics, {**cut, "GPU_I_ID": "2"}, engine=0.0, used=10, free=40000)


def _device(metrics: Metrics, labels: dict[str, str], *, engine: float, used: float, free: float) -> None:
    gpu(metrics, "PROF_GR_ENGINE_ACTIVE", engine, **labels)
    gpu(metrics, "DEV_GPU_UTIL", 100.0 * bool(engine), **labels)
    gpu(metrics, "DEV_FB_USED", used, **labels)
    gpu(metrics, "DEV_FB_FREE", free, **labels)
    gpu(metrics, "DEV_POWER_USAGE", 50 + 300 * engine, **labels)


def _lab(metrics: Metrics) -> None:
    """Scraped without `honor_labels`: the exporter's own pod took the names, and it was replaced at 03:00."""
    for exporter, since, until in (("ksm-1", 0, 181), ("ksm-2", 181, 10**6)):
        ours = {"cluster": "lab", "namespace": "monitoring", "pod": exporter, "container": "ksm"}
        theirs = ours | {"exported_namespace": "shop", "exported_pod": "web-1", "uid": "u-lab"}
        span = {"since": since, "until": until}
        metrics.add(
            "kube_node_info", 1, **span, **ours, exported_node="l1", node="n9", provider_id="gce://p/z/l1"
        )
        metrics.add("kube_pod_status_phase", 1, **span, **theirs, phase="Running")
        metrics.add("kube_pod_info", 1, **span, **theirs, exported_node="l1", node="n9", host_network="false")
        metrics.add("kube_pod_owner", 1, **span, **theirs, owner_kind="DaemonSet", owner_name="web")
        asked = theirs | {"exported_container": "main", "exported_node": "l1", "node": "n9"}
        metrics.add("kube_pod_container_resource_requests", 1, **span, **asked, resource="cpu", unit="core")
        metrics.add(
            "kube_pod_container_resource_requests",
            1,
            **span,
            **asked,
            resource="nvidia_com_gpu",
            unit="integer",
        )
        metrics.add(
            "kube_node_status_capacity", 4, **span, **ours, exported_node="l1", resource="nvidia_com_gpu"
        )
        metrics.add("kube_node_status_capacity", 8, **span, **ours, exported_node="l1", resource="cpu")
    usage = {
        "cluster": "lab",
        "namespace": "shop",
        "pod": "web-1",
        "container": "main",
        "id": "x",
        "name": "x",
    }
    metrics.add("container_cpu_usage_seconds_total", lambda m: m * 120.0, **usage)
    # The scrape's own labels are the exporter's; who holds the device is `exported_pod`, and one is free.
    ours = {"cluster": "lab", "namespace": "gpu", "pod": "nvidia-dcgm-exporter-x", "container": "exporter"}
    device = ours | {"UUID": "GPU-l1", "Hostname": "l1", "modelName": "NVIDIA L4"}
    metrics.add("DCGM_FI_DEV_GPU_UTIL", 40, **device, exported_namespace="shop", exported_pod="web-1")
    metrics.add("DCGM_FI_DEV_GPU_UTIL", 0, **(device | {"UUID": "GPU-l2"}))


def _cards(metrics: Metrics) -> None:
    """Two GPUs and nothing about pods: who they are is for another source to say."""
    card = {"cluster": "cards", "UUID": "GPU-c1", "Hostname": "c1", "modelName": "NVIDIA L4"}
    held = card | {"namespace": "ml", "pod": "solo", "container": "main"}
    metrics.add("DCGM_FI_DEV_GPU_UTIL", 80, **held)
    metrics.add("DCGM_FI_DEV_GPU_UTIL", 0, **(card | {"UUID": "GPU-c2"}))


def _bare(metrics: Metrics) -> None:
    """Requests and phases, and nothing that says what is used."""
    pod = {"cluster": "bare", "namespace": "shop", "pod": "web-1", "uid": "u-bare"}
    metrics.add("kube_node_info", 1, cluster="bare", node="b1", provider_id="azure:///b1")
    metrics.add("kube_pod_status_phase", 1, **pod, phase="Running")
    metrics.add(
        "kube_pod_container_resource_requests",
        2,
        **pod,
        container="c",
        node="b1",
        resource="cpu",
        unit="core",
    )
