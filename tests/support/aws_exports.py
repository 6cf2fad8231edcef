"""Exports as AWS lays them out in a bucket, and a desk that collects them like the ledger would."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import polars as pl
from exports import Desk
from s3 import REGION, S3Server

from collectors.aws_billing import AwsBillingCollector
from daemon.clock import SystemClock
from domain.money import Money
from domain.own_cost import Paid, Spent
from domain.window import month_of, month_window, previous_month

TODAY = SystemClock().now()
"""S3 stamps objects with the real time, so the months are those around it."""

THIS_MONTH = month_of(TODAY)
LAST_MONTH = month_of(previous_month(TODAY.date()))
Line = dict[str, str]


def a_line(month: str = "2026-06", day: int = 10, **columns: str) -> Line:
    """Give one line of usage of an hour, as CUR 2.0 names its columns."""
    window = month_window(month)
    cost = columns.get("line_item_unblended_cost", "1.25")
    return {
        "bill_bill_type": "Anniversary",
        "bill_billing_entity": "AWS",
        "bill_billing_period_start_date": f"{window.start:%Y-%m-%dT%H:%M:%SZ}",
        "bill_billing_period_end_date": f"{window.end:%Y-%m-%dT%H:%M:%SZ}",
        "bill_invoice_id": "",
        "bill_invoicing_entity": "Amazon Web Services, Inc.",
        "bill_payer_account_id": "111122223333",
        "line_item_usage_account_id": "044455556666",
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": f"{month}-{day:02d}T05:00:00Z",
        "line_item_usage_end_date": f"{month}-{day:02d}T06:00:00Z",
        "line_item_product_code": "AmazonEC2",
        "line_item_usage_type": "EUC1-BoxUsage:m5.large",
        "line_item_operation": "RunInstances",
        "line_item_resource_id": "i-0aa1",
        "line_item_usage_amount": "1.0000000000",
        "line_item_currency_code": "USD",
        "line_item_unblended_cost": cost,
        "line_item_unblended_rate": cost,
        "line_item_line_item_description": "$0.096 per On Demand Linux m5.large Instance Hour",
        "pricing_public_on_demand_cost": cost,
        "pricing_public_on_demand_rate": cost,
        "pricing_unit": "Hrs",
        "product_region_code": "eu-central-1",
        "product_servicecode": "AmazonEC2",
        "resource_tags": '{"user_team":"web"}',
        **columns,
    }


def lines_of(month: str, count: int, *, cost: str = "1.25", **columns: str) -> list[Line]:
    """Give lines that differ in their resource."""
    return [
        a_line(
            month,
            i % 28 + 1,
            line_item_unblended_cost=cost,
            line_item_resource_id=f"i-{i}",
            **columns,
        )
        for i in range(count)
    ]


def as_csv(lines: Iterable[Mapping[str, str]]) -> bytes:
    """Give lines as CSV, quoted as AWS does."""
    lines = list(lines)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def as_gzip(lines: Iterable[Mapping[str, str]]) -> bytes:
    """Give lines as gzipped CSV."""
    return gzip.compress(as_csv(lines), mtime=0)


def as_zip(lines: Iterable[Mapping[str, str]], name: str = "report-00001.csv") -> bytes:
    """Give lines as a ZIP archive of one CSV."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, as_csv(lines))
    return packed.getvalue()


def as_parquet(lines: Iterable[Mapping[str, str]]) -> bytes:
    """Give lines as Parquet with the types that AWS gives: doubles, timestamps and maps."""
    import pyarrow as pa
    from pyarrow import map_, parquet, string
    from pyarrow import table as arrow_table

    lines = list(lines)
    columns: dict[str, Any] = {}
    for name in lines[0]:
        values = [line[name] or None for line in lines]
        if name == "resource_tags":
            maps = [list(json.loads(value).items()) if value else None for value in values]
            columns[name] = pa.array(maps, map_(string(), string()))
        elif name.endswith(("_cost", "_rate", "_amount")):
            columns[name] = pa.array([float(value) if value else None for value in values], pa.float64())
        elif name.endswith("_date"):
            moments = [datetime.fromisoformat(value) if value else None for value in values]
            columns[name] = pa.array(moments, pa.timestamp("ms"))
        else:
            columns[name] = pa.array(values, string())
    target = io.BytesIO()
    parquet.write_table(arrow_table(columns), target, compression="snappy")
    return target.getvalue()


def as_legacy(lines: Iterable[Mapping[str, str]]) -> list[Line]:
    """Give lines with the column names of a legacy CSV report."""
    return [{_legacy(name): value for name, value in line.items()} for line in lines]


def _legacy(name: str) -> str:
    families = {"bill": "bill", "line_item": "lineItem", "pricing": "pricing", "product": "product"}
    for family, shown in families.items():
        if name.startswith(f"{family}_"):
            words = name.removeprefix(f"{family}_").split("_")
            tail = "".join(word.capitalize() for word in words)
            return f"{shown}/{tail[0].lower() + tail[1:] if family in {'product', 'pricing'} else tail}"
    return name


