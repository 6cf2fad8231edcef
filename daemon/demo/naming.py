"""Names and uids of pods, as Kubernetes makes them."""

from __future__ import annotations

from daemon.demo import dice
from daemon.demo.kubernetes import Workload
from daemon.demo.placing import Pod

_KINDS = {"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet", "job": "Job"}

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes draws names from: no word can come of it."""


def kind_of(workload: Workload) -> str:
    """Give a workload's kind as Kubernetes writes it."""
    return _KINDS[workload.entity.kind]


def short(workload: Workload) -> str:
    """Give a workload's name in its namespace."""
    return workload.entity.name.rpartition("/")[2]


def pod_name(pod: Pod) -> str:
    """Name a pod; those of a StatefulSet have the names of those before them."""
    name = short(pod.workload)
    if pod.workload.entity.kind == "statefulset":
        return f"{name}-{pod.number}"
    own = _letters(5, "pod", *_key(pod))
    if pod.workload.entity.kind == "deployment":
        # A new ReplicaSet every week, as if each had a release.
        return f"{name}-{_letters(9, 'replicas', pod.workload.entity.name, pod.start // 86400 // 7)}-{own}"
    return f"{name}-{own}"


def pod_uid(pod: Pod) -> str:
    """Give the uid of a pod: another one for whatever comes after it."""
    raw = f"{dice.number('uid', *_key(pod)):016x}{dice.number('uid2', *_key(pod)):016x}"
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-8{raw[17:20]}-{raw[20:]}"


def _key(pod: Pod) -> tuple[object, ...]:
    return (pod.workload.entity.name, pod.pool.name, pod.slot, pod.number, pod.start)


def _letters(count: int, *key: object) -> str:
    number = dice.number(*key)
    drawn = []
    for _ in range(count):
        number, rest = divmod(number, len(_LETTERS))
        drawn.append(_LETTERS[rest])
    return "".join(drawn)
