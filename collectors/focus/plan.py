"""Which periods are to be read again, together with which others, and which are refused. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from collectors.focus.memory import Remembered, content
from collectors.focus.survey import Survey
from domain.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Periods that are read together because files hold rows of several of them.

    Attributes:
        periods: the periods.
        surveys: every file that holds rows of them, copies included.
        same: {copy: the file whose rows are counted in its stead}.
    """

    periods: frozenset[str]
    surveys: tuple[Survey, ...]
    same: Mapping[str, str]

    @property
    def counted(self) -> tuple[Survey, ...]:
        """Give the files whose rows are read."""
        return tuple(survey for survey in self.surveys if survey.file.key not in self.same)

    def of(self, period: str) -> tuple[Survey, ...]:
        """Give the files that hold rows of one of the periods."""
        return tuple(survey for survey in self.surveys if period in survey.periods)

    @property
    def hash(self) -> str:
        """Give a hash over names and contents of the files: same hash, same data."""
        digest = hashlib.sha256()
        for survey in sorted(self.surveys, key=lambda survey: survey.file.key):
            key = survey.file.key
            for text in (
                printable(key),
                content(survey.tag, self.same.get(key, "")),
                *sorted(survey.periods),
            ):
                digest.update(f"{len(text)}:{text}".encode())
        digest.update(",".join(sorted(self.periods)).encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do in one collection.

    Attributes:
        groups: what to read.
        refused: {period: why it keeps what it had}.
        notes: what is worth telling.
    """

    groups: tuple[Group, ...]
    refused: Mapping[str, str]
    notes: tuple[str, ...]


def make_plan(
    surveys: Sequence[Survey],
    same: Mapping[str, str],
    remembered: Remembered,
    refused: Mapping[str, str],
) -> Plan:
    """Compare what files hold now with what was stored of them.

    `surveys` are the good files; `refused` the periods that a damaged file or a manifest
    spoils.
    """
    now: dict[str, dict[str, str]] = defaultdict(dict)
    for survey in surveys:
        for period in survey.periods:
            key = survey.file.key
            now[period][printable(key)] = content(survey.tag, printable(same.get(key, "")))
    emptied = _emptied(surveys, remembered) - now.keys() - refused.keys()
    # Where no file is left at all, the place is broken, not the bill gone.
    gone = remembered.periods - now.keys() - refused.keys() if now else emptied
    aged = {period for period in gone - emptied if period < min(now)}
    dirty = {
        period
        for period in (now.keys() | gone) - aged - refused.keys()
        if now.get(period, {}) != remembered.contents(period)
    }
    notes = [
        f"the files of {period} are gone, as old files go; what was stored of it stays"
        for period in sorted(aged)
    ]
    return Plan(groups=tuple(_groups(dirty, surveys, same)), refused=dict(refused), notes=tuple(notes))


def _emptied(surveys: Iterable[Survey], remembered: Remembered) -> set[str]:
    """Give the periods of files that are still there and hold no row of any period any more."""
    return {
        period
        for survey in surveys
        if not survey.periods
        for period in remembered.periods_of(survey.file.key)
    }


def _groups(dirty: set[str], surveys: Sequence[Survey], same: Mapping[str, str]) -> Iterable[Group]:
    """Join periods that share a file."""
    leader = {period: period for period in dirty}

    def find(period: str) -> str:
        while leader[period] != period:
            period = leader[period]
        return period

    for survey in surveys:
        mine = sorted(dirty & survey.periods.keys())
        for period in mine[1:]:
            leader[find(period)] = find(mine[0])
    joined: dict[str, set[str]] = defaultdict(set)
    for period in dirty:
        joined[find(period)].add(period)
    for periods in sorted(joined.values(), key=min, reverse=True):  # the newest month first
        yield Group(
            periods=frozenset(periods),
            surveys=tuple(survey for survey in surveys if periods & survey.periods.keys()),
            same=same,
        )
