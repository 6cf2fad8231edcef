"""`costd why-owner`: which rule gave a resource its owner, and what would change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daemon.invocation import Invocation
from daemon.options import output_option

if TYPE_CHECKING:
    import polars as pl

    from daemon.rooms import Rooms


@click.command()
@click.argument("resource")
@output_option
@click.pass_obj
def command(run: Invocation, /, resource: str, output: str) -> int:
    """Say which rule gave a resource its owner, what was asked before it, what would change it.

    RESOURCE is its id, its name, or a part of one that is unique. Several that fit are
    listed, with exit status 1.
    """
    import os

    from attribution.why import explain
    from daemon.output import Output, print_listing
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output
    from daemon.why_listing import candidates_listing, why_listing

    rooms, terminal = Rooms.of(run), standard_output(os.environ)
    found = find_resource(rooms, resource)
    names = found.select("ResourceId", "ResourceName").unique()
    if names.height > 1:
        print_listing(candidates_listing(found, resource), Output(output), terminal)
        return 1
    print_listing(why_listing(found, explain(found, rooms.rules)), Output(output), terminal)
    return 0


def find_resource(rooms: Rooms, name: str) -> pl.DataFrame:
    """Give the rows of the resource dimension that a name means.

    Raises:
        UsageError: nothing fits, not even in part.
    """
    import polars as pl

    from attribution.why import find
    from domain.errors import UsageError

    resources = rooms.ledger.resources().collect()
    found = find(resources, name)
    if found.is_empty() and name.strip():
        part = name.strip().lower()
        texts = [pl.col(column).str.to_lowercase() for column in ("ResourceId", "ResourceName")]
        fits = [text.str.contains(part, literal=True).fill_null(False) for text in texts]
        found = resources.filter(fits[0] | fits[1])
    if found.is_empty():
        hint = "`costd report --by resource --top 20` lists the largest"
        if resources.is_empty():
            hint = "nothing is stored yet: `costd collect`"
        raise UsageError(f"no resource is called {name!r}, or has that in its id or name", hint=hint)
    return found
