"""What a probe says of the export files of a source: their layout, their form, what is withheld."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.focus.columns import Role
from collectors.focus.damage import DamagedError
from collectors.focus.layouts import Part, Selection
from collectors.focus.opening import opened
from collectors.focus.survey import told
from collectors.stores.interface import Store
from domain.errors import SourceError
from domain.probe import Health, Probe
from domain.show import count_text

_WAIT = "wait for the first export, or correct `path` or `layout` of this source"
_AGAIN = "export the period again; what was stored of it stays until then"


def probes_of(store: Store, chosen: Selection, *, look_inside: bool) -> Iterator[Probe]:
    """Give one probe per thing worth knowing about the chosen files.

    `look_inside` reads the header of the newest file, where that needs no copy of it.
    """
    count = len(chosen.parts)
    vouched = sum(1 for part in chosen.parts if part.run)
    subject = f"{count_text(count, 'export file')} in the layout `{chosen.layout}`"
    if vouched:
        subject += (
            f", {vouched:,} of them vouched for by {len({part.run for part in chosen.parts}):,} manifests"
        )
    if count:
        yield Probe(subject=subject, health=Health.OK)
    else:
        yield Probe(subject=subject, health=Health.WARN, breaks="there is nothing to read", fix=_WAIT)
    if count and look_inside:
        newest = max(chosen.parts, key=lambda part: (part.file.modified, part.file.key))
        yield _header(store, newest, only=count == 1)
    for refusal in chosen.refused:
        what = refusal.period or "a delivery"
        yield Probe(
            subject=f"manifest of {what}",
            health=Health.WARN,
            breaks=f"{what} is not read: {refusal.reason}",
            fix=_AGAIN,
        )


def _header(store: Store, part: Part, *, only: bool) -> Probe:
    path = store.path_of(part.file.key)
    try:
        with store.opened(part.file) as handle:
            table = opened(handle, part.file.size)
    except DamagedError as error:
        return Probe(subject=path, health=Health.FAIL, breaks=f"{path} {told(error)}", fix=_AGAIN)
    except SourceError as error:
        fix = error.hint or "look again in a minute"
        return Probe(subject=path, health=Health.WARN, breaks=str(error), fix=fix)
    if table.columns.role is Role.CHARGES:
        return Probe(subject=f"{path}: {table.form} of FOCUS {table.columns.version}", health=Health.OK)
    left_out = table.columns.role is Role.STRANGER and not only
    return Probe(
        subject=path,
        health=Health.WARN if left_out else Health.FAIL,
        breaks=f"{path} {table.columns.problem}" + ("; it is left out" if left_out else ""),
        fix="export the dataset `Cost and Usage` of FOCUS, or point `path` at the folder that holds it",
    )
