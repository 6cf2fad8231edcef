"""What `costd doctor` looks at: the API, what may be read, and whether nodes can be found on a bill."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.kubernetes.access import Api
from collectors.kubernetes.kinds import ALL, CLAIMS, Kind
from collectors.kubernetes.login import connect
from collectors.kubernetes.settings import KubernetesSettings
from domain.errors import SourceError
from domain.probe import Health, Probe, instant_of
from domain.show import count_text

_VERBS = ("get", "list", "watch")
_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_SAMPLE = 50
_GRANT = "kubectl apply -f deploy/kubernetes/rbac.yaml (docs/connect-kubernetes.md tells what each is for)"


def probes_of(settings: KubernetesSettings) -> list[Probe]:
    """Look at a cluster, read-only; what is wrong is said, not raised."""
    try:
        api = connect(settings)
        version = api.get("/version").get("gitVersion") or "unknown version"
    except SourceError as error:
        return [
            Probe(
                subject=f"cluster {settings.place}",
                health=Health.FAIL,
                breaks=f"nothing of it is read: {error}",
                fix=error.hint or "look whether `kubectl get nodes` works from this machine",
            )
        ]
    reached = f"cluster {settings.place}: API server {version} answers"
    return [
        Probe(subject=reached, health=Health.OK, server_time=instant_of(api.server_date)),
        *_access(api),
        *_nodes(api),
    ]


def _access(api: Api) -> Iterator[Probe]:
    missing: list[tuple[Kind, str]] = []
    try:
        missing = [(kind, verb) for kind in ALL for verb in _VERBS if not _may(api, kind, verb)]
    except SourceError as error:
        yield Probe(
            subject="permissions",
            health=Health.WARN,
            breaks=f"it cannot be told what may be read: {error}",
            fix=error.hint or "look with `kubectl auth can-i --list`",
        )
        return
    if not missing:
        yield Probe(subject=f"{len(ALL)} kinds may be got, listed and watched", health=Health.OK)
    for kind in dict.fromkeys(kind for kind, _ in missing):
        verbs = ", ".join(verb for other, verb in missing if other is kind)
        optional = kind is CLAIMS
        yield Probe(
            subject=f"{kind.plural}: not allowed to {verbs}",
            health=Health.FAIL if kind.needed else Health.WARN,
            breaks=_breaks(kind) if not optional else "GPUs that pods hold by device claims are not counted",
            fix=_GRANT,
        )


def _breaks(kind: Kind) -> str:
    if kind.needed:
        return "without it no hour of this cluster can be counted"
    return f"what needs {kind.plural} (labels, owners, volumes, quotas) stays empty"


def _may(api: Api, kind: Kind, verb: str) -> bool:
    attributes = {"verb": verb, "group": kind.group, "resource": kind.plural}
    body = {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"resourceAttributes": attributes},
    }
    status = api.post(_REVIEW, body).get("status")
    return isinstance(status, dict) and bool(status.get("allowed"))


def _nodes(api: Api) -> Iterator[Probe]:
    try:
        listed = api.get("/api/v1/nodes", {"limit": str(_SAMPLE)}).get("items") or []
    except SourceError as error:
        yield Probe(
            subject="nodes", health=Health.FAIL, breaks=f"nodes cannot be listed: {error}", fix=_GRANT
        )
        return
    nodes = [node for node in listed if isinstance(node, dict)]
    without = [node for node in nodes if not (node.get("spec") or {}).get("providerID")]
    if not nodes:
        yield Probe(
            subject="no node was listed",
            health=Health.WARN,
            breaks="without nodes there is no capacity that a bill could be split by",
            fix="look whether `kubectl get nodes` lists some",
        )
    elif without:
        yield Probe(
            subject=f"{len(without)} of {count_text(len(nodes), 'node')} looked at without a provider id",
            health=Health.WARN,
            breaks="their cost cannot be found on a bill; their pods stay without cost",
            fix="run the provider's cloud controller manager, or set `--provider-id` on the kubelet",
        )
    else:
        yield Probe(
            subject=f"{count_text(len(nodes), 'node')} looked at, all with a provider id", health=Health.OK
        )
