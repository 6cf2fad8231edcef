"""What was planted, for machines: every incident and look-alike with its dates and its money."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from daemon.demo.charges import bill_usage
from daemon.demo.commitments import PLANS, Plan, Term, cover
from daemon.demo.company import ACCOUNT, PROVIDERS
from daemon.demo.controls import Controls
from daemon.demo.delivery import View, settled_at
from daemon.demo.events import Event, events
from daemon.demo.fees import refunded
from daemon.demo.fleet import standing
from daemon.demo.happening import Happening, spawned
from daemon.demo.hours import DAY, Span, day_number, instant_of
from daemon.demo.seasons import holidays
from daemon.demo.sheet import Sheet
from daemon.demo.usage import Scene, metered
from domain.window import midnight, month_of, month_window, next_month

COUNTED = 30 * DAY
"""Hours of an event whose money is counted, as detectors are judged by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One thing that was planted.

    Attributes:
        id: unique, says what and when.
        kind: e.g. `left_on`, `token_storm`; benign ones e.g. `traffic`, `shift`.
        label: `incident` (somebody should be told) or `benign` (nobody should be alarmed).
        start, end: first instant, and the instant it is over (exclusive).
        team, service: whom it concerns, "" where nobody in particular.
        provider: `aws`, `gcp`, `azure`, or "" where it is not one provider's.
        resources: names of the things concerned.
        money: what it added to the effective cost of its first 30 days, in USD; negative
            where it took away; None where that is not a question (holidays, late data).
        story: what happened, one sentence.
    """

    id: str
    kind: str
    label: str
    start: datetime
    end: datetime
    team: str = ""
    service: str = ""
    provider: str = ""
    resources: tuple[str, ...] = ()
    money: Decimal | None = None
    story: str = ""


def labels(seed: int, first: date, end: date) -> list[Label]:
    """Give what begins from `first` (inclusive) to `end` (exclusive), oldest first."""
    span = Span(first=day_number(first) * DAY, end=day_number(end) * DAY)
    happened = [_of_event(seed, event) for event in events(seed, span) if event.start >= span.first]
    gaps = [gap for plan in PLANS for gap in _expiries(seed, plan, span)]
    return sorted((*happened, *gaps, *_calendar(first, end)), key=lambda one: (one.start, one.id))


def _of_event(seed: int, event: Event) -> Label:
    template = event.template
    resources = tuple(entity.name for entity in spawned(event)) + tuple(
        effect.target for effect in template.effects if effect.on in {"use", "replicas"}
    )
    providers = tuple(_providers(seed, event))
    return Label(
        id=event.id,
        kind=template.kind,
        label=template.label,
        start=instant_of(event.start),
        end=instant_of(event.end),
        team=template.team,
        service=template.service,
        provider=providers[0] if len(providers) == 1 else "",
        resources=resources,
        money=_worth(seed, event, providers),
        story=template.story,
    )


def _worth(seed: int, event: Event, providers: tuple[str, ...]) -> Decimal | None:
    match event.template.kind:
        case "late_data":
            return None
        case "refund":
            period = month_of(instant_of(event.start))
            return _money(-refunded(seed, Span.of_month(period)))
        case _:
            return _money(sum(_added(seed, event, provider) for provider in providers))


def _money(pico: int) -> Decimal:
    return Decimal(pico).scaleb(-12)


def _providers(seed: int, event: Event) -> Iterator[str]:
    """Name the providers on whose bill an event can show."""
    named = {entity.provider for entity in spawned(event)}
    fleet = {entity.name: entity.provider for entity in standing(seed)}
    for effect in event.template.effects:
        match effect.on:
            case "use":
                named.add(fleet[effect.target])
            case "replicas":
                named.add("aws" if effect.target.startswith("prod-eu/") else "gcp")
            case "late" | "refund":
                named.add(effect.target)
            case _:
                named.update(PROVIDERS)
    return iter(provider for provider in PROVIDERS if provider in named)


def _added(seed: int, event: Event, provider: str) -> int:
    """Give what an event added to a provider's bill: the bill with it, less the bill without it."""
    until = min(event.end, event.start + COUNTED)
    first = instant_of(event.start).date().replace(day=1)
    added = 0
    while midnight(first) < instant_of(until):
        span = Span.of_month(month_of(first))
        present = events(seed, span)
        absent = tuple(one for one in present if one.id != event.id)
        for sign, chosen in ((1, present), (-1, absent)):
            added += sign * _effective(seed, span, provider, chosen, (event.start, until))
        first = next_month(first)
    return added


