"""What the company runs: things with a life, that are used, and that are metered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.demo import dice
from daemon.demo.company import ACCOUNT, Account
from daemon.demo.dice import Ints
from daemon.demo.prices import Sku, micro, skus

FOREVER = 10**9
"""An hour that never comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """How much of one SKU an entity uses.

    Attributes:
        sku: what is used.
        amount: millionths of a pricing unit per hour; of a unit held, for monthly SKUs.
        load: shape over time, one of `seasons.LOADS`.
        noise: largest deviation of a day from the shape, in permille.
    """

    sku: Sku
    amount: int
    load: str = "steady"
    noise: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What people and programs do with an entity: the evidence of later steps.

    Attributes:
        requests_per_hour: calls, queries or jobs per hour at load 1000.
        load: shape over time, one of `seasons.LOADS`.
        busy: part of its capacity (GPU where it has one, else CPU) at work, in permille.
        until: hour after which nobody used it any more.
    """

    requests_per_hour: int = 0
    load: str = "steady"
    busy: int = 400
    until: int = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One thing that the company has and pays for.

    Attributes:
        name: unique and stable; actions and incidents name it.
        kind: instance, node, volume, database, address, snapshot, model, environment, …
        account: sub account that pays.
        region: where it is.
        team: who really owns it; the tags may say otherwise, or nothing. "" if nobody.
        tags: as somebody once wrote them.
        born, gone: hours of creation and of natural end (exclusive).
        schedule: `always`, or `office` when it runs on working days only.
        parent: name of what it belongs to and dies with (namespace, cluster), or "".
        gpus: GPUs it holds while it runs.
        use: what is done with it.
        meters: what is metered of it.
    """

    name: str
    kind: str
    account: str
    region: str
    team: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    born: int = 0
    gone: int = FOREVER
    schedule: str = "always"
    parent: str = ""
    gpus: int = 0
    use: Use = Use()
    meters: tuple[Meter, ...] = ()

    @property
    def home(self) -> Account:
        """Give the sub account that pays."""
        return ACCOUNT[self.account]

    @property
    def provider(self) -> str:
        """Name the provider."""
        return self.home.provider

    @property
    def uid(self) -> str:
        """Give the identity that a re-creation under the same name would not have."""
        raw = f"{dice.number('uid', self.name, self.born):016x}{dice.number('uid2', self.name):016x}"
        return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-8{raw[17:20]}-{raw[20:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """What was used of one SKU by one entity, per hour of a span.

    Attributes:
        entity: who used it.
        sku: what.
        quantity: millionths of a pricing unit per hour.
        tags: tags of the charge: the entity's own and what the provider adds.
    """

    entity: Entity
    sku: Sku
    quantity: Ints
    tags: Mapping[str, str]


def meters(text: str) -> tuple[Meter, ...]:
    """Read meters as the tables write them: `sku*amount@load~noise, …`, load and noise optional."""
    return tuple(_meter(part.strip()) for part in text.split(",") if part.strip())


def _meter(text: str) -> Meter:
    text, _, noise = text.partition("~")
    text, _, load = text.partition("@")
    key, _, amount = text.partition("*")
    sku = skus()[key]
    usual = 40 if "restated" in sku.traits else 0
    return Meter(sku=sku, amount=micro(amount), load=load or "steady", noise=int(noise or usual))


def pairs(text: str) -> dict[str, str]:
    """Read tags as the tables write them: `key=value;key=value`; spaces are kept."""
    return dict(pair.split("=", 1) for pair in text.split(";") if pair)
