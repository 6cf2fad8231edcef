"""Asking BigQuery, every question priced before it is asked; its SDK stays behind this door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.gcp.access import BIGQUERY, Identity, MissingError, emulated, translated
from collectors.gcp.meter import Meter, cost_of, shown
from collectors.gcp.tables import Shape, Table, recognised
from domain.errors import SourceError
from domain.text import printable

if TYPE_CHECKING:
    from google.cloud import bigquery

PAGE_ROWS = 20_000
"""Rows asked for at once: some 20 MB, of which two are held."""

RETRY_SECONDS = 120.0
"""How long what Google calls passing (503, rate limits) is tried again."""

Parameters = Mapping[str, str | datetime]
"""Values that a question names with an @; they are sent beside it, never written into it."""

_KINDS = {str: "STRING", datetime: "TIMESTAMP"}


@dataclass(slots=True)
class Spent:
    """What was asked for so far, in bytes that BigQuery had to read."""

    bytes: int = 0
    questions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where and as whom questions are asked.

    Attributes:
        table: `project.dataset.table`.
        project: runs the questions and pays for them.
        location: of the dataset, "" lets BigQuery find it.
        max_bytes: the most that one question may read.
        identity: who asks.
    """

    table: str
    project: str
    location: str
    max_bytes: int
    identity: Identity = field(default_factory=Identity)


class Warehouse:
    """One table of billing data, and the questions put to it."""

    def __init__(self, access: Access, meter: Meter) -> None:
        self._access = access
        self._meter = meter
        self._made: bigquery.Client | None = None
        self.spent = Spent()
        self.server_time: datetime | None = None

    @property
    def table(self) -> str:
        """Give the table's name, safe to show."""
        return printable(self._access.table)

    def shape(self) -> Shape:
        """Look at the table.

        Raises:
            SourceError: it cannot be looked at; if it is not there, the message names those that are.
        """
        try:
            with translated(self.table):
                found = self._client().get_table(self._access.table, retry=self._retry())
        except MissingError as error:
            raise SourceError(str(error), hint=self._others()) from error
        partitioning = found.time_partitioning
        expires = partitioning.expiration_ms if partitioning is not None else None
        return Shape(
            name=self._access.table,
            paths=frozenset(_paths(found.schema)),
            by_arrival=partitioning is not None and partitioning.field is None,
            partition_days=None if expires is None else int(expires) // 86_400_000,
            location=found.location or "",
        )

    def recognised(self) -> Table:
        """Tell which export the table is.

        Raises:
            SourceError: it cannot be looked at, or is none.
        """
        return recognised(self.shape())

    def price(self, sql: str, parameters: Parameters) -> int:
        """Give how many bytes a question would read; asking that costs nothing.

        Raises:
            SourceError: it may not be asked, or would read more than is allowed.
        """
        config = self._config(parameters)
        config.dry_run = True
        with translated(self.table):
            job = self._client().query(sql, job_config=config, retry=self._retry())
            size = int(job.total_bytes_processed or 0)
        if size > self._access.max_bytes:
            raise SourceError(
                f"a question to {self.table} would read {shown(size)}, more than `max_bytes_billed` "
                f"({shown(self._access.max_bytes)}) allows; it was not asked",
                hint=f"if that is meant, set `max_bytes_billed: {size // 2**30 + 1}GiB` "
                f"({cost_of(size)} each time)",
            )
        return size

    def ask(self, sql: str, parameters: Parameters) -> Iterator[pl.DataFrame]:
        """Give the answer page by page, everything as text; only one page is held.

        Raises:
            SourceError: the question was refused, or a page could not be had.
        """
        self._meter.take(self.price(sql, parameters))
        config = self._config(parameters)
        config.maximum_bytes_billed = self._access.max_bytes
        with translated(self.table):
            job = self._client().query(sql, job_config=config, retry=self._retry(), job_retry=None)
            answer = job.result(page_size=PAGE_ROWS, retry=self._retry(), job_retry=None)
            self.spent.bytes += int(job.total_bytes_billed or job.total_bytes_processed or 0)
            self.spent.questions += 1
            self.server_time = job.ended or self.server_time
            schema = pl.Schema({column.name: pl.String() for column in answer.schema})
            pages = iter(answer.pages)
        while True:
            with translated(self.table):
                page = next(pages, None)
                rows = None if page is None else [row.values() for row in page]
            if rows is None:
                return
            yield pl.DataFrame(rows, schema=schema, orient="row")

    def _client(self) -> bigquery.Client:
        if self._made is None:
            try:
                from google.cloud import bigquery
            except ImportError as error:
                raise SourceError(
                    "google-cloud-bigquery is not installed, and without it BigQuery cannot be asked",
                    hint="install costd with it: pip install 'costd[gcp]'",
                ) from error
            self._made = bigquery.Client(
                project=self._access.project,
                credentials=self._credentials(),
                location=self._access.location or None,
            )
        return self._made

    def _credentials(self) -> Any:
        if emulated("BIGQUERY_EMULATOR_HOST"):
            from google.auth.credentials import AnonymousCredentials

            return AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth has no types here
        return self._access.identity.credentials(BIGQUERY)

    def _config(self, parameters: Parameters) -> bigquery.QueryJobConfig:
        from google.cloud import bigquery

        return bigquery.QueryJobConfig(
            labels={"tool": "costd"},
            use_legacy_sql=False,
            query_parameters=[
                bigquery.ScalarQueryParameter(name, _KINDS[type(value)], value)
                for name, value in parameters.items()
            ],
        )

    def _retry(self) -> Any:
        from google.cloud.bigquery.retry import DEFAULT_RETRY

        return DEFAULT_RETRY.with_timeout(RETRY_SECONDS)

    def _others(self) -> str:
        """Name the exports that are in the dataset, for whom the table was renamed or misspelt."""
        dataset = self._access.table.rpartition(".")[0]
        try:
            with translated(self.table):
                listed = self._client().list_tables(dataset, max_results=100, retry=self._retry())
                found = sorted(one.table_id for one in listed if "billing" in one.table_id)
        except SourceError:
            return "correct `table` of this source: project.dataset.table, as BigQuery's page shows it"
        if not found:
            return "correct `table` of this source: no billing export is in that dataset"
        return printable(f"correct `table` of this source: the dataset has {', '.join(found[:5])}")


def _paths(fields: Any, before: str = "") -> Iterator[str]:
    for one in fields:
        yield f"{before}{one.name}"
        yield from _paths(one.fields, f"{before}{one.name}.")


def micros(instant: datetime) -> str:
    """Write an instant as SQL wants it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
