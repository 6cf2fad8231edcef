"""Export files as providers write them, and a desk that collects them like the ledger would."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from collectors.focus.sums import EXACT, Key
from collectors.focus_files import FocusFilesCollector
from collectors.interface import Collector
from domain.delivery import Chunk, Closing, Coverage, Cursor, Freshness, Rejected
from domain.errors import SourceError

Row = dict[str, str]

_DEFAULTS: Row = {
    "BilledCost": "1.25",
    "BillingAccountId": "111122223333",
    "BillingCurrency": "USD",
    "BillingPeriodEnd": "2026-07-01T00:00:00Z",
    "BillingPeriodStart": "2026-06-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeFrequency": "Usage-Based",
    "ChargePeriodEnd": "2026-06-10T01:00:00Z",
    "ChargePeriodStart": "2026-06-10T00:00:00Z",
    "ContractedCost": "1.25",
    "EffectiveCost": "1.20",
    "ListCost": "1.50",
    "ProviderName": "AWS",
    "ResourceId": "i-0aa1",
    "ServiceName": "Amazon Elastic Compute Cloud",
    "SubAccountId": "444455556666",
    "Tags": '{"team": "web"}',
}


def a_row(month: str = "2026-06", day: int = 10, **columns: str) -> Row:
    """Give one charge of an hour as text, as a file would hold it."""
    year, number = int(month[:4]), int(month[5:])
    following = f"{year + number // 12}-{number % 12 + 1:02d}"
    return _DEFAULTS | {
        "BillingPeriodStart": f"{month}-01T00:00:00Z",
        "BillingPeriodEnd": f"{following}-01T00:00:00Z",
        "ChargePeriodStart": f"{month}-{day:02d}T00:00:00Z",
        "ChargePeriodEnd": f"{month}-{day:02d}T01:00:00Z",
        **columns,
    }


def rows_of(month: str, count: int, *, cost: str = "1.25", resource: str = "i") -> list[Row]:
    """Give charges that differ in their resource."""
    return [a_row(month, day=i % 28 + 1, BilledCost=cost, ResourceId=f"{resource}-{i}") for i in range(count)]


def csv_bytes(rows: Iterable[Mapping[str, str]], columns: Sequence[str] = (), **dialect: Any) -> bytes:
    """Give rows as CSV."""
    rows = list(rows)
    names = columns or list(rows[0] if rows else _DEFAULTS)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, extrasaction="ignore", **{"lineterminator": "\n", **dialect})
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def write(path: Path, rows: Iterable[Mapping[str, str]], columns: Sequence[str] = ()) -> Path:
    """Write rows to a file whose ending says in which form: CSV, packed CSV or Parquet of text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = list(rows)
    if path.suffix == ".parquet":
        names = columns or list(rows[0] if rows else _DEFAULTS)
        frame = pl.DataFrame({name: [row.get(name) for row in rows] for name in names})
        frame.write_parquet(path)
        return path
    content = csv_bytes(rows, columns)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def write_run(
    folder: Path, files: Mapping[str, bytes], *, submitted: str, prefix: str = "container/", **changes: Any
) -> Path:
    """Write a run of an Azure export: parts, and a manifest in Microsoft's documented shape."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    relative = changes.pop("relative", folder.name)
    blobs = [
        {
            "blobName": f"{prefix}{relative}/{name}",
            "byteCount": len(content),
            "dataRowCount": len(list(csv.reader(io.StringIO(content.decode(), newline="")))) - 1,
        }
        for name, content in files.items()
    ]
    manifest = {
        "manifestVersion": "2024-04-01",
        "byteCount": sum(len(content) for content in files.values()),
        "blobCount": len(blobs),
        "dataRowCount": sum(int(str(blob["dataRowCount"])) for blob in blobs),
        "exportConfig": {
            "exportName": "focus",
            "resourceId": "/subscriptions/1/providers/Microsoft.CostManagement/exports/focus",
            "dataVersion": "1.2-preview",
            "type": "FocusCost",
            "timeFrame": "MonthToDate",
            "granularity": "Daily",
        },
        "deliveryConfig": {"dataOverwriteBehavior": "CreateNewReport", "fileFormat": "Csv"},
        "runInfo": {
            "executionType": "Scheduled",
            "submittedTime": submitted,
            "runId": folder.name,
            "startDate": "2026-06-01T00:00:00",
            "endDate": "2026-06-21T00:00:00Z",
        },
        "blobs": blobs,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")
    return folder


class Silence:
    """A progress that nobody watches."""

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Begin."""

    def advance(self, amount: int) -> None:
        """Count."""

    def finish(self) -> None:
        """End."""


