"""Findings as rows for programs, and as lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from textwrap import wrap

from config.secrets import redact
from daemon.doctor.check import Finding
from daemon.output import Field, Listing
from daemon.terminal import Terminal
from domain.probe import Health
from domain.text import printable

SCHEMA = "costd.doctor/1"
_WORDS = {Health.FAIL: ("failure", "failures"), Health.WARN: ("warning", "warnings")}
_INDENT = 6


def listing(findings: Sequence[Finding], now: datetime) -> Listing:
    """Give the findings as rows: check, health, subject, breaks, fix."""
    return Listing(
        fields=tuple(
            Field(name=name, missing="") for name in ("check", "health", "subject", "breaks", "fix")
        ),
        rows=[
            {
                "check": finding.area,
                "health": finding.probe.health.value,
                "subject": redact(finding.probe.subject),
                "breaks": redact(finding.probe.breaks) or None,
                "fix": redact(finding.probe.fix) or None,
            }
            for finding in findings
        ],
        document={
            "schema": SCHEMA,
            "at": now.isoformat().replace("+00:00", "Z"),
            "ok": is_well(findings),
            "counts": {health.value: count for health, count in _counts(findings).items()},
        },
    )


def is_well(findings: Sequence[Finding]) -> bool:
    """Say whether nothing failed; warnings are well enough."""
    return all(finding.probe.health is not Health.FAIL for finding in findings)


def lines(findings: Sequence[Finding], terminal: Terminal) -> Iterator[str]:
    """Give the findings for people: a line each, and below it what breaks and what to do."""
    area_width = max((len(printable(finding.area)) for finding in findings), default=0)
    width = None if terminal.width is None else max(terminal.width, 60)
    for finding in findings:
        probe = finding.probe
        word = probe.health.value.upper() if probe.health is Health.FAIL else probe.health.value
        head = f"{word:<4}  {printable(finding.area):<{area_width}}  "
        text = _wrapped(head, redact(probe.subject), width)
        yield from (text if probe.health is Health.OK else [terminal.strong(line) for line in text])
        label = "tip:    " if probe.health is Health.OK else "do:     "
        for mark, said in (("breaks: ", probe.breaks), (label, probe.fix)):
            if said:
                yield from _wrapped(" " * _INDENT + mark, redact(said), width)
    yield ""
    yield summary(findings)


def summary(findings: Sequence[Finding]) -> str:
    """Count what was found in one line."""
    counts = _counts(findings)
    parts = [
        f"{counts[health]} {one if counts[health] == 1 else many}"
        for health, (one, many) in _WORDS.items()
        if counts[health]
    ]
    return ", ".join([*parts, f"{counts[Health.OK]} fine"])


def _counts(findings: Sequence[Finding]) -> dict[Health, int]:
    counted = Counter(finding.probe.health for finding in findings)
    return {health: counted[health] for health in Health}


def _wrapped(head: str, text: str, width: int | None) -> list[str]:
    whole = head + printable(text)
    if width is None or len(whole) <= width:
        return [whole]
    hang = " " * min(len(head), 24)
    return wrap(whole, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
