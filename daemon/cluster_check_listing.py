"""`costd reconcile --clusters` as rows and sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attribution.kubernetes.schema import Cause
from daemon.cluster_lost import WHY
from daemon.output import Field, Listing
from domain.money import plain
from domain.show import money_text, percent_text
from domain.text import printable

if TYPE_CHECKING:
    from daemon.cluster_check import Checked, Held
    from daemon.cluster_joins import Joined
    from daemon.cluster_lost import Lost

SCHEMA = "costd.clusters/1"
_MOST_NODES = 5
_COMPARED = (
    "The provider's figures are of what pods held, without idle capacity and by its own policy; "
    "the nearest of ours is allocation.split: aws-scad."
)


def cluster_listing(found: Checked) -> Listing:
    """Give what each namespace costs by us and by the provider, and how clusters tie out to their bill."""
    compared = any(one.providers is not None for one in found.namespaces)
    return Listing(
        fields=(
            Field(name="cluster"),
            Field(name="namespace"),
            Field(name="currency"),
            Field(name="ours", number=True),
            Field(name="provider", number=True, missing="not split"),
            Field(name="difference", number=True, missing=""),
        ),
        rows=[
            {
                "cluster": one.cluster,
                "namespace": one.namespace,
                "currency": one.currency,
                "ours": one.ours,
                "provider": one.providers,
                "difference": one.difference,
            }
            for one in found.namespaces
        ],
        document={
            "schema": SCHEMA,
            "holds": found.holds,
            "nodes": [_node(one) for one in found.nodes],
            "bills": [_bill(one) for one in found.held],
            "lost": [_lost(one) for one in found.lost],
        },
        notes=(
            *(line for one in found.nodes for line in _hours(one)),
            *(_money(one) for one in found.held),
            *(_without_share(one) for one in found.lost),
            *([_COMPARED] if compared else []),
        ),
        following=("costd report --by cluster,namespace", "costd report --sensitivity split"),
        empty="Nothing of a cluster is on a bill yet; costd doctor says what is missing.",
    )


def _node(one: Joined) -> dict[str, object]:
    missing = [{"node": node, "reason": reason} for node, reason in one.missing]
    return {
        "cluster": one.cluster,
        "node_hours": one.hours,
        "billed_node_hours": one.billed,
        "missing": missing,
    }


def _bill(one: Held) -> dict[str, object]:
    return {
        "source": one.source,
        "billing_period": one.billing_period,
        "cluster": one.cluster,
        "currency": one.currency,
        "charges": one.charges,
        "split": one.parents,
        "parts": one.parts,
        "whole": one.whole,
        "missing_hours": one.missing_hours,
        "holds": one.holds,
    }


def _lost(one: Lost) -> dict[str, object]:
    return {
        "cluster": one.cluster,
        "cause": one.cause.value,
        "hours": one.hours,
        "cpu_hours": one.cpu_hours,
        "memory_gib_hours": one.memory_gib_hours,
        "gpu_hours": one.gpu_hours,
        "example": one.example,
    }


def _without_share(one: Lost) -> str:
    """Say what was held and is in nobody's cost."""
    what = "node-hours" if one.cause is Cause.NO_PRICE else "pod-hours"
    return printable(
        f"{one.cluster}: {one.hours:,} {what} have no share ({one.cause.value}): {WHY[one.cause]}, "
        f"such as {one.example}."
    )


def _hours(one: Joined) -> Iterator[str]:
    yield f"{one.cluster}: {one.share:.1%} of {one.hours:,.0f} node-hours are on a bill."
    for node, reason in one.missing[:_MOST_NODES]:
        yield f"  {node}: {reason}"
    if len(one.missing) > _MOST_NODES:
        yield f"  and {len(one.missing) - _MOST_NODES:,} more nodes"


def _money(one: Held) -> str:
    whole = money_text(one.charges, one.currency)
    share = percent_text(one.parents, one.charges, digits=1) if one.charges > 0 else "none"
    text = f"{one.cluster}, {one.billing_period} of {one.source}: {share} of {whole} is split"
    if one.whole:
        why = f"usage is missing for {one.missing_hours:,} hours" if one.missing_hours else "nothing ran then"
        text += f"; {money_text(one.whole, one.currency)} stays with the machines: {why}"
    if one.holds:
        return f"{text}. The parts are the charges, to the last digit."
    return f"{text}. The parts are {plain(one.parts)}, the charges {plain(one.parents)}: run costd collect."
