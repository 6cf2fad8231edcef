"""What doctor says of tag keys: those of the configuration that never occur on a source's bill."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from attribution.tags import promoted
from domain.probe import Health, Probe
from domain.text import shortened

if TYPE_CHECKING:
    from daemon.rooms import Rooms

_ALWAYS = frozenset({"team"})
_FIX = (
    "activate {keys} under Billing, Cost allocation tags (docs/connect-aws.md), or correct "
    "`ownership.keys.{field}`"
)


def tag_key_probes(rooms: Rooms, source: str) -> Iterator[Probe]:
    """Look, for every field whose keys somebody wrote down, whether one of them occurs at all.

    AWS puts a tag on the bill only after it was activated there. Nothing is said before the
    first bill.
    """
    keys = rooms.settings.ownership.keys
    wanted = {field: tuple(getattr(keys, field)) for field in sorted(_ALWAYS | keys.model_fields_set)}
    found = _occurring(rooms, source, {key for names in wanted.values() for key in names})
    if found is None:
        return
    for field, names in wanted.items():
        missing = [name for name in names if name not in found]
        shown = ", ".join(shortened(name, 60) for name in missing)
        if names and len(missing) == len(names):
            yield Probe(
                subject=f"tag keys of `{field}`: {shown}",
                health=Health.WARN,
                breaks=f"none of them is on any charge of {source}, so no tag gives a {field}",
                fix=_FIX.format(keys=shown, field=field),
            )
        elif names:
            rest = f"; never seen: {shown}" if missing else ""
            yield Probe(subject=f"tag keys of `{field}` are on the bill{rest}", health=Health.OK)


def _occurring(rooms: Rooms, source: str, keys: set[str]) -> set[str] | None:
    """Give the keys that some charge carries; None where nothing is stored yet."""
    resources = rooms.ledger.resources().filter(pl.col("source") == source)
    columns = set(resources.collect_schema())
    known = {key: promoted(key) for key in keys if promoted(key) in columns}
    counted = resources.select(
        pl.len().alias("rows"), *(pl.col(name).count().alias(f"={key}") for key, name in known.items())
    ).collect()
    counts = counted.row(0, named=True)
    return {key for key in known if counts[f"={key}"]} if counts["rows"] else None
