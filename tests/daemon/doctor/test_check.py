"""Checks run side by side: none holds up, breaks or hides another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event

from daemon.clock import FixedClock
from daemon.doctor.check import Check, examine
from domain.errors import SourceError
from domain.probe import Health, Probe

CLOCK = FixedClock(at=datetime(2026, 11, 20, 9, tzinfo=UTC))


def fine(subject: str) -> Probe:
    return Probe(subject=subject, health=Health.OK)


def test_findings_come_in_the_order_of_the_checks() -> None:
    def slow() -> list[Probe]:
        time.sleep(0.05)
        return [fine("a"), fine("b")]

    found = examine([Check(area="one", look=slow), Check(area="two", look=lambda: [fine("c")])], CLOCK)
    assert [(one.area, one.probe.subject) for one in found] == [("one", "a"), ("one", "b"), ("two", "c")]


def test_one_that_hangs_is_a_failure_and_blocks_nobody() -> None:
    stop = Event()

    def hangs() -> list[Probe]:
        stop.wait(30)
        return []

    began = time.monotonic()
    hung, other = examine(
        [Check(area="s3", look=hangs), Check(area="disk", look=lambda: [fine("d")])], CLOCK, seconds=0.2
    )
    assert time.monotonic() - began < 5
    stop.set()
    assert (hung.probe.health, hung.probe.breaks) == (Health.FAIL, "no answer within 0.2 s")
    assert "--timeout" in hung.probe.fix
    assert other.probe.health is Health.OK


def test_an_error_is_a_failure_with_its_own_advice() -> None:
    def fails() -> Iterator[Probe]:
        raise SourceError("the bucket is gone", hint="make it again")
        yield

    (found,) = examine([Check(area="aws", look=fails)], CLOCK)
    assert (found.probe.health, found.probe.breaks, found.probe.fix) == (
        Health.FAIL,
        "the bucket is gone",
        "make it again",
    )


def test_a_defect_of_ours_hides_no_other_finding() -> None:
    def broken() -> list[Probe]:
        raise ZeroDivisionError("oops")

    defect, other = examine(
        [Check(area="aws", look=broken), Check(area="disk", look=lambda: [fine("d")])], CLOCK
    )
    assert defect.probe.health is Health.FAIL
    assert "ZeroDivisionError" in defect.probe.breaks
    assert other.probe.subject == "d"


def test_the_same_finding_of_an_area_is_given_once() -> None:
    token = Check(area="slack", look=lambda: [fine("token")])
    assert len(examine([token, token], CLOCK)) == 1
    assert len(examine([token, Check(area="other", look=lambda: [fine("token")])], CLOCK)) == 2
