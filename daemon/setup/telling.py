"""What `costd init` says: what it found, what it cannot use yet, what to allow, what to do next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from daemon.setup.around import SLACK_TOKEN, Around
from daemon.setup.exports import Place
from daemon.setup.permissions import permission_lines
from daemon.setup.plan import Plan, shown_path
from domain.show import count_text, percent_text
from domain.text import printable, shortened

_MOST_NAMES = 8


def found_lines(around: Around, places: Sequence[Place], folder: Path, *, is_whole: bool = True) -> list[str]:
    """Say what was found before anything is asked; `is_whole` where all of the folder was looked at."""
    lines = [
        f"Found {count_text(len(place.files), 'FOCUS file')} in {printable(shown_path(place, folder))}"
        for place in places
        if place.files
    ]
    if not lines:
        lines.append("No FOCUS files were found below this folder.")
    if not is_whole:
        lines.append(
            "It is large, so only what lies near was looked at: `--files PLACE` names where bills are."
        )
    if around.aws_profiles:
        lines.append(
            f"AWS profiles: {_names(around.aws_profiles)} (buckets are read with the one in AWS_PROFILE)"
        )
    if around.has_slack_token:
        lines.append(f"A Slack bot token is in {SLACK_TOKEN}.")
    if around.prometheus:
        lines.append(f"Prometheus: {shortened(around.prometheus, 200)} (from the environment)")
    if around.kube_contexts:
        lines.append(
            f"Kubernetes contexts: {_names(around.kube_contexts)} (written as comments: choose what is read)"
        )
    if around.gcloud:
        lines.append("Found, but this version cannot collect it, so it is not written:")
        lines.append(f"  Google Cloud configurations: {_names(around.gcloud)}")
        lines.append("  (Google's bills come in by its FOCUS export, as files)")
    return lines


def next_lines(plan: Plan, around: Around, target: Path, *, is_default: bool) -> list[str]:
    """Say what was written, what it needs, and the next commands."""
    count = len(plan.places) + bool(plan.prometheus)
    what = count_text(count, "source") if count else "no source yet"
    lines = ["", f"Wrote {printable(str(target))}: mode observe, {what}.", *_coverage(plan)]
    needed = list(permission_lines(plan.places, slack=bool(plan.channel)))
    if needed:
        lines += ["", "It needs", *(f"  {line}" for line in needed)]
    option = "" if is_default else f" -c {quote(printable(str(target)))}"
    buckets = any(place.is_bucket for place in plan.places)
    lines += ["", "Next"]
    if not plan.places:
        lines.append("  add a source to the file, docs/connect-any-focus-provider.md says how, then")
    if buckets and around.aws_profiles:
        lines.append("  export AWS_PROFILE=NAME    # the profile that may read the bucket")
    return [
        *lines,
        f"  costd{option} doctor    # is everything reachable and allowed?",
        f"  costd{option} collect   # fetch the bills",
        f"  costd{option} run       # keep fetching, serve the pages, send the digest",
    ]


def _coverage(plan: Plan) -> list[str]:
    found = plan.tagged
    lines: list[str] = []
    for field, keys in plan.keys.items():
        if keys and found.cost:
            share = percent_text(found.share_of(keys) * found.cost, found.cost, digits=1)
            named = ", ".join(shortened(key, 40) for key in keys)
            lines.append(f"{field} from {named}: {share} of the cost")
    if found.cost and not plan.keys.get("team"):
        lines.append(
            "No tag key looks like a team's: costd's own keys are tried, and rules can say the rest."
        )
    return lines


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(shortened(name, 60) for name in names[:_MOST_NAMES])
    return f"{shown} and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else shown
