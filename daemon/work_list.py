"""What a daemon does again and again: the jobs of one configuration."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from daemon.jobs import Job
from daemon.logs import get_logger
from daemon.pipeline import collect
from daemon.prices import refresh_prices
from daemon.sources import SourceState
from daemon.triggers import WallClock, every
from domain.errors import SourceError

if TYPE_CHECKING:
    from datetime import datetime

    from config.prices import PriceSettings
    from config.source import SourceEnvelope
    from config.watching import HeartbeatSettings
    from daemon.services import Services

UPKEEP_HOUR = 3
"""When small files are joined and old versions deleted: nobody reads, nothing is delivered."""

_STAGGER = timedelta(seconds=2)
"""Sources that are all due begin one after the other."""


def work_list(services: Services) -> Iterator[Job]:
    """Give every job of the configuration."""
    settings, now = services.settings, services.clock.now()
    last = {status.name: status.started_at for status in services.state.jobs()}
    for place, source in enumerate(settings.sources):
        began = None if services.is_demo else last.get(f"collect:{source.name}")
        first = _first(began, source, now if services.is_demo else now + place * _STAGGER)
        yield _collecting(services, source, first)
    yield Job(
        name="upkeep",
        run=lambda: _keep_up(services),
        trigger=WallClock(zone=settings.timezone, hour=UPKEEP_HOUR),
        catch_up=timedelta(days=2),
    )
    if settings.prices is not None and (settings.prices.aws or settings.prices.gcp):
        yield _pricing(services, settings.prices, last.get("prices"))
    if settings.heartbeat is not None:
        yield _beating(services, settings.heartbeat, now)


def _first(last: datetime | None, source: SourceEnvelope, soonest: datetime) -> datetime:
    """Give when a source is due first: at once, unless a daemon before this one just looked."""
    return soonest if last is None else max(soonest, last + source.every)


def _collecting(services: Services, source: SourceEnvelope, first: datetime) -> Job:
    def run() -> None:
        (done,) = collect(services.rooms, [source.name], progress=services.runtime.progress.one())
        if done.error:
            raise SourceError(done.error, hint=done.hint)

    return Job(
        name=f"collect:{source.name}",
        run=run,
        trigger=every(source.every, first),
        first=first,
        catch_up=2 * source.every,
        pool="collect",
    )


def _pricing(services: Services, prices: PriceSettings, last: datetime | None) -> Job:
    def run() -> None:
        for one in refresh_prices(services.rooms, services.runtime.progress.one()):
            if one.error:
                raise SourceError(one.error, hint=one.hint)

    now = services.clock.now()
    first = now if last is None else max(now, last + prices.every)
    return Job(
        name="prices",
        run=run,
        trigger=every(prices.every, first),
        first=first,
        catch_up=2 * prices.every,
        pool="collect",
    )


def _keep_up(services: Services) -> None:
    done = services.ledger.maintain(services.clock.now(), keep_usage=services.settings.ledger.keep_usage)
    get_logger().info("upkeep_done", result=str(done))


def _beating(services: Services, heartbeat: HeartbeatSettings, now: datetime) -> Job:
    return Job(name="heartbeat", run=lambda: beat(services, heartbeat), trigger=every(heartbeat.every, now))


def beat(services: Services, heartbeat: HeartbeatSettings) -> None:
    """Call the dead man's switch, if every source is fresh.

    Raises:
        SourceError: a source is not fresh, so the switch is left to raise its alarm.
        OutgoingError: the call failed.
    """
    from alerts.channels.outgoing import Outgoing, OutgoingError

    views = [view for view in services.rooms.sources() if view.is_configured]
    late = [view for view in views if view.state is not SourceState.FRESH]
    if late:
        names = ", ".join(view.name for view in late)
        raise SourceError(f"the heartbeat was left out: not fresh: {names}", hint="see `costd status`")
    reply = Outgoing().send("GET", heartbeat.url.reveal())
    if reply.status >= 400:
        raise OutgoingError(f"the heartbeat was answered with status {reply.status}")
