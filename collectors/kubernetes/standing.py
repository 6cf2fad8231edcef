"""What stands still within an hour: volumes with the pods that hold them, and quotas. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.kubernetes.facts import PodFacts, QuotaFacts, VolumeFacts
from collectors.kubernetes.feed import Feed
from collectors.kubernetes.sums import HourSum, VolumeSum


def add_volumes(hour: HourSum, feeds: Mapping[str, Feed]) -> None:
    """Note every volume that exists, and the pods that hold it; one that held it before stays."""
    holders: dict[tuple[str, str], list[str]] = {}
    for pod in feeds["pod"].items.values():
        facts = pod.facts
        if isinstance(facts, PodFacts) and facts.phase == "Running":
            for claim in facts.volumes:
                holders.setdefault((pod.namespace, claim), []).append(pod.uid)
    for volume in feeds["persistentvolume"].items.values():
        facts = volume.facts
        if not isinstance(facts, VolumeFacts):
            continue
        before = hour.volumes[volume.name].pods if volume.name in hour.volumes else []
        now = holders.get((facts.claim_namespace, facts.claim), [])
        hour.volumes[volume.name] = VolumeSum(
            volume=volume.name,
            volume_id=facts.volume_id,
            claim=facts.claim,
            namespace=facts.claim_namespace,
            size=facts.size,
            pods=list(dict.fromkeys([*before, *now])),
        )


def add_quotas(hour: HourSum, feeds: Mapping[str, Feed]) -> None:
    """Note what each namespace may request: of several quotas the tightest."""
    found: dict[str, list[float]] = {}
    for quota in feeds["resourcequota"].items.values():
        facts = quota.facts
        if not isinstance(facts, QuotaFacts):
            continue
        used = dict(facts.used)
        for resource, hard in facts.hard:
            key = f"{quota.namespace}/{resource}"
            if key not in found or hard < found[key][0]:
                found[key] = [hard, used.get(resource, 0.0)]
    hour.quotas.update(found)
