"""The price book: dated prices in a Delta table that only grows.

A price is written when it differs from what the book says of the same instant. Nothing is ever
overwritten: of two prices from the same instant the one that was seen later counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from domain.charge import INSTANT
from domain.money import EXACT, plain
from domain.price import BOOK_SCHEMA, KEY, Asked, NoPrice, Offer, Price, Tier
from ledger.commit import METADATA, Commit
from ledger.record import new_id

if TYPE_CHECKING:
    from ledger.store import Table

_WORTH = ("amount", "tiers")
_ASKED = ("service", "sku", "item", "variant", "region", "zone", "currency")
_SHOWN = 3
_REMEMBERED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What was negotiated: a price of its own, or a share off the list price.

    Attributes:
        asked: what it is for; what is "" there fits everything.
        amount: of one unit, None for a discount.
        unit: of the amount.
        discount: share off the list price, None for an amount.
        effective_from: when it begins to hold.
        until: when it ends, None if it goes on.
    """

    asked: Asked
    effective_from: datetime
    amount: Decimal | None = None
    unit: str = ""
    discount: Decimal | None = None
    until: datetime | None = None

    def fits(self, asked: Asked, at: datetime) -> bool:
        """Tell whether it is in force and about what is asked."""
        if at < self.effective_from or (self.until is not None and at >= self.until):
            return False
        mine = (self.asked.provider, *(getattr(self.asked, name) for name in _ASKED))
        theirs = (asked.provider, *(getattr(asked, name) for name in _ASKED))
        return all(not one or one == other for one, other in zip(mine, theirs, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What the book holds of one provider and offer."""

    provider: str
    offer: str
    prices: int
    seen_at: datetime
    effective_from: datetime


class LedgerPriceBook:
    """The book behind the port `PriceBook`, with contracts laid over it."""

    def __init__(self, table: Table, contracts: Iterable[Contract] = ()) -> None:
        self._table = table
        self._contracts = tuple(contracts)
        self._cached: tuple[int, dict[tuple[str, str], pl.DataFrame]] = (-1, {})

    def add(self, prices: pl.DataFrame, *, seen_at: datetime) -> int:
        """Write the prices that the book does not have yet, per provider in one commit; give how many.

        Raises:
            ConflictError: somebody else wrote prices of the provider meanwhile.
        """
        added = 0
        for (provider,), rows in prices.select(*KEY, *_WORTH, "effective_from", "origin").group_by(
            "provider"
        ):
            added += self._add(str(provider), rows, seen_at)
        return added

    def note_read(self, origin: str, *, at: datetime) -> None:
        """Remember a list that held nothing new, so that it is not read again."""
        self._table.commit(self._table.ensure(), Commit(add=[], metadata=json.dumps({"read": origin}), at=at))

    def _add(self, provider: str, rows: pl.DataFrame, seen_at: datetime) -> int:
        opened = self._table.ensure()
        kept = (
            self._rows(provider).sort("seen_at").group_by(*KEY, "effective_from").agg(pl.col(_WORTH).last())
        )
        rows = rows.unique([*KEY, "effective_from"], keep="last", maintain_order=True)
        fresh = rows.join(
            kept, on=[*KEY, "effective_from", *_WORTH], how="anti", nulls_equal=True
        ).with_columns(pl.lit(seen_at).cast(INSTANT).alias("seen_at"))
        if fresh.is_empty():
            return 0
        ordered = fresh.select(BOOK_SCHEMA.names()).sort("item", "sku", "effective_from")
        staged = self._table.stage(ordered.lazy(), {"provider": provider}, new_id(seen_at))
        guard = f"price_book:{provider}"
        self._table.commit(opened, Commit(add=[staged], metadata="", at=seen_at, guard=guard))
        return fresh.height

    def price(self, asked: Asked, at: datetime) -> Price | NoPrice:
        """Give the newest price that was in force at an instant, or why there is none."""
        if asked.offer is not Offer.CONTRACT:
            return self._from_book(asked, at)
        fitting = [one for one in self._contracts if one.fits(asked, at)]
        listed = self._from_book(_at_list(asked), at)
        if not fitting:
            return listed
        return _negotiated(max(fitting, key=lambda one: one.effective_from), listed)

    def _from_book(self, asked: Asked, at: datetime) -> Price | NoPrice:
        rows = self._shelf(asked.provider, asked.offer.value)
        if rows.is_empty():
            return NoPrice(reason=f"the price book has no {asked.offer} prices of {asked.provider}")
        wanted = {name: getattr(asked, name) for name in _ASKED if getattr(asked, name)}
        found = rows.filter([pl.col(name) == value for name, value in wanted.items()])
        named = " ".join(wanted.values())
        if found.is_empty():
            return NoPrice(
                reason=f"the price book has no {asked.offer} price of {asked.provider} for {named}"
            )
        in_force = found.filter(pl.col("effective_from") <= at)
        if in_force.is_empty():
            first = found.sort("effective_from").row(0, named=True)["effective_from"]
            return NoPrice(reason=f"the oldest {asked.offer} price for {named} is from {first:%Y-%m-%d}")
        if in_force.select(KEY).n_unique() > 1:
            return NoPrice(reason=f"several prices fit {named}: {_told_apart(in_force)}")
        newest = in_force.sort("effective_from", "seen_at").row(-1, named=True)
        return _price(newest)

    def shelves(self) -> list[Shelf]:
        """Say how many prices there are per provider and offer, and how old the newest is."""
        found = (
            self._table.scan()
            .group_by("provider", "offer")
            .agg(
                pl.struct(KEY).n_unique().alias("prices"),
                pl.col("seen_at").max(),
                pl.col("effective_from").max(),
            )
            .sort("provider", "offer")
            .collect(engine="streaming")
        )
        return [Shelf(**row) for row in found.iter_rows(named=True)]

    def newest(self) -> dict[str, datetime]:
        """Give per origin the newest instant from which one of its prices holds.

        A list that held nothing new has the instant at which it was read.
        """
        found = self._table.scan().group_by("origin").agg(pl.col("effective_from").max()).collect()
        return self._read() | dict(found.iter_rows())

    def _read(self) -> dict[str, datetime]:
        """Give the lists of the newest commits that held nothing new, and when they were read."""
        opened = self._table.open()
        read: dict[str, datetime] = {}
        for commit in self._table.log(opened, _REMEMBERED) if opened is not None else ():
            origin = json.loads(commit.get(METADATA) or "{}").get("read")
            if origin:
                read.setdefault(origin, datetime.fromtimestamp(commit["timestamp"] / 1000, UTC))
        return read

    def _rows(self, provider: str) -> pl.DataFrame:
        return self._table.scan().filter(pl.col("provider") == provider).select(BOOK_SCHEMA.names()).collect()

    def _shelf(self, provider: str, offer: str) -> pl.DataFrame:
        """Give all prices of an offer; kept in memory as long as nobody adds any."""
        opened = self._table.open()
        version = -1 if opened is None else opened.version()
        if self._cached[0] != version:
            self._cached = (version, {})
        shelves = self._cached[1]
        if (provider, offer) not in shelves:
            shelves[provider, offer] = self._rows(provider).filter(pl.col("offer") == offer)
        return shelves[provider, offer]


def flat(tiers: Sequence[Tier]) -> tuple[Decimal, str | None]:
    """Give tiers as the book writes them: the first amount, and all of them where there are several."""
    if len(tiers) == 1:
        return tiers[0].amount, None
    return tiers[0].amount, json.dumps([[plain(tier.start), plain(tier.amount)] for tier in tiers])


def _price(row: Mapping[str, object]) -> Price:
    fields = dict(row)
    tiers = fields["tiers"]
    steps = json.loads(str(tiers)) if tiers is not None else [["0", str(fields["amount"])]]
    return Price(
        tiers=tuple(Tier(start=Decimal(start), amount=Decimal(amount)) for start, amount in steps),
        unit=str(fields["unit"]),
        currency=str(fields["currency"]),
        offer=Offer(str(fields["offer"])),
        origin=str(fields["origin"]),
        seen_at=fields["seen_at"],  # type: ignore[arg-type]  # the schema has an instant there
        effective_from=fields["effective_from"],  # type: ignore[arg-type]  # the schema has an instant there
        sku=str(fields["sku"]),
    )


def _at_list(asked: Asked) -> Asked:
    return Asked(provider=asked.provider, offer=Offer.LIST, **{name: getattr(asked, name) for name in _ASKED})


def _negotiated(contract: Contract, listed: Price | NoPrice) -> Price | NoPrice:
    """Give the negotiated price; a discount needs a list price to be taken off."""
    since = contract.effective_from
    if contract.amount is not None:
        return Price(
            tiers=(Tier(start=Decimal(0), amount=contract.amount),),
            unit=contract.unit,
            currency=contract.asked.currency,
            offer=Offer.CONTRACT,
            origin="`prices.contracts` of the configuration",
            seen_at=since,
            effective_from=since,
            sku=contract.asked.sku,
        )
    if isinstance(listed, NoPrice):
        return listed
    share = EXACT.subtract(Decimal(1), contract.discount or Decimal(0))
    return Price(
        tiers=tuple(
            Tier(start=tier.start, amount=EXACT.multiply(tier.amount, share)) for tier in listed.tiers
        ),
        unit=listed.unit,
        currency=listed.currency,
        offer=Offer.CONTRACT,
        origin=f"{plain((1 - share) * 100)} % off {listed.origin}",
        seen_at=listed.seen_at,
        effective_from=max(since, listed.effective_from),
        sku=listed.sku,
    )


def _told_apart(rows: pl.DataFrame) -> str:
    """Name the first columns by which prices differ, with some of their values."""
    for name in KEY:
        values = sorted(rows[name].unique())
        if len(values) > 1:
            more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
            return f"{name} {', '.join(value or '(none)' for value in values[:_SHOWN])}{more}"
    return "they differ in nothing"