def _effective(seed: int, span: Span, provider: str, chosen: Iterable[Event], window: tuple[int, int]) -> int:
    """Give the effective cost of the days that a window touches, in 1E-12 USD."""
    happening = Happening(chosen)
    scene = Scene(seed=seed, span=span, happening=happening, controls=Controls(()))
    period = month_of(instant_of(span.first))
    view = View(seed=seed, provider=provider, period=period, seen_at=settled_at(period), happening=happening)
    sheet = Sheet()
    bill_usage(sheet, metered(scene, provider), span, view)
    return sheet.effective_between(window[0] // DAY * DAY, -(-window[1] // DAY) * DAY)


def _expiries(seed: int, plan: Plan, span: Span) -> Iterator[Label]:
    """Give the gaps between two terms of a plan, with what they cost."""
    if not plan.gap:
        return
    wide = Span(first=span.first - plan.gap * DAY, end=span.end)
    for term in plan.terms(seed, wide):
        start, end = term.end, term.end + plan.gap * DAY
        if span.first <= start < span.end:
            yield Label(
                id=f"{plan.key}-expiry-{instant_of(start):%Y-%m}",
                kind="commitment_expiry",
                label="incident",
                start=instant_of(start),
                end=instant_of(end),
                team="platform",
                provider=plan.provider,
                resources=(term.name,),
                money=_money(_missed(seed, Term(plan=plan, start=start, end=end))),
                story=f"the {plan.kind} of {ACCOUNT[plan.account].name} ran out and was renewed late",
            )


def _missed(seed: int, gap: Term) -> int:
    """Give what a term would have saved in a gap, in 1E-12 USD."""
    saved = 0
    first = instant_of(gap.start).date().replace(day=1)
    while midnight(first) < instant_of(gap.end):
        span = Span.of_month(month_of(first))
        happening = Happening(events(seed, span))
        scene = Scene(seed=seed, span=span, happening=happening, controls=Controls(()))
        items = metered(scene, gap.plan.provider)
        coverage = cover(gap, items, [item.quantity for item in items], span)
        for index, part in coverage.covered:
            sku = items[index].sku
            saved += int(part.sum()) * (sku.contract_price - gap.plan.price(sku))
        saved -= int(coverage.unused.sum())
        first = next_month(first)
    return saved


def _calendar(first: date, end: date) -> Iterator[Label]:
    """Give the days on which cost is unusual every year or every month."""
    plain = Label(id="", kind="holiday", label="benign", start=midnight(first), end=midnight(first))
    for year in range(first.year, end.year + 1):
        for day, name in sorted(holidays(year).items()):
            if first <= day < end:
                start = midnight(day)
                kind = "traffic" if name in {"Black Friday", "Cyber Monday"} else "holiday"
                yield replace(
                    plain,
                    id=f"{name.lower().replace(' ', '-')}-{day}",
                    kind=kind,
                    start=start,
                    end=start + timedelta(days=1),
                    story=name,
                )
    month = first if first.day == 1 else next_month(first)
    while month < end:
        start = month_window(month_of(month)).start
        yield replace(
            plain,
            id=f"monthly-fees-{month:%Y-%m}",
            kind="fee",
            start=start,
            end=start + timedelta(days=1),
            team="platform",
            story="subscriptions, reservations, support and tax are billed on the first",
        )
        month = next_month(month)
