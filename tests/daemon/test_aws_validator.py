"""The official validator judges a month of AWS that went through the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from builders import a_batch
from cur_months import PERIOD, a_line, converted, drawn
from focus_judge import ALLOWED, judged

from attribution.ownership import assign, compile_rules
from config.ownership import Ownership
from daemon.export import Export, Format, write_export
from domain.delivery import Chunk, Verdict
from ledger.charges import ChargeLedger

INVOICED = {"bill_invoice_id": "1234567890", "line_item_line_item_description": "as on the invoice"}


@pytest.mark.peer
def test_an_export_of_a_generated_month_of_aws_fails_only_rules_that_are_wrong(
    root: Path, tmp_path: Path
) -> None:
    rows = [row for seed in range(8) for row in drawn(seed).rows]
    rows.append(a_line("Usage", "0.7", line_item_usage_type="USE1-Host:ml.g5.2xlarge"))
    rows.append(
        a_line(
            "Usage",
            "0.9",
            line_item_product_code="AmazonBedrock",
            line_item_usage_type="USE1-NovaPro-input-tokens",
            pricing_unit="1K tokens",
        )
    )
    # AWS says no cost in another currency of prices, so a month has one here.
    found = converted(
        [{**row, **INVOICED, "pricing_currency": row["line_item_currency_code"]} for row in rows]
    )
    ledger = ChargeLedger(str(tmp_path / "ledger"))
    chunk = Chunk(
        charges=found.charges,
        file="cur.csv",
        parsed=found.sums.parsed,
        residual=found.sums.residual,
        allocations=found.allocations,
    )
    batch = a_batch(chunks=[chunk], periods=[PERIOD])
    (result,) = ledger.replace(batch, seen_at=datetime(2026, 7, 20, tzinfo=UTC))
    assert (result.verdict, result.reason) == (Verdict.REPLACED, "")
    owned = assign(ledger.resources().collect(), compile_rules(Ownership()))
    out = tmp_path / "export.parquet"
    write_export(Export(version="1.2", format=Format.PARQUET, path=out), ledger, owned)
    _, _, failed = judged(root, out, tmp_path / "scratch")
    assert failed - ALLOWED == set()
