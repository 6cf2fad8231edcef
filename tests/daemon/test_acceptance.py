"""The whole road, from files that others made to totals that others know."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from acme import Acme, generate

from domain.charge import COSTS

SAMPLE = {
    "billed": {
        ("AWS", "2024-09"): "18.0066386184",
        ("Microsoft", "2024-09"): "1.97651418586",
        ("Oracle", "2024-09"): "0.29707392473",
        ("Oracle", "2024-10"): "0.24",
    },
    "list": {
        ("AWS", "2024-09"): "18.1493176406",
        ("Microsoft", "2024-09"): "1.97651418586",
        ("Oracle", "2024-09"): "0.02507392473",
        ("Oracle", "2024-10"): "0.24",
    },
}
"""Totals of the official sample; its effective and contracted costs are damaged."""


def by_provider(acme: Acme, cost: str) -> dict[tuple[str, str], str]:
    ran = acme.costd("report", "--by", "provider,billing_month", "--cost", cost, "--output", "ndjson")
    assert ran.status == 0, ran.err
    assert {row["currency"] for row in ran.ndjson} == {"USD"}
    return {(row["provider"], row["billing_month"]): row["cost"] for row in ran.ndjson}


@pytest.mark.shared
def test_the_official_sample_gives_its_published_totals_also_when_collected_twice(
    acme: Acme, shared_data: Path
) -> None:
    acme.configure("sample")
    (acme.folder / "sample").mkdir()
    shutil.copy(shared_data / "focus10_sample_1000.csv", acme.folder / "sample")
    for _ in range(2):
        assert acme.costd("collect").status == 0
        for cost, totals in SAMPLE.items():
            assert by_provider(acme, cost) == totals
    assert acme.costd("collect", "--output", "ndjson").ndjson[0]["result"] == "unchanged"
    status = acme.costd("status", "--output", "json").json
    assert (status["rows"][0]["charges"], status["rows"][0]["quarantined"]) == (1000, 0)
    assert acme.costd("reconcile").status == 0


@pytest.fixture(scope="module", params=[(p, v) for v in ("1.2", "1.3") for p in ("aws", "azure", "gcp")])
def toolkit(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Acme, list[dict[str, str]]]:
    """Bills that focus-data-toolkit makes, collected, and their rows as text."""
    provider, version = request.param
    acme = Acme(folder=tmp_path_factory.mktemp("toolkit"))
    acme.configure("bills")
    out = acme.folder / "bills"
    file = generate(provider, version, out)
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert acme.costd("collect").status == 0
    return acme, rows


def test_generated_sets_keep_their_sums_to_the_last_digit(toolkit: tuple[Acme, list[dict[str, str]]]) -> None:
    acme, rows = toolkit
    for cost, column in COSTS.items():
        sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for row in rows:
            sums[row["BillingPeriodStart"][:7], row["BillingCurrency"]] += Decimal(row[column])
        ran = acme.costd("report", "--by", "billing_month", "--cost", cost, "--output", "ndjson").ndjson
        found = {(row["billing_month"], row["currency"]): Decimal(row["cost"]) for row in ran}
        residuals = residual_of(acme, cost)
        assert {key: amount + residuals.get(key, Decimal(0)) for key, amount in found.items()} == sums


def residual_of(acme: Acme, cost: str) -> dict[tuple[str, str], Decimal]:
    """Give what was rounded away, by name, from the proof itself."""
    rows: list[dict[str, Any]] = acme.costd("reconcile", "--output", "ndjson").ndjson
    assert all(row["holds"] for row in rows)
    return {
        (row["period"], row["currency"]): Decimal(row["parsed"]) - Decimal(row["stored"])
        for row in rows
        if row["cost"] == cost
    }


def test_generated_sets_add_up_by_every_way_of_cutting(toolkit: tuple[Acme, list[dict[str, str]]]) -> None:
    acme, _ = toolkit
    whole = acme.costd("report", "--from", "all", "--by", "source", "--output", "json").json["totals"]
    for by in ("team,environment", "cloud_service,day", "resource,sku", "charge_category,week"):
        for sharing in ("before", "after"):
            args = ("report", "--from", "all", "--by", by, "--sharing", sharing, "--output", "json")
            assert acme.costd(*args).json["totals"] == whole, (by, sharing)
