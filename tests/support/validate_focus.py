"""Runs the official focus-validator on one file; runs in its own Python, not in ours.

Usage: `.venv-focus/bin/python validate_focus.py FILE SCRATCH`. Prints one JSON object:
how many rules were ok, failed and skipped, and which failed. The validator reads a file
relative to the working directory, and writes a log there, hence the scratch folder.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import focus_validator
from focus_validator.validator import Validator


def main(file: Path, scratch: Path) -> None:
    """Validate a file as FOCUS 1.2, offline, with every rule that can apply."""
    package = scratch / "focus_validator"
    if not package.exists():
        package.symlink_to(Path(focus_validator.__file__).parent)
    os.chdir(scratch)
    validator = Validator(
        data_filename=str(file),
        output_destination=None,
        output_type="console",
        rules_version="1.2",
        rules_block_remote_download=True,
        applicability_criteria="ALL",
        focus_dataset="CostAndUsage",
    )
    validator.load()
    results = validator.validate().by_rule_id
    skipped = [rule for rule, result in results.items() if result.get("details", {}).get("skipped")]
    failed = sorted(rule for rule, result in results.items() if not result["ok"])
    told = {"checked": len(results), "skipped": len(skipped), "failed": failed}
    print(json.dumps(told))  # noqa: T201  # the answer of a script


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
