"""Google Cloud's bill from its exports to BigQuery: standard, detailed and Google's own FOCUS (Preview)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from collectors.gcp import native_sql, sql
from collectors.gcp.access import Identity, emulated
from collectors.gcp.bigquery import Access, Parameters, Warehouse
from collectors.gcp.convert import to_focus
from collectors.gcp.invoicing import invoice_of
from collectors.gcp.meter import Meter
from collectors.gcp.months import Month, Watermarks, bounds, oldest_month
from collectors.gcp.probing import account_in, account_probes, probes_of
from collectors.gcp.reading import Reading, summary_of
from collectors.gcp.tables import Export, Table
from collectors.gcp_catalog import Asking, GcpBudgets, GcpProjects
from collectors.interface import Probe
from config.secrets import Secret
from config.source import SourceEnvelope
from config.units import ByteSize
from domain.delivery import Coverage, Cursor, Fetch, Freshness
from domain.errors import SourceError
from domain.invoice import Invoice, NoInvoice
from domain.ports import Clock, Progress, RequestBudget

__all__ = ["GcpBillingCollector", "GcpBillingSettings", "to_focus"]

_TABLE = re.compile(r"[a-z0-9][a-z0-9.:-]{2,60}\.[A-Za-z0-9_]{1,1024}\.[A-Za-z0-9_-]{1,1024}", re.ASCII)
_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])", re.ASCII)


def _table(value: str) -> str:
    if not _TABLE.fullmatch(value):
        raise ValueError("is no table; write project.dataset.table, as BigQuery's page shows it")
    return value


def _month(value: str) -> str:
    if not _MONTH.fullmatch(value):
        raise ValueError("is no month; write YYYY-MM")
    return value


class GcpBillingSettings(SourceEnvelope):
    """Which table holds the bill, and as whom it is asked."""

    type: Literal["gcp_billing"] = Field(default="gcp_billing", description="Always `gcp_billing`.")
    table: Annotated[str, AfterValidator(_table)] = Field(
        description="The table that Google's export fills, as `project.dataset.table`; the detailed export "
        "(`gcp_billing_export_resource_v1_…`) is best, because it names resources. Required: nothing can be "
        "guessed here.",
        examples=["acme.billing.gcp_billing_export_resource_v1_0123AB_4567CD_89EF01"],
    )
    project: str = Field(
        default="",
        pattern=r"^[a-z0-9.:-]*$",
        description="The project that runs the queries and pays for them. Default the project of the table, "
        "because most keep both in one.",
        examples=["acme-finops"],
    )
    location: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9-]*$",
        description="Where the dataset is, like `EU`. Default none, because BigQuery finds it by itself.",
        examples=["EU"],
    )
    first_month: Annotated[str, AfterValidator(_month)] | None = Field(
        default=None,
        description="The oldest invoice month to read, `YYYY-MM`. Default 13 months back from today, because "
        "that is a year and the month to compare it with.",
        examples=["2025-01"],
    )
    max_bytes_billed: ByteSize = Field(
        default=100 * 2**30,
        gt=0,
        description="The most bytes that one query may read; BigQuery refuses a larger one, and so does "
        "costd before it asks. Default `100GiB`, which costs about 0.61 USD at 6.25 USD per TiB: a month of "
        "a large company is a few GiB, so more means that something is wrong.",
        examples=["500GiB"],
    )
    max_bytes_per_day: ByteSize = Field(
        default=2**40,
        gt=0,
        description="The most bytes that all queries of a UTC day may read, counted across restarts; "
        "`costd status` shows it. Default `1TiB`, which costs about 6.25 USD: far more than a day needs, far "
        "less than a mistake that repeats itself would cost.",
        examples=["200GiB"],
    )
    credentials: Secret | None = Field(
        default=None,
        description="The key of a service account, as `${file:PATH}`. Default none, because the machine's "
        "own login (application default credentials) is better than a key that lies around.",
        examples=["${file:/run/secrets/gcp.json}"],
    )
    impersonate: str = Field(
        default="",
        pattern=r"^(?:[a-z0-9.-]+@[a-z0-9.-]+)?$",
        description="A service account to act as, by its address. Default none, because the login itself "
        "usually has the roles.",
        examples=["costd@acme-finops.iam.gserviceaccount.com"],
    )

    @property
    def identity(self) -> Identity:
        """Give who costd is at Google."""
        return Identity(key=self.credentials, impersonate=self.impersonate)


class GcpBillingCollector:
    """Delivers every invoice month to which rows were added, whole."""

    Settings = GcpBillingSettings
    HANDED = ("clock", "requests")

    def __init__(self, settings: GcpBillingSettings, *, clock: Clock, requests: RequestBudget) -> None:
        self.name = settings.name
        self._requests = requests
        self._settings = settings
        self._clock = clock

    def probe(self) -> list[Probe]:
        """Look at login, table, export, age of the newest rows, price of a collection, and the account."""
        found = probes_of(self._warehouse(), self._clock.now())
        account = account_in(self._settings.table)
        if not account or emulated("BIGQUERY_EMULATOR_HOST"):
            return found
        asking = Asking(identity=self._settings.identity)
        return [*found, *account_probes(account, GcpProjects(asking), GcpBudgets(asking))]

    def fetch(self, cursors: Mapping[str, Cursor], *, progress: Progress) -> Fetch:
        """Ask which months grew, and offer those."""
        now, warehouse = self._clock.now(), self._warehouse()
        table = warehouse.recognised()
        watermarks = Watermarks(cursors, table.name)
        since = self._since(now)
        found = _grown(warehouse, table, watermarks.first(now, since))
        due = watermarks.due(found, since)
        if not found and not cursors:
            raise SourceError(
                f"{warehouse.table} holds no charges yet",
                hint="the first rows come some hours after the export was enabled; wait, or correct `table`",
            )
        reading = Reading(
            source=self.name,
            warehouse=warehouse,
            table=table,
            watermarks=watermarks,
            since=since,
            due=tuple(due),
            now=now,
            progress=progress,
        )
        return Fetch(
            batches=reading.batches(),
            coverage=Coverage(source=self.name, freshness=Freshness.FRESH),
            notes=tuple(_notes(table)),
        )

    def invoiced(self, period: str) -> Invoice | NoInvoice:
        """Give what BigQuery now says a month costs: cost and all credits, added up there.

        Raises:
            SourceError: BigQuery did not answer, or may not be asked.
        """
        now, warehouse = self._clock.now(), self._warehouse()
        table = warehouse.recognised()
        first, last = bounds(period)
        parameters: Parameters = {
            "month": period.replace("-", ""),
            "first": first,
            "last": last,
            "exported": now,
        }
        summary = summary_of(warehouse, table, table.at(""), parameters)
        if not summary.rows:
            return NoInvoice(reason=f"no invoice to compare with: {warehouse.table} has no rows of {period}")
        return invoice_of(self.name, period, summary, now)

    def _since(self, now: datetime) -> date:
        first = self._settings.first_month
        return oldest_month(now) if first is None else date.fromisoformat(f"{first}-01")

    def _warehouse(self) -> Warehouse:
        settings = self._settings
        return Warehouse(
            Access(
                table=settings.table,
                project=settings.project or settings.table.split(".")[0],
                location=settings.location,
                max_bytes=settings.max_bytes_billed,
                identity=settings.identity,
            ),
            Meter(
                source=self.name,
                requests=self._requests,
                clock=self._clock,
                max_bytes=settings.max_bytes_per_day,
            ),
        )


def _grown(warehouse: Warehouse, table: Table, first: datetime) -> list[Month]:
    """Ask which months have rows in the newest partitions."""
    asked = native_sql.months if table.export is Export.FOCUS else sql.months
    pages = warehouse.ask(asked(table.at("")), {"first": first})
    rows = [row for page in pages for row in page.iter_rows(named=True)]
    return [
        Month(period=f"{row['month'][:4]}-{row['month'][4:]}", exported=row["exported"])
        for row in rows
        if row["month"] and _MONTH.fullmatch(f"{row['month'][:4]}-{row['month'][4:]}")
    ]


def _notes(table: Table) -> list[str]:
    days = table.shape.partition_days
    if days is None or table.export is Export.FOCUS:
        return []
    return [f"partitions of {table.name} are deleted after {days} days; months older than that are not whole"]
