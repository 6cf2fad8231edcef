"""What is happening in a span, asked by those it happens to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from daemon.demo import dice
from daemon.demo.dice import Ints
from daemon.demo.entities import Entity, Meter, Use, meters, pairs
from daemon.demo.events import Effect, Event
from daemon.demo.fleet import HOME_REGION
from daemon.demo.hours import Span
from daemon.demo.kubernetes import workloads


class Happening:
    """The events of a span, by whom they concern."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = tuple(events)
        self._effects = [(event, effect) for event in self.events for effect in event.template.effects]

    def factor(self, entity: Entity, meter: Meter, span: Span) -> Ints | None:
        """Give the use of a meter in permille of usual per hour; None: as usual."""
        result = None
        for event, effect in self._effects:
            if _concerns(effect, entity, meter):
                level = _level(event, effect, span)
                result = level if result is None else result * level // 1000
        return result

    def replicas(self, name: str, wanted: Ints, span: Span) -> Ints:
        """Give the replicas of a workload per hour, as events change them."""
        (workload,) = (one for one in workloads() if one.entity.name == name)
        result = wanted
        for event, effect in self._effects:
            pinned = effect.on == "replicas" and effect.target == name
            busy = effect.on == "audience" and workload.load == "audience"
            if pinned or (busy and effect.target == workload.entity.team):
                level = _level(event, effect, span)
                extra = np.where(event.strength("box", span) > 0, effect.plus, 0)
                result = np.maximum(-(-result * level // 1000), extra)
        return result

    def audience(self, team: str, span: Span) -> Ints:
        """Give how many customers of a team come per hour, in permille of usual."""
        result = np.full(len(span), 1000, dtype=np.int64)
        for event, effect in self._effects:
            if effect.on == "audience" and effect.target == team:
                result = result * _level(event, effect, span) // 1000
        return result

    def price(self, sku: str, span: Span) -> Ints | None:
        """Give the contract price of a SKU in permille of usual per hour; None: as usual."""
        result = None
        for event, effect in self._effects:
            if effect.on == "price" and sku.startswith(effect.target):
                level = _level(event, effect, span)
                result = level if result is None else result * level // 1000
        return result

    def spawned(self) -> Iterator[Entity]:
        """Give the things that exist only because of an event."""
        for event in self.events:
            yield from spawned(event)


def spawned(event: Event) -> Iterator[Entity]:
    """Give the things that an event makes: `count name kind account[@region] tags meters [ramp]`.

    Their names tell what somebody called them, not that anything is wrong with them.
    """
    if not event.template.spawn:
        return
    count, name, kind, where, tags, metered, *ramp = event.template.spawn.split(" ")
    suffix = f"{dice.number('spawn', event.id) % 0x10000:04x}"
    account, _, region = where.partition("@")
    working = event.template.label == "benign"
    for index in range(int(count)):
        late = (event.end - event.start) * index // int(count) if ramp else 0
        yield Entity(
            name=f"{name}-{suffix}-{index}" if int(count) > 1 else f"{name}-{suffix}",
            kind=kind,
            account=account,
            region=region or HOME_REGION[account.partition(":")[0]],
            team=event.template.team,
            tags={} if tags == "-" else pairs(tags),
            born=event.start + late,
            gone=event.end,
            gpus=sum(1 for meter in meters(metered) if "GpuCount" in meter.sku.details),
            use=Use(busy=850 if working else 0, until=event.end if working else event.start),
            meters=meters(metered),
        )


def _concerns(effect: Effect, entity: Entity, meter: Meter) -> bool:
    match effect.on:
        case "use":
            return effect.target == entity.name and meter.sku.key.startswith(effect.sku)
        case "audience":
            return effect.target == entity.team and meter.load == "audience"
        case _:
            return False


def _level(event: Event, effect: Effect, span: Span) -> Ints:
    return 1000 + (effect.factor - 1000) * event.strength(effect.shape, span) // 1000
