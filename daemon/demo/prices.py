"""What the demo company's providers sell: services and SKUs with their prices."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files

from daemon.demo import dice

MICRO = 1_000_000
"""Prices and quantities are whole millionths, so that cost is their product in 1E-12."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service as FOCUS names it; one name has one category and one subcategory."""

    key: str
    provider: str
    name: str
    category: str
    subcategory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sku:
    """One thing that is priced.

    Attributes:
        key: how the tables of this package name it, e.g. `ec2.g5.2xlarge`.
        service: who sells it.
        resource_type: what its resources are, in the provider's words.
        meter: the provider's name of what is measured.
        unit: FOCUS pricing unit.
        consumed_unit: FOCUS consumed unit, of which a pricing unit holds `consumed_per_unit`.
        list_price: millionths of a USD per pricing unit.
        contract_permille: negotiated price in permille of the list price.
        commit_permille: price under the provider's spend commitment, 0 if not covered.
        traits: `monthly` (priced per month of holding), `spot`, `restated` (measured late and
            corrected afterwards).
        description: what the bill says.
        details: FOCUS SkuPriceDetails.
    """

    key: str
    service: Service
    resource_type: str
    meter: str
    unit: str
    consumed_unit: str
    consumed_per_unit: int
    list_price: int
    contract_permille: int
    commit_permille: int
    traits: frozenset[str]
    description: str
    details: dict[str, str | int]

    @property
    def provider(self) -> str:
        """Name the provider that sells it."""
        return self.service.provider

    @property
    def contract_price(self) -> int:
        """Give the negotiated price, rounded down to a millionth."""
        return self.list_price * self.contract_permille // 1000

    @property
    def commit_price(self) -> int:
        """Give the price under a commitment, rounded down to a millionth."""
        return self.list_price * self.commit_permille // 1000

    @property
    def sku_id(self) -> str:
        """Give an id as the provider would write it."""
        raw = f"{dice.number('sku', self.key):016X}"
        match self.provider:
            case "aws":
                return raw
            case "gcp":
                return f"{raw[:4]}-{raw[4:8]}-{raw[8:12]}"
            case _:
                return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-8{raw[1:4]}-{raw[4:16]}".lower()

    @property
    def price_id(self) -> str:
        """Give the id of the SKU's on-demand price as the provider would write it."""
        match self.provider:
            case "aws":
                return f"{self.sku_id}.JRTCKXETXF.6YS6EN2CT7"
            case "gcp":
                return f"{self.sku_id}/default/0"
            case _:
                return f"{self.sku_id}/onDemand"


def rows(table: str) -> Iterator[dict[str, str]]:
    """Read one of the tables that ship with this package."""
    text = files("daemon.demo").joinpath("tables", f"{table}.csv").read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines(), delimiter="|", strict=True)


@lru_cache(maxsize=1)
def services() -> dict[str, Service]:
    """Give every service by its key."""
    return {
        row["service"]: Service(
            key=row["service"],
            provider=row["provider"],
            name=row["name"],
            category=row["category"],
            subcategory=row["subcategory"],
        )
        for row in rows("services")
    }


@lru_cache(maxsize=1)
def skus() -> dict[str, Sku]:
    """Give every SKU by its key."""
    return {row["sku"]: _sku(row) for row in rows("skus")}


def micro(text: str) -> int:
    """Read a decimal number as whole millionths, exactly.

    Raises:
        ValueError: it has more than six digits after the point.
    """
    value = Decimal(text) * MICRO
    if value != int(value):
        raise ValueError(f"more than six digits after the point: {text!r}")
    return int(value)


def _sku(row: dict[str, str]) -> Sku:
    consumed_unit, _, per_unit = row["consumed"].partition("*")
    return Sku(
        key=row["sku"],
        service=services()[row["service"]],
        resource_type=row["resource_type"],
        meter=row["meter"],
        unit=row["unit"],
        consumed_unit=consumed_unit,
        consumed_per_unit=int(per_unit),
        list_price=micro(row["price"]),
        contract_permille=int(row["contract"]),
        commit_permille=int(row["commit"]),
        traits=frozenset(row["traits"].split()),
        description=row["description"],
        details=_details(row["details"]),
    )


def _details(text: str) -> dict[str, str | int]:
    pairs = (pair.split("=", 1) for pair in text.split(";") if pair)
    return {name: int(value) if value.isdecimal() else value for name, value in pairs}
