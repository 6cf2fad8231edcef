"""Attributes a stored month by other rules than before, and sums by day, team, service and model.

`python -m benchmarks.kernel LEDGER`: opens the ledger as a report does, runs a dozen rules over the
resources, joins the facts with their owners. Prints what it found, so that it can be checked.
`… follow` also splits what nobody owns of tax, support and credits, charge by charge, among the
owners of what they are on, which takes a second pass over the facts.
"""

from __future__ import annotations

import sys
import time

import deltalake  # noqa: F401  # loaded here, so that no call that is measured pays for it
import numpy as np  # noqa: F401  # loaded here, so that no import is timed
import pyarrow.parquet  # noqa: F401  # loaded here, so that no import is timed

from attribution.allocate import allocate
from attribution.ownership import compile_rules
from attribution.slices import Slice
from attribution.star import star_of
from benchmarks.floors import COSTS, tell
from config.ownership import Ownership
from ledger.charges import ChargeLedger

RULES = {
    "keys": {
        "team": ["team", "owner", "cost-center"],
        "environment": ["env"],
        "service": ["service"],
        "model": ["model"],
    },
    "aliases": {
        "team": {
            "team_web": "team-web",
            "team_ml": "team-ml",
            "TEAM-DATA": "team-data",
            "team-searchs": "team-search",
        }
    },
    "rules": [
        {"when": {"account": "10000000001*"}, "team": "team-data"},
        {"when": {"resource": "re:^svc-12(?P<n>[0-9]+)-node$"}, "service": "batch-{n}"},
        {"when": {"service": "Service 1?"}, "environment": "shared"},
        {"when": {"region": "us-*", "tag:managed-by": "terraform"}, "environment": "prod"},
        {"when": {"tag:pr": "*"}, "environment": "preview"},
        {"when": {"tag:cost-center": ["cc-1", "cc-2", "cc-3"]}, "team": "team-core"},
        {"when": {"account": "1000000000199"}, "team": "team-growth", "environment": "dev"},
    ],
}


STAY = {"follow": {"tax": "none", "support": "none", "credits": "none"}}


def main() -> None:
    """Attribute once; say how many groups, how much, and how long it took without imports."""
    began = time.perf_counter()
    rules = compile_rules(Ownership.model_validate(RULES if "follow" in sys.argv[2:] else RULES | STAY))
    ledger = ChargeLedger(sys.argv[1], promote=rules.keys)
    star = star_of(ledger.resources().collect(), rules)
    asked = Slice(by=("day", "team", "service", "model"), costs=COSTS)
    frame = allocate(ledger.charges(), star, asked).collect(engine="streaming")
    tell(frame, began)


if __name__ == "__main__":
    main()
