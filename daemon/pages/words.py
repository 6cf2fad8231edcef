"""What stands around the figures of the Costs page in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from daemon.pages.layout import counted, moment, name
from daemon.query import Sharing
from daemon.sources import SourceState
from domain.show import day_text, instant_text

if TYPE_CHECKING:
    from daemon.pages.ask import Ask
    from daemon.report import ReportResult
    from daemon.sources import SourceView

_MOST_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """Why there is no figure, and what to do.

    Attributes:
        text: what is missing.
        command: that fixes it, or "".
        links: other questions that have answers: words and address.
    """

    text: str
    command: str
    links: tuple[tuple[str, str], ...]


def title(result: ReportResult) -> str:
    """Say what the figures are: `Effective cost by team, 1 Nov to 20 Nov 2026`."""
    query, window = result.query, result.window
    step = query.step.value if query.step is not None else ""
    names = [found.replace("_", " ") for found in query.by if found != step]
    text = f"{query.cost.capitalize()} cost by {', '.join(names)}" + (f" per {step}" if step else "")
    if window is not None:
        last = window.end_day - timedelta(days=1)
        first = day_text(window.first_day, weekday=False)
        if window.first_day.year != last.year:
            first += f" {window.first_day.year}"
        bills = "bills of " if query.window is None and query.billing_months is not None else ""
        days = day_text(last, weekday=False) + f" {last.year}"
        text += f", {bills}{days}" if first in days else f", {bills}{first} to {days}"
    if query.sharing is Sharing.AFTER:
        text += ", shared pools spread over the owners"
    if query.as_of is not None:
        text += f", as known at {instant_text(query.as_of)}"
    return name(text, 240)


def notes(result: ReportResult) -> tuple[str, ...]:
    """Say how sure the figures are."""
    return tuple(_notes(result))


def _notes(result: ReportResult) -> Iterator[str]:
    if result.window is None or not result.rows:
        return
    late = list(result.late)
    if late:
        told = [_reach(source) for source in late[:_MOST_NAMED]]
        more = [f"and {len(late) - _MOST_NAMED} more"] if len(late) > _MOST_NAMED else []
        yield f"More is to come: {'; '.join(told + more)}."
    if result.missing:
        parts = [f"{counted(one.rows, 'charge')} of {name(one.source, 40)}" for one in result.missing]
        yield f"In no figure, because they do not say {result.query.cost} cost: {', '.join(parts)}."
    if result.unread:
        parts = [f"{counted(one.rows, 'row')} of {name(one.source, 40)}" for one in result.unread]
        yield f"In no figure, because they could not be read: {', '.join(parts)}."
    for source in result.sources:
        if source.withheld:
            yield f"Withheld: {name(source.name, 40)} {', '.join(source.withheld)}; costd reconcile explains."
    if result.complete:
        yield "Complete: nothing is still to come for these days."


def _reach(source: SourceView) -> str:
    through = f"is complete to {moment(source.through)}" if source.through else "reaches an unknown time"
    why = ""
    if source.state is not SourceState.FRESH:
        why = f", and is {source.state.value}" + (f" ({name(source.reason, 120)})" if source.reason else "")
    return f"{name(source.name, 40)} {through}{why}"


def empty_words(ask: Ask, result: ReportResult) -> Empty:
    """Say why there are no rows, and which question has some."""
    if not any(source.through or source.succeeded_at for source in result.sources):
        named = any(condition.dimension == "source" for condition in result.query.where)
        if not named:
            return Empty(
                text="Nothing is stored yet. This fetches the bills:", command="costd collect", links=()
            )
    links = []
    if ask.where:
        links.append(("Without the filters", ask.but(where=()).url))
    if ask.start != "all":
        links.append(("All days that are stored", ask.but(start="all", end="", periods=()).url))
    text = "No charge fits these filters in these days." if ask.where else "No charges in these days."
    return Empty(text=f"{text} What is stored, and to when:", command="costd status", links=tuple(links))
