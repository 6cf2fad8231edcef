"""How amounts, names and instants are shown to people; machine output never passes here."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal

from domain.text import printable

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_ROUNDING = Context(prec=60, rounding=ROUND_HALF_EVEN)
_HEADLINE_CENTS_BELOW = 10
_ABSURD = 1000


def rounded(amount: Decimal, digits: int) -> Decimal:
    """Round for showing, half to even; stored amounts are never rounded."""
    return amount.quantize(Decimal(1).scaleb(-digits), context=_ROUNDING)


def amount_text(amount: Decimal, digits: int) -> str:
    """Write an amount with thousands separators; one that rounds to zero says `<0.01`."""
    shown = rounded(amount, digits)
    if shown == 0 and amount != 0:
        least = format(Decimal(1).scaleb(-digits), "f")
        return f"<{least}" if amount > 0 else f">-{least}"
    return format(abs(shown) if shown == 0 else shown, f",.{digits}f")


def money_text(amount: Decimal, currency: str, *, digits: int = 2, signed: bool = False) -> str:
    """Write money as people do: `$1,842.10`, `-€3.00`, `+CHF 12.00`."""
    shown = rounded(amount, digits)
    sign = "-" if shown < 0 else "+" if signed else ""
    name = printable(currency)
    return f"{sign}{_SYMBOLS.get(name, f'{name} ')}{abs(shown):,.{digits}f}"


def headline_text(amount: Decimal, currency: str, *, signed: bool = False) -> str:
    """Write money for a headline: cents only below ten units of the currency."""
    digits = 2 if abs(amount) < _HEADLINE_CENTS_BELOW else 0
    return money_text(amount, currency, digits=digits, signed=signed)


def percent_text(part: Decimal, whole: Decimal, *, digits: int = 0, signed: bool = False) -> str:
    """Write a share as `+11 %`; empty where the whole is zero and no share exists.

    From a thousandfold on it says no more than `>+999 %`: a digit more tells nobody more.
    """
    if whole == 0:
        return ""
    share = rounded(_ROUNDING.divide(part * 100, abs(whole)), digits)
    sign = "+" if signed and share > 0 else "-" if share < 0 else ""
    if abs(share) >= _ABSURD:
        return f">{sign}{_ABSURD - 1} %"
    return f"{sign}{abs(share):.{digits}f} %"


def count_text(number: int, noun: str) -> str:
    """Write a number of things: `1 file`, `1,200 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def age_text(age: timedelta) -> str:
    """Write an age in its largest fitting unit: `35 min`, `9 h`, `3 d`."""
    minutes = max(int(age.total_seconds() // 60), 0)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} d"


def instant_text(instant: datetime) -> str:
    """Write an instant in UTC to the minute: `2026-11-19 23:00Z`."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%MZ}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def day_text(day: date, *, weekday: bool = True) -> str:
    """Write a day as `Thu 19 Nov`, in English whatever the locale."""
    text = f"{day.day} {_MONTHS[day.month - 1]}"
    return f"{_DAYS[day.weekday()]} {text}" if weekday else text


def weekday_text(day: date) -> str:
    """Name the weekday of a day: `Thursday`."""
    return _LONG_DAYS[day.weekday()]