@dataclass
class Bucket:
    """A bucket that AWS delivers to."""

    server: S3Server
    name: str = ""
    prefix: str = "exports/cur2"

    def __post_init__(self) -> None:
        """Make the bucket."""
        self.name = self.name or self.server.bucket()
        self.client = self.server.client()

    def put(self, key: str, content: bytes) -> None:
        """Write an object."""
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.client.delete_object(Bucket=self.name, Key=key)

    def data_export(
        self, period: str, files: Mapping[str, bytes], *, name: str = "cur2", run: str = "", **changes: Any
    ) -> str:
        """Deliver a refresh of a month as Data Exports does; give its manifest.

        With `run` it goes to a folder of its own, as with the option to create new files.
        """
        root = f"{self.prefix}/{name}" if self.prefix else name
        below = f"BILLING_PERIOD={period}/{run}/" if run else f"BILLING_PERIOD={period}/"
        keys = [f"{root}/data/{below}{file}" for file in files]
        for key, content in zip(keys, files.values(), strict=True):
            self.put(key, content)
        manifest = {
            "executionId": run or uuid4().hex,
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:111122223333:export/{name}",
            "billingPeriod": {"start": f"{period.replace('-', '')}01T000000.000Z"},
            "dataFiles": [f"s3://{self.name}/{key}" for key in keys],
            **changes,
        }
        place = f"{root}/metadata/{below}{name}-Manifest.json"
        self.put(place, json.dumps(manifest).encode())
        return place

    def report(
        self,
        period: str,
        files: Mapping[str, bytes],
        *,
        name: str = "legacy",
        assembly: str = "20260610T000000Z",
        hive: bool = False,
        **changes: Any,
    ) -> str:
        """Deliver a refresh of a month as a legacy report does; give its top manifest."""
        root = f"{self.prefix}/{name}" if self.prefix else name
        window = month_window(period)
        span = f"{root}/{window.start:%Y%m%d}-{window.end:%Y%m%d}"
        folder = (
            f"{root}/{name}/year={window.start.year}/month={window.start.month}"
            if hive
            else f"{span}/{assembly}"
        )
        keys = [f"{folder}/{file}" for file in files]
        for key, content in zip(keys, files.values(), strict=True):
            self.put(key, content)
        manifest = {
            "assemblyId": assembly,
            "account": "111122223333",
            "bucket": self.name,
            "billingPeriod": {
                "start": f"{window.start:%Y%m%d}T000000.000Z",
                "end": f"{window.end:%Y%m%d}T000000.000Z",
            },
            "reportKeys": keys,
            "reportName": name,
            **changes,
        }
        content = json.dumps(manifest).encode()
        if not hive:
            self.put(f"{folder}/{name}-Manifest.json", content)
        place = f"{span}/{name}-Manifest.json"
        self.put(place, content)
        return place


@dataclass
class Standing:
    """A clock that stands, until it is set."""

    at: datetime = TODAY

    def now(self) -> datetime:
        """Give the time it shows."""
        return self.at


@dataclass
class Purse:
    """Paid requests, counted in memory."""

    days: dict[tuple[str, str, date], int] = field(default_factory=dict)

    def take(self, paid: Paid, *, limit: int, now: datetime) -> bool:
        """Count a request unless the day is used up."""
        key = (paid.source, paid.service, now.date())
        if self.days.get(key, 0) + paid.quantity > limit:
            return False
        self.days[key] = self.days.get(key, 0) + paid.quantity
        return True

    def left(self, source: str, service: str, *, limit: int, now: datetime) -> int:
        """Give what the day allows."""
        return max(0, limit - self.days.get((source, service, now.date()), 0))

    def spent(self, *, since: date) -> list[Spent]:
        """List the days."""
        return [
            Spent(
                day=day,
                limit=0,
                paid=Paid(
                    source=source,
                    service=service,
                    unit="requests",
                    quantity=count,
                    cost=Money(amount=Decimal(count) / 100, currency="USD"),
                ),
            )
            for (source, service, day), count in self.days.items()
            if day >= since
        ]


class AwsDesk(Desk):
    """Keeps what an AWS source delivered, period by period, and the cursors."""

    def __init__(self, bucket: Bucket, *, url: str = "", **settings: Any) -> None:
        self.clock, self.purse = Standing(), Purse()
        given = {
            "name": "aws",
            "bucket": bucket.name,
            "prefix": bucket.prefix,
            "region": REGION,
            "endpoint_url": url or bucket.server.url,
            "execution_status": bool(url),
            "cost_explorer": {"bootstrap": bool(url)},
            **settings,
        }
        self.collector = AwsBillingCollector(
            AwsBillingCollector.Settings.model_validate(given), clock=self.clock, requests=self.purse
        )
        self.cursors = {}
        self.months = {}


def totals(frames: Sequence[pl.DataFrame], column: str = "BilledCost") -> Decimal:
    """Give the sum of a cost over frames."""
    return Decimal(pl.concat(frames)[column].sum())
