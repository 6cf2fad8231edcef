"""`costd restore`: an archive of `costd backup` becomes the ledger and the state again."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.invocation import Invocation


@click.command()
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--force",
    is_flag=True,
    help="Replace what is there. A ledger in a folder is put aside, the state database is not.",
)
@click.pass_obj
def command(run: Invocation, /, archive: Path, *, force: bool) -> int:
    """Bring an archive back to where the configuration says the ledger and the state are.

    Everything is unpacked beside its place, every period is summed up anew and compared
    with what was committed, and only then does it take its place. Stop costd before.
    """
    from daemon import assemble
    from daemon.local_user import local_actor
    from daemon.rooms import Rooms
    from domain.show import instant_text
    from domain.text import printable
    from ledger.restore import restore

    rooms = Rooms.of(run)
    # Not `rooms.state`, which opens and migrates what is about to be replaced.
    state = assemble.build_state(rooms.settings)
    done = restore(archive, rooms.ledger, state, now=rooms.clock.now(), force=force, by=local_actor())
    state.close()
    click.echo(
        f"Restored the backup of {instant_text(done.made_at)}: {done.deliveries:,} deliveries; "
        f"{done.periods:,} billing periods with {done.rows:,} charges add up to what was committed; "
        f"{done.state_rows:,} rows of state"
    )
    if done.aside is not None:
        click.echo(f"The ledger that was there is now {printable(str(done.aside))}; delete it when you like")
    click.echo("See how far each source reaches with: costd status")
    return 0
