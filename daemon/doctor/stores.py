"""What doctor says of costd's own stores: the ledger of charges and the state database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from config.secrets import Secret
from daemon.doctor.machine import may_write
from domain.probe import Health, Probe
from domain.text import printable

if TYPE_CHECKING:
    from config.settings import Settings
    from daemon.rooms import Rooms
    from ledger.look import Looked

SLOW_MS = 500.0
_STATE = "check `state.url`, and that the user who runs costd may write there"


def state_probes(settings: Settings) -> Iterator[Probe]:
    """Look whether the state database answers, how fast, and at which schema."""
    from ledger.look import look

    url = settings.state.url
    yield state_probe(look(url.reveal() if isinstance(url, Secret) else url))


def state_probe(looked: Looked) -> Probe:
    """Judge what a look at the state database saw."""
    subject = f"{looked.kind} {printable(looked.name)}"
    if unusable := _unusable(looked):
        breaks, fix = unusable
        return Probe(subject=subject, health=Health.FAIL, breaks=breaks, fix=fix)
    if looked.version is None:
        return Probe(subject=f"{subject}: not made yet, the first `costd collect` does", health=Health.OK)
    subject += f": answered in {looked.milliseconds:,.0f} ms, "
    subject += f"schema {looked.version}" if looked.version else "empty"
    if looked.version and looked.version < looked.head:
        breaks = f"its schema is not yet {looked.head}; the next command changes it"
        fix = "costd backup ARCHIVE, then costd status"
        return Probe(subject=subject, health=Health.WARN, breaks=breaks, fix=fix)
    if looked.milliseconds > SLOW_MS:
        breaks = "it is slow: pages and jobs wait for it"
        fix = "bring the database nearer, or look at its load; for SQLite, use a local disk"
        return Probe(subject=subject, health=Health.WARN, breaks=breaks, fix=fix)
    return Probe(subject=subject, health=Health.OK)


def _unusable(looked: Looked) -> tuple[str, str] | None:
    """Say what makes the database useless and what to do, None if nothing does."""
    if looked.version is None:
        return None if may_write(Path(looked.name).parent) else ("it cannot be made there", _STATE)
    if not looked.writable:
        return "it can be read and not written: nothing is collected or sent", _STATE
    if looked.version > looked.head:
        return (
            f"its schema {looked.version} is newer than this costd, which knows {looked.head}",
            "upgrade costd, or restore a backup of this version: costd restore ARCHIVE",
        )
    return None


def ledger_probes(rooms: Rooms) -> Iterator[Probe]:
    """Look whether charges can be stored, and whether those that are stored are whole."""
    path = rooms.settings.ledger.path
    subject = f"ledger {printable(path)}"
    if "://" not in path and not may_write(Path(path)):
        yield Probe(
            subject=subject,
            health=Health.FAIL,
            breaks="nothing can be written there: nothing is collected",
            fix="correct `ledger.path`, or give the user who runs costd permission to write there",
        )
        return
    recovered = rooms.ledger.recover()
    periods = {(one.source, one.billing_period) for one in recovered.deliveries}
    held = f"{len(periods):,} billing periods stored" if periods else "empty so far, `costd collect` fills it"
    remote = "; writing is only tried by `costd collect`" if "://" in path else ", writable"
    yield Probe(subject=f"{subject}: {held}{remote}", health=Health.OK)
    for damage in recovered.damage:
        what, _, fix = damage.partition("; run ")
        yield Probe(
            subject=f"{subject}, stored charges",
            health=Health.FAIL,
            breaks=f"{what}; reports of it are refused",
            fix=f"run {fix}" if fix else "collect the period again, or restore a backup",
        )
