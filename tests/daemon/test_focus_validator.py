"""The official validator judges what we export; it runs in a Python of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from acme import Acme, generate
from focus_judge import ALLOWED, judged

CHECKED = 578
SKIPPED = 210


@pytest.mark.peer
def test_an_export_of_a_generated_bill_fails_only_rules_that_are_wrong(
    acme: Acme, root: Path, tmp_path: Path
) -> None:
    acme.configure("bills")
    generate("aws", "1.2", acme.folder / "bills", rows=3000)
    assert acme.costd("collect").status == 0
    out = tmp_path / "export.parquet"
    assert acme.costd("export", "focus", "--version", "1.2", "--out", str(out)).status == 0
    checked, skipped, failed = judged(root, out, tmp_path / "scratch")
    assert (checked, skipped) == (CHECKED, SKIPPED)
    assert failed - ALLOWED == set()


@pytest.mark.peer
def test_an_export_of_the_demo_company_fails_only_rules_that_are_wrong(
    acme: Acme, root: Path, tmp_path: Path
) -> None:
    providers = ("aws", "gcp", "azure")
    listed = "\n".join(
        f"  - {{type: demo, name: demo-{name}, provider: {name}, seed: 7}}" for name in providers
    )
    (acme.folder / "costd.yaml").write_text(f"mode: observe\nsources:\n{listed}\n", encoding="utf-8")
    assert acme.costd("collect", now="2026-11-20T06:00Z").status == 0
    out = tmp_path / "export.parquet"
    # an invoiced month: in an open one InvoiceId is null and its two opposite rules trade places
    assert acme.costd("export", "focus", "--period", "2026-10", "--out", str(out)).status == 0
    _, _, failed = judged(root, out, tmp_path / "scratch")
    assert failed - ALLOWED == set()
