"""Checks side by side: each gives findings, and none can hold up, break or hide another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Thread

from domain.errors import CostdError
from domain.ports import Clock
from domain.probe import Health, Probe

SECONDS = 30.0
"""How long a check may take; S3 and Slack answer within a few seconds."""

_LOOK = "read the message above; `costd --log-level debug doctor` shows more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to look at.

    Attributes:
        area: what it belongs to, e.g. `source azure`.
        look: looks; what it raises is a failure of its area.
    """

    area: str
    look: Callable[[], Iterable[Probe]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found about one thing.

    Attributes:
        area: what it belongs to.
        probe: what was looked at, how well it is, what breaks, the fix.
        began: when the check began by this machine's clock.
        ended: when it ended.
    """

    area: str
    probe: Probe
    began: datetime
    ended: datetime


def examine(checks: Sequence[Check], clock: Clock, *, seconds: float = SECONDS) -> list[Finding]:
    """Run all checks at once and give their findings in the order of the checks.

    A check that is not done in time is a failure and left behind. The same finding of one
    area, such as a token that two digests use, is given once.
    """
    runs = [_Run(check, clock) for check in checks]
    for run in runs:
        run.start()
    deadline = time.monotonic() + seconds
    found: dict[tuple[str, str, str], Finding] = {}
    for run in runs:
        run.join(max(0.0, deadline - time.monotonic()))
        for finding in run.findings(seconds):
            probe = finding.probe
            found.setdefault((finding.area, probe.subject, probe.breaks), finding)
    return list(found.values())


class _Run(Thread):
    """A check in a thread of its own; the process does not wait for it."""

    def __init__(self, check: Check, clock: Clock) -> None:
        super().__init__(name=f"doctor {check.area}", daemon=True)
        self._check = check
        self._clock = clock
        self._began = clock.now()
        self._result: tuple[list[Probe], datetime] | None = None

    def run(self) -> None:
        """Look."""
        try:
            probes = list(self._check.look())
        except CostdError as error:
            probes = [_failed(self._check.area, str(error), error.hint or _LOOK)]
        except BaseException as error:  # noqa: BLE001  # also polars' panics: a defect hides no other finding
            from daemon.logs import get_logger

            get_logger().exception("check_defect", check=self._check.area)
            breaks = f"costd itself failed ({type(error).__name__}): {error}"
            probes = [_failed(self._check.area, breaks, "the log has the traceback; please report it")]
        self._result = probes, self._clock.now()

    def findings(self, seconds: float) -> list[Finding]:
        """Give what was found so far; a check that still looks has failed."""
        if self._result is None:
            area = self._check.area
            breaks = f"no answer within {seconds:g} s"
            fix = (
                "check the network and that the service lives, or give it longer: costd doctor --timeout 120"
            )
            probes, ended = [_failed(area, breaks, fix)], self._clock.now()
        else:
            probes, ended = self._result
        return [
            Finding(area=self._check.area, probe=probe, began=self._began, ended=ended) for probe in probes
        ]


def _failed(area: str, breaks: str, fix: str) -> Probe:
    return Probe(subject=area, health=Health.FAIL, breaks=breaks, fix=fix)
