"""The official validator judges what we export; it runs in a Python of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from acme import Acme, generate

ALLOWED = frozenset(
    {
        # wrong in model 1.2.0.1: an inverted condition, and three that have none
        "CommitmentDiscountStatus-C-004-C",
        "InvoiceId-C-004-C",
        "EffectiveCost-C-005-C",
        "CapacityReservationStatus-C-004-C",
        # their parents
        "CommitmentDiscountStatus-C-000-C",
        "CommitmentDiscountStatus-C-002-C",
        "CapacityReservationStatus-C-000-C",
        "CapacityReservationStatus-C-002-C",
        "EffectiveCost-C-000-M",
        "CostAndUsage-D-000-M",
        "CostAndUsage-D-002-M",
    }
)
"""Rules of the validator's 1.2.0.1 that are wrong; re-check them on each upgrade of it."""

CHECKED = 578
SKIPPED = 210


def judged(root: Path, file: Path, scratch: Path) -> tuple[int, int, set[str]]:
    """Let the validator judge a file: rules checked, rules skipped, rules failed."""
    python = root / ".venv-focus" / "bin" / "python"
    if not python.exists():
        message = "no focus-validator: `make peers` installs it; it needs a Python >= 3.12"
        pytest.skip(message)
    scratch.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    judge = root / "tests" / "support" / "validate_focus.py"
    ran = subprocess.run(
        [python, judge, str(file), str(scratch)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    told = json.loads(ran.stdout.splitlines()[-1])
    return told["checked"], told["skipped"], set(told["failed"])


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
