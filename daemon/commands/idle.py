"""`costd idle`: what is paid for and not used, with evidence; rules replayed over history; GPU-hours."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from daemon.invocation import Invocation
from daemon.options import output_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from daemon.idle_listing import Wanted
    from domain.window import Window

_LONGEST = timedelta(days=92)
OVER_QUOTA = 4


@click.group(invoke_without_command=True)
@click.option("--team", "teams", multiple=True, metavar="TEAM", help="Only this team's; or `unallocated`.")
@click.option("--cluster", "clusters", multiple=True, metavar="NAME", help="Only in this cluster.")
@click.option("--rule", "rules", multiple=True, metavar="NAME", help="Only what this rule found.")
@click.option("--min", "least", metavar="AMOUNT", help="Only what has cost so much since it began: 10, 2.50.")
@click.option("--all", "every", is_flag=True, help="Also what is at work, and what could not be told.")
@click.option("--evidence", is_flag=True, help="Say below the table what speaks for and against each.")
@click.option(
    "--require-complete",
    is_flag=True,
    help="Exit with status 5 if a cluster's usage is old, or none is there.",
)
@output_option
@click.pass_context
def command(ctx: click.Context, /, output: str, *, require_complete: bool, **asked: object) -> int:
    """Say what is paid for and not used, with what speaks for and against it.

    Every verdict is one of three: working, idle, or unknown. What no metric tells is unknown, and
    what is unknown is left alone. The rules are yours: docs/idle.md. Nothing is switched off.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    import os

    from daemon.idle import look
    from daemon.idle_listing import listing_of
    from daemon.output import Output, print_listing
    from daemon.pipeline import attribute
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    rooms = Rooms.of(ctx.ensure_object(Invocation))
    wanted = wanted_of(asked, [rule.name for rule in rooms.settings.idle.in_force()])
    result = look(rooms, attribute(rooms))
    print_listing(listing_of(result, wanted), Output(output), standard_output(os.environ))
    return 5 if require_complete and (result.stale or not result.reach) else 0


def wanted_of(asked: dict[str, object], known: Sequence[str]) -> Wanted:
    """Read the options of a list.

    Raises:
        UsageError: an amount that cannot be read, or a rule that does not exist.
    """
    from daemon.idle_listing import Wanted

    rules = texts(asked["rules"])
    for name in rules:
        known_rule(name, known)
    return Wanted(
        teams=frozenset(name.lower() for name in texts(asked["teams"])),
        clusters=frozenset(texts(asked["clusters"])),
        rules=frozenset(rules),
        least=amount(asked["least"]),
        every=bool(asked["every"]),
        cards=bool(asked["evidence"]),
    )


def texts(value: object) -> tuple[str, ...]:
    """Give the values of an option that may be repeated."""
    return tuple(str(one) for one in value) if isinstance(value, tuple) else ()


def amount(text: object) -> Decimal | None:
    """Read an amount of money without its currency.

    Raises:
        UsageError: it is none.
    """
    from domain.errors import MoneyError, UsageError
    from domain.money import parse_amount

    if text is None:
        return None
    try:
        return parse_amount(str(text))
    except MoneyError as error:
        raise UsageError(f"--min: {error}", hint="write a plain amount: 10 or 2.50") from None


def known_rule(name: str, known: Sequence[str]) -> None:
    """Check that a rule exists.

    Raises:
        UsageError: it does not; the hint names the nearest.
    """
    from difflib import get_close_matches

    from domain.errors import UsageError

    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f'did you mean "{near[0]}"?' if near else f"rules: {', '.join(known) or 'none'}"
        raise UsageError(f"no rule is called {name!r}", hint=hint)


