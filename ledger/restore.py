"""Bringing an archive back: beside what is there, checked, and only then in its place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from domain.audit import PROGRAM, Act, Actor
from domain.delivery import Delivery
from domain.errors import StorageError, UsageError
from ledger import archive, dump
from ledger.charges import ChargeLedger
from ledger.files import sync_path
from ledger.recovery import unequal
from ledger.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was brought back.

    Attributes:
        made_at: when the backup was made (UTC).
        deliveries: in the history now.
        periods: billing periods whose sums were recomputed and equal what was committed.
        rows: charges in them.
        state_rows: rows of the state database.
        aside: where the ledger that was there lies now, None if there was none.
    """

    made_at: datetime
    deliveries: int
    periods: int
    rows: int
    state_rows: int
    aside: Path | None


def restore(  # noqa: PLR0913  # who and when are of the audit, beside the two stores and what to do
    path: Path,
    ledger: ChargeLedger,
    state: State,
    *,
    now: datetime,
    force: bool = False,
    by: Actor = PROGRAM,
) -> Restored:
    """Replace both stores by what an archive holds.

    Raises:
        UsageError: something is there already, or somebody is at work.
        StorageError: the archive is damaged or hostile, or does not add up.
    """
    reader = archive.Reader(path)
    try:
        _refuse_loss(ledger, state, now, force=force)
        made_at, version = _about(reader, path)
        with ExitStack() as stack:
            beside = stack.enter_context(_beside(ledger, reader.contents.sizes))
            tables = _unpack(reader, beside, stack)
            current = _verified(beside, path)
            # One transaction, and more likely to fail than a rename: so it comes first.
            detail = {"made_at": made_at.isoformat(), "forced": force}
            act = Act(by=by, action="restore.done", subject=path.name, detail=detail)
            state_rows = dump.load(state.database, version, tables, now, act)
            aside = None if beside is ledger else _take(Path(beside.root), Path(ledger.root), now)
    finally:
        reader.close()
    deliveries = ChargeLedger(ledger.root, storage_options=ledger.storage_options).deliveries()
    state.rebuild(deliveries)
    return Restored(
        made_at=made_at,
        deliveries=len(deliveries),
        periods=len(current),
        rows=sum(delivery.rows for delivery in current),
        state_rows=state_rows,
        aside=aside,
    )


def _about(reader: archive.Reader, path: Path) -> tuple[datetime, str]:
    about = reader.contents.about
    try:
        return datetime.fromisoformat(about["made_at"]), str(about["state_version"])
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(f"cannot restore from {path}: it does not say when it was made") from error


def _refuse_loss(ledger: ChargeLedger, state: State, now: datetime, *, force: bool) -> None:
    if not ledger.is_local and any(table.open() is not None for table in ledger.tables.values()):
        raise UsageError(
            f"{ledger.root} holds a ledger, and a bucket cannot be put aside",
            hint="name an empty prefix as `ledger.path`, restore there, and delete the old one yourself",
        )
    if force:
        return
    if held := dump.held_leases(state.database, now):
        raise UsageError(
            f"somebody is at work: {', '.join(held)}", hint="stop costd first, then restore; or say --force"
        )
    if not dump.is_empty(state.database) or ledger.deliveries():
        raise UsageError(
            f"{ledger.root} or {state.database.name} is not empty",
            hint="say --force to replace both; the ledger that is there is put aside, the state is not",
        )


@contextmanager
def _beside(ledger: ChargeLedger, sizes: Mapping[str, int]) -> Iterator[ChargeLedger]:
    """Give a place to unpack to, which is gone afterwards unless it was taken; a bucket is its own."""
    if not ledger.is_local:
        try:
            yield ledger
        except BaseException:
            for name, table in ledger.tables.items():
                prefix = f"ledger/{name}/"
                table.files.remove(one.removeprefix(prefix) for one in sizes if one.startswith(prefix))
            raise
        return
    size_bytes = sum(sizes.values())
    root = Path(ledger.root)
    folder = root.with_name(f"{root.name}.restoring")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if shutil.disk_usage(folder).free < size_bytes:
            raise StorageError(
                f"{root.parent} has no room for the {size_bytes:,} bytes of the backup",
                hint="free some space, or set `ledger.path` to a larger disk",
            )
        yield ChargeLedger(str(folder))
    except OSError as error:
        raise StorageError(f"cannot restore into {root.parent}: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(reader: archive.Reader, target: ChargeLedger, stack: ExitStack) -> dict[str, IO[bytes]]:
    """Write the ledger's files; give the rows of the state database per table."""
    tables: dict[str, IO[bytes]] = {}
    for name, source in reader.members():
        store, _, rest = name.partition("/")
        table, _, path = rest.partition("/")
        if store == "ledger" and table in target.tables and path:
            target.tables[table].files.put(path, source)
        elif store == "state" and rest.endswith(".jsonl"):
            file = tempfile.TemporaryFile()  # noqa: SIM115 - the stack closes it when the rows are loaded
            stack.callback(file.close)
            shutil.copyfileobj(source, file)
            file.seek(0)
            tables[rest.removesuffix(".jsonl")] = file
        else:
            raise StorageError(f"the archive holds {name!r}, which no backup has", hint="use another backup")
    return tables


def _verified(restored: ChargeLedger, path: Path) -> list[Delivery]:
    """Give the current deliveries, every one recomputed from its charges.

    Raises:
        StorageError: one does not add up to what was committed.
    """
    recovered = restored.recover()
    current = list({(one.source, one.billing_period): one for one in recovered.deliveries}.values())
    wrong = [*recovered.damage, *unequal(restored, current)]
    if wrong:
        raise StorageError(
            f"cannot restore from {path}: its charges are not what was committed ({'; '.join(wrong[:3])})",
            hint="use another backup",
        )
    return current


def _take(unpacked: Path, root: Path, now: datetime) -> Path | None:
    """Put the restored ledger into its place, and what was there aside."""
    aside = None
    if root.exists():
        aside = root.with_name(f"{root.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
        root.rename(aside)
    unpacked.rename(root)
    sync_path(root.parent)
    return aside
