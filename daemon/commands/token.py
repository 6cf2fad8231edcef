"""`costd token`: keys to the API for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daemon.invocation import Invocation
from daemon.options import OUTPUTS, output_option

if TYPE_CHECKING:
    from datetime import datetime

    from ledger.state import State
    from ledger.tokens import Token, Tokens

ROLES = ("viewer", "approver", "admin", "agent")
NEVER = "never"
LONGEST_NAME = 100


@click.group()
def command() -> None:
    """Give people and programs keys to the API, and take them back.

    A token is shown once, when it is made; costd keeps only its hash. A viewer reads; an
    agent reads and proposes, and never approves; an approver also approves; an admin may
    do everything.
    """


@command.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True, help="What it may do.")
@click.option("--team", default="", metavar="TEAM", help="The team its holder answers for.")
@click.option(
    "--expires",
    default="90d",
    show_default=True,
    metavar="TIME",
    help="When it ends: a length of time, a day or instant (UTC), or `never`.",
)
@click.option(
    "--output", type=click.Choice(OUTPUTS[:2]), default="table", show_default=True, help="json for programs."
)
@click.pass_obj
def create(run: Invocation, /, name: str, output: str, **asked: str) -> None:
    """Make a token for NAME, which says what it is for, and print it: now, and never again."""
    from daemon.local_user import local_user
    from daemon.output import json_text
    from daemon.rooms import Rooms
    from domain.identity import Role
    from ledger.tokens import NewToken

    rooms = Rooms.of(run)
    now = rooms.clock.now()
    new = NewToken(
        name=label(name, "NAME"),
        role=Role(asked["role"]),
        team=label(asked["team"], "--team") if asked["team"] else "",
        created_by=local_user(),
        expires_at=parse_expiry(asked["expires"], now),
    )
    token, text = _tokens(rooms.state).create(new, now)
    if output == "json":
        click.echo(json_text({"schema": "costd.token/1", "token": text, **_row(token, now)}))
        return
    click.echo(text)
    ends = f"until {token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else "for ever"
    click.echo(
        f"Token {token.id} ({new.role.value}) works {ends}. It is not shown again: keep it now.", err=True
    )


@command.command("list")
@output_option
@click.pass_obj
def list_(run: Invocation, /, output: str) -> None:
    """List every token: what it may do, whether it still works, when it was last used."""
    import os

    from daemon.output import Field, Listing, Output, print_listing
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    rooms = Rooms.of(run)
    now = rooms.clock.now()
    listing = Listing(
        fields=(
            Field(name="id"),
            Field(name="name"),
            Field(name="role"),
            Field(name="team", missing=""),
            Field(name="state"),
            Field(name="expires_at", title="EXPIRES", missing="never"),
            Field(name="used_at", title="LAST USED", missing="never"),
            Field(name="created_at", title="CREATED"),
            Field(name="created_by", title="BY"),
        ),
        rows=[_row(token, now) for token in _tokens(rooms.state).list()],
        document={"schema": "costd.tokens/1"},
        following=("costd token revoke ID",),
        empty="There are no tokens. `costd token create NAME` makes one.",
    )
    print_listing(listing, Output(output), standard_output(os.environ))


@command.command()
@click.argument("tokens", metavar="ID…", nargs=-1, required=True)
@click.pass_obj
def revoke(run: Invocation, /, tokens: tuple[str, ...]) -> None:
    """Take tokens back; each is refused from the next request on, and so are its sessions."""
    from daemon.local_user import local_actor
    from daemon.rooms import Rooms
    from ledger.tokens import TOKEN

    rooms = Rooms.of(run)
    for text in tokens:
        whole = TOKEN.fullmatch(text)
        revoked = _tokens(rooms.state).revoke(
            whole[1] if whole else text, rooms.clock.now(), by=local_actor()
        )
        click.echo(f"Token {revoked.id} ({revoked.name}) is revoked.")


def parse_expiry(text: str, now: datetime) -> datetime | None:
    """Read when a token ends; None for never.

    Raises:
        UsageError: no such time, or one that is past.
    """
    from config.units import parse_duration
    from daemon.query import parse_instant
    from domain.errors import UsageError

    if text == NEVER:
        return None
    try:
        ends = now + parse_duration(text)
    except ValueError:
        try:
            ends = parse_instant(text, now)
        except UsageError:
            raise UsageError(
                f"--expires {text!r} is no time", hint="write 90d, 2027-01-31, 2027-01-31T18:00Z or never"
            ) from None
    if ends <= now:
        raise UsageError(f"--expires {text} is already past", hint="a token must work at least for a while")
    return ends


def label(text: str, what: str) -> str:
    """Give a name that can be shown everywhere as it is.

    Raises:
        UsageError: it is empty, too long, or holds characters that do not print.
    """
    from domain.errors import UsageError

    shown = text.strip()
    if not shown or len(shown) > LONGEST_NAME or not shown.isprintable():
        raise UsageError(f"{what} must be 1 to {LONGEST_NAME} characters that print")
    return shown


def _tokens(state: State) -> Tokens:
    from ledger.tokens import Tokens

    return Tokens(state.database)


def _row(token: Token, now: datetime) -> dict[str, str | datetime | None]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role.value,
        "team": token.team or None,
        "state": token.state(now),
        "expires_at": token.expires_at,
        "used_at": token.used_at,
        "created_at": token.created_at,
        "created_by": token.created_by,
    }
