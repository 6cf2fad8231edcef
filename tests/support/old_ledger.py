"""Writes a small ledger as this version stores it, to be opened by every later one.

`tests/data/ledger-v<n>` was written by the version that first stored charges in form n:

    PYTHONPATH=.:tests/support python -m old_ledger tests/data/ledger-v3

Run it once when the stored form changes (columns of a table, the entry in a commit), commit
the folder, and add it to `LEDGERS` of `tests/ledger/test_old_ledgers.py`. What was written
before is never written anew: that it still opens is the point.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from builders import a_batch, a_charge, charges
from usage import a_usage_batch, rows, split_whole

from domain.usage import FRAMES
from ledger.charges import ChargeLedger

FIRST = datetime(2026, 6, 3, 6, tzinfo=UTC)
SECOND = datetime(2026, 6, 4, 6, tzinfo=UTC)
LAST = datetime(2026, 7, 3, 6, tzinfo=UTC)


def write(root: str) -> None:
    """Write it: two sources, two months, two currencies, a restated month, every kind of charge, an hour of a
    cluster, a split month and an estimate."""
    ledger = ChargeLedger(root, promote=("team",))
    web, nobody = {"Team": "web", "env": "prod"}, {}
    june = [
        a_charge(start="2026-06-01T00:00", BilledCost="10.000000000001", EffectiveCost="8.5", Tags=web),
        a_charge(start="2026-06-01T01:00", BilledCost="5", EffectiveCost="5", Tags=nobody, ResourceId="i-2"),
        a_charge(
            start="2026-06-02T00:00",
            BilledCost="-1.25",
            EffectiveCost="-1.25",
            ChargeCategory="Credit",
            Tags=web,
        ),
    ]
    ledger.replace(a_batch(*june, manifest_hash="first", cursor={"etag": "e1"}), seen_at=FIRST)
    late = a_charge(start="2026-06-02T05:00", BilledCost="2.5", EffectiveCost="2", Tags={"team": "ml"})
    ledger.replace(a_batch(*june, late, manifest_hash="second", cursor={"etag": "e2"}), seen_at=SECOND)
    july = a_charge(start="2026-07-01T00:00", BilledCost="7", EffectiveCost="7", Tags=web)
    ledger.replace(a_batch(july, manifest_hash="july", cursor={"etag": "e3"}), seen_at=LAST)
    euros = a_charge(
        start="2026-06-15T00:00",
        BilledCost="0.10",
        EffectiveCost="0.10",
        BillingCurrency="EUR",
        Tags={"team": "ml"},
    )
    ledger.replace(a_batch(euros, source="azure", manifest_hash="euros"), seen_at=LAST)
    frames = {name: rows(name, {}) for name in FRAMES}
    ledger.replace_usage(a_usage_batch(cursor={"hour": 1}, **frames), seen_at=LAST)
    split_whole(ledger, seen_at=LAST, period="2026-07")
    guess = a_charge(start="2026-07-02", BilledCost="0", EffectiveCost="0", x_EstimatedUntil="aws")
    ledger.replace_estimates("cluster", "2026-07", charges(guess), seen_at=LAST)
    for entry in Path(root).glob("*/_delta_log/*.json"):
        # Where it was made is nobody's business, and no reader asks for it.
        entry.write_text(entry.read_text("utf-8").replace(str(Path(root).absolute()), "/ledger"), "utf-8")


if __name__ == "__main__":
    write(sys.argv[1])
