"""Some whole hours of one cluster, and questions about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from collectors.prometheus.api import Api, Question, Span, utc
from domain.errors import SourceError
from domain.usage import HOUR, STEP


@dataclass(slots=True, kw_only=True)
class Window:
    """Whole hours of one UTC day.

    Attributes:
        api: answers questions.
        cluster: as configured.
        start, end: the hours, `[start, end)`.
        rate_window: over how long CPU seconds become cores.
        missing: metrics that nothing was found of.
        notes: what is worth saying about these hours.
    """

    api: Api
    cluster: str
    start: datetime
    end: datetime
    rate_window: timedelta = STEP
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def by_step(self, question: Question) -> pl.DataFrame:
        """Ask for every five minutes; `at` is the begin of the five minutes that a value tells of."""
        return self._by(question, STEP)

    def by_hour(self, question: Question) -> pl.DataFrame:
        """Ask for every hour; `hour` is its begin."""
        return self._by(question, HOUR).rename({"at": "hour"})

    def seen(self, question: Question) -> list[tuple[dict[str, str], datetime]]:
        """Give every label set with when it was last seen, the newest first."""
        span = Span(start=self.start + HOUR, end=self.end, step=HOUR)
        try:
            found = [
                (dict(one["metric"]), utc(max(float(value) for _, value in one["values"])))
                for one in self.api.series(question, span)
            ]
        except (ValueError, TypeError, OverflowError, OSError):
            raise SourceError(f"{question.name} came with a time that is none") from None
        self._note(question, is_empty=not found)
        return sorted(found, key=lambda one: one[1], reverse=True)

    def _by(self, question: Question, step: timedelta) -> pl.DataFrame:
        span = Span(start=self.start + step, end=self.end, step=step)
        found = self.api.frame(question, span).with_columns(pl.col("at") - step)
        self._note(question, is_empty=found.is_empty())
        return found

    def _note(self, question: Question, *, is_empty: bool) -> None:
        if is_empty and question.family:
            self.missing.append(question.family)


def with_uid(frame: pl.DataFrame) -> pl.DataFrame:
    """Name pods without a uid (kube-state-metrics before 2.0) by their namespace and name."""
    return frame.with_columns(pl.coalesce("uid", pl.concat_str("namespace", "pod", separator="/")))
