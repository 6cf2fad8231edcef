"""Questions to the query API, whole or not at all: what is too large is asked for in parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from collectors.prometheus.answers import BUSY, URL_HINT, is_series, is_too_much, pause, read, refuse_parts
from collectors.prometheus.settings import quoted
from collectors.prometheus.web import Reply, TooMuchError, UnavailableError, Web
from domain.errors import SourceError

MOST_POINTS = 11_000
"""Per series and answer; Prometheus refuses more."""

_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question in PromQL.

    Attributes:
        name: what it is about, for messages.
        text: PromQL in which `$C` stands for the matchers of this cluster.
        labels: those that the answer is wanted by.
        family: a metric whose namespaces it may be asked for one by one; "" if it has none.
    """

    name: str
    text: str
    labels: tuple[str, ...]
    family: str = ""

    def matching(self, *matchers: str) -> str:
        """Give the text with matchers in it."""
        return self.text.replace("$C", ",".join(m for m in matchers if m))


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Instants at which a question is asked: `start`, `start + step`, …, `end`."""

    start: datetime
    end: datetime
    step: timedelta

    @property
    def points(self) -> int:
        """Count them."""
        return (self.end - self.start) // self.step + 1

    def parts(self, most: int) -> Iterator[Span]:
        """Cut it into spans of at most so many points."""
        at = self.start
        while at <= self.end:
            last = min(self.end, at + (most - 1) * self.step)
            yield Span(start=at, end=last, step=self.step)
            at = last + self.step


Series = Mapping[str, Any]
"""One series of an answer: `metric`, and `values` or `value`."""


@dataclass(slots=True, kw_only=True)
class Api:
    """The query API of one server, for the series of one cluster.

    Attributes:
        web: sends the requests.
        matcher: what this cluster's series match, or "".
        sleep: waits, in seconds.
    """

    web: Web
    matcher: str = ""
    sleep: Callable[[float], None] = time.sleep
    _most: dict[str, int] = field(default_factory=dict)
    _narrow: set[str] = field(default_factory=set)

    def frame(self, question: Question, span: Span) -> pl.DataFrame:
        """Give the answer: the question's labels (null where absent), `at` (UTC) and `value`.

        A label that the scrape renamed (`exported_pod`) counts before the one of its name, which is
        then the exporter's. Values that are no number are left out.

        Raises:
            SourceError: it was not answered, or not in full.
        """
        found = self.series(question, span)
        try:
            return _framed(question, found)
        except (TypeError, ValueError, IndexError, pl.exceptions.PolarsError):
            raise self._strange() from None

    def series(self, question: Question, span: Span) -> list[Series]:
        """Give the series of an answer as they came, in as many requests as it takes."""
        found: list[Series] = []
        waiting = list(span.parts(min(MOST_POINTS, self._most.get(question.name, MOST_POINTS))))
        while waiting:
            part = waiting.pop(0)
            if question.name in self._narrow:
                found += self._by_namespace(question, part)
                continue
            try:
                found += self._range(question.matching(self.matcher), part)
            except TooMuchError:
                if part.points > 1:
                    self._most[question.name] = -(-part.points // 2)
                    waiting[:0] = part.parts(self._most[question.name])
                elif question.family:
                    self._narrow.add(question.name)
                    waiting.insert(0, part)
                else:
                    raise
        return found

    def _by_namespace(self, question: Question, span: Span) -> list[Series]:
        """Ask for some namespaces at a time, halving their number where that is still too much."""
        counted = f"count by (namespace, exported_namespace)({question.family}{{{self.matcher}}})"
        labels = [one["metric"] for one in self._range(counted, span)]
        label = "exported_namespace" if any("exported_namespace" in one for one in labels) else "namespace"
        names = sorted({one.get(label, "") for one in labels})
        found: list[Series] = []
        waiting = [names[at : at + 20] for at in range(0, len(names), 20)]
        while waiting:
            group = waiting.pop(0)
            chosen = "|".join(_literal(name) for name in group)
            try:
                text = question.matching(self.matcher, f"{label}=~{quoted(chosen)}")
                found += self._range(text, span)
            except TooMuchError:
                if len(group) == 1:
                    raise
                half = len(group) // 2
                waiting[:0] = [group[:half], group[half:]]
        return found

    def instant(self, text: str, at: datetime) -> list[Series]:
        """Ask at one instant; `$C` stands for the matchers of this cluster.

        Raises:
            SourceError: it was not answered, or not in full.
        """
        form = {"query": text.replace("$C", self.matcher), "time": f"{at.timestamp():.3f}"}
        return self._result("/api/v1/query", form)

    def _range(self, text: str, span: Span) -> list[Series]:
        form = {
            "query": text,
            "start": f"{span.start.timestamp():.3f}",
            "end": f"{span.end.timestamp():.3f}",
            "step": f"{span.step.total_seconds():.3f}",
        }
        return self._result("/api/v1/query_range", form)

    def _result(self, path: str, form: Mapping[str, str]) -> list[Series]:
        # Thanos would otherwise leave out what a store did not give, and say so in a warning only.
        reply = self._answered(path, {**form, "partial_response": "false"})
        content = read(reply, self.web.place)
        refuse_parts(content, self.web.place)
        data = content.get("data")
        found = data.get("result") if isinstance(data, dict) else None
        if not isinstance(found, list) or not all(map(is_series, found)):
            raise self._strange()
        return [one for one in found if "value" in one or one.get("values")]

    def _strange(self) -> SourceError:
        return SourceError(f"{self.web.place} answered with something else than series", hint=URL_HINT)

    def _answered(self, path: str, form: Mapping[str, str]) -> Reply:
        """Send it, again after a while where the server is busy."""
        for attempt in range(1, _TRIES + 1):
            try:
                reply = self.web.post(path, form)
            except UnavailableError:
                if attempt == _TRIES:
                    raise
                self.sleep(float(attempt))
                continue
            if reply.status not in BUSY or attempt == _TRIES or is_too_much(reply):
                break
            self.sleep(pause(reply, attempt))
        return reply


def _framed(question: Question, found: list[Series]) -> pl.DataFrame:
    texts: dict[str, list[Any]] = {
        label: [_label(one["metric"], label) for one in found] for label in question.labels
    }
    columns = texts | {
        "at": [[point[0] for point in one["values"]] for one in found],
        "value": [[point[1] for point in one["values"]] for one in found],
    }
    schema = {
        **dict.fromkeys(question.labels, pl.String()),
        "at": pl.List(pl.Float64()),
        "value": pl.List(pl.String()),
    }
    instant = (pl.col("at") * 1_000_000).round().cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    return (
        pl.DataFrame(columns, schema=schema)
        .explode("at", "value")
        .with_columns(instant.alias("at"), pl.col("value").cast(pl.Float64, strict=False))
        .filter(pl.col("value").is_finite())
    )


def _label(metric: Mapping[str, str], label: str) -> str | None:
    return metric.get(f"exported_{label}") or metric.get(label) or None


def _literal(name: str) -> str:
    """Give a name as a regular expression that matches nothing else; RE2 knows no escape of `-`."""
    return "".join(f"\\{sign}" if sign in r"\.+*?()|[]{}^$" else sign for sign in name)


def by(labels: Sequence[str], *further: str) -> str:
    """Give the list of labels to aggregate by, each also under the name that a scrape may give it."""
    return ", ".join([*labels, *(f"exported_{label}" for label in labels), *further])


def utc(seconds: float) -> datetime:
    """Give an instant of an answer."""
    return datetime.fromtimestamp(seconds, UTC)
