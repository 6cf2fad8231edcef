"""Fetching Google's bill: which months, how priced, and what happens when BigQuery says no."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import gcp_export
import gcp_schema
import polars as pl
import pytest
from bigquery_peer import BigQuery, Table
from gcp_export import Row, committed, credit, fee, tax, usage
from google.api_core.exceptions import Unauthorized
from google.auth.exceptions import RefreshError
from pydantic import ValidationError

from collectors.gcp import access, reading
from collectors.gcp import bigquery as shell
from collectors.gcp_billing import GcpBillingCollector, GcpBillingSettings
from config.secrets import Secret
from daemon.clock import FixedClock
from daemon.progress import Silent
from domain.delivery import Batch, Chunk, Closing, Cursor, Fetch
from domain.errors import ConfigError, CostdError, SourceError
from domain.invoice import Invoice, LineKind, NoInvoice
from domain.own_cost import Paid, Spent
from domain.probe import Health

NAME = "acme.billing.gcp_billing_export_resource_v1_0123"
NOW = datetime(2026, 6, 29, 12, tzinfo=UTC)


def collector(now: datetime = NOW, requests: Requests | None = None, **fields: Any) -> GcpBillingCollector:
    settings = GcpBillingSettings(**{"name": "gcp", "table": NAME, "first_month": "2026-04", **fields})
    return GcpBillingCollector(settings, clock=FixedClock(at=now), requests=requests or Requests())


class Requests:
    """Counts what is paid for, up to the limit that comes with it."""

    def __init__(self) -> None:
        self.paid: list[Paid] = []

    def take(self, paid: Paid, *, limit: int, now: datetime) -> bool:
        assert now == NOW or now.tzinfo is not None
        if sum(one.quantity for one in self.paid) + paid.quantity > limit:
            return False
        self.paid.append(paid)
        return True

    def left(self, source: str, service: str, *, limit: int, now: datetime) -> int:
        raise AssertionError((source, service, limit, now))

    def spent(self, *, since: date) -> list[Spent]:
        raise AssertionError(since)


def fetched(cursors: Mapping[str, Cursor] | None = None, **fields: Any) -> Fetch:
    return collector(**fields).fetch(cursors or {}, progress=Silent())


class Read:
    """A batch read to its end."""

    def __init__(self, batch: Batch) -> None:
        (self.period,) = batch.periods
        self.chunks: list[Chunk] = list(batch.chunks)
        self.closing: Closing = batch.closing(self.period)
        self.cursor = batch.cursors[self.period]
        self.hash = batch.manifest_hash
        self.notes = (*batch.notes, *self.closing.notes)

    @property
    def charges(self) -> pl.DataFrame:
        return pl.concat([chunk.charges for chunk in self.chunks])

    @property
    def billed(self) -> Decimal:
        return self.charges["BilledCost"].sum() or Decimal(0)


def months(fetch: Fetch) -> dict[str, Read]:
    """Read every batch; none may fail and none may be objected to."""
    found = {}
    for batch in fetch.batches:
        one = Read(batch)
        assert one.closing.objections == ()
        found[one.period] = one
    return found


@pytest.fixture
def table(bigquery: BigQuery) -> Table:
    """The table that the settings name."""
    bigquery.tables[NAME] = Table()
    return bigquery.tables[NAME]


def invoice(rows: list[Row], month: str) -> Decimal:
    return sum(gcp_export.invoice(r for r in rows if r["invoice"]["month"] == month).values(), Decimal(0))


# -- which months ----------------------------------------------------------------------------------


def test_every_month_is_given_whole_and_adds_up(table: Table) -> None:
    table.add(*gcp_export.month_rows("202605", days=3), *gcp_export.month_rows("202606", days=3))
    found = months(fetched())
    assert list(found) == ["2026-06", "2026-05"]
    for month in ("202605", "202606"):
        assert found[f"{month[:4]}-{month[4:]}"].billed == invoice(table.rows, month)


def test_a_month_without_new_rows_is_not_asked_for_again(table: Table, bigquery: BigQuery) -> None:
    table.add(usage(month="202605"), usage())
    cursors = {period: one.cursor for period, one in months(fetched()).items()}
    bigquery.asked.clear()
    assert months(fetched(cursors)) == {}
    assert bigquery.questions() == ["months"]


def test_rows_that_come_late_rebuild_their_whole_month_and_no_other(table: Table) -> None:
    table.add(usage(month="202605", start=datetime(2026, 5, 3, tzinfo=UTC)), usage())
    cursors = {period: one.cursor for period, one in months(fetched()).items()}
    late = datetime(2026, 6, 28, tzinfo=UTC)
    table.add(usage(month="202605", cost=2, export_time=late, start=datetime(2026, 5, 31, tzinfo=UTC)))
    found = months(fetched(cursors))
    assert list(found) == ["2026-05"]
    assert found["2026-05"].billed == Decimal("2.1")


def test_a_month_that_changes_long_after_its_end_is_rebuilt_and_told(table: Table) -> None:
    table.add(usage(month="202604", start=datetime(2026, 4, 3, tzinfo=UTC)))
    cursors = {period: one.cursor for period, one in months(fetched()).items()}
    later = datetime(2026, 8, 1, tzinfo=UTC)
    table.add(usage(month="202604", export_time=later, start=datetime(2026, 4, 4, tzinfo=UTC)))
    found = months(fetched(cursors, now=later + timedelta(hours=3)))
    assert "2026-04 got rows 92 days after it ended" in found["2026-04"].notes[0]


def test_a_month_that_could_not_be_read_is_tried_again_though_nothing_is_new(
    table: Table, bigquery: BigQuery
) -> None:
    table.add(usage(month="202604", start=datetime(2026, 4, 3, tzinfo=UTC)), usage())
    bigquery.fail("charges", 403, "accessDenied", "no", after=1, times=1)
    cursors = {}
    for batch in fetched().batches:
        try:
            one = Read(batch)
        except SourceError:
            continue
        cursors[one.period] = one.cursor
    assert list(cursors) == ["2026-06"]
    assert list(months(fetched(cursors))) == ["2026-04"]


def test_months_before_the_first_are_left_alone_until_it_is_set_back(table: Table) -> None:
    table.add(usage(month="202604", start=datetime(2026, 4, 3, tzinfo=UTC)), usage())
    first = months(fetched(first_month="2026-06"))
    assert list(first) == ["2026-06"]
    cursors = {period: one.cursor for period, one in first.items()}
    assert list(months(fetched(cursors, first_month="2026-04"))) == ["2026-04"]


def test_thirteen_months_are_read_where_nothing_is_said(table: Table) -> None:
    table.add(usage(month="202505", start=datetime(2025, 5, 3, tzinfo=UTC)))
    table.add(usage(month="202506", start=datetime(2025, 6, 3, tzinfo=UTC)))
    assert list(months(fetched(first_month=None))) == ["2025-06"]


def test_another_table_is_read_from_its_beginning(table: Table, bigquery: BigQuery) -> None:
    table.add(usage())
    cursors = {period: one.cursor for period, one in months(fetched()).items()}
    other = NAME.replace("resource_v1", "v1")
    bigquery.tables[other] = Table(columns=gcp_schema.STANDARD)
    bigquery.tables[other].add(usage())
    assert list(months(fetched(cursors, table=other))) == ["2026-06"]


def test_rows_that_arrive_while_it_reads_wait_for_the_next_time(table: Table, bigquery: BigQuery) -> None:
    table.add(usage())
    late = usage(export_time=datetime(2026, 6, 29, tzinfo=UTC), cost=5)
    bigquery.between = lambda what: table.add(late) if what == "summary" else None
    assert months(fetched())["2026-06"].billed == Decimal("0.1")


def test_the_same_rows_have_the_same_hash_and_more_rows_another(table: Table) -> None:
    table.add(usage())
    one, again = months(fetched())["2026-06"].hash, months(fetched())["2026-06"].hash
    table.add(usage(export_time=NOW))
    assert one == again != months(fetched())["2026-06"].hash


# -- gates -----------------------------------------------------------------------------------------


def objections(cursors: Mapping[str, Cursor] | None = None) -> dict[str, bool]:
    (batch,) = fetched(cursors).batches
    return {one.gate: one.forcible for one in Read(batch).closing.objections}


def test_charges_that_are_not_what_bigquery_adds_up_are_objected_to(table: Table, bigquery: BigQuery) -> None:
    table.add(usage(cost=1), usage(cost=2))

    def corrupt(what: str) -> None:
        if what == "charges":
            bigquery.jobs.clear()
        elif what == "summary":
            table.rows[0]["cost"] = 3

    bigquery.between = corrupt
    assert objections() == {"billed": False}


def test_commitments_that_are_not_conserved_are_objected_to(table: Table, bigquery: BigQuery) -> None:
    table.add(usage(cost=1, credits=[committed(-1)]), fee(2))

    def corrupt(what: str) -> None:
        if what == "summary":
            table.rows[0]["credits"] = []

    bigquery.between = corrupt
    assert set(objections()) == {"billed", "commitment"}


def test_a_dropped_partition_is_objected_to_and_may_be_forced(table: Table) -> None:
    table.add(usage(start=datetime(2026, 6, 3, tzinfo=UTC)), usage(start=datetime(2026, 6, 4, tzinfo=UTC)))
    cursors = {period: one.cursor for period, one in months(fetched()).items()}
    del table.rows[0:2]
    table.add(usage(export_time=NOW))
    assert objections(cursors) == {"partitions": True}


def test_a_partition_that_is_gone_while_nothing_is_new_changes_nothing(table: Table) -> None:
    table.add(usage(), usage(start=datetime(2026, 6, 20, tzinfo=UTC)))
    cursors = {period: one.cursor for period, one in months(fetched()).items()}
    del table.rows[0]
    assert months(fetched(cursors)) == {}


def test_a_row_that_cannot_be_read_is_set_aside_and_the_month_refused(table: Table) -> None:
    table.add(usage(cost=1), usage(cost=2, usage_end_time=None))
    (batch,) = fetched().batches
    one = Read(batch)
    assert [(row.line, "usage_end is missing" in row.reason) for row in one.chunks[0].rejected] == [(2, True)]
    assert [objection.gate for objection in one.closing.objections] == ["billed"]


# -- prices of questions ---------------------------------------------------------------------------


def test_every_question_is_priced_before_it_is_asked(table: Table, bigquery: BigQuery) -> None:
    table.add(usage())
    found = months(fetched())
    kinds = [bool(one.get("dryRun")) for one in bigquery.asked]
    assert kinds == [True, False] * 3
    asked = [one["query"] for one in bigquery.asked if not one.get("dryRun")]
    assert {query["maximumBytesBilled"] for query in asked} == {str(100 * 2**30)}
    assert all("_PARTITIONTIME >= @first" in query["query"] for query in asked)
    assert "BigQuery read 1.4 KiB for it, less than 0.01 USD" in found["2026-06"].notes[-1]


def test_a_question_that_is_too_large_is_not_asked(table: Table, bigquery: BigQuery) -> None:
    table.add(usage())
    with pytest.raises(
        SourceError, match=r"would read 700 B, more than `max_bytes_billed` \(100 B\)"
    ) as told:
        fetched(max_bytes_billed="100B")
    assert bigquery.questions() == []
    assert "max_bytes_billed: 1GiB" in told.value.hint


def test_every_question_is_counted_at_its_price(table: Table) -> None:
    table.add(usage())
    requests = Requests()
    months(fetched(requests=requests))
    assert [(one.source, one.service, one.quantity, one.unit) for one in requests.paid] == [
        ("gcp", "BigQuery", 10, "MiB")  # the least that BigQuery bills
    ] * 3
    assert requests.paid[0].cost.amount == Decimal("0.000059604645")


def test_the_limit_of_a_day_stops_questions(table: Table, bigquery: BigQuery) -> None:
    table.add(usage(month="202605", start=datetime(2026, 5, 3, tzinfo=UTC)), usage())
    batches = list(fetched(max_bytes_per_day="30MiB").batches)
    with pytest.raises(SourceError, match=r"more today than `max_bytes_per_day` \(30.0 MiB\) allows") as told:
        list(batches[0].chunks)
    assert "collect again tomorrow (UTC)" in told.value.hint
    assert bigquery.questions() == ["months", "summary", "summary"]


def test_only_the_partitions_of_a_month_are_read(table: Table, bigquery: BigQuery) -> None:
    table.add(usage(month="202604", start=datetime(2026, 4, 3, 12, tzinfo=UTC)), usage())
    months(fetched())
    charges = [one["query"] for one in bigquery.asked if "costd: charges" in one["query"]["query"]]
    spans = {
        tuple(
            p["parameterValue"]["value"][:10]
            for p in query["queryParameters"]
            if p["name"] in {"first", "last"}
        )
        for query in charges
    }
    assert spans == {("2026-04-03", "2026-04-03"), ("2026-06-10", "2026-06-10")}


def test_all_questions_see_the_table_as_it_was_at_one_moment(table: Table, bigquery: BigQuery) -> None:
    table.add(usage())
    months(fetched())
    texts = [one["query"]["query"] for one in bigquery.asked if not one.get("dryRun")][1:]
    told = {text.partition("FOR SYSTEM_TIME AS OF ")[2].splitlines()[0] for text in texts}
    assert told == {"TIMESTAMP '2026-07-02 13:46:40.000000 UTC'"}


# -- pages -----------------------------------------------------------------------------------------


def test_pages_are_read_one_by_one(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "PAGE_ROWS", 3)
    table.add(*gcp_export.month_rows("202606", days=2))
    one = months(fetched())["2026-06"]
    assert max(chunk.charges.height for chunk in one.chunks) <= 6
    assert len(one.chunks) > 10
    assert one.billed == invoice(table.rows, "202606")


def test_pages_that_fail_halfway_fail_the_month_and_no_other(
    table: Table, bigquery: BigQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "PAGE_ROWS", 3)
    table.add(*gcp_export.month_rows("202605", days=1), *gcp_export.month_rows("202606", days=1))
    bigquery.fail("page", 403, "accessDenied", "Access Denied", after=6, times=1)
    outcomes = {}
    for batch in fetched().batches:
        (period,) = batch.periods
        try:
            Read(batch)
        except SourceError as error:
            outcomes[period] = str(error)
        else:
            outcomes[period] = ""
    assert "access denied" in outcomes["2026-06"]
    assert outcomes["2026-05"] == ""


def test_a_page_that_fails_in_passing_is_asked_for_again(table: Table, bigquery: BigQuery) -> None:
    table.add(usage())
    bigquery.fail("page", 503, "backendError", "try again", times=1)
    assert months(fetched())["2026-06"].billed == Decimal("0.1")


def test_rows_that_are_missing_from_the_pages_fail_the_month(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.add(usage(), usage())
    real = reading.of_answer
    monkeypatch.setattr(reading, "of_answer", lambda rows: _one_more(real(rows)))
    (batch,) = fetched().batches
    with pytest.raises(SourceError, match="gave 2 rows where 4 were counted"):
        list(batch.chunks)


def _one_more(summary: Any) -> Any:
    return replace(summary, groups=(*summary.groups, *summary.groups))


# -- when BigQuery says no -------------------------------------------------------------------------

DENIED = "Access Denied: Project acme: User does not have {} permission in project acme."
VIEWER = "grant roles/bigquery.dataViewer on the dataset"
USER = "grant roles/bigquery.jobUser on the project that runs the queries"
OFF = "BigQuery API has not been used in project acme before or it is disabled."
REFUSALS = [
    ("table", 403, "accessDenied", DENIED.format("bigquery.tables.get")),
    ("dry", 403, "accessDenied", DENIED.format("bigquery.jobs.create")),
    ("dry", 403, "accessDenied", DENIED.format("bigquery.tables.getData")),
    ("months", 403, "quotaExceeded", "Quota exceeded: too much"),
    ("table", 403, "accessNotConfigured", OFF),
    ("months", 400, "invalidQuery", "Unrecognized name"),
]
TOLD = [
    ("bigquery.tables.get is missing", VIEWER),
    ("bigquery.jobs.create is missing", USER),
    ("bigquery.tables.getData is missing", VIEWER),
    ("a quota is used up", "collect again later"),
    ("has not been used", "enable that API"),
    ("did not understand", "please report this"),
]


@pytest.mark.parametrize(("refusal", "told"), list(zip(REFUSALS, TOLD, strict=True)))
def test_what_google_refuses_is_told_with_what_to_do(
    table: Table, bigquery: BigQuery, refusal: tuple[str, int, str, str], told: tuple[str, str]
) -> None:
    table.add(usage())
    bigquery.fail(*refusal)
    wanted, hint = told
    with pytest.raises(SourceError, match=wanted) as raised:
        fetched()
    assert hint in raised.value.hint
    assert "Job ID" not in str(raised.value)
    assert "\\n" not in str(raised.value)
    (probe,) = [one for one in collector().probe() if one.health is Health.FAIL]
    assert wanted in probe.breaks
    assert hint in probe.fix


def test_a_limit_that_bigquery_itself_finds_is_told(table: Table, bigquery: BigQuery) -> None:
    table.add(usage())
    bigquery.fail("months", 400, "bytesBilledLimitExceeded", "Query exceeded limit for bytes billed: 1")
    with pytest.raises(SourceError, match="exceeded limit") as told:
        fetched()
    assert told.value.hint == "raise `max_bytes_billed` of this source"


def test_a_table_that_was_renamed_is_told_with_those_that_are_there(bigquery: BigQuery) -> None:
    bigquery.tables["acme.billing.gcp_billing_export_resource_v1_9999"] = Table()
    with pytest.raises(SourceError, match="does not exist") as told:
        fetched()
    assert "the dataset has gcp_billing_export_resource_v1_9999" in told.value.hint


def test_nobody_at_the_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:9")
    monkeypatch.setattr(shell, "RETRY_SECONDS", 0.1)
    with pytest.raises(SourceError, match=r"gave up|cannot be reached"):
        fetched()


def test_a_machine_that_is_not_logged_in_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(SourceError, match="not logged in") as told:
        fetched()
    assert "gcloud auth application-default login" in told.value.hint


@pytest.mark.parametrize(
    "error", [RefreshError("Reauthentication is needed"), Unauthorized("Invalid Credentials")], ids=repr
)
def test_an_expired_login_is_told(error: Exception) -> None:
    with pytest.raises(SourceError, match="expired or was revoked") as told, access.translated("acme"):
        raise error
    assert "log in again" in told.value.hint


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("no json", "is no JSON object"),
        (json.dumps({"type": "service_account"}), "lacks something"),
        (json.dumps({"type": "external_account"}), "cannot be used here"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_and_not_shown(content: str, wanted: str, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text(content, encoding="utf-8")
    identity = access.Identity(key=Secret("file", str(key)))
    with pytest.raises(ConfigError, match=wanted):
        identity.credentials(access.BIGQUERY)


def test_a_service_account_can_be_impersonated(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    user = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    key.write_text(json.dumps(user), encoding="utf-8")
    address = "costd@acme.iam.gserviceaccount.com"
    identity = access.Identity(key=Secret("file", str(key)), impersonate=address)
    assert identity.credentials(access.BIGQUERY).service_account_email == address


# -- invoice ---------------------------------------------------------------------------------------


def test_the_invoice_tells_promotions_and_tax_apart(table: Table) -> None:
    granted = [credit("DISCOUNT", -1), credit("PROMOTION", -2)]
    table.add(usage(cost=10, credits=granted), tax(3), usage(cost=4, currency="EUR"))
    found = collector().invoiced("2026-06")
    assert isinstance(found, Invoice)
    assert [(line.currency, line.kind, line.amount) for line in found.lines] == [
        ("EUR", LineKind.CHARGES, Decimal(4)),
        ("USD", LineKind.CHARGES, Decimal(9)),
        ("USD", LineKind.CREDITS, Decimal(-2)),
        ("USD", LineKind.TAX, Decimal(3)),
    ]


def test_a_month_without_rows_has_no_invoice(table: Table) -> None:
    table.add(usage())
    assert collector().invoiced("2026-01") == NoInvoice(
        reason=f"no invoice to compare with: {NAME} has no rows of 2026-01"
    )


def test_the_focus_export_has_totals_only(bigquery: BigQuery) -> None:
    bigquery.tables[NAME] = Table(columns=gcp_schema.FOCUS)
    bigquery.tables[NAME].add(focus_row())
    found = collector().invoiced("2026-06")
    assert isinstance(found, Invoice)
    assert [(line.kind, line.amount) for line in found.lines] == [(None, Decimal("1.5"))]


# -- which table -----------------------------------------------------------------------------------


def test_a_standard_export_is_read_without_resources(bigquery: BigQuery) -> None:
    bigquery.tables[NAME] = Table(columns=gcp_schema.STANDARD)
    row = usage()
    for name in ("resource", "price", "consumption_model"):
        del row[name]
    bigquery.tables[NAME].add(row)
    one = months(fetched())["2026-06"]
    assert one.charges.select("BilledCost", "ResourceId", "ListUnitPrice").rows() == [
        (Decimal("0.1"), None, None)
    ]
    (asked,) = [
        q["query"]["query"]
        for q in bigquery.asked
        if "costd: charges" in q["query"]["query"] and not q.get("dryRun")
    ]
    assert "CAST(NULL AS STRING) AS resource_name" in asked


def focus_row(**fields: Any) -> Row:
    return {
        "BilledCost": Decimal("1.5"),
        "BillingAccountId": "A",
        "BillingCurrency": "USD",
        "BillingPeriodStart": datetime(2026, 6, 1, 7, tzinfo=UTC),
        "ChargeCategory": "Usage",
        "ChargePeriodStart": datetime(2026, 6, 2, tzinfo=UTC),
        "ChargePeriodEnd": datetime(2026, 6, 2, 1, tzinfo=UTC),
        "ContractedCost": Decimal(2),
        "ListCost": Decimal(3),
        "EffectiveCost": None,
        "ServiceName": "Compute Engine",
        "x_ExportTime": datetime(2026, 6, 2, 10, tzinfo=UTC),
        "x_ServiceId": "6F81-5844-456A",
        "x_Labels": [{"Key": "team", "Value": "ml"}],
        "x_Tags": [{"Key": "env", "Value": "prod", "x_Namespace": "acme"}],
        "x_SubscriptionInstanceId": None,
        **fields,
    }


def test_the_native_focus_export_is_completed(bigquery: BigQuery) -> None:
    bigquery.tables[NAME] = Table(columns=gcp_schema.FOCUS)
    bigquery.tables[NAME].add(focus_row(), focus_row(x_SubscriptionInstanceId="sub-1"))
    one = months(fetched())["2026-06"]
    first, second = one.charges.to_dicts()
    assert one.billed == Decimal(3)
    assert (first["ServiceCategory"], first["InvoiceIssuerName"]) == ("Compute", "Google Cloud")
    assert json.loads(first["Tags"]) == {"team": "ml", "acme/env": "prod"}
    assert first["BillingPeriodStart"] == datetime(2026, 6, 1, tzinfo=UTC)
    assert first["EffectiveCost"] == Decimal("1.5")
    assert (second["CommitmentDiscountId"], second["CommitmentDiscountStatus"]) == ("sub-1", "Used")
    assert first["CommitmentDiscountCategory"] is None


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"by_arrival": False}, "has no _PARTITIONTIME"),
        (
            {"columns": "day DATE\ncost FLOAT"},
            "is none of Google's billing exports: it lacks billing_account_id",
        ),
        ({"columns": "pricing_as_of_time TIMESTAMP\nsku RECORD(id STRING)"}, "is the pricing export"),
    ],
)
def test_a_table_that_is_no_export_is_told_at_once(bigquery: BigQuery, fields: Any, wanted: str) -> None:
    bigquery.tables[NAME] = Table(**fields)
    with pytest.raises(SourceError, match=wanted) as told:
        fetched()
    assert "docs/connect-gcp.md" in told.value.hint
    assert [one.health for one in collector().probe()] == [Health.FAIL]


@pytest.mark.usefixtures("table")
def test_an_export_without_rows_yet_says_so() -> None:
    with pytest.raises(SourceError, match="holds no charges yet"):
        fetched()


@pytest.mark.parametrize("name", ["acme.billing", "a.b.c`; DROP", "acme.billing.t t", "", "ACME.b.c"])
def test_a_name_that_is_no_table_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=r"project\.dataset\.table"):
        GcpBillingSettings(name="gcp", table=name)


# -- doctor ----------------------------------------------------------------------------------------


def test_doctor_names_export_place_price_and_age(table: Table) -> None:
    table.add(usage(start=NOW - timedelta(hours=8)))
    found = collector().probe()
    assert [probe.health for probe in found] == [Health.OK] * 3
    assert found[0].subject == f"{NAME}: detailed export, dataset in EU"
    assert "a collection of 2026-06 reads" in found[1].subject
    assert found[2].subject == "newest rows exported 2026-06-29 10:00 UTC, 2 h ago"
    assert found[2].server_time is not None


def test_doctor_warns_of_an_export_that_stopped(table: Table) -> None:
    table.add(usage(start=NOW - timedelta(hours=50)))
    assert collector().probe()[-1].health is Health.WARN
    table.rows.clear()
    (probe,) = [one for one in collector().probe() if one.health is Health.WARN]
    assert "no rows since 2026-06-26" in probe.subject


def test_doctor_warns_of_partitions_that_expire_and_of_the_standard_export(bigquery: BigQuery) -> None:
    bigquery.tables[NAME] = Table(columns=gcp_schema.STANDARD, expires_days=60)
    bigquery.tables[NAME].add(usage(start=NOW - timedelta(hours=8)))
    warned = [one for one in collector().probe() if one.health is Health.WARN]
    assert [one.subject for one in warned] == [
        "standard export: no resources",
        "partitions expire after 60 days",
    ]
    assert warned[1].fix.startswith("bq update --time_partitioning_expiration 0 acme:billing.")
    assert any("deleted after 60 days" in note for note in fetched().notes)


def test_errors_of_ours_pass_unchanged() -> None:
    with pytest.raises(CostdError, match="mine"), access.translated("acme"):
        raise CostdError("mine")
