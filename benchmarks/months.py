"""Writes a realistic FOCUS month as Parquet, whose sums are known to the last digit.

`python -m benchmarks.months --rows 10_000_000 --out DIR` writes files of a million rows, and
`truth.json` beside them. Costs are drawn as whole 1E-12 USD, so the truth has no rounding.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.company import SKUS_PER_SERVICE, Company, found
from domain.charge import COSTS, FOCUS, INSTANT
from domain.window import month_window

ROWS_PER_FILE = 1_000_000
MONTH = "2026-06"
PLAIN, CREDIT, TAX, PURCHASE, UNUSED = range(5)
TAG_COLUMNS = ("tag_team", "tag_service", "tag_model")
CREDITS, UNUSED_SHARE = 0.004, 0.004
MONTHLY = {TAX: 12_000, PURCHASE: 1_000}
"""Rows that a month has however large it is: a tax per account and service, recurring fees."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The numbers of one file's rows, before they get their words."""

    resource: np.ndarray
    sku: np.ndarray
    kind: np.ndarray
    hour: np.ndarray
    quantity: np.ndarray
    picos: dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What decides every byte of a month.

    Attributes:
        rows: charges in it.
        month: `YYYY-MM`; months of one seed share their resources and prices.
        seed: of the company and of the dice.
        resources: how many the company has.
        tags: how `Tags` is written: JSON text, or a Parquet map.
        version: of FOCUS, which decides the columns: 57 in 1.2, 65 in 1.3.
    """

    rows: int
    month: str = MONTH
    seed: int = 7
    resources: int = 200_000
    tags: str = "json"
    version: str = "1.2"


def write(folder: Path, recipe: Recipe) -> None:
    """Write the month once; a folder that holds it already is left as it is."""
    label = asdict(recipe)
    truth = folder / "truth.json"
    if truth.exists() and json.loads(truth.read_text())["label"] == label:
        return
    for kind in ("focus", "raw"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    company = found(recipe.seed, recipe.resources)
    month = [recipe.seed, *map(int, recipe.month.split("-"))]
    sums: Counter[str] = Counter()
    for number, start in enumerate(range(0, recipe.rows, ROWS_PER_FILE)):
        dice = np.random.default_rng([*month, number])
        drawn = _draw(dice, company, recipe, min(ROWS_PER_FILE, recipe.rows - start))
        charges, raw = _frames(company, recipe, drawn)
        if recipe.tags == "map":
            charges = charges.with_columns(pl.col("Tags").str.json_decode(pl.Map(pl.String, pl.String)))
        charges.write_parquet(folder / "focus" / f"part-{number:04d}.parquet", compression="zstd")
        raw.write_parquet(folder / "raw" / f"part-{number:04d}.parquet", compression="zstd")
        for column, picos in drawn.picos.items():
            sums[column] += _total(picos)
    exact = {column: str(Decimal(total).scaleb(-12)) for column, total in sums.items()}
    truth.write_text(json.dumps({"label": label, "sums": exact}, indent=2) + "\n")


def _draw(dice: np.random.Generator, company: Company, recipe: Recipe, rows: int) -> Drawn:
    resource = (company.resources.height * dice.random(rows) ** 1.5).astype(np.int64)
    service = company.resources["service"].to_numpy()[resource]
    # A resource uses the same few prices all month.
    sku = service * SKUS_PER_SERVICE + (resource * 7 + dice.integers(0, 3, rows)) % SKUS_PER_SERVICE
    kind = _kinds(dice, recipe, rows)
    quantity = dice.integers(1, 5_000, rows)
    listed = company.prices["picos"].to_numpy()[sku] * quantity
    contracted = listed - listed // 20
    covered = company.resources["CommitmentDiscountStatus"].is_not_null().to_numpy()[resource]
    effective = np.where(covered & (kind == PLAIN), contracted * 7 // 10, contracted)
    billed = np.where(covered & (kind == PLAIN) | (kind == UNUSED), 0, contracted)
    sign = np.where(kind == CREDIT, -1, 1)
    effective = np.where(kind == PURCHASE, 0, effective)
    picos = {
        "BilledCost": billed * sign,
        "EffectiveCost": effective * sign,
        "ListCost": listed * sign,
        "ContractedCost": contracted * sign,
    }
    window = month_window(recipe.month)
    hour = dice.integers(0, (window.end - window.start) // timedelta(hours=1), rows)
    return Drawn(resource, sku, kind, hour, quantity, picos)


def _kinds(dice: np.random.Generator, recipe: Recipe, rows: int) -> np.ndarray:
    """Give the kind of every row: nearly all are usage."""
    monthly = {kind: min(count / recipe.rows, 0.01) for kind, count in MONTHLY.items()}
    shares = {CREDIT: CREDITS, UNUSED: UNUSED_SHARE, **monthly}
    shares[PLAIN] = 1 - sum(shares.values())
    return dice.choice(list(shares), rows, p=list(shares.values()))


def _frames(company: Company, recipe: Recipe, drawn: Drawn) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the file as a provider writes it, and the bare columns of the group-by floor."""
    kind = pl.Series(drawn.kind)
    charges = pl.concat([_whose(company, drawn, kind), company.prices[drawn.sku]], how="horizontal")
    listed = company.prices["picos"].to_numpy()[drawn.sku]
    numbers = {
        **drawn.picos,
        "ConsumedQuantity": drawn.quantity * 10**12,
        "PricingQuantity": drawn.quantity * 10**12,
        "ListUnitPrice": listed,
        "ContractedUnitPrice": listed - listed // 20,
    }
    charges = charges.with_columns(
        **_times(recipe, drawn, kind),
        **{name: _decimals(picos) for name, picos in numbers.items()},
        **_words(recipe, kind),
    ).with_columns(**_commitment())
    columns = {column.name: column.dtype for column in FOCUS if column.since <= recipe.version}
    missing = {
        name: pl.lit(None, dtype=kept) for name, kept in columns.items() if name not in charges.columns
    }
    raw = charges.select("ChargePeriodStart", *TAG_COLUMNS, *list(COSTS.values())[:3])
    return charges.with_columns(**missing).select(*columns), raw


