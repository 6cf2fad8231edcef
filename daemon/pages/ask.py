"""A question as the address of the Costs page holds it: every link to a number is made here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from daemon.commands.report import query_of
from daemon.dimensions import OWNERS, UNALLOCATED
from daemon.http.parameters import Parameters
from daemon.query import COST_WORDS

if TYPE_CHECKING:
    from daemon.query import Query
    from domain.ports import Clock

STEPS = ("day", "week", "month")
SHARINGS = ("before", "after")
SORTS = ("cost",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the Costs page is asked for, in the words of its address.

    Attributes:
        by: dimensions, without that of the step.
        where: conditions as `team=ml`.
        start: first day, or a month, `7d`, `all`; "" for the month to date.
        end: the day before which it ends.
        zero: rows that cost nothing are shown too.
    """

    by: tuple[str, ...] = ("team",)
    where: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    periods: tuple[str, ...] = ()
    step: str = ""
    cost: str = "effective"
    sharing: str = "before"
    sort: str = "cost"
    as_of: str = ""
    top: int | None = None
    zero: bool = False

    @classmethod
    def read(cls, parameters: Parameters) -> Ask:
        """Read the parameters of a request; fields that a form left empty count as absent.

        Raises:
            UsageError: a word that is none of a parameter's, or a parameter that does not exist.
        """
        names = [name for text in parameters.many("by") for name in text.split(",") if name.strip()]
        ask = cls(
            by=tuple(dict.fromkeys(name.strip() for name in names)) or ("team",),
            where=tuple(dict.fromkeys(text for text in parameters.many("where") if text.strip())),
            start=parameters.text("from") or "",
            end=parameters.text("to") or "",
            periods=tuple(text for text in parameters.many("period") if text.strip()),
            step=parameters.choice("step", STEPS, "") or "",
            cost=parameters.choice("cost", COST_WORDS, "effective") or "effective",
            sharing=parameters.choice("sharing", SHARINGS, "before") or "before",
            sort=parameters.text("sort") or "cost",
            as_of=parameters.text("as_of") or "",
            top=parameters.count("top"),
            zero=parameters.flag("zero"),
        )
        parameters.end()
        return ask

    def query(self, clock: Clock) -> Query:
        """Give the query.

        Raises:
            UsageError: a dimension, condition, day or month that cannot be read.
        """
        asked: dict[str, Any] = {
            "by": ",".join(self.by),
            "where": self.where,
            "start": self.start or None,
            "end": self.end or None,
            "periods": self.periods,
            "step": self.step or None,
            "cost": self.cost,
            "sharing": self.sharing,
            "top": self.top,
            "sort": self.sort,
            "as_of": self.as_of or None,
        }
        return query_of(asked, clock)

    def but(self, **changes: Any) -> Ask:
        """Give the question with some words changed."""
        return replace(self, **changes)

    def only(self, name: str, value: str | None) -> Ask:
        """Give the question for one value of a dimension, in place of what was said of it."""
        others = [text for text in self.where if subject(text) != name]
        return self.but(where=(*others, condition(name, value)))

    def days(self, first: date, last: date) -> Ask:
        """Give the question for some days, both included."""
        return self.but(start=first.isoformat(), end=(last + timedelta(days=1)).isoformat(), periods=())

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Give the parameters that differ from what is asked without them, in one order."""
        words = [
            ("by", ",".join(self.by) if self.by != ("team",) else ""),
            *(("where", text) for text in self.where),
            ("from", self.start),
            ("to", self.end),
            *(("period", text) for text in self.periods),
            ("step", self.step),
            ("cost", self.cost if self.cost != "effective" else ""),
            ("sharing", self.sharing if self.sharing != "before" else ""),
            ("sort", self.sort if self.sort != "cost" else ""),
            ("as-of", self.as_of),
            ("top", str(self.top) if self.top is not None else ""),
        ]
        return [(name, text) for name, text in words if text]

    @property
    def url(self) -> str:
        """Give the address of the page that answers it."""
        return _address("/costs", [*self.fields, *([("zero", "1")] if self.zero else [])])

    def report_url(self, output: str) -> str:
        """Give the address of the same answer for programs: `json`, `ndjson` or `csv`."""
        fields = [field for field in self.fields if field[0] != "by"]
        return _address("/v1/report", [("by", ",".join(self.by)), *fields, ("output", output)])


def _address(path: str, fields: Iterable[tuple[str, str]]) -> str:
    query = urlencode(list(fields), safe=",:=*", errors="replace")
    return f"{path}?{query}" if query else path


def subject(text: str) -> str:
    """Give the dimension that a condition is about."""
    return text.partition("=")[0].rstrip("! ").strip()


def condition(name: str, value: str | None) -> str:
    """Write the condition that keeps one value of a dimension.

    Conditions are globs; where a value would be read as something else, its letter becomes
    `?`, which every letter fits.
    """
    if value is None:
        return f"{name}={UNALLOCATED if name in OWNERS else ''}"
    text = "".join(letter if letter.isprintable() else "?" for letter in value)
    if text.startswith("re:") or (text == UNALLOCATED and name in OWNERS):
        text = f"?{text[1:]}"
    if any(letter in text for letter in ',"') or text != text.strip():
        text = '"' + text.replace('"', '""') + '"'
    return f"{name}={text}"
