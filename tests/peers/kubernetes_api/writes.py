"""What changes the world: create, update, patch, delete, scale, evict, with their preconditions."""

from __future__ import annotations

import copy
import json
import threading

from kubernetes_api.patches import patched
from kubernetes_api.resources import BY_PLURAL, Json, Kind, Refused, conflict
from kubernetes_api.selectors import selected
from kubernetes_api.store import Key, Store


def create(store: Store, kind: Kind, namespace: str, body: Json, *, dry: bool) -> Json:
    name = body["metadata"]["name"]
    key = (namespace if kind.namespaced else "", name)
    if key in store.objects.get(kind.plural, {}):
        raise Refused(409, "AlreadyExists", f'{kind.plural} "{name}" already exists', name=name)
    if kind.namespaced:
        _open_namespace(store, namespace)
    body = copy.deepcopy(body)
    body["metadata"].pop("resourceVersion", None)
    if kind.plural == "namespaces":
        body.setdefault("spec", {"finalizers": ["kubernetes"]})
        body["status"] = {"phase": "Active"}
    return body if dry else store.put(kind, key, body)


def _open_namespace(store: Store, namespace: str) -> None:
    found = store.get(BY_PLURAL["namespaces"], ("", namespace))
    if found["metadata"].get("deletionTimestamp"):
        raise Refused(
            403,
            "Forbidden",
            f"unable to create new content in namespace {namespace} because it is being terminated",
        )


def update(store: Store, kind: Kind, key: Key, body: Json, *, part: str = "", dry: bool = False) -> Json:
    """Replace an object or, with `part`, one subresource of it."""
    with store.changed:
        found = store.get(kind, key)
        _check_version(kind, key, found, body)
        _check_uid(kind, key, found, (body.get("metadata") or {}).get("uid"))
        made = copy.deepcopy(found)
        if part == "status":
            made["status"] = body.get("status") or {}
        elif part == "scale":
            made.setdefault("spec", {})["replicas"] = (body.get("spec") or {}).get("replicas") or 0
        else:
            fixed = ("uid", "creationTimestamp", "deletionTimestamp")
            kept = {name: found["metadata"][name] for name in fixed if name in found["metadata"]}
            made = copy.deepcopy(body)
            made.pop("status", None)
            made |= {"status": found["status"]} if "status" in found else {}
            made["metadata"] = {**(body.get("metadata") or {}), **kept}
        if dry or _same(made, found):
            return found if not dry else made
        return store.put(kind, key, made)


def _same(made: Json, found: Json) -> bool:
    """A write that changes nothing makes no new version, as in the real API."""

    def bare(one: Json) -> Json:
        meta = {name: value for name, value in one["metadata"].items() if name != "resourceVersion"}
        return {**one, "metadata": meta}

    return bare(made) == bare(found)


def patch(
    store: Store, kind: Kind, key: Key, body: object, content: str, *, part: str = "", dry: bool = False
) -> Json:
    with store.changed:
        found = store.get(kind, key)
        shown = scale_of(found) if part == "scale" else found
        made = patched(copy.deepcopy(shown), body, content)
        return update(store, kind, key, made, part=part, dry=dry)


def _check_version(kind: Kind, key: Key, found: Json, body: Json) -> None:
    asked = (body.get("metadata") or {}).get("resourceVersion")
    if asked and asked != found["metadata"]["resourceVersion"]:
        raise conflict(
            kind, key[1], "the object has been modified; please apply your changes to the latest version"
        )


def _check_uid(kind: Kind, key: Key, found: Json, asked: str | None) -> None:
    if asked and asked != found["metadata"]["uid"]:
        raise conflict(kind, key[1], f"Precondition failed: UID in precondition: {asked}")


def scale_of(found: Json) -> Json:
    """Give the scale of a workload: replicas of 0 are left out, as the real API's JSON does."""
    replicas = (found.get("spec") or {}).get("replicas", 1)
    standing = (found.get("status") or {}).get("replicas", 0)
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: found["metadata"][name] for name in names},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {"replicas": standing},
    }


def delete(store: Store, kind: Kind, key: Key, options: Json, *, dry: bool) -> Json:
    """Delete, or begin to: a namespace is finalised, a pod on a node waits for its kubelet."""
    with store.changed:
        found = store.get(kind, key)
        wanted = options.get("preconditions") or {}
        _check_uid(kind, key, found, wanted.get("uid"))
        if (version := wanted.get("resourceVersion")) and version != found["metadata"]["resourceVersion"]:
            raise conflict(kind, key[1], "Precondition failed: ResourceVersion in precondition")
        if dry or found["metadata"].get("deletionTimestamp"):
            if not dry and kind.plural == "pods" and options.get("gracePeriodSeconds") == 0:
                return store.drop(kind, key)
            return found
        if kind.plural == "namespaces":
            return _terminate(store, kind, key, found)
        if found["metadata"].get("finalizers") or _is_graceful(kind, found, options):
            return store.put(kind, key, _leaving(store, found))
        return store.drop(kind, key)


def _is_graceful(kind: Kind, found: Json, options: Json) -> bool:
    on_node = kind.plural == "pods" and bool((found.get("spec") or {}).get("nodeName"))
    ended = (found.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
    return on_node and not ended and options.get("gracePeriodSeconds") != 0


def _leaving(store: Store, found: Json) -> Json:
    return {**found, "metadata": {**found["metadata"], "deletionTimestamp": store.stamp()}}


def _terminate(store: Store, kind: Kind, key: Key, found: Json) -> Json:
    leaving = {**_leaving(store, found), "status": {"phase": "Terminating"}}
    made = store.put(kind, key, leaving)
    timer = threading.Timer(FINALISING_SECONDS, _finalise, (store, kind, key))
    timer.daemon = True
    timer.start()
    return made


FINALISING_SECONDS = 0.2
"""The real one takes 5 to 10 seconds."""


def _finalise(store: Store, kind: Kind, key: Key) -> None:
    with store.changed:
        for plural, held in store.objects.items():
            if BY_PLURAL[plural].namespaced:
                for inside in [one for one in held if one[0] == key[1]]:
                    store.drop(BY_PLURAL[plural], inside)
        if key in store.objects.get(kind.plural, {}):
            store.drop(kind, key)


def evict(store: Store, key: Key, body: Json, *, dry: bool) -> Json:
    """Delete a pod unless a budget has nothing left."""
    pods = BY_PLURAL["pods"]
    with store.changed:
        pod = store.get(pods, key)
        for (namespace, name), budget in store.objects.get("poddisruptionbudgets", {}).items():
            chosen = (budget["spec"].get("selector") or {}).get("matchLabels") or {}
            labels = ",".join(f"{label}={value}" for label, value in chosen.items())
            if namespace == key[0] and selected(pod, labels, ""):
                _spend(store, (namespace, name), budget, dry=dry)
        delete(store, pods, key, body.get("deleteOptions") or {}, dry=dry)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _spend(store: Store, key: Key, budget: Json, *, dry: bool) -> None:
    left = (budget.get("status") or {}).get("disruptionsAllowed", 0)
    if left < 1:
        raise Refused(
            429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget."
        )
    if not dry:
        spent = json.loads(json.dumps(budget))
        spent["status"]["disruptionsAllowed"] = left - 1
        store.put(BY_PLURAL["poddisruptionbudgets"], key, spent)
