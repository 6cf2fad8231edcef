"""The explanation of an owner as rows, and as text that reads from answer to reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from attribution.why import Tried, Why
from daemon.output import Field, Listing, Row
from domain.text import printable, shortened

_LONG = 100
_MOST = 30


def why_listing(resources: pl.DataFrame, whys: Sequence[Why]) -> Listing:
    """Give every owner field of a resource with the rule that decided it.

    A resource whose tags changed has a part for each distinct set of them.
    """
    parts = _distinct(whys)
    about = {row["dim_id"]: row for row in resources.iter_rows(named=True)}
    return Listing(
        fields=(
            Field(name="field"),
            Field(name="owner", missing="nobody"),
            Field(name="rule", title="DECIDED BY", missing="no rule"),
            Field(name="part", machine_only=len(parts) == 1, number=True),
            Field(name="resource", machine_only=True),
            Field(name="source", machine_only=True),
            Field(name="cost_kind", machine_only=True),
            Field(name="pool", machine_only=True),
            Field(name="would_help", machine_only=True),
        ),
        rows=[row for at, why in enumerate(parts, start=1) for row in _rows(at, why, about[why.dim_id])],
        document={"schema": "costd.why-owner/1", "rows": [], "tried": [_tried(why) for why in parts]},
        above=(*_about(about[parts[0].dim_id]), ""),
        notes=tuple(line for at, why in enumerate(parts, start=1) for line in _reasons(at, why, len(parts))),
        following=("costd config check", "costd report --by resource --where team=unallocated --top 20"),
    )


def _distinct(whys: Sequence[Why]) -> list[Why]:
    """Keep one of the parts that were decided alike."""
    kept: dict[tuple[object, ...], Why] = {}
    for why in whys:
        kept.setdefault((why.decisions, why.pool, why.cost_kind), why)
    return list(kept.values())


def _rows(at: int, why: Why, about: dict[str, object]) -> Iterator[Row]:
    for decision in why.decisions:
        yield {
            "field": decision.field,
            "owner": decision.value,
            "rule": decision.rule or None,
            "part": at,
            "resource": why.resource,
            "source": str(about["source"]),
            "cost_kind": why.cost_kind,
            "pool": why.pool or None,
            "would_help": list(decision.would_help),
        }


def _tried(why: Why) -> list[dict[str, object]]:
    return [
        {
            "rule": one.rule,
            "matched": one.matched,
            "answers": one.answers,
            "decided": list(one.decided),
            "lines": [
                {
                    "subject": line.subject,
                    "wants": list(line.patterns),
                    "says": list(line.texts),
                    "matched": line.matched,
                }
                for line in one.lines
            ],
        }
        for one in why.tried
    ]


def _about(row: dict[str, object]) -> Iterator[str]:
    yield printable(str(row["ResourceId"] or row["ResourceName"] or "charges of no resource"))
    account = (
        row["SubAccountName"] or row["SubAccountId"] or row["BillingAccountName"] or row["BillingAccountId"]
    )
    words = [row["ResourceName"], row["ServiceName"], f"account {account}" if account else None]
    words += [row["RegionId"], f"source {row['source']}"]
    yield "  " + " · ".join(shortened(str(word), _LONG) for word in words if word)
    tags = row["Tags"]
    if isinstance(tags, dict) and tags:
        told = [f"{key}={value}" for key, value in sorted(tags.items())]
        more = f" and {len(told) - _MOST} more" if len(told) > _MOST else ""
        yield "  tags " + shortened(", ".join(told[:_MOST]), 4 * _LONG) + more


def _reasons(at: int, why: Why, parts: int) -> Iterator[str]:
    yield ""
    yield f"Asked, in this order{f' (part {at})' if parts > 1 else ''}:"
    width = max((len(one.rule) for one in why.tried), default=0)
    for one in why.tried:
        yield f"  {printable(one.rule):<{width}}  {_answer(one)}"
    if why.pool:
        yield f"Shared pool {printable(why.pool)}: `costd report --sharing after` shows it spread."
    for decision in why.decisions:
        if decision.value is None and decision.field == "team" and not why.pool:
            yield "To give it a team:"
            yield from (f"  {printable(help_)}" for help_ in decision.would_help)


def _answer(one: Tried) -> str:
    if one.decided:
        said = ", ".join(f"{field}={shortened(text, _LONG)}" for field, text in one.answers.items())
        return f"decided {', '.join(one.decided)}" + (f" ({said})" if said else "")
    if one.matched:
        return "has an answer, but another came first"
    failed = [line for line in one.lines if not line.matched]
    if not failed:
        return "the resource has no such tag"
    wants = ", ".join(failed[0].patterns)
    says = ", ".join(failed[0].texts) or "nothing"
    subject = failed[0].subject
    return f"no: {subject} should be {shortened(wants, _LONG)}, and is {shortened(says, _LONG)}"


def candidates_listing(found: pl.DataFrame, name: str) -> Listing:
    """Give the resources that a name may mean."""
    names = found.select("ResourceId", "ResourceName", "ServiceName", "source").unique().sort(pl.all())
    more = names.height - _MOST
    return Listing(
        fields=(
            Field(name="resource"),
            Field(name="name"),
            Field(name="cloud_service"),
            Field(name="source"),
        ),
        rows=[
            {"resource": id_, "name": title, "cloud_service": service, "source": source}
            for id_, title, service, source in names.head(_MOST).iter_rows()
        ],
        document={"schema": "costd.why-owner/1", "rows": [], "matches": names.height},
        above=(f"Several resources fit {printable(name)!r}; give one of these ids:",),
        notes=(f"{more:,} more fit.",) if more > 0 else (),
    )
