"""Sources of cost and usage, one file each; a new one is its file and its line here.

May not live here: anything that knows a database. A collector fetches and normalises.
"""

COLLECTORS: tuple[str, ...] = (
    "collectors.aws_billing:AwsBillingCollector",
    "collectors.demo:DemoCollector",
    "collectors.demo_cluster:DemoClusterCollector",
    "collectors.focus_files:FocusFilesCollector",
    "collectors.gcp_billing:GcpBillingCollector",
    "collectors.kubernetes_inventory:KubernetesInventoryCollector",
    "collectors.prometheus_usage:PrometheusUsageCollector",
)
"""Import paths, so that a command pays only for the SDKs of the sources it uses."""

USAGE_TYPES = frozenset({"demo_cluster", "kubernetes", "prometheus"})
"""Types of sources that say what ran where and give no charges: no bill waits for them."""


def type_of(path: str) -> str:
    """Give the `type` that a source names a collector with: its file's name without what it reads there."""
    name = path.partition(":")[0].rpartition(".")[2]
    return name.removesuffix("_inventory").removesuffix("_usage")
