"""Where below a prefix exports deliver, and the newest manifest of each month. Pure but for looking."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from collectors.aws.bucket import Listing
from collectors.focus.layouts import named_period
from collectors.stores.interface import Stored
from domain.errors import SourceError
from domain.text import shortened

_RANGE = re.compile(r"(\d{4})(\d{2})\d{2}-\d{8}", re.ASCII)
_RANGE_IN = re.compile(r"(?:^|/)(\d{4})(0[1-9]|1[0-2])\d{2}-\d{8}(?:/|$)", re.ASCII)
_YEAR = re.compile(r"year=\d{4}", re.ASCII)
_MANIFEST = re.compile(r"(^|[-_.])manifest\.json$", re.IGNORECASE)
_DEEPEST = 5
_MOST_FOLDERS = 200
_OLDEST = datetime.min.replace(tzinfo=UTC)


class Form(StrEnum):
    """How an export lays its files out."""

    DATA_EXPORT = "data export"
    LEGACY = "cost and usage report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export below the prefix.

    Attributes:
        folder: where it delivers, relative to the prefix; "" is the prefix itself.
        name: its name, as its folder is called.
        form: how it lays its files out.
    """

    folder: str
    name: str
    form: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A manifest of one month.

    Attributes:
        export: whose it is.
        period: the month (`YYYY-MM`).
        file: the manifest; one of 0 bytes is still being written, or was cut off.
    """

    export: Export
    period: str
    file: Stored


def find_exports(look: Callable[[str], Listing], prefix: str, wanted: str | None) -> list[Export]:
    """Walk down from the prefix, folder by folder, to where exports deliver.

    `prefix` may already end in the name of the export. The data itself is never listed.

    Raises:
        SourceError: there are more folders than a bucket for bills has, and no export among the first;
            or all there is lies below a folder without a name, as reports made without a prefix do.
    """
    found: list[Export] = []
    waiting, looked, nameless = [""], 0, False
    while waiting and looked < _MOST_FOLDERS:
        folder = waiting.pop(0)
        listing, looked = look(folder), looked + 1
        name = folder.rpartition("/")[2] or prefix.rstrip("/").rpartition("/")[2]
        form = _form(listing.folders)
        if form is not None:
            found.append(Export(folder=folder, name=name, form=form))
        if form is not Form.DATA_EXPORT and folder.count("/") < _DEEPEST:
            waiting += [
                _joined(folder, child) for child in listing.folders if child and not _holds_data(child)
            ]
            nameless = nameless or "" in listing.folders
    if waiting and not found:
        raise SourceError(
            f"no cost export was found in the first {_MOST_FOLDERS} folders of the bucket",
            hint="set `prefix` of this source to where the export delivers",
        )
    if nameless and not found:
        raise SourceError(
            "no cost export was found, but files whose keys begin with a slash or have two in a row, which "
            "AWS writes for reports without a prefix; costd does not read those",
            hint="make the report again with a prefix, or as a data export, and set `prefix` of this source",
        )
    if wanted is None:
        return found
    return [export for export in found if wanted in {export.name, *export.folder.split("/")}]


def _form(folders: Sequence[str]) -> Form | None:
    if "metadata" in folders or any(name.startswith("BILLING_PERIOD=") for name in folders):
        return Form.DATA_EXPORT
    if any(_RANGE.fullmatch(name) or _YEAR.fullmatch(name) for name in folders):
        return Form.LEGACY
    return Form.DATA_EXPORT if "data" in folders and len(folders) == 1 else None


def _holds_data(folder: str) -> bool:
    return bool(_RANGE.fullmatch(folder) or _YEAR.fullmatch(folder)) or folder.startswith((".", "_"))


def candidates(
    look: Callable[[str], Listing],
    below: Callable[[str], Sequence[Stored]],
    export: Export,
    is_due: Callable[[str], bool],
) -> Iterator[Candidate]:
    """Give every manifest of an export, of the months that are due.

    A data export keeps them in a folder of their own. A legacy report has one per month on top
    of the folders of its refreshes, which have one each, too: only the one on top counts.
    """
    if export.form is Form.DATA_EXPORT:
        files: Iterable[Stored] = below(_joined(export.folder, "metadata"))
    else:
        files = (file for folder in _months(look, export.folder, is_due) for file in look(folder).files)
    for file in files:
        period = period_of(file.key)
        if period and _MANIFEST.search(file.key.rpartition("/")[2]) and is_due(period):
            yield Candidate(export=export, period=period, file=file)


def _months(look: Callable[[str], Listing], root: str, is_due: Callable[[str], bool]) -> Iterator[str]:
    for name in look(root).folders:
        folder = _joined(root, name)
        if _RANGE.fullmatch(name):
            months = [folder]
        elif _YEAR.fullmatch(name):
            months = [f"{folder}/{month}" for month in look(folder).folders]
        else:
            continue
        yield from (month for month in months if is_due(period_of(month)))


def period_of(key: str) -> str:
    """Give the month that a key is of: `BILLING_PERIOD=2026-06`, `year=2026/month=6`, `20260601-20260701`."""
    match = _RANGE_IN.search(key)
    return f"{match[1]}-{match[2]}" if match else named_period(key)


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The one manifest per month that counts.

    Attributes:
        manifests: {month: its newest manifest that is no empty file}.
        empty: {month: an empty manifest}, where there is no other.
        notes: what is worth telling.
    """

    manifests: Mapping[str, Candidate]
    empty: Mapping[str, Candidate]
    notes: tuple[str, ...]


def choose(found: Iterable[Candidate]) -> Chosen:
    """Choose the newest manifest of every month: two exports of one month are the same charges twice."""
    newest: dict[str, Candidate] = {}
    empty: dict[str, Candidate] = {}
    others: dict[str, set[str]] = {}
    for one in sorted(found, key=lambda one: (one.file.modified, one.file.key)):
        if not one.file.size:
            empty[one.period] = one
            continue
        newest[one.period] = one
        others.setdefault(one.period, set()).add(one.export.folder or one.export.name)
    doubled = {period: names for period, names in others.items() if len(names) > 1}
    notes = [
        f"{period} is delivered by {len(names)} exports; only the newest, "
        f"{shortened(newest[period].export.name, 60)}, is read: set `export` to say which counts"
        for period, names in sorted(doubled.items(), reverse=True)[:1]
    ]
    if len(doubled) > 1:
        notes.append(f"the same holds for {len(doubled) - 1} earlier months")
    left = {period: one for period, one in empty.items() if period not in newest}
    return Chosen(manifests=newest, empty=left, notes=tuple(notes))


def newest_refresh(chosen: Chosen) -> datetime:
    """Give when the newest manifest was written."""
    return max((one.file.modified for one in chosen.manifests.values()), default=_OLDEST)
