"""Exports of Azure Cost Management: run folders with a manifest each, of which one counts.

Layout: `<directory>/<export>/<yyyymmdd-yyyymmdd>/[<yyyymmddhhmm>/]<run GUID>/part_*.csv` and
`manifest.json` beside the parts; without the GUID folder where the export overwrites.
Every run holds the month to date, so reading all of them would count each day many times.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from collectors.focus.layouts import Layout, Part, Read, Refusal, Selection, is_candidate, named_period
from collectors.focus.manifest import NAMES, RANGE, Blob, RefusedError, Run, content_of, read_manifest
from collectors.stores.interface import Stored
from domain.text import shortened

_UP_TO_RANGE = re.compile(r"(?:.*/)?\d{8}-\d{8}(?=/)")
_GUID = re.compile(r"(^|/)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(/|$)", re.IGNORECASE)
_EVIL = re.compile(r"(^|/)\.\.?(/|$)|^/|\\|://|[\x00-\x1f\x7f]")


def is_azure(files: Sequence[Stored], read: Read) -> bool:
    """Say whether a listing looks like exports of Cost Management."""
    for file in files:
        folder = file.key.rpartition("/")[0]
        if RANGE.search(file.key) and (_GUID.search(folder) or _name(file.key) in NAMES):
            return True
        if _name(file.key) in NAMES and (_GUID.search(folder) or _is_manifest(file, read)):
            return True
    return False


def _is_manifest(file: Stored, read: Read) -> bool:
    try:
        return bool(file.size) and "exportConfig" in content_of(file, read)
    except RefusedError:
        return False


def azure(files: Sequence[Stored], read: Read) -> Selection:
    """Choose the newest finished run per scope and span of days."""
    listed = {file.key: file for file in files}
    notes: list[str] = []
    manifests = [file for file in files if _name(file.key) in NAMES]
    runs = _by_scope([run for file in manifests if (run := read_manifest(file, read, notes)) is not None])
    notes += _strangers(files, manifests)
    parts: list[Part] = []
    refused = _without_manifest(files, manifests)
    for scope in sorted(runs):
        chosen = []
        for _, found in sorted(runs[scope].items()):
            newest = _newest(found, notes)
            if newest is None:
                refused.append(Refusal(period=found[0].period, reason="its export is not finished yet"))
            else:
                chosen.append(newest)
        for run in _apart(chosen, notes):
            try:
                parts += _parts(run, listed)
            except RefusedError as error:
                refused.append(Refusal(period=run.period, reason=str(error)))
    return Selection(layout=Layout.AZURE, parts=tuple(parts), refused=tuple(refused), notes=tuple(notes))


def _strangers(files: Sequence[Stored], manifests: Sequence[Stored]) -> list[str]:
    """Say that files which lie in no run are not read."""
    folders = tuple(file.key.rpartition("/")[0] for file in manifests)
    keys = [file.key for file in files if is_candidate(file.key) and not RANGE.search(file.key)]
    left = [key for key in keys if key.rpartition("/")[0] not in folders]
    if not left:
        return []
    return [f"{len(left):,} files that are in no export run are left out, e.g. {shortened(left[0], 120)}"]


def _by_scope(runs: Sequence[Run]) -> dict[str, dict[tuple[str, str], list[Run]]]:
    """Sort runs by what they export; one that does not say so is of the scope of its neighbours."""
    said = {run.place: run.scope for run in runs if run.scope}
    found: dict[str, dict[tuple[str, str], list[Run]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        found[run.scope or said.get(run.place, run.place)][run.span].append(run)
    return found


def _without_manifest(files: Sequence[Stored], manifests: Sequence[Stored]) -> list[Refusal]:
    """Refuse spans in which no run has a manifest: nobody can say which of their files count."""
    known = {match[0] for file in manifests if (match := _UP_TO_RANGE.match(file.key))}
    spans = {
        match[0]
        for file in files
        if is_candidate(file.key) and (match := _UP_TO_RANGE.match(file.key)) and match[0] not in known
    }
    reason = "{} has files but no manifest.json, so nobody can say which run counts; {}"
    advice = "turn on file partitioning in the export"
    return [
        Refusal(period=named_period(span), reason=reason.format(shortened(span, 120), advice))
        for span in sorted(spans)
    ]


def _newest(runs: Sequence[Run], notes: list[str]) -> Run | None:
    """Give the newest finished run of a span, and say what is passed over."""
    for run in sorted(runs, key=lambda run: (run.submitted, run.key), reverse=True):
        if run.blobs is not None:
            return run
        notes.append(f"{shortened(run.key, 120)} is empty: its run is not finished, the one before counts")
    return None


def _apart(runs: Sequence[Run], notes: list[str]) -> list[Run]:
    """Give runs whose spans do not overlap; of two that do, the longer one stays."""
    chosen: list[Run] = []
    for run in sorted(runs, key=lambda run: (-int(run.span[1] or 0) + int(run.span[0] or 0), run.key)):
        other = next((o for o in chosen if o.span[0] <= run.span[1] and run.span[0] <= o.span[1]), None)
        if other is None:
            chosen.append(run)
        else:
            there = shortened(other.key, 120)
            notes.append(f"{shortened(run.key, 120)} is left out: its days are in {there}")
    return chosen


def _parts(run: Run, listed: Mapping[str, Stored]) -> list[Part]:
    if run.problem:
        raise RefusedError(run.problem)
    parts = []
    for blob in run.blobs or ():
        file = _found(run, blob, listed)
        if blob.size not in {None, file.size} and not _is_packed(file.key):
            raise RefusedError(
                f"{shortened(file.key, 120)} has {file.size:,} bytes, its manifest says {blob.size:,}: "
                "it is being written, or was not copied whole"
            )
        parts.append(
            Part(
                file=file,
                run=run.key,
                size=blob.size,
                rows=blob.rows,
                version=run.version,
                period=run.period,
            )
        )
    return parts


def _found(run: Run, blob: Blob, listed: Mapping[str, Stored]) -> Stored:
    """Find a blob, named from the root of its container, among the files below our root."""
    shown = shortened(blob.name, 120)
    if _EVIL.search(blob.name):
        raise RefusedError(f"its manifest names {shown!r}, which is outside the configured path")
    below = blob.name.split("/")
    folder = run.key.rpartition("/")[0]
    for start in range(len(below)):
        key = "/".join(below[start:])
        if key in listed and (start < len(below) - 1 or not folder):
            return listed[key]
    # Where our root lies above the container, keys are longer than names.
    ends = [key for key in listed if key.endswith(f"/{blob.name}")]
    if len(ends) == 1:
        return listed[ends[0]]
    parent = "/".join(below[:-1])
    if not folder or f"/{parent}".endswith(f"/{folder}") or f"/{folder}".endswith(f"/{parent}"):
        raise RefusedError(f"its manifest names {shown!r}, which is not there")
    raise RefusedError(f"its manifest names {shown!r}, which is outside the configured path")


def _is_packed(key: str) -> bool:
    """Say whether the manifest may mean the unpacked size, which is known only once the file was read."""
    return key.lower().endswith(".gz")


def _name(key: str) -> str:
    return key.rpartition("/")[2].lower()
