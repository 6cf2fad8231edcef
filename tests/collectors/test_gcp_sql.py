"""The questions themselves, run by an emulator of BigQuery that a developer has started.

    pip install bqemulator==1.4.0 numpy   # in an environment of its own
    bqemulator start --rest-port 9150 --project acme
    COSTD_TEST_BIGQUERY=http://127.0.0.1:9150 make test

It keeps only three digits of NUMERIC, so amounts are compared to those; all else to the letter.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import gcp_export
import gcp_schema
import pytest

from collectors.gcp import native_sql, sql
from collectors.gcp.rows import LABELS, QUANTITIES, flat
from domain.charge import FOCUS as FOCUS_COLUMNS

URL = os.environ.get("COSTD_TEST_BIGQUERY", "")
ALWAYS = {"first": datetime(2020, 1, 1, tzinfo=UTC), "last": datetime(2099, 1, 1, tzinfo=UTC)}
AMOUNTS = {"cost", "cost_at_list", "list_price", "effective_price", "credits_applied", "commitment_amount",
           "covered", "offset", *QUANTITIES}  # fmt: skip


class Emulator:
    """One table in a BigQuery that executes SQL."""

    def __init__(self, columns: str) -> None:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        self._client = bigquery.Client(
            project="acme", credentials=AnonymousCredentials(), client_options={"api_endpoint": URL}
        )
        dataset, self._sdk = f"d{uuid4().hex}", bigquery
        self._client.create_dataset(dataset)
        fields = [bigquery.SchemaField.from_api_repr(one) for one in gcp_schema.fields(columns)]
        table = bigquery.Table(f"acme.{dataset}.t", schema=fields)
        table.time_partitioning = bigquery.TimePartitioning(type_="DAY")
        self._table = self._client.create_table(table)
        self.name = f"`acme.{dataset}.t`"
        self.paths = frozenset(_paths(gcp_schema.fields(columns)))

    def add(self, rows: list[dict[str, Any]]) -> None:
        kept = [{name: _json(row[name]) for name in row if name in self.paths} for row in rows]
        assert self._client.insert_rows_json(self._table, kept) == []

    def ask(self, text: str) -> list[dict[str, Any]]:
        values = {**ALWAYS, "exported": ALWAYS["last"]}
        parameters = [self._sdk.ScalarQueryParameter(name, "TIMESTAMP", at) for name, at in values.items()]
        parameters.append(self._sdk.ScalarQueryParameter("month", "STRING", "202606"))
        config = self._sdk.QueryJobConfig(query_parameters=parameters)
        return [dict(row) for row in self._client.query(text, job_config=config).result()]


def _paths(fields: list[dict[str, Any]], before: str = "") -> Iterator[str]:
    for one in fields:
        yield f"{before}{one['name']}"
        yield from _paths(one.get("fields", []), f"{before}{one['name']}.")


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {name: _json(one) for name, one in value.items()}
    return [_json(one) for one in value] if isinstance(value, list) else value


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    shown = {}
    for name, value in row.items():
        if value is None or "partition" in name:
            shown[name] = None
        elif name in AMOUNTS or name in {
            "credits",
            "applied",
            "settled",
            "dollars",
            "quantity",
            "covered_quantity",
        }:
            shown[name] = str(round(Decimal(value), 2))
        elif name in LABELS:
            shown[name] = json.loads(value)
        elif name == "promotions":
            shown[name] = [
                {**one, "amount": str(round(Decimal(one["amount"]), 2))} for one in json.loads(value)
            ]
        else:
            shown[name] = value[:19] if name in {"usage_start", "usage_end"} else value
    return shown


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(map(_comparable, rows), key=lambda row: json.dumps(row, sort_keys=True))


emulated = [
    pytest.mark.peer,
    pytest.mark.skipif(not URL, reason="no BigQuery emulator: see the first lines of this file"),
]


class TestUnderAnEmulator:
    pytestmark = emulated

    @pytest.mark.parametrize(
        "columns", [gcp_schema.DETAILED, gcp_schema.STANDARD], ids=["detailed", "standard"]
    )
    def test_questions_to_a_usage_export_give_what_the_code_beside_them_gives(self, columns: str) -> None:
        table, rows = Emulator(columns), gcp_export.month_rows("202606", days=2)
        for row in rows:  # whole cents, because the emulator keeps no more than three digits
            _coarsen(row)
        table.add(rows)
        cut = [{name: value for name, value in row.items() if name in table.paths} for row in rows]
        assert [row["month"] for row in table.ask(sql.months(table.name))] == ["202606"]
        assert _sorted(table.ask(sql.summary(table.name, table.paths))) == _sorted(gcp_export.summary(cut))
        assert _sorted(table.ask(sql.rows(table.name, table.paths))) == _sorted(flat(cut).to_dicts())

    def test_questions_to_the_focus_export_are_understood(self) -> None:
        table = Emulator(gcp_schema.FOCUS)
        month = datetime(2026, 6, 1, 7, tzinfo=UTC)
        row = {"BilledCost": "1.5", "BillingAccountId": "A", "BillingCurrency": "USD", "ServiceName": "X",
               "BillingPeriodStart": month, "ChargePeriodStart": month, "x_ExportTime": month,
               "x_Labels": [{"Key": "team", "Value": "ml"}]}  # fmt: skip
        table.add([row])
        assert [one["month"] for one in table.ask(native_sql.months(table.name))] == ["202606"]
        (summary,) = table.ask(native_sql.summary(table.name))
        assert (summary["count"], Decimal(summary["cost"])) == ("1", Decimal("1.5"))
        (found,) = table.ask(native_sql.rows(table.name, table.paths))
        assert Decimal(found["BilledCost"]) == Decimal("1.5")
        assert json.loads(found["x_Labels"]) == [{"Key": "team", "Value": "ml"}]


def _coarsen(row: dict[str, Any]) -> None:
    row["cost"] = round(row["cost"], 2) or 0.01
    row["cost_at_list"] = row["cost"] if row["cost_at_list"] is not None else None
    for one in row["credits"]:
        one["amount"] = -row["cost"] if one["type"].startswith("COMMITTED") else round(one["amount"], 2)


def test_a_table_that_lacks_a_column_is_asked_for_null() -> None:
    text = sql.rows("`t`", frozenset(_paths(gcp_schema.fields(gcp_schema.STANDARD))))
    assert "CAST(NULL AS STRING) AS resource_name" in text
    assert "resource.name" not in text


def test_credits_are_summed_by_a_subquery_and_never_joined() -> None:
    paths = frozenset(_paths(gcp_schema.fields(gcp_schema.DETAILED)))
    for text in (sql.rows("`t`", paths), sql.summary("`t`", paths)):
        assert "JOIN" not in text.upper()
        assert ", UNNEST" not in text


def test_every_amount_is_numeric_before_it_is_added() -> None:
    text = sql.summary("`t`", frozenset(_paths(gcp_schema.fields(gcp_schema.DETAILED))))
    assert "SUM(cost)" not in text
    assert "SUM(c.amount)" not in text
    assert "SUM(CAST(cost AS NUMERIC))" in text


def test_the_focus_export_is_asked_for_the_columns_that_it_has() -> None:
    paths = frozenset(_paths(gcp_schema.fields(gcp_schema.FOCUS)))
    text = native_sql.rows("`t`", paths)
    assert "AS BilledCost" in text
    absent = {column.name for column in FOCUS_COLUMNS} - paths
    assert not [name for name in absent if f"AS {name}\n" in text or f"AS {name}," in text]
