"""Writes a realistic month of the Cost and Usage Report, legacy CSV and CUR 2.0 Parquet alike.

`python -m benchmarks.cur_months --rows 1_000_000 --out DIR` writes `legacy.csv`, `cur2.parquet` with the
same lines, and `truth.json`. Costs are drawn as whole 1E-10 USD, so the truth has no rounding; half of
them are written in E-notation, as AWS does. Resources, tags and prices come from the company of
`months`; a resource has some 25 lines in a month of a million, for most live for hours or days.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
from pyarrow import parquet

from benchmarks.company import SKUS_PER_SERVICE, Company, found
from domain.window import month_window


def _words(text: str) -> list[str]:
    return text.split()


MONTH = "2026-06"
PIECE = 250_000
USAGE, SPOT, COVERED, RESERVED, CREDIT, TAX, NEGATION, FEE = range(8)
TYPES = (
    "Usage",
    "Usage",
    "SavingsPlanCoveredUsage",
    "DiscountedUsage",
    "Credit",
    "Tax",
    "SavingsPlanNegation",
    "SavingsPlanRecurringFee",
)
SHARES = (0.86, 0.03, 0.05, 0.03, 0.006, 0.024)
PLANS = 4
CODES = _words(
    "AmazonEC2 AmazonS3 AmazonRDS AWSLambda AmazonCloudWatch AmazonDynamoDB AmazonVPC AWSELB awskms AmazonEKS"
    " AmazonECS AmazonSNS AWSQueueService AmazonEFS AmazonES AmazonElastiCache AmazonRoute53 AmazonSageMaker"
    " AmazonBedrock AWSGlue"
)
MACHINES = ("m5.large", "m6i.xlarge", "c6g.2xlarge", "r5.4xlarge", "t3.medium", "g5.2xlarge")
UNITS = ("Hrs", "GB-Mo", "Requests", "GB")
TAGS = ("team", "Team", "owner", "service", "env", "pr", "model", "cost-center", "managed-by")
EMPTY = _words(
    "lineItem/TaxType lineItem/NormalizationFactor lineItem/LegalEntity product/comment product/fromLocation"
    " product/toLocation product/group product/groupDescription product/durability product/availability"
    " product/storageMedia product/volumeType product/maxIopsvolume product/databaseEngine product/gpu"
    " product/licenseModel product/networkPerformance product/transferType product/version"
    " pricing/LeaseContractLength pricing/OfferingClass pricing/PurchaseOption"
    " reservation/AmortizedUpfrontFeeForBillingPeriod reservation/UnusedAmortizedUpfrontFeeForBillingPeriod"
    " reservation/TotalReservedUnits reservation/UnusedRecurringFee reservation/UnusedQuantity"
    " reservation/UpfrontValue"
    " reservation/StartTime reservation/EndTime reservation/SubscriptionId"
    " savingsPlan/StartTime savingsPlan/EndTime savingsPlan/PaymentOption savingsPlan/PurchaseTerm"
)
"""Columns that a real report has and that are nearly always empty."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The numbers of some lines, before they get their words."""

    kind: np.ndarray
    resource: np.ndarray
    sku: np.ndarray
    hour: np.ndarray
    quantity: np.ndarray


def write(folder: Path, rows: int, *, seed: int = 7, resources: int = 40_000) -> None:
    """Write the month once; a folder that holds it already is left as it is."""
    label = {"rows": rows, "seed": seed, "resources": resources}
    truth = folder / "truth.json"
    if truth.exists() and json.loads(truth.read_text())["label"] == label:
        return
    folder.mkdir(parents=True, exist_ok=True)
    company, total = found(seed, resources), 0
    legacy = (folder / "legacy.csv").open("wb")
    modern: parquet.ParquetWriter | None = None
    with legacy:
        for number, (lines, billed) in enumerate(_pieces(seed, company, rows)):
            lines.write_csv(legacy, include_header=not number, line_terminator="\n")
            table = _modern(lines).to_arrow()
            modern = modern or parquet.ParquetWriter(
                folder / "cur2.parquet", table.schema, compression="snappy"
            )
            modern.write_table(table.cast(modern.schema))
            total += billed
    if modern is not None:
        modern.close()
    truth.write_text(json.dumps({"label": label, "billed": str(Decimal(total).scaleb(-10))}) + "\n")


def _pieces(seed: int, company: Company, rows: int) -> Iterator[tuple[pl.DataFrame, int]]:
    hours = int((month_window(MONTH).end - month_window(MONTH).start).total_seconds()) // 3600
    used = np.zeros((PLANS, hours), dtype=np.int64)
    negations, fees = 0, PLANS * hours
    covered = int(SHARES[COVERED] * rows)
    left = max(rows - fees - covered, 1)
    dice = np.random.default_rng([seed, 11])
    while left > 0:
        count = min(PIECE, left)
        kind = dice.choice(6, count, p=SHARES)
        lines, billed = _lines(dice, company, kind, hours, used)
        negations += int((kind == COVERED).sum())
        left -= count
        yield lines, billed
    yield _fees(company, used)