def _whose(company: Company, drawn: Drawn, kind: pl.Series) -> pl.DataFrame:
    """Give the resource of every row; what is no plain usage belongs to an account as a whole."""
    own = kind == PLAIN
    of_resource = ("ResourceId", "ResourceName", "ResourceType", "AvailabilityZone", *TAG_COLUMNS)
    return company.resources[drawn.resource].with_columns(
        *(pl.when(own).then(pl.col(name)).alias(name) for name in of_resource),
        pl.when(own).then(pl.col("Tags")).otherwise(pl.lit("{}")).alias("Tags"),
        pl.when(own)
        .then(pl.col("CommitmentDiscountStatus"))
        .when(kind == UNUSED)
        .then(pl.lit("Unused"))
        .alias("CommitmentDiscountStatus"),
    )


def _times(recipe: Recipe, drawn: Drawn, kind: pl.Series) -> dict[str, pl.Expr]:
    """Give when every charge was: an hour, or the whole month for what comes once a month."""
    window = month_window(recipe.month)
    hours = drawn.hour * np.timedelta64(3_600_000_000, "us")
    start = pl.Series(np.datetime64(f"{recipe.month}-01T00", "us") + hours)
    start = start.dt.replace_time_zone("UTC").cast(INSTANT)
    monthly = kind.is_in(list(MONTHLY))
    first, end = pl.lit(window.start).cast(INSTANT), pl.lit(window.end).cast(INSTANT)
    return {
        "ChargePeriodStart": pl.when(monthly).then(first).otherwise(start),
        "ChargePeriodEnd": pl.when(monthly).then(end).otherwise(start.dt.offset_by("1h")),
        "BillingPeriodStart": first,
        "BillingPeriodEnd": end,
    }


def _commitment() -> dict[str, pl.Expr]:
    """Give the columns of the commitment, on the rows that have one."""
    committed = pl.col("CommitmentDiscountStatus").is_not_null()
    words = {
        "CommitmentDiscountId": pl.format("sp-{}", pl.col("service")),
        "CommitmentDiscountName": pl.format("plan {}", pl.col("service")),
        "CommitmentDiscountCategory": pl.lit("Spend"),
        "CommitmentDiscountType": pl.lit("Savings Plan"),
        "CommitmentDiscountUnit": pl.lit("USD"),
        "CommitmentDiscountQuantity": pl.col("ContractedCost"),
    }
    return {
        **{name: pl.when(committed).then(value) for name, value in words.items()},
        "PricingCategory": pl.when(committed).then(pl.lit("Committed")).otherwise("PricingCategory"),
    }


def _words(recipe: Recipe, kind: pl.Series) -> dict[str, pl.Expr]:
    """Give what is the same on every row of a kind, or on every row."""
    category = pl.lit(kind).replace_strict(
        [PLAIN, CREDIT, TAX, PURCHASE, UNUSED],
        ["Usage", "Credit", "Tax", "Purchase", "Usage"],
        return_dtype=pl.String,
    )
    same = {
        "BillingCurrency": "USD",
        "BillingAccountType": "Payer",
        "SubAccountType": "Account",
        "InvoiceId": f"INV-{recipe.month}",
        "InvoiceIssuerName": "Acme Cloud",
        "PricingCategory": "Standard",
        "PricingCurrency": "USD",
        "ProviderName": "Acme Cloud",
        "PublisherName": "Acme Cloud",
        "CommitmentDiscountCategory": None,
    }
    return {
        "ChargeCategory": category,
        **{name: pl.lit(text, dtype=pl.String) for name, text in same.items()},
    }


def _total(picos: np.ndarray) -> int:
    """Sum whole 1E-12 units without overflow: high and low parts apart."""
    return (int((picos >> 20).sum()) << 20) + int((picos & 0xFFFFF).sum())


def _decimals(picos: np.ndarray) -> pl.Series:
    """Give whole 1E-12 units as Decimal(38,12), without passing a float."""
    wide = np.empty((len(picos), 2), dtype=np.int64)
    wide[:, 0] = picos
    wide[:, 1] = picos >> 63
    array = pa.Array.from_buffers(pa.decimal128(38, 12), len(picos), [None, pa.py_buffer(wide)])
    return pl.Series(pl.from_arrow(array))


def main() -> None:
    """Write a month from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--month", default=MONTH)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--resources", type=int, default=200_000)
    parser.add_argument("--tags", choices=("json", "map"), default="json")
    parser.add_argument("--version", choices=("1.0", "1.1", "1.2", "1.3"), default="1.2")
    given = vars(parser.parse_args())
    write(given.pop("out"), Recipe(**given))


if __name__ == "__main__":
    main()
