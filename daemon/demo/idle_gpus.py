"""Which GPUs of the clusters really are idle, and from when: the truth that detectors are judged by.

Every other GPU that is measured works in every hour that it is held; GPUs of a stuck job are labelled as
the incident that they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from daemon.demo.hours import Span, instant_of
from daemon.demo.kubernetes import Pool, Workload, pools, workloads
from daemon.demo.labels import COUNTED, Label
from daemon.demo.levels import LEFT, left_at
from daemon.demo.riders import Rider, riders
from domain.window import midnight, month_of, next_month

HELD = "gpu_held"
"""Kind of a label: a pod holds a GPU, or a part of one, and does nothing with it."""

FREE = "gpu_free"
"""Kind of a label: a node has a GPU, or a part of one, that nobody claimed."""


def idle_gpus(seed: int, first: date, end: date) -> list[Label]:
    """Give what becomes idle from `first` (inclusive) to `end` (exclusive): months begin with new nodes."""
    found: list[Label] = []
    month = first.replace(day=1)
    while month < end:
        found += _of_month(seed, month_of(month))
        month = next_month(month)
    found = [one for one in found if midnight(first) <= one.start < midnight(end)]
    return sorted(found, key=lambda one: (one.start, one.id))


def _of_month(seed: int, period: str) -> Iterator[Label]:
    span = Span.of_month(period)
    begin = instant_of(span.first)
    for workload in workloads():
        if workload.gpus and not workload.entity.use.busy:
            yield _held((workload,), begin, span, "a model server holds its GPU, and nobody calls it")
        if workload.entity.name in LEFT:
            beside = [r.workload for r in riders() if _shares(r, workload)]
            left = instant_of(left_at(seed, workload.entity.name, period))
            story = "notebooks take turns on a GPU; the last that used it was left running"
            yield _held((workload, *beside), left, span, story)
    for rider in riders():
        if rider.workload.gpu_mib and not any(
            _shares(rider, w) for w in workloads() if w.entity.name in LEFT
        ):
            yield _held(
                (rider.workload,), begin, span, "a notebook holds a slice of a GPU and does not use it"
            )
    for pool, slot, sliced, story in (
        ("gpu-notebooks", 2, False, "a node is kept for notebooks that nobody started"),
        ("a100", 0, True, "a slice of a GPU is too small for what runs there"),
    ):
        (own,) = (one for one in pools() if one.name == pool)
        yield _label(
            f"{own.cluster}-{pool}-free-{period}",
            (own, FREE, (f"{own.cluster}-{pool}-{slot}-{period}",), own.tags.get("team", "")),
            (begin, instant_of(span.end)),
            None if sliced else _money(own, begin, span),
            story,
        )


def _shares(rider: Rider, workload: Workload) -> bool:
    """Tell whether a guest is on the GPU of a workload that is left behind."""
    return bool(rider.workload.gpu_mib) and (rider.workload.cluster, rider.pool) == (
        workload.cluster,
        workload.pool,
    )


def _held(works: tuple[Workload, ...], start: datetime, span: Span, story: str) -> Label:
    first = works[0]
    (pool,) = (one for one in pools() if (one.cluster, one.name) == (first.cluster, first.pool))
    name = first.entity.name.rpartition("/")[2]
    return _label(
        f"{name}-idle-{month_of(start)}",
        (pool, HELD, tuple(work.entity.name for work in works), first.entity.team),
        (start, instant_of(span.end)),
        _money(pool, start, span) if first.gpus else None,
        story,
    )


def _label(
    name: str,
    what: tuple[Pool, str, tuple[str, ...], str],
    when: tuple[datetime, datetime],
    money: Decimal | None,
    story: str,
) -> Label:
    pool, kind, resources, team = what
    return Label(
        id=name,
        kind=kind,
        label="incident",
        start=when[0],
        end=when[1],
        team=team,
        provider=pool.account.partition(":")[0],
        resources=resources,
        money=money,
        story=story,
    )


def _money(pool: Pool, start: datetime, span: Span) -> Decimal:
    """Give what the machine costs while it idles, in its first 30 days; its disk is not counted."""
    hours = min(int((instant_of(span.end) - start).total_seconds()) // 3600, COUNTED)
    hourly = (meter for meter in pool.meters if "monthly" not in meter.sku.traits)
    return Decimal(hours * sum(m.sku.contract_price * m.amount for m in hourly)).scaleb(-12)
