"""What the page about the ledger says can be done, works as written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from builders import a_batch, a_charge

from ledger.charges import MAX_LOSS, RETAIN, ChargeLedger
from ledger.replace import _GATE_OF
from ledger.tables import every_table


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "ledger.md").read_text(encoding="utf-8")


def test_the_recipe_for_polars_gives_the_bill(page: str, tmp_path: Path) -> None:
    ledger = ChargeLedger(str(tmp_path))
    rows = [a_charge(BilledCost="1.5"), a_charge(BilledCost="2", BillingCurrency="EUR")]
    ledger.replace(a_batch(*rows), seen_at=datetime(2026, 7, 2, tzinfo=UTC))
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    exec(code.replace("./var/ledger", str(tmp_path)), names)  # noqa: S102 - the page's own recipe
    found = names["by_service"]
    assert sorted(found.select("BillingCurrency", "BilledCost").rows()) == [  # type: ignore[attr-defined]  # a frame
        ("EUR", Decimal(2)),
        ("USD", Decimal("1.5")),
    ]


def test_every_table_gate_and_default_is_told(page: str) -> None:
    for spec in every_table():
        (row,) = [line for line in page.splitlines() if line.startswith("| `") and f"`{spec.name}`" in line]
        assert all(f"`{name}`" in row for name in spec.partitions)
    for gate in (*_GATE_OF.values(), "rows", "parsed", "loss"):
        assert f"| `{gate}` |" in page
    assert f"more than {MAX_LOSS * 100:.0f} %" in page
    assert {3: "three"}[RETAIN] in page
