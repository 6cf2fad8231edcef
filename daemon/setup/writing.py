"""The first `costd.yaml`, commented; every value is quoted so that no name can change its meaning. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import count
from pathlib import Path

from attribution.tag_keys import Tagged
from config.source import RESERVED_NAMES
from daemon.setup.around import SLACK_TOKEN
from daemon.setup.exports import Place
from daemon.setup.plan import Plan, shown_path
from domain.show import percent_text
from domain.text import shortened

_MOST_KEYS = 12
_METRICS_NAMES = ("metrics", "prometheus", "cluster-metrics")
_HEAD = """\
# Written by `costd init`. What to do next: docs/first-hour.md; all keys: docs/reference/settings.md.
# Check it with `costd doctor` (connects and changes nothing) or `costd config check` (connects to nothing).

mode: observe   # only look and report: in this mode nothing is ever switched off
"""


def written(plan: Plan, folder: Path) -> str:
    """Give the file that lies in a folder."""
    parts = [
        _HEAD + f"timezone: {quoted(plan.timezone)}   # of send times; days of cost are UTC\n",
        "\n".join(_sources(plan, folder)) + "\n",
        "\n".join(_stores(plan, folder)),
        "\n".join(_ownership(plan)) + "\n",
        "\n".join(_digest(plan)) + "\n",
    ]
    return "\n".join(part for part in parts if part)


def quoted(text: str) -> str:
    """Give a text as a YAML scalar that can mean nothing else."""
    return json.dumps(text)


def _sources(plan: Plan, folder: Path) -> Iterator[str]:
    if not plan.places:
        empty = "" if plan.prometheus else " []"
        yield f"sources:{empty}   # no bill was found; name folders or buckets with FOCUS files, e.g."
        yield '#   - {type: focus_files, name: aws, path: "s3://acme-billing/focus"}'
    else:
        yield "sources:"
    for place in plan.places:
        yield f"  # {_seen(place)}"
        yield "  - type: focus_files"
        yield f"    name: {place.name}"
        yield f"    path: {quoted(shown_path(place, folder))}"
        yield "    every: 6h   # how often costd run looks for new files"
        if place.is_bucket:
            yield "    # s3: {region: eu-central-1}   # credentials: the AWS SDK's own chain (profile, role)"
    yield from _metrics(plan)
    yield from _clusters(plan)


def _clusters(plan: Plan) -> Iterator[str]:
    """Propose the clusters of the kubeconfig; which of them are anybody's business only people know."""
    if not plan.contexts:
        yield "# What clusters request (docs/connect-kubernetes.md):"
        yield "#   - {type: kubernetes, name: prod, context: prod}"
        return
    yield "# Clusters of the kubeconfig: take the # from those to be read (docs/connect-kubernetes.md):"
    taken = {place.name for place in plan.places} | RESERVED_NAMES | set(_METRICS_NAMES)
    for context in plan.contexts[:_MOST_KEYS]:
        name = _source_name(context, taken)
        taken |= {name}
        yield f"#   - {{type: kubernetes, name: {name}, context: {quoted(context)}}}"


def _source_name(context: str, taken: Collection[str]) -> str:
    """Make a name for a source of that of a context, which may be an ARN or hold anything."""
    last = re.split(r"[/@:]", context.rstrip("/@:").lower())[-1]
    base = re.sub(r"[^a-z0-9]+", "-", last).strip("-")[:32].strip("-") or "cluster"
    numbered = (base if number == 1 else f"{base}-{number}" for number in count(1))
    return next(name for name in numbered if name not in taken)


def _metrics(plan: Plan) -> Iterator[str]:
    """Name the Prometheus that was found, under a name that no bill has."""
    if not plan.prometheus:
        yield "# What clusters and GPUs use (docs/connect-prometheus.md):"
        yield '#   - {type: prometheus, name: metrics, cluster: prod, url: "http://prometheus:9090"}'
        return
    taken = {place.name for place in plan.places}
    name = next(one for one in _METRICS_NAMES if one not in taken)
    yield "  # what a cluster and its GPUs use; the address was in the environment"
    yield "  - type: prometheus"
    yield f"    name: {name}"
    yield f"    url: {quoted(plan.prometheus)}"
    yield f"    cluster: {quoted(plan.cluster)}   # its name in reports; docs/connect-prometheus.md"


