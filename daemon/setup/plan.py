"""What will be written, and the few questions that settle it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from attribution.tag_keys import KNOWN, Tagged, propose, tagged
from collectors.focus.glance import tagged_costs
from config.messages import DigestSettings
from daemon.setup.around import Around
from daemon.setup.exports import Place, named_places, sample
from domain.errors import UsageError

Ask = Callable[[str, str, Callable[[str], str]], str]
"""Asks a question: its text, the default, and what makes an answer of a text or raises `ValueError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be written.

    Attributes:
        places: where bills come from.
        keys: tag keys per owner field; a field without any keeps costd's own.
        tagged: how the costs that were seen are tagged.
        timezone: IANA name.
        channel: Slack channel of the digest, "" for none.
        at: local time of the digest.
        prometheus: URL of a Prometheus that the environment names, "" for none.
        cluster: what to call its cluster.
        contexts: contexts of the kubeconfig, to choose from.
    """

    places: tuple[Place, ...]
    keys: Mapping[str, tuple[str, ...]]
    tagged: Tagged
    timezone: str
    channel: str = ""
    at: str = "09:00"
    prometheus: str = ""
    cluster: str = "main"
    contexts: tuple[str, ...] = ()


def make_plan(
    around: Around, found: Sequence[Place], folder: Path, ask: Ask, tell: Callable[[Tagged], None]
) -> Plan:
    """Ask at most five questions, each with a default, and give what came of them.

    `tell` is called with how the costs are tagged, before the question about it.
    """
    paths = ", ".join(shown_path(place, folder) for place in found)
    where = ask("FOCUS files: folder, file or s3://bucket/prefix (empty: none yet)", paths, _place)
    places = tuple(found) if where == paths else named_places(where.split(","), folder)
    seen = tagged(frame for file in sample(places) for frame in tagged_costs(file))
    keys = {field: propose(seen, field) for field in KNOWN}
    if seen.keys:
        tell(seen)
        answer = ask("Tag keys that name the team, best first", ", ".join(keys["team"]), _keys)
        keys["team"] = tuple(part for part in map(str.strip, answer.split(",")) if part)
    timezone = ask("Time zone of send times", around.timezone, _zone)
    channel, at = "", "09:00"
    if around.has_slack_token:
        channel = ask('Slack channel of the daily digest, like "#cloud-costs" (empty: none)', "", _channel)
    if channel:
        at = ask("Time of the digest", at, _time)
    return Plan(
        places=places,
        keys=keys,
        tagged=seen,
        timezone=timezone,
        channel=channel,
        at=at,
        prometheus=_metrics(around.prometheus),
        cluster=_cluster(around.kube_contexts),
        contexts=tuple(name for name in around.kube_contexts if name.isprintable() and 0 < len(name) <= 253),
    )


def shown_path(place: Place, folder: Path) -> str:
    """Give the path as it is written in a configuration that lies in a folder."""
    if place.is_bucket:
        return place.path
    path = Path(place.path)
    if path == folder:
        return "."
    return f"./{path.relative_to(folder).as_posix()}" if folder in path.parents else str(path)


def _metrics(url: str) -> str:
    """Give an address that can be configured, "" for any other."""
    from pydantic import ValidationError

    from collectors.prometheus.settings import PrometheusSettings

    try:
        return PrometheusSettings(name="metrics", url=url, cluster="main").url
    except ValidationError:
        return ""


def _cluster(contexts: Sequence[str]) -> str:
    """Call the cluster what kubectl does, where it knows one."""
    name = contexts[0] if len(contexts) == 1 else ""
    return name if name.isprintable() and 0 < len(name) <= 253 else "main"


def _place(text: str) -> str:
    for part in map(str.strip, text.split(",")):
        if part.startswith("s3://") and not part.removeprefix("s3://").strip("/"):
            raise ValueError("write s3://bucket/prefix")
        if "://" in part and not part.startswith("s3://"):
            raise ValueError("only folders, files and s3:// are read by this version")
    return text


def _keys(text: str) -> str:
    if any(len(key) > 128 or not key.isprintable() for key in text.split(",")):
        raise ValueError("write tag keys with commas between them")
    return text


def _zone(text: str) -> str:
    try:
        return str(ZoneInfo(text))
    except (LookupError, ValueError, OSError):
        raise ValueError("write a name like Europe/Berlin or UTC") from None


def _channel(text: str) -> str:
    return str(_digest(channel=text).channel) if text else ""


def _time(text: str) -> str:
    return _digest(channel="C0000000", at=text).at


def _digest(**values: str) -> DigestSettings:
    from pydantic import ValidationError

    try:
        return DigestSettings.model_validate(values)
    except ValidationError as error:
        detail = error.errors()[0]
        raise ValueError(str((detail.get("ctx") or {}).get("hint") or detail["msg"])) from None


def defaults(_question: str, default: str, check: Callable[[str], str]) -> str:
    """Answer a question with its default: `--yes`."""
    try:
        return check(default)
    except ValueError as error:
        raise UsageError(
            f"the default {default!r} cannot be taken: {error}", hint="leave --yes out"
        ) from None
