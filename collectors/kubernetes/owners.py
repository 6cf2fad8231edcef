"""The workload on top of a pod: a Deployment, not its ReplicaSet; a CronJob, not its Job. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.kubernetes.feed import Feed
from collectors.kubernetes.kept import Kept

_DEEPEST = 5


def top_of(pod: Kept, feeds: Mapping[str, Feed]) -> tuple[str, str]:
    """Give kind and name of the top of a pod's owners, as far as seen; a bare pod is its own."""
    found, kind, name = pod, "Pod", pod.name
    for _ in range(_DEEPEST):
        owner = found.owner
        if owner is None:
            break
        kind, name = owner.kind, owner.name
        feed = feeds.get(owner.kind.lower())
        above = feed.items.get((pod.namespace, owner.name)) if feed is not None else None
        if above is None or above.uid != owner.uid:
            return _guessed(pod, kind, name)
        found = above
    return kind, name


def _guessed(pod: Kept, kind: str, name: str) -> tuple[str, str]:
    """Name the Deployment of a ReplicaSet that is gone: its name ends with the template hash of the pod."""
    template = pod.label.get("pod-template-hash", "")
    if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
        return "Deployment", name.removesuffix(f"-{template}")
    return kind, name
