"""A ledger that an earlier version wrote: its tables lack columns that exist now."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from builders import a_batch, a_charge

from domain.charge import FACT_SCHEMA, MONEY, OWN, RESOURCE_SCHEMA
from ledger.charges import ChargeLedger
from ledger.staging import COST_COLUMNS
from ledger.tables import TableSpec, every_table

NEW = {column.name for column in OWN}


def without_own_columns(spec: TableSpec) -> TableSpec:
    schema = pl.Schema({name: dtype for name, dtype in spec.schema.items() if name not in NEW})
    return TableSpec(name=spec.name, schema=schema, partitions=spec.partitions, ranged=spec.ranged)


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the root of a ledger from before the own columns existed."""
    root = str(tmp_path / "ledger")
    with monkeypatch.context() as earlier:
        specs = tuple(map(without_own_columns, every_table()))
        earlier.setattr("ledger.charges.every_table", lambda _promote: specs)
        earlier.setattr("ledger.judging.COST_COLUMNS", tuple(c for c in COST_COLUMNS if c not in NEW))
        ChargeLedger(root).replace(
            a_batch(a_charge(BilledCost="1.5")), seen_at=datetime(2026, 6, 11, tzinfo=UTC)
        )
    return root


def test_columns_that_it_lacks_are_read_as_unknown(old: str) -> None:
    ledger = ChargeLedger(old)
    facts, resources = ledger.charges().collect(), ledger.resources().collect()
    assert facts.schema == FACT_SCHEMA
    assert facts["x_CreditsApplied"].to_list() == [None]
    assert resources["x_ModelId"].to_list() == [None]
    assert set(RESOURCE_SCHEMA) <= set(resources.columns)


def test_the_next_delivery_adds_them_with_their_types(old: str) -> None:
    row = a_charge(BilledCost="2.5", x_CreditsApplied="-0.25", x_ModelId="NovaPro")
    ChargeLedger(old).replace(
        a_batch(row, manifest_hash="2"), seen_at=datetime(2026, 6, 12, tzinfo=UTC), force=True
    )
    ledger = ChargeLedger(old)
    assert ledger.charges().collect()["x_CreditsApplied"].to_list() == [Decimal("-0.25")]
    assert ledger.tables["charges"].scan().collect_schema()["x_CreditsApplied"] == MONEY
    stored = ledger.tables["resources"].open()
    assert stored is not None
    assert "x_ModelId" in {field.name for field in stored.schema().fields}
    assert sorted(ledger.resources().collect()["x_ModelId"], key=str) == [None, "NovaPro"]


def test_a_row_without_own_columns_keeps_the_id_that_it_had(old: str) -> None:
    before = ChargeLedger(old).resources().collect()["dim_id"].to_list()
    ChargeLedger(old).replace(
        a_batch(a_charge(BilledCost="3"), manifest_hash="2"), seen_at=datetime(2026, 6, 12, tzinfo=UTC)
    )
    assert ChargeLedger(old).resources().collect()["dim_id"].to_list() == before
