"""What is remembered of files between collections: the cursor of each billing period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from collectors.focus.layouts import Layout
from collectors.focus.survey import Survey
from collectors.stores.interface import Stored
from domain.delivery import Cursor
from domain.text import printable

FORMAT = 1
"""Raised when a cursor would be read differently; then every file is looked at anew."""


class Remembered:
    """The cursors of one source, as they were stored with the data of their periods."""

    def __init__(self, cursors: Mapping[str, Cursor]) -> None:
        self._files = {
            period: cursor["files"] if cursor.get("format") == FORMAT else {}
            for period, cursor in cursors.items()
            if cursor
        }

    @property
    def periods(self) -> frozenset[str]:
        """Give the periods of which files were stored."""
        return frozenset(period for period, files in self._files.items() if files)

    def contents(self, period: str) -> dict[str, str]:
        """Give {file: what of it was stored} of a period; see `content`."""
        return {
            key: content(entry["tag"], entry.get("same_as", "")) for key, entry in self._of(period).items()
        }

    def periods_of(self, key: str) -> set[str]:
        """Give the periods that a file held when they were stored."""
        return {period for period, files in self._files.items() if printable(key) in files}

    def survey(self, file: Stored) -> Survey | None:
        """Give what was found in a file if it is still the same, else None."""
        for files in self._files.values():
            entry = files.get(printable(file.key))
            if entry is not None and entry["stamp"] == file.stamp:
                return Survey(
                    file=file,
                    tag=entry["tag"],
                    form=entry["form"],
                    version=entry["version"],
                    rows=entry["rows"],
                    periods=dict(entry["periods"]),
                    billed=entry["billed"],
                    notes=tuple(entry["notes"]),
                )
        return None

    def same(self, surveys: Iterable[Survey]) -> dict[str, str]:
        """Give {copy: original} as stored, where neither of the two has changed."""
        tags = {printable(survey.file.key): survey for survey in surveys}
        found = {}
        for files in self._files.values():
            for key, entry in files.items():
                other = entry.get("same_as", "")
                if (
                    other
                    and _unchanged(tags.get(key), entry)
                    and _unchanged(tags.get(other), files.get(other))
                ):
                    found[tags[key].file.key] = tags[other].file.key
        return found

    def _of(self, period: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._files.get(period, {})
        return found


def _unchanged(survey: Survey | None, entry: Mapping[str, Any] | None) -> bool:
    return survey is not None and entry is not None and survey.tag == entry["tag"]


def content(tag: str, same_as: str) -> str:
    """Give what a file contributes: its content, or nothing because another file has it."""
    return f"{tag} same as {same_as}" if same_as else tag


def cursor(layout: Layout, surveys: Iterable[Survey], same: Mapping[str, str]) -> Cursor:
    """Give what is to be remembered of the files of one period."""
    files = {}
    for survey in surveys:
        entry: dict[str, Any] = {
            "stamp": survey.file.stamp,
            "tag": survey.tag,
            "size": survey.file.size,
            "form": survey.form,
            "version": survey.version,
            "rows": survey.rows,
            "periods": survey.periods,
            "billed": survey.billed,
            "notes": list(survey.notes),
        }
        if survey.file.key in same:
            entry["same_as"] = printable(same[survey.file.key])
        files[printable(survey.file.key)] = entry
    return {"format": FORMAT, "layout": layout.value, "files": files}