def merged(into: dict[Key, Decimal], more: Mapping[Key, Decimal]) -> None:
    """Add sums to sums, exactly."""
    for key, amount in more.items():
        into[key] = EXACT.add(into.get(key, Decimal(0)), amount)


@dataclass
class Collected:
    """What one collection brought."""

    coverage: Coverage
    notes: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    batches: list[frozenset[str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    parsed: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)
    residual: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)
    versions: list[str] = field(default_factory=list)
    closings: dict[str, Closing] = field(default_factory=dict)

    @property
    def is_fresh(self) -> bool:
        """Say whether the source calls itself complete."""
        return self.coverage.freshness is Freshness.FRESH

    def billed(self, period: str = "2026-06", currency: str = "USD") -> Decimal:
        """Give the parsed sum of BilledCost."""
        return self.parsed.get((period, currency, "BilledCost"), Decimal(0))


class Desk:
    """Keeps what a source delivered, period by period, and the cursors, as the ledger does."""

    def __init__(self, path: Path | str, **settings: Any) -> None:
        self.collector: Collector = FocusFilesCollector(
            FocusFilesCollector.Settings(name="files", path=str(path), **settings)
        )
        self.cursors: dict[str, Cursor] = {}
        self.months: dict[str, pl.DataFrame] = {}

    def collect(self) -> Collected:
        """Fetch once and keep what arrives whole."""
        cursors = json.loads(json.dumps(self.cursors))
        fetch = self.collector.fetch(cursors, progress=Silence())
        found = Collected(coverage=fetch.coverage, notes=list(fetch.notes))
        found.refused = {result.billing_period: result.reason for result in fetch.refused}
        for batch in fetch.batches:
            found.batches.append(batch.periods)
            try:
                chunks = list(batch.chunks)
            except SourceError as error:
                found.refused |= dict.fromkeys(batch.periods, str(error))
                continue
            found.closings |= {period: batch.closing(period) for period in batch.periods}
            if unsure := {
                period: closing.objections[0].reason
                for period, closing in found.closings.items()
                if period in batch.periods and closing.objections
            }:
                found.refused |= unsure
                continue
            for period in batch.periods:
                found.refused.pop(period, None)
            found.notes += batch.notes
            found.versions.append(batch.focus_version)
            found.files += [file.path for file in batch.files]
            self._keep(batch.periods, chunks, found)
            self.cursors |= dict(batch.cursors)
        return found

    def _keep(self, periods: Iterable[str], chunks: Sequence[Chunk], found: Collected) -> None:
        for chunk in chunks:
            merged(found.parsed, chunk.parsed)
            merged(found.residual, chunk.residual)
            found.rejected += chunk.rejected
            found.notes += chunk.notes
        for period in periods:
            of = pl.col("BillingPeriodStart").dt.strftime("%Y-%m") == period
            frames = [chunk.charges.filter(of) for chunk in chunks]
            self.months[period] = pl.concat(frames) if frames else pl.DataFrame()

    def billed(self, period: str = "2026-06") -> Decimal:
        """Give the stored sum of BilledCost of a period."""
        month = self.months.get(period)
        if month is None or month.is_empty():
            return Decimal(0)
        return Decimal(month["BilledCost"].sum())
