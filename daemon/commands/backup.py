"""`costd backup`: the ledger and the state in one archive."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.invocation import Invocation


@click.command()
@click.argument("archive", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite the archive if it exists.")
@click.pass_obj
def command(run: Invocation, /, archive: Path, *, force: bool) -> int:
    """Copy the ledger and the state database into one file, as of now.

    Collecting may go on meanwhile. In it: the current charges, the whole history of daily
    sums, and what the state database knows. Never in it: costd.yaml, secrets, sessions,
    and the full rows of earlier deliveries.
    """
    from daemon.local_user import local_actor
    from daemon.rooms import Rooms
    from domain.audit import Act
    from domain.text import printable
    from ledger.audit import AuditLog
    from ledger.backup import backup

    rooms = Rooms.of(run)
    now = rooms.clock.now()
    made = backup(rooms.ledger, rooms.state, archive, now=now, force=force)
    detail = {"bytes": made.size_bytes, "deliveries": made.deliveries, "state_rows": made.state_rows}
    act = Act(by=local_actor(), action="backup.made", subject=archive.name, detail=detail)
    AuditLog(rooms.state.database).append(act, now)
    click.echo(
        f"{printable(str(made.path))}: {made.size_bytes:,} bytes, {made.files:,} files, "
        f"{made.deliveries:,} deliveries, {made.state_rows:,} rows of state"
    )
    click.echo(f"Bring it back with: costd restore {printable(str(made.path))}")
    return 0
