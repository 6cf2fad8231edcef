"""What was observed and is not stored yet, and the caches, in one file that a restart goes on from."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from sys import intern
from typing import Any

from collectors.kubernetes.facts import (
    ClaimFacts,
    Facts,
    NodeFacts,
    PodFacts,
    QuotaFacts,
    ServiceFacts,
    VolumeFacts,
)
from collectors.kubernetes.kept import Kept, Owner, Sharing
from collectors.kubernetes.sums import HourSum, NodeSum, PodSum, Seen, VolumeSum
from collectors.kubernetes.timeline import Timeline
from domain.errors import SourceError

_FORM = 1
_FACTS: Mapping[str, type[Facts]] = {
    "node": NodeFacts,
    "pod": PodFacts,
    "persistentvolume": VolumeFacts,
    "persistentvolumeclaim": ClaimFacts,
    "resourceclaim": ClaimFacts,
    "resourcequota": QuotaFacts,
    "service": ServiceFacts,
}
_PARTS: Mapping[str, Callable[..., Any]] = {"nodes": NodeSum, "pods": PodSum, "volumes": VolumeSum}


def save(path: Path, timeline: Timeline, identity: str) -> int:
    """Write everything, so that the old file stands until the new one is whole; give its bytes.

    Raises:
        SourceError: it cannot be written.
    """
    import orjson

    with timeline.lock:
        content = {
            "form": _FORM,
            "identity": identity,
            "until": timeline.until,
            "feeds": {
                name: {"version": feed.version, "doubt": feed.doubt, "items": list(feed.items.values())}
                for name, feed in timeline.feeds.items()
            },
            "hours": {at.isoformat(): hour for at, hour in timeline.hours.items()},
        }
        written = zlib.compress(orjson.dumps(content), 1)
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(written)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise SourceError(
            f"what was observed cannot be kept in {path}: {error.strerror or error}",
            hint="make the folder writable, or name another with `spool:`",
        ) from error
    return len(written)


def load(path: Path, timeline: Timeline, identity: str, sharing: Sharing) -> bool:
    """Fill caches and hours from the file; False, and nothing taken, where it is of no use."""
    import orjson

    try:
        content = orjson.loads(zlib.decompress(path.read_bytes()))
        if content["form"] != _FORM or content["identity"] != identity:
            return False
        hours = {datetime.fromisoformat(at): _hour(held, sharing) for at, held in content["hours"].items()}
        feeds = {
            name: [_kept(name, item, sharing) for item in held["items"]]
            for name, held in content["feeds"].items()
        }
        until = datetime.fromisoformat(content["until"]) if content["until"] else None
    except FileNotFoundError:
        return False
    except (OSError, zlib.error, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return False  # damaged: the cluster itself still knows what is; only this hour's past is lost
    with timeline.lock:
        timeline.hours, timeline.until = hours, until
        for name, items in feeds.items():
            if (feed := timeline.feeds.get(name)) is not None:
                feed.items = {kept.key: kept for kept in items}
                feed.version = content["feeds"][name]["version"]
                feed.doubt = content["feeds"][name]["doubt"]
    return True


def _hour(held: Mapping[str, Any], sharing: Sharing) -> HourSum:
    made = HourSum(seconds=held["seconds"], quotas=held["quotas"], notes=held["notes"])
    for part, build in _PARTS.items():
        setattr(made, part, {key: build(**one) for key, one in held[part].items()})
    made.objects = {
        uid: Seen(
            kind=one["kind"],
            kept=_kept(one["kind"], one["kept"], sharing),
            at=datetime.fromisoformat(one["at"]),
        )
        for uid, one in held["objects"].items()
    }
    return made


def _kept(kind: str, held: Mapping[str, Any], sharing: Sharing) -> Kept:
    facts = held["facts"]
    return Kept(
        namespace=intern(held["namespace"]),
        name=held["name"],
        uid=held["uid"],
        created=intern(held["created"]),
        labels=sharing.one(_tuples(held["labels"])),
        annotations=sharing.one(_tuples(held["annotations"])),
        owner=sharing.one(Owner(**held["owner"])) if held["owner"] else None,
        facts=_FACTS[kind](**{key: _tuples(value) for key, value in facts.items()}) if facts else None,
    )


def _tuples(value: Any) -> Any:
    """Give what JSON holds as it was: tuples, and equal texts as one."""
    if isinstance(value, list):
        return tuple(_tuples(one) for one in value)
    return intern(value) if isinstance(value, str) else value
