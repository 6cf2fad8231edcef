"""`costd status` as rows and sentences: what is late, refused or unreadable comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from alerts.digest_words import when
from daemon.output import Field, Listing, Row, machine
from daemon.period_listing import periods_listing
from daemon.sources import SourceState, SourceView
from domain.delivery import Verdict
from domain.money import plain
from domain.show import age_text, count_text, instant_text, money_text, percent_text, rounded

if TYPE_CHECKING:
    from daemon.status import Status
    from daemon.usage_reach import ClusterReach
    from ledger.status import QuarantinedFile, QuarantinedRow

SCHEMA = "costd.status/1"
_KIB = 1024
_ONE = Decimal(1)


def sources_listing(status: Status) -> Listing:
    """Give the sources, with the sentences of the whole around them."""
    return Listing(
        fields=(
            Field(name="source"),
            Field(name="type", machine_only=True),
            Field(name="state"),
            Field(name="through", title="COMPLETE TO", missing="unknown"),
            Field(name="collected", title="COLLECTED", missing="never", people_only=True),
            Field(name="last_success", machine_only=True),
            Field(name="last_attempt", machine_only=True),
            Field(name="age_seconds", machine_only=True, number=True),
            Field(name="every_seconds", machine_only=True, number=True),
            Field(name="periods", number=True),
            Field(name="charges", number=True),
            Field(name="quarantined", number=True),
            Field(name="withheld", machine_only=True),
            Field(name="notes", machine_only=True),
            Field(name="reason", missing=""),
        ),
        rows=[_source(status, source) for source in status.sources],
        document=_document(status),
        above=(*_above(status), ""),
        notes=tuple(_notes(status)),
        following=("costd status --periods", "costd report --by team"),
        empty="No sources are configured: list them under `sources:` in costd.yaml, or see `costd demo`.",
    )


def _source(status: Status, source: SourceView) -> Row:
    stored = [p for p in status.periods if p.source == source.name and p.delivery_id]
    age = status.at - source.succeeded_at if source.succeeded_at else None
    return {
        "source": source.name,
        "type": source.type,
        "state": source.state.value,
        "through": source.through,
        "collected": f"{age_text(age)} ago" if age is not None else None,
        "last_success": source.succeeded_at,
        "last_attempt": source.attempted_at,
        "age_seconds": int(age.total_seconds()) if age is not None else None,
        "every_seconds": int(source.every.total_seconds()) if source.every is not None else None,
        "periods": len(stored),
        "charges": sum(period.rows for period in stored),
        "quarantined": sum(period.rejected for period in stored),
        "withheld": list(source.withheld),
        "notes": list(source.notes),
        "reason": source.reason or None,
    }


def _document(status: Status) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "at": status.at,
        "well": status.is_well,
        "messages": list(status.messages),
        "rows": [],
        "periods": [dict(row) for row in periods_listing(status).rows],
        "quarantine": [
            {"source": file.source, "file": file.file, "rows": file.rejected, "kept": file.kept}
            for file in status.quarantined
        ],
        "coverage": [
            {
                "month": status.coverage_month,
                "field": score.field,
                "currency": score.currency,
                "owned": score.owned,
                "pooled": score.pooled,
                "cost": score.cost,
                "share": plain(rounded(score.share, 4)) if score.share is not None else None,
                "resources": score.resources,
                "owned_resources": score.owned_resources,
            }
            for score in status.coverage
        ],
        "prices": [
            {
                "provider": shelf.provider,
                "offer": shelf.offer,
                "prices": shelf.prices,
                "seen_at": machine(shelf.seen_at),
                "effective_from": machine(shelf.effective_from),
            }
            for shelf in status.shelves
        ],
        "ledger": {
            "place": status.place,
            "charges": status.charges,
            "deliveries": status.deliveries,
            "size_bytes": status.size_bytes,
        },
        "clusters": [one.document for one in status.clusters],
        "own_costs": [one.document for one in status.own_costs],
    }


def _above(status: Status) -> Iterator[str]:
    words = [_word(source, status.at) for source in status.sources]
    if words:
        yield f"Sources    {' · '.join(words)}"
    yield from _days(status)
    for currency in sorted({score.currency for score in status.coverage}):
        scores = [
            score for score in status.coverage if score.currency == currency and score.share is not None
        ]
        told = [f"{s.field} {percent_text(s.share, _ONE)}" for s in scores if s.share is not None]
        unit = f" {currency}" if len({score.currency for score in status.coverage}) > 1 else ""
        if told:
            yield f"Owned      {' · '.join(told)} ({status.coverage_month}{unit}, pools incl.)"
    for cluster in status.clusters:
        reach = f"to {instant_text(cluster.through)} ({cluster.source})"
        yield f"Cluster    {cluster.cluster} {cluster_words(cluster)}, {reach}"
    size = f" · {_bytes(status.size_bytes)}" if status.size_bytes is not None else ""
    if status.shelves:
        known = (
            f"{shelf.provider} {shelf.offer} {shelf.prices:,}, {age_text(status.at - shelf.seen_at)} old"
            for shelf in status.shelves
        )
        yield f"Prices     {' · '.join(known)}"
    times = "delivery" if status.deliveries == 1 else "deliveries"
    yield f"Ledger     {status.charges:,} charges in {status.deliveries:,} {times}{size} · {status.place}"
    for one in status.own_costs:
        yield f"Costs      {one.text}"


def cluster_words(one: ClusterReach) -> str:
    """Say how much of a cluster is known: `332 of 336 hours, 12 nodes, 15 of 16 GPUs measured`."""
    told = f"{one.hours:,} of {count_text(one.of, 'hour')}, {count_text(one.nodes, 'node')}"
    if not one.gpus:
        return told
    if one.measured >= one.gpus:
        return f"{told}, {count_text(one.gpus, 'GPU')} measured"
    return f"{told}, {one.measured:,} of {count_text(one.gpus, 'GPU')} measured"


def _word(source: SourceView, at: datetime) -> str:
    if source.state is SourceState.NEVER:
        return f"{source.name} never collected"
    age = f" {age_text(at - source.succeeded_at)} old" if source.succeeded_at is not None else ""
    if source.state is SourceState.FRESH:
        return f"{source.name}{age} ok"
    if source.state is SourceState.STALE and not source.is_late(at):
        return f"{source.name}{age} INCOMPLETE"
    word = {SourceState.STALE: "LATE", SourceState.FAILED: "FAILED", SourceState.REMOVED: "removed"}
    expected = f" (expected {age_text(source.every)})" if source.every is not None else ""
    return f"{source.name}{age} {word[source.state]}{expected}"


def _days(status: Status) -> Iterator[str]:
    if status.digest is None:
        return
    digest = status.digest
    is_yesterday = (status.at.date() - digest.day).days == 1
    label = "Yesterday" if is_yesterday else when(digest)
    for block in digest.blocks:
        text = f"{label:<10} {money_text(block.total, block.currency)}"
        if block.usual:
            text += f" ({percent_text(block.total - block.usual, block.usual, signed=True)})"
        yield text + (" partial" if digest.partial else "")


def _bytes(size: int) -> str:
    unit, units = Decimal(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while unit >= _KIB and len(units) > 1:
        unit /= _KIB
        units.pop(0)
    return f"{rounded(unit, 0 if units[0] == 'B' else 1)} {units[0]}"


def _notes(status: Status) -> Iterator[str]:
    yield from status.messages
    for period in status.periods:
        if period.verdict is Verdict.REFUSED:
            yield f"{period.source} {period.billing_period} refused by gate {period.gate}: {period.reason}"
        elif period.forced:
            yield f"{period.source} {period.billing_period} was stored by force"
    if status.quarantined:
        rows = sum(file.rejected for file in status.quarantined)
        files = len(status.quarantined)
        told = f"{rows:,} row{'s' if rows > 1 else ''} of {files:,} file{'s' if files > 1 else ''}"
        yield f"{told} could not be read. See: costd status --quarantine"
    for source in status.sources:
        yield from (f"{source.name}: {note}" for note in source.notes)


def quarantine_listing(rows: Sequence[QuarantinedRow], files: Sequence[QuarantinedFile]) -> Listing:
    """Give the rows that could not be read, each with file, line and reason."""
    total, kept = sum(file.rejected for file in files), len(rows)
    more = (f"{total - kept:,} more rows are counted but not listed here.",) if total > kept else ()
    return Listing(
        fields=(
            Field(name="source"),
            Field(name="file"),
            Field(name="line", number=True),
            Field(name="reason"),
            Field(name="excerpt", machine_only=True),
        ),
        rows=[
            {
                "source": row.source,
                "file": row.file,
                "line": row.line,
                "reason": row.reason,
                "excerpt": row.excerpt,
            }
            for row in rows
        ],
        document={"schema": "costd.quarantine/1", "rows": [], "total": total},
        notes=more,
        empty="No row is in quarantine.",
    )
