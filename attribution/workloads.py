"""Which tags of a cloud bill name the Kubernetes cluster, namespace and workload.

Sources: AWS split cost allocation (`aws:eks:*`; exports write `aws_eks_*`, FOCUS conversions
`aws:eks_*`), GKE cost allocation (`goog-k8s-*`, `k8s-*`), AKS node resources (`aks-managed-*`).
Our own splits write `k8s-cluster`, `k8s-namespace`, `k8s-workload-name` and `k8s-pod`.
"""

from __future__ import annotations

WORKLOAD_KEYS: dict[str, tuple[str, ...]] = {
    "cluster": (
        "k8s-cluster",
        "aws:eks:cluster-name",
        "aws:eks_cluster_name",
        "aws_eks_cluster_name",
        "eks:cluster-name",
        "goog-k8s-cluster-name",
        "aks-managed-cluster-name",
    ),
    "namespace": (
        "aws:eks:namespace",
        "aws:eks_namespace",
        "aws_eks_namespace",
        "k8s-namespace",
        "kubernetes-namespace",
        "kubernetes_namespace",
    ),
    "workload": (
        "aws:eks:workload-name",
        "aws:eks_workload_name",
        "aws_eks_workload_name",
        "k8s-workload-name",
        "kubernetes-workload",
    ),
    "pod": ("k8s-pod", "aws:eks:pod-name"),
}
"""Per dimension its tag keys, best first."""

POD_LABEL = "k8s-label/"
"""Prefix of a pod's label on a GKE bill."""

NAMESPACE_LABEL = "k8s-namespace-labels/"
"""Prefix of a namespace's label on a GKE bill; it says less than a label of the pod."""