@command.command()
@click.argument("rule", metavar="RULE")
@click.option("--window", default="14d", show_default=True, metavar="LENGTH", help="How far back: 14d, 4w.")
@click.option(
    "--came-back",
    default="8h",
    show_default=True,
    metavar="LENGTH",
    help="Work that comes back so soon after the rule fired makes it a false reap.",
)
@click.option("--cluster", "clusters", multiple=True, metavar="NAME", help="Only in this cluster.")
@output_option
@click.pass_obj
def backtest(run: Invocation, /, rule: str, output: str, **asked: Any) -> int:
    """Replay a rule over stored hours: what it would have freed, missed, and reaped wrongly.

    Beside it stands the same rule with other thresholds and times. Rules about size have no spells:
    they are sized by the first half of the window and tried on the second.
    """
    import os

    from daemon.idle import observe
    from daemon.idle_backtest import backtest as replayed
    from daemon.idle_backtest import listing_of
    from daemon.output import Output, print_listing
    from daemon.pipeline import attribute
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output
    from domain.errors import IncompleteError

    length, soon = length_of("--window", asked["window"]), length_of("--came-back", asked["came_back"])
    rooms = Rooms.of(run)
    rules = {one.name: one for one in rooms.settings.idle.in_force()}
    known_rule(rule, list(rules))
    observed = observe(rooms, attribute(rooms), length, clusters=asked["clusters"] or None)
    if observed.pods.is_empty() and observed.devices.is_empty():
        raise IncompleteError(
            f"no usage is stored of the last {asked['window']}",
            hint="add a source of type kubernetes or prometheus, then run `costd collect`; see docs/idle.md",
        )
    found = replayed(observed, rules[rule], came_back=soon)
    print_listing(listing_of(found), Output(output), standard_output(os.environ))
    return 0


def length_of(option: str, text: str) -> timedelta:
    """Read a length of time of an option.

    Raises:
        UsageError: it is none, or longer than hours are kept.
    """
    from config.units import parse_duration
    from domain.errors import UsageError

    try:
        length = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option} {text!r}: {error}", hint="write 14d, 4w or 36h") from None
    if not timedelta(hours=1) <= length <= _LONGEST:
        raise UsageError(f"{option} {text!r} is not between 1h and 92d", hint="write 14d, 4w or 36h")
    return length


@command.command()
@click.option("--packaged", is_flag=True, help="Print the packaged rules as YAML, to copy into costd.yaml.")
@output_option
@click.pass_obj
def rules(run: Invocation, /, *, packaged: bool, output: str) -> int:
    """List the rules in force, or print the packaged ones to copy."""
    import os

    from config.idle import packaged_text
    from daemon.idle_rules import rules_listing
    from daemon.output import Output, print_listing
    from daemon.terminal import standard_output

    if packaged:
        click.echo(packaged_text(), nl=False)
        return 0
    listing = rules_listing(run.settings().idle)
    print_listing(listing, Output(output), standard_output(os.environ))
    return 0


@command.command()
@click.option("--month", metavar="YYYY-MM", help="The UTC month. Default the present one, so far.")
@output_option
@click.pass_obj
def gpus(run: Invocation, /, month: str | None, output: str) -> int:
    """Say how many GPU-hours each team held, by model, against its quota.

    A fraction of a GPU counts as its share. Exit status 4 says that a team is over its quota.
    """
    import os

    from daemon.gpu_hours import gpu_hours
    from daemon.gpu_listing import gpu_listing
    from daemon.output import Output, print_listing
    from daemon.pipeline import attribute
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    rooms = Rooms.of(run)
    window = month_asked(month, rooms.clock.now())
    uses = gpu_hours(rooms, attribute(rooms), window)
    print_listing(gpu_listing(uses, window), Output(output), standard_output(os.environ))
    return OVER_QUOTA if any(use.is_over for use in uses) else 0


def month_asked(month: str | None, now: datetime) -> Window:
    """Give a UTC month up to the present.

    Raises:
        UsageError: it is none.
    """
    from domain.errors import UsageError
    from domain.window import Window, month_of, month_window

    try:
        whole = month_window(month or month_of(now))
    except ValueError:
        raise UsageError(f"--month {month!r} is no month", hint="write it as 2026-11") from None
    return Window(start=whole.start, end=max(min(whole.end, now), whole.start))
