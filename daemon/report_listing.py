"""A report as rows to print, with what belongs around them: title, totals, completeness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal

from daemon.dimensions import OWNERS, UNALLOCATED, Place, dimension
from daemon.output import Field, Listing, Row
from daemon.query import Sharing
from daemon.ranking import Row as ReportRow
from daemon.report import SCHEMA, Missing, ReportResult
from daemon.restatements import Restatement
from daemon.sources import SourceState, SourceView
from domain.show import day_text, instant_text, money_text, percent_text

_NOTHING = "(none)"
_MOST_NAMED = 8


def listing_of(result: ReportResult, restated: Iterable[Restatement] = ()) -> Listing:
    """Give a report to print; `restated` are past days that changed lately."""
    single = len(result.totals) == 1
    unit = f" {result.totals[0].currency}" if single else ""
    return Listing(
        fields=(
            *(_field(name) for name in result.query.by),
            Field(name="currency", machine_only=single),
            Field(name="cost", title=f"COST{unit}", missing="unknown", number=True),
            Field(name="share", number=True, missing="", people_only=True),
        ),
        rows=[_row(row, result) for row in result.rows],
        pinned=[_row(row, result) for row in _nobody(result)],
        totals=[_total(result, total.currency, total.cost) for total in result.totals],
        document=_document(result),
        above=(_title(result),),
        notes=tuple(_notes(result, restated)),
        following=tuple(_following(result)),
        empty=_empty(result),
    )


def _field(name: str) -> Field:
    return Field(name=name, missing=UNALLOCATED if name in OWNERS else _NOTHING)


def _row(row: ReportRow, result: ReportResult) -> Row:
    values = dict(zip(result.query.by, row.values, strict=True))
    folded = {"folded": row.folded} if row.folded else {}
    return {
        **values,
        "currency": row.currency,
        "cost": row.cost,
        "share": _share(result, row.currency, row.cost),
        **folded,
    }


def _share(result: ReportResult, currency: str, cost: Decimal | None) -> str | None:
    total = next((total.cost for total in result.totals if total.currency == currency), None)
    return percent_text(cost, total) if cost is not None and total is not None and total > 0 else None


def _nobody(result: ReportResult) -> Iterator[ReportRow]:
    """Give the unallocated row of every currency that has none: nobody need wonder whether it was hidden."""
    names = [name for name in result.query.by if dimension(name).place is not Place.TIME]
    asked = {condition.dimension for condition in result.query.where}
    if len(result.query.by) != 1 or names[:1] not in ([name] for name in OWNERS) or names[0] in asked:
        return
    for total in result.totals:
        if not any(row.currency == total.currency and row.values == (None,) for row in result.rows):
            yield ReportRow(values=(None,), currency=total.currency, cost=Decimal(0))


def _total(result: ReportResult, currency: str, cost: Decimal | None) -> Row:
    return {result.query.by[0]: "total", "currency": currency, "cost": cost}


def _document(result: ReportResult) -> dict[str, object]:
    query, window = result.query, result.window
    return {
        "schema": SCHEMA,
        "window": {
            "from": window.first_day if window else None,
            "to": window.end_day if window else None,
            "step": query.step.value if query.step else None,
        },
        "cost": query.cost,
        "sharing": query.sharing.value,
        "as_of": query.as_of,
        "basis": result.basis,
        "complete": result.complete,
        "sources": [
            {"name": source.name, "through": source.through, "state": source.state.value}
            for source in result.sources
        ],
        "missing": _counts(result.missing),
        "unread": _counts(result.unread),
        "rows": [],
        "totals": [{"currency": total.currency, "cost": total.cost} for total in result.totals],
    }


def _counts(parts: Iterable[Missing]) -> list[dict[str, object]]:
    return [{"source": part.source, "rows": part.rows} for part in parts]


def _title(result: ReportResult) -> str:
    query = result.query
    text = f"{query.cost.capitalize()} cost by {', '.join(query.by)}"
    if result.window is not None:
        last = result.window.end_day - timedelta(days=1)
        unit = "bills of" if query.window is None and query.billing_months is not None else "UTC days"
        text += f" · {unit} {result.window.first_day} to {last}"
    if query.sharing is Sharing.AFTER:
        text += " · shared pools spread over owners"
    if query.as_of is not None:
        text += f" · as known at {instant_text(query.as_of)}"
    return text


def _notes(result: ReportResult, restated: Iterable[Restatement]) -> Iterator[str]:
    if result.window is None:
        return
    word = "Complete" if result.complete else "Incomplete"
    late = [source for source in result.sources if source in result.late]
    rest = [source for source in result.sources if source not in result.late]
    told = [_reach(source) for source in (*late, *rest)]
    if len(told) > _MOST_NAMED:
        told = [*told[:_MOST_NAMED], f"and {len(told) - _MOST_NAMED} more"]
    yield f"{word}: {' · '.join(told) or 'no source is configured'}"
    if result.missing:
        yield f"In no figure: charges without {result.query.cost} cost: {_counted(result.missing)}"
    if result.unread:
        yield f"In no figure: unreadable rows: {_counted(result.unread)}. See: costd status --quarantine"
    for source in result.sources:
        if source.withheld:
            yield f"Withheld: {source.name} {', '.join(source.withheld)}, which costd reconcile explains"
    changed = list(restated)
    if changed:
        days = " · ".join(_changes(changed))
        yield f"Restated in the last 24 h: {days}. See: costd restatements --since 1d"


def _reach(source: SourceView) -> str:
    through = f"to {instant_text(source.through)}" if source.through is not None else "to an unknown time"
    if source.state is SourceState.FRESH:
        return f"{source.name} {through}"
    return f"{source.name} {through}, {source.state.value.upper()}" + (
        f" ({source.reason})" if source.reason else ""
    )


def _counted(parts: Iterable[Missing]) -> str:
    return ", ".join(f"{part.rows:,} of {part.source}" for part in parts)


def _changes(restated: list[Restatement]) -> Iterator[str]:
    for row in restated[:_MOST_NAMED]:
        change = money_text(row.change, row.currency, signed=True)
        yield f"{row.source} {day_text(row.day, weekday=False)} {change}"
    if len(restated) > _MOST_NAMED:
        yield f"and {len(restated) - _MOST_NAMED} more"


def _following(result: ReportResult) -> Iterator[str]:
    if not result.rows:
        yield "costd status"
        return
    owners = [name for name in result.query.by if name in OWNERS]
    if owners:
        yield f"costd report --by resource --where {owners[0]}=unallocated --top 20"
        yield "costd why-owner RESOURCE"
    else:
        yield "costd report --by team"
    if not result.complete:
        yield "costd status"


def _empty(result: ReportResult) -> str:
    if not any(source.through or source.succeeded_at for source in result.sources):
        return (
            "Nothing is stored yet. `costd collect` fetches the bills; `costd demo` shows a made-up company."
        )
    if result.query.where:
        return "No charge fits. `--where` may be too narrow: try it without, or `--from all`."
    return "No charges in this time. `costd status` says what is stored; `--from all` shows all of it."
