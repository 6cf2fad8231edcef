"""Turns what is seen of a cluster into hours: every pod's requests over the time it ran.

A pod counts from when its first container started until its last one ended, on the node it was bound to, and
only within what was observed. A change of requests ends one stretch and begins another, so that an in-place
resize keeps both values over time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock

from collectors.kubernetes.devices import devices_of
from collectors.kubernetes.facts import ClaimFacts, NodeFacts, PodFacts
from collectors.kubernetes.feed import Feed, instant
from collectors.kubernetes.kept import Kept
from collectors.kubernetes.kinds import CLAIMS, WORKLOADS, Kind
from collectors.kubernetes.owners import top_of
from collectors.kubernetes.standing import add_quotas, add_volumes
from collectors.kubernetes.sums import HourSum, NodeSum, PodSum, Seen, hour_of, slices
from domain.ports import Clock

BRIDGED = timedelta(minutes=15)
"""A gap between two listings up to which what stands in both is taken to have run in between."""

_LATE = timedelta(minutes=10)
TOLD = frozenset({"pod", "namespace", "node", "service", *WORKLOADS})


@dataclass(slots=True)
class Timeline:
    """Everything observed that is not yet stored.

    Attributes:
        feeds: the caches, by kind.
        hours: what was observed, by hour.
        until: observed up to here; None before the first time.
        told: every object was told of since this process began.
        lock: held by whoever changes a cache or counts.
        marks: per pod uid, up to when it is already counted, where that is beyond `until`.
    """

    feeds: Mapping[str, Feed]
    clock: Clock
    hours: dict[datetime, HourSum] = field(default_factory=dict)
    until: datetime | None = None
    marks: dict[str, datetime] = field(default_factory=dict)
    told: bool = False
    lock: RLock = field(default_factory=RLock)

    def changed(self, kind: Kind, before: Kept | None, after: Kept | None, at: datetime | None) -> None:
        """Take in one change; what was before is counted up to it. The lock is held."""
        if self.until is None:
            return
        now = self.clock.now()
        if kind.name == "pod" and before is not None:
            self._pod_changed(before, after, at, now)
        elif kind.name == "node" and after is None and before is not None:
            self._node_ended(before, now)
        found = after or before
        if kind.name in TOLD and found is not None:
            self._tell(kind, found, now, hour_of(self.until))

    def _pod_changed(self, before: Kept, after: Kept | None, at: datetime | None, now: datetime) -> None:
        """Count what was before up to the change; a listing does not say when something ended."""
        if self.until is None or (after is not None and before.facts == after.facts):
            return
        unknown = self.until if after is None else now
        ended = instant(after.facts.ended) if after and isinstance(after.facts, PodFacts) else None
        upto = max(self.until, min(at or unknown, ended or now, now))
        self._count(before, upto)
        self.marks[before.uid] = max(upto, self.marks.get(before.uid, upto))

    def _node_ended(self, gone: Kept, now: datetime) -> None:
        """Count a node that went; where nobody watched for long, until it was last heard of."""
        if self.until is None or not isinstance(gone.facts, NodeFacts):
            return
        beat = instant(gone.facts.heartbeat)
        self._count_node(gone, gone.facts, now if now - self.until <= _LATE or beat is None else beat)

    def observe(self, now: datetime) -> None:
        """Count everything that exists up to now; after a longer gap, from now on."""
        with self.lock:
            if self.until is not None and now < self.until <= now + BRIDGED:
                return  # the clock was set back a little: what was counted is not counted again
            missed = any(feed.relisted and feed.kind.needed for feed in self.feeds.values())
            if self.until is not None and missed:
                self._say(self.until, now)
            if self.until is None or (missed and now - self.until > BRIDGED):
                self.until, self.marks = now, {}
            for feed in self.feeds.values():
                if feed.kind.name in TOLD and (feed.relisted or now.date() != self.until.date()):
                    self._tell_all(feed, now)
                feed.relisted = False
            self._count_all(self.until, now)
            self.until, self.marks = now, {}

    def tell_all(self, at: datetime) -> None:
        """Tell of every object anew, for a ledger that knows none of them."""
        with self.lock:
            self.told = True
            for feed in self.feeds.values():
                if feed.kind.name in TOLD:
                    self._tell_all(feed, at)

    def _tell_all(self, feed: Feed, at: datetime) -> None:
        for kept in feed.items.values():
            self._tell(feed.kind, kept, at, hour_of(at))

    def _count_all(self, since: datetime, now: datetime) -> None:
        for node in self.feeds["node"].items.values():
            if isinstance(node.facts, NodeFacts):
                self._count_node(node, node.facts, now)
        for pod in list(self.feeds["pod"].items.values()):
            self._count(pod, now)
        for hour, seconds in slices(since, now):
            summed = self._hour(hour)
            summed.seconds += seconds
            add_volumes(summed, self.feeds)
            add_quotas(summed, self.feeds)

    def _count(self, pod: Kept, upto: datetime) -> None:
        facts = pod.facts
        if not isinstance(facts, PodFacts) or self.until is None or not facts.node:
            return
        if facts.phase not in {"Running", "Succeeded", "Failed"}:
            return
        start = max(self.until, self.marks.get(pod.uid, self.until), instant(facts.started) or self.until)
        ended = instant(facts.ended)
        gpus = self.gpus_of(pod.namespace, facts)
        for hour, seconds in slices(start, min(upto, ended) if ended else upto):
            summed = self._pod_sum(hour, pod, facts.node)
            hours = seconds / 3600
            summed.seconds += seconds
            summed.cpu += facts.cpu * hours
            summed.memory += facts.memory * hours
            summed.gpu += gpus * hours

    def gpus_of(self, namespace: str, facts: PodFacts) -> float:
        """Give how many whole devices a pod holds, by its node's way to share them and by its claims."""
        node = self.feeds["node"].items.get(("", facts.node))
        units = node.facts.units if node is not None and isinstance(node.facts, NodeFacts) else ()
        total = devices_of(facts.devices, units)
        held = self.feeds[CLAIMS.name].items if facts.claims and CLAIMS.name in self.feeds else {}
        for name in facts.claims:
            claim = held.get((namespace, name))
            if claim is not None and isinstance(claim.facts, ClaimFacts):
                total += claim.facts.devices / max(claim.facts.holders, 1)
        return total

    def _pod_sum(self, hour: datetime, pod: Kept, node: str) -> PodSum:
        pods = self._hour(hour).pods
        key = f"{pod.uid}/{node}"
        if key not in pods:
            kind, name = top_of(pod, self.feeds)
            pods[key] = PodSum(
                node=node,
                namespace=pod.namespace,
                pod=pod.name,
                uid=pod.uid,
                workload_kind=kind,
                workload=name,
            )
        return pods[key]

    def _count_node(self, node: Kept, facts: NodeFacts, upto: datetime) -> None:
        if self.until is None:
            return
        start = max(self.until, instant(node.created) or self.until)
        for hour, seconds in slices(start, upto):
            nodes = self._hour(hour).nodes
            before = nodes[node.name].seconds if node.name in nodes else 0.0
            nodes[node.name] = NodeSum(
                node=node.name,
                provider_id=facts.provider_id,
                labels=node.label,
                cpu=facts.cpu,
                memory=facts.memory,
                gpus=facts.gpus,
                seconds=min(before + seconds, 3600.0),
            )

    def _tell(self, kind: Kind, found: Kept, at: datetime, hour: datetime) -> None:
        self._hour(hour).objects[found.uid] = Seen(kind=kind.name, kept=found, at=at)

    def _say(self, since: datetime, now: datetime) -> None:
        """Note in the hours concerned that something may be missing."""
        text = "events were missed and everything was listed again; what lived only in between is missing"
        if now - since > BRIDGED:
            text = f"nobody watched from {since:%H:%M} to {now:%H:%M}; what ran then is not counted"
        for hour in {hour_of(since), hour_of(now)}:
            self._hour(hour).note(text)

    def _hour(self, at: datetime) -> HourSum:
        return self.hours.setdefault(at, HourSum())