def _seen(place: Place) -> str:
    if place.is_bucket:
        return "a bucket; `costd doctor` looks whether it can be listed and read"
    if not place.files:
        return "no FOCUS file was seen there yet"
    forms = Counter(f"{file.form} of FOCUS {file.version}" for file in place.files)
    return f"seen: {', '.join(f'{count:,} {form}' for form, count in sorted(forms.items()))}"


def _stores(plan: Plan, folder: Path) -> Iterator[str]:
    """Keep costd's own files out of the way where the bills lie in the configuration's own folder."""
    if any(not place.is_bucket and Path(place.path) in (folder, *folder.parents) for place in plan.places):
        yield "# The bills lie in this folder itself, so costd keeps its own files in a hidden one."
        yield 'ledger: {path: "./.costd/ledger"}'
        yield 'state: {url: "sqlite:///./.costd/costd.db"}'
        yield ""


def _ownership(plan: Plan) -> Iterator[str]:
    chosen = {field: keys for field, keys in plan.keys.items() if keys}
    yield "ownership:"
    if chosen:
        yield "  keys:   # which tags say who owns a resource, best first"
        for field, keys in chosen.items():
            share = percent_text(plan.tagged.share_of(keys) * plan.tagged.cost, plan.tagged.cost, digits=1)
            covers = f"   # {share} of the cost seen carries one" if plan.tagged.cost else ""
            yield f"    {field}: [{', '.join(map(quoted, keys))}]{covers}"
    else:
        yield "  # keys: {team: [team, owner], environment: [environment, env]}   # the default"
    yield from (f"  # {line}" for line in key_lines(plan.tagged))
    yield "  # aliases: {team: {machine-learning: ml}}          # other spellings of the same owner"
    yield '  # rules: [{when: {account: "4242*"}, team: data}]   # first match wins, before any tag'
    if not chosen:
        yield "  rules: []"


def key_lines(found: Tagged) -> list[str]:
    """Give the tag keys that were found, with the share of the cost that carries each, for people."""
    if not found.keys:
        return []
    lines = [f"Tag keys found, and the share of the cost ({found.currency}) that carries each:"]
    width = max(len(_shown(one.key, 40)) for one in found.keys[:_MOST_KEYS])
    for one in found.keys[:_MOST_KEYS]:
        share = percent_text(one.share * found.cost, found.cost, digits=1)
        values = ", ".join(_shown(value, 24) for value in one.values)
        more = f" and {one.count - len(one.values):,} more" if one.count > len(one.values) else ""
        lines.append(f"  {share:>7}  {_shown(one.key, 40):<{width}}  e.g. {values}{more}")
    if len(found.keys) > _MOST_KEYS:
        lines.append(f"  and {len(found.keys) - _MOST_KEYS:,} more keys")
    return lines


def _digest(plan: Plan) -> Iterator[str]:
    token = f'slack: {{bot_token: "${{env:{SLACK_TOKEN}}}"}}'
    if plan.channel:
        yield f"{token}   # read from the environment, never written here"
        yield f"digests: [{{channel: {quoted(plan.channel)}, at: {quoted(plan.at)}, days: Mon-Fri}}]"
        return
    yield "# A digest every morning in Slack: docs/connect-slack.md makes the app with one click."
    yield f"# {token}"
    yield '# digests: [{channel: "#cloud-costs", at: "09:00", days: Mon-Fri}]'


def _shown(text: str, limit: int) -> str:
    """Give a text for a comment or a terminal: nothing in it that YAML forbids or a terminal obeys."""
    return "".join(letter if letter.isprintable() else "?" for letter in shortened(text, limit))