def _lines(
    dice: np.random.Generator, company: Company, kind: np.ndarray, hours: int, used: np.ndarray
) -> tuple[pl.DataFrame, int]:
    count = len(kind)
    # The lines that negate what plans cover follow at once.
    again = np.flatnonzero(kind == COVERED)
    resource = (company.resources.height * dice.random(count) ** 1.5).astype(np.int64)
    service = company.resources["service"].to_numpy()[resource]
    sku = service * SKUS_PER_SERVICE + (resource * 7 + dice.integers(0, 3, count)) % SKUS_PER_SERVICE
    hour = dice.integers(0, hours, count)
    quantity = dice.integers(1, 5_000, count)
    public = (company.prices["picos"].to_numpy()[sku] // 100 + 1) * quantity
    plan = resource % PLANS
    effective = public * 7 // 10
    np.add.at(used, (plan[again], hour[again]), effective[again])
    cost = np.where(kind == CREDIT, -public // 10, np.where(kind == RESERVED, 0, public))
    order = np.concatenate([np.arange(count), again])
    kinds = np.concatenate([kind, np.full(len(again), NEGATION)])
    costs = np.concatenate([cost, -public[again]])
    lines = _frame(company, _Drawn(kinds, resource[order], sku[order], hour[order], quantity[order]))
    money = {
        "lineItem/UnblendedCost": costs,
        "pricing/publicOnDemandCost": np.where(kinds <= RESERVED, public[order], 0),
        "savingsPlan/SavingsPlanEffectiveCost": np.where(kinds == COVERED, effective[order], 0),
        "reservation/EffectiveCost": np.where(kinds == RESERVED, effective[order], 0),
        "lineItem/UnblendedRate": public[order] // quantity[order],
        "pricing/publicOnDemandRate": public[order] // quantity[order],
        "savingsPlan/TotalCommitmentToDate": np.zeros_like(costs),
        "savingsPlan/UsedCommitment": np.zeros_like(costs),
    }
    return _finished(lines, money, plan[order]), int(costs.sum())


def _fees(company: Company, used: np.ndarray) -> tuple[pl.DataFrame, int]:
    plans, hours = used.shape
    hour, plan = np.tile(np.arange(hours), plans), np.repeat(np.arange(plans), hours)
    spent = used.reshape(-1)
    promised = spent * 6 // 5 + 10**9
    zero = np.zeros_like(plan)
    lines = _frame(company, _Drawn(np.full(len(plan), FEE), zero, zero, hour, zero + 1))
    money = {
        **dict.fromkeys(
            (
                "pricing/publicOnDemandCost",
                "savingsPlan/SavingsPlanEffectiveCost",
                "reservation/EffectiveCost",
                "lineItem/UnblendedRate",
                "pricing/publicOnDemandRate",
            ),
            zero,
        ),
        "lineItem/UnblendedCost": promised,
        "savingsPlan/TotalCommitmentToDate": promised,
        "savingsPlan/UsedCommitment": spent,
    }
    return _finished(lines, money, plan), int(promised.sum())


def _frame(company: Company, drawn: _Drawn) -> pl.DataFrame:
    """Give the words of lines; their money comes after."""
    kind, resource, sku, hour = drawn.kind, drawn.resource, drawn.sku, drawn.hour
    quantity = drawn.quantity
    own = kind <= RESERVED
    start = pl.Series(np.datetime64(f"{MONTH}-01T00", "us") + hour * np.timedelta64(3_600_000_000, "us"))
    code = pl.Series(CODES).gather((sku // SKUS_PER_SERVICE) % len(CODES))
    machine = pl.Series(MACHINES).gather(sku % len(MACHINES))
    owned = company.resources[resource]
    keep = pl.Series(own)
    price = company.prices[sku]
    tags = owned["Tags"].str.json_decode(pl.Struct(dict.fromkeys(TAGS, pl.String))).struct.unnest()
    begin, end = (
        start.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        start.dt.offset_by("1h").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    columns = {
        "identity/LineItemId": pl.Series([f"{number:052x}" for number in (resource * 7919 + sku)]),
        "identity/TimeInterval": begin + "/" + end,
        "bill/PayerAccountId": "900000000000",
        "bill/BillingPeriodStartDate": f"{MONTH}-01T00:00:00Z",
        "bill/BillingPeriodEndDate": "2026-07-01T00:00:00Z",
        "bill/InvoiceId": "1234567890",
        "bill/BillingEntity": "AWS",
        "bill/BillType": "Anniversary",
        "bill/InvoicingEntity": "Amazon Web Services, Inc.",
        "lineItem/UsageAccountId": owned["SubAccountId"],
        "lineItem/LineItemType": pl.Series(TYPES).gather(kind),
        "lineItem/UsageStartDate": begin,
        "lineItem/UsageEndDate": end,
        "lineItem/ProductCode": code,
        "lineItem/UsageType": pl.Series(np.where(kind == SPOT, "USE1-SpotUsage:", "USE1-BoxUsage:"))
        + machine,
        "lineItem/Operation": "RunInstances:" + price["SkuMeter"].str.slice(6),
        "lineItem/AvailabilityZone": owned["AvailabilityZone"],
        "lineItem/ResourceId": owned["ResourceId"].set(~keep, None),
        "lineItem/UsageAmount": pl.Series(quantity).cast(pl.String) + ".0000000000",
        "lineItem/CurrencyCode": "USD",
        "lineItem/LineItemDescription": price["ChargeDescription"],
        "product/ProductName": "Amazon " + code,
        "product/instanceType": machine,
        "product/location": owned["RegionName"],
        "product/locationType": "AWS Region",
        "product/memory": pl.Series(["8 GiB", "16 GiB", "32 GiB"]).gather(sku % 3),
        "product/operatingSystem": "Linux",
        "product/productFamily": "Compute Instance",
        "product/region": owned["RegionId"],
        "product/regionCode": owned["RegionId"],
        "product/servicecode": code,
        "product/sku": price["SkuId"],
        "product/tenancy": "Shared",
        "product/vcpu": pl.Series(["2", "4", "8"]).gather(sku % 3),
        "pricing/RateCode": price["SkuId"] + ".JRTCKXETXF.6YS6EN2CT7",
        "pricing/RateId": price["SkuMeter"].str.slice(6),
        "pricing/currency": "USD",
        "pricing/term": "OnDemand",
        "pricing/unit": pl.Series(UNITS).gather(sku % len(UNITS)),
    }
    frame = pl.DataFrame([_column(name, value, len(kind)) for name, value in columns.items()])
    marked = [tags[name].set(~keep, None).alias(f"resourceTags/user:{name}") for name in TAGS]
    return frame.with_columns(marked)


def _column(name: str, value: str | pl.Series, height: int) -> pl.Series:
    if isinstance(value, str):
        return pl.Series(name, [value]).new_from_index(0, height)
    return value.alias(name)


def _finished(lines: pl.DataFrame, money: dict[str, np.ndarray], plan: np.ndarray) -> pl.DataFrame:
    kind = lines["lineItem/LineItemType"]
    planned = kind.str.starts_with("SavingsPlan")
    arn = pl.Series([f"arn:aws:savingsplans::900000000000:savingsplan/{i:036x}" for i in range(PLANS)])
    reserved = pl.Series(
        [f"arn:aws:ec2:us-east-1:900000000000:reserved-instances/{i:036x}" for i in range(PLANS)]
    )
    written = {name: _written(amounts) for name, amounts in sorted(money.items())}
    written["lineItem/UnblendedCost"] = written["lineItem/UnblendedCost"].fill_null("0.0000000000")
    return lines.with_columns(
        *(amounts.alias(name) for name, amounts in written.items()),
        arn.gather(plan).set(~planned, None).alias("savingsPlan/SavingsPlanARN"),
        reserved.gather(plan).set(kind != "DiscountedUsage", None).alias("reservation/ReservationARN"),
        *(pl.lit(None, dtype=pl.String).alias(name) for name in EMPTY),
    )


def _written(amounts: np.ndarray) -> pl.Series:
    """Write 1E-10 USD as AWS does: small ones in E-notation, nothing where there is nothing."""
    series = pl.Series(amounts)
    plain = (series.cast(pl.Decimal(38, 0)) * pl.Series([Decimal("1E-10")]).cast(pl.Decimal(38, 10))[0]).cast(
        pl.String
    )
    digits = series.abs().cast(pl.String)
    power = digits.str.len_bytes().cast(pl.Int64) - 11
    sign = pl.Series(np.where(amounts < 0, "-", ""))
    short = (
        sign
        + digits.str.head(1)
        + "."
        + (digits.str.slice(1).str.strip_chars_end("0") + "0")
        + "E"
        + power.cast(pl.String)
    )
    # As in the sample of the converter, where 681 of 1,281 costs are written so.
    return plain.zip_with(pl.Series(amounts % 2 == 0), short).set(series == 0, None)


def _modern(lines: pl.DataFrame) -> pl.DataFrame:
    """Give the same lines as CUR 2.0: its names, its numbers as doubles, its maps."""
    from collectors.aws.names import COSTS, QUANTITIES, cur2_names

    names = cur2_names(lines.columns)
    kept = lines.select(list(names)).rename(names)
    maps = []
    for name in ("resource_tags", "product"):
        keys = [column for column in kept.columns if column.startswith(f"{name}/")]
        spelt = {column.partition("/")[2].replace(":", "_").lower(): column for column in reversed(keys)}
        pairs = [
            pl.when(pl.col(column).is_not_null()).then(
                pl.struct(pl.lit(key).alias("key"), pl.col(column).alias("value"))
            )
            for key, column in spelt.items()
        ]
        maps.append(pl.concat_list(pairs).list.drop_nulls().cast(pl.Map(pl.String, pl.String)).alias(name))
    doubles = [name for name in kept.columns if name in COSTS | QUANTITIES]
    folded = [name for name in kept.columns if "/" in name]
    return kept.with_columns(pl.col(doubles).cast(pl.Float64), *maps).drop(folded)


def main() -> None:
    """Write a month from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--resources", type=int, default=40_000)
    given = parser.parse_args()
    write(given.out, given.rows, seed=given.seed, resources=given.resources)


if __name__ == "__main__":
    main()
