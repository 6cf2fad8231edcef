"""Files that hold the same rows twice: copies, and the same export in another format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations

from collectors.focus import keyvalues
from collectors.focus.normalise import Memory, to_focus
from collectors.focus.opening import opened
from collectors.focus.survey import Survey
from collectors.stores.interface import Store
from domain.charge import FOCUS, Kind
from domain.errors import SourceError

_SEEDS = (20_260_601, 733_100_417)

_JSON = [column.name for column in FOCUS if column.kind is Kind.JSON]

Print = tuple[int | str, ...]


def same_rows(store: Store, surveys: Iterable[Survey], runs: Mapping[str, str]) -> dict[str, str]:
    """Give {file: the earlier file that holds exactly the same rows}.

    Only files that agree in number of rows, periods and sum of BilledCost are read to be
    compared. `runs` names the manifest that vouches for a file: files of one run are
    parts by the word of the provider and never copies of each other.
    """
    alike: dict[tuple[object, ...], list[Survey]] = defaultdict(list)
    for survey in sorted(surveys, key=lambda s: (s.file.modified, s.file.key)):
        if survey.rows:
            alike[survey.rows, survey.billed, tuple(survey.periods.items())].append(survey)
    same: dict[str, str] = {}
    prints: dict[str, Print] = {}
    for group in alike.values():
        for one, other in combinations(group, 2):
            keys = one.file.key, other.file.key
            run = runs.get(keys[0], "")
            if same.keys() & set(keys) or (run and run == runs.get(keys[1], "")):
                continue
            if one.tag == other.tag or _print(store, one, prints) == _print(store, other, prints):
                same[keys[1]] = keys[0]
    return same


def _print(store: Store, survey: Survey, known: dict[str, Print]) -> Print:
    key = survey.file.key
    if key not in known:
        known[key] = fingerprint(store, survey)
    return known[key]


def fingerprint(store: Store, survey: Survey) -> Print:
    """Give a mark of the charges in a file, whatever their order and the file's format.

    A file that cannot be read to its end is like no other: reading it for its charges
    will say what is wrong with it.
    """
    sums, rejected, memory = [0] * (2 * len(_SEEDS)), 0, Memory()
    try:
        with store.opened(survey.file) as handle:
            for piece in opened(handle, survey.file.size).pieces():
                found = to_focus(piece.frame, memory)
                spelt = [keyvalues.canonical(found.charges[name]) for name in _JSON]
                charges = found.charges.with_columns(spelt)
                rejected += len(found.rejected) + len(piece.broken)
                for i, seed in enumerate(_SEEDS):
                    hashes = charges.hash_rows(seed)
                    # Halves, because a sum of whole hashes would overflow.
                    sums[2 * i] += int((hashes // 2**32).sum())
                    sums[2 * i + 1] += int((hashes % 2**32).sum())
    except SourceError:
        return (survey.file.key,)
    return (rejected, *sums)
