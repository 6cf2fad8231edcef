"""What every page has around it, and how amounts and names are written on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.filters import do_mark_safe

from daemon.charts import MINUS
from daemon.greeting import FIRST_LOOK
from daemon.invocation import DEMO_MARK
from daemon.sources import SourceState
from domain.show import age_text, amount_text, day_text, headline_text, instant_text, money_text, percent_text
from domain.text import printable, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.services import Services
    from daemon.sources import SourceView

NAMES = (
    ("today", "/", "Today"),
    ("costs", "/costs", "Costs"),
    ("idle", "/idle", "Idle"),
    ("sources", "/sources", "Sources"),
)
_NEGATIVE = re.compile(r"-(?=[$€£¥])")
LONGEST_NAME = 80
"""Letters of a name from a bill that a page shows; its link still holds it whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the head of every page says about the data.

    Attributes:
        reach: the instant before which every source is complete, as text; "" if unknown.
        behind: the source that is complete for the shortest time, "" if all are equal.
        late: how many sources are not fresh.
    """

    reach: str
    behind: str
    late: int


def head_of(sources: Sequence[SourceView]) -> Head:
    """Give how far the data reach: as far as the source that is furthest behind."""
    counted = [source for source in sources if source.counts]
    late = sum(source.state is not SourceState.FRESH for source in counted)
    known = {source.name: source.through for source in counted if source.through is not None}
    if not known:
        return Head(reach="", behind="", late=late)
    first = min(known, key=lambda name: (known[name], name))
    behind = first if len(set(known.values())) > 1 else ""
    return Head(reach=moment(known[first]), behind=behind, late=late)


def minus(text: str) -> str:
    """Write a negative amount with a real minus."""
    return text.replace("-", MINUS, 1) if text.startswith(("-", ">-")) else text


def signs(text: str) -> str:
    """Write the negative amounts in a sentence with a real minus."""
    return _NEGATIVE.sub(MINUS, text)


def money(amount: Decimal, currency: str) -> str:
    """Write an exact amount to the cent with its currency."""
    return minus(money_text(amount, currency))


def change(amount: Decimal, currency: str) -> str:
    """Write a change to the cent with its sign."""
    return minus(money_text(amount, currency, signed=bool(amount)))


def headline(amount: Decimal, currency: str) -> str:
    """Write an amount for a headline."""
    return minus(headline_text(amount, currency))


def amount(value: Decimal | None) -> str:
    """Write an amount of a column whose head says the currency."""
    return "unknown" if value is None else minus(amount_text(value, 2))


def percent(part: Decimal, whole: Decimal, digits: int = 1, *, signed: bool = False) -> str:
    """Write a share, "" where there is none."""
    return minus(percent_text(part, whole, digits=digits, signed=signed))


def moment(at: datetime) -> str:
    """Write an instant as people say it; the end of a day is told as that day's end."""
    at = at.astimezone(UTC)
    if (at.hour, at.minute) == (0, 0):
        return f"the end of {day_text(at.date() - timedelta(days=1))} UTC"
    return f"{day_text(at.date())} {at:%H:%M} UTC"


def size_text(size: int) -> str:
    """Write bytes in the largest fitting unit."""
    unit = Decimal(size)
    for name in ("B", "KiB", "MiB", "GiB"):
        if unit < 1024:
            return f"{unit:.0f} {name}" if name == "B" else f"{unit:.1f} {name}"
        unit /= 1024
    return f"{unit:.1f} TiB"


def counted(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: `1 file`, `1,204 files`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def name(text: str, longest: int = LONGEST_NAME) -> str:
    """Give a name from a bill, made harmless and cut."""
    return shortened(text, longest)


def ident(text: str, longest: int = LONGEST_NAME) -> str:
    """Give an id or name, made harmless and cut in its middle: ids differ at their ends."""
    shown = printable(text)
    if len(shown) <= longest:
        return shown
    tail = (longest - 1) * 2 // 3
    return f"{shown[: longest - 1 - tail]}…{shown[-tail:]}"


@cache
def environment() -> Environment:
    """Give the templates: everything is escaped, and a name that does not exist is an error."""
    found = Environment(
        loader=PackageLoader("daemon"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {
        "age": age_text,
        "amount": amount,
        "change": change,
        "counted": counted,
        "day": day_text,
        "drawn": do_mark_safe,  # only for `daemon.charts` and `daemon.sparks`, which escape every name
        "headline": headline,
        "instant": instant_text,
        "moment": moment,
        "money": money,
        "name": name,
        "percent": percent,
        "printable": printable,
        "size": size_text,
    }
    found.filters.update(filters)
    return found


def is_arriving(services: Services) -> bool:
    """Tell whether the sources are being collected for the first time since costd started."""
    return FIRST_LOOK in services.readiness.reasons()


def page(services: Services, template: str, **fields: Any) -> str:
    """Give a whole page."""
    around = {
        "here": template,
        "names": NAMES,
        "demo": DEMO_MARK if services.is_demo else "",
        "arriving": is_arriving(services),
        "head": head_of(services.answers.snapshot().sources),
        "version": version("costd"),
        "now": services.clock.now(),
    }
    return environment().get_template(f"{template}.html").render(**around, **fields)
