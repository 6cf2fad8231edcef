"""`costd status`: how far each source reaches, what was refused, and how it exits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from acme import Acme
from builders import a_charge

from config.settings import SourceEnvelope
from daemon.sources import SourceState, source_views
from domain.delivery import Freshness
from ledger.status import SourceStatus

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)


def usage(day: int, **columns: object) -> dict[str, object]:
    return a_charge(start=f"2026-06-{day:02d}", hours=24, **columns)


GOLDEN = """\
Sources    aws 2 h old ok
Yesterday  $2.40 (>+999 %)
Owned      team 50 % - service 0 % - model 0 % - environment 50 % - pull_request 0 % (2026-06, pools incl.)
Ledger     3 charges in 1 delivery - SIZE - FOLDER/var/ledger

SOURCE  STATE  COMPLETE TO        COLLECTED  PERIODS  CHARGES  QUARANTINED  REASON
aws     fresh  2026-06-20 00:00Z  2 h ago          1        3            0
"""


def test_it_reads_from_sources_to_ledger(acme: Acme) -> None:
    acme.configure("aws")
    acme.bill("aws", usage(19), usage(19, Tags={}), usage(12, EffectiveCost="0.01"))
    acme.costd("collect", now="2026-06-20T04:00Z")
    ran = acme.costd("status")
    assert ran.status == 0
    size = ran.out.split(" delivery - ")[1].split(" - ")[0]
    assert ran.out == GOLDEN.replace("FOLDER", str(acme.folder)).replace("SIZE", size)
    assert size.endswith("KiB")


def test_json_has_sources_periods_coverage_and_ledger(acme: Acme) -> None:
    acme.collected(usage(19), usage(19, Tags={}))
    document = acme.costd("status", "--output", "json").json
    assert (document["schema"], document["well"]) == ("costd.status/1", True)
    (source,) = document["rows"]
    assert source["source"] == "aws"
    assert source["through"] == "2026-06-20T00:00:00Z"
    assert (source["age_seconds"], source["every_seconds"]) == (0, 6 * 3600)
    (period,) = document["periods"]
    assert (period["period"], period["billed"], period["charges"]) == ("2026-06", "2.5", 2)
    team = next(score for score in document["coverage"] if score["field"] == "team")
    assert (team["owned"], team["cost"], team["share"]) == ("1.2", "2.4", "0.5")
    assert (document["ledger"]["charges"], document["ledger"]["deliveries"]) == (2, 1)


@pytest.mark.parametrize("output", ["table", "json", "ndjson", "csv", "markdown"])
@pytest.mark.parametrize("part", [(), ("--periods",), ("--quarantine",), ("--unowned",)])
def test_every_part_has_every_output(acme: Acme, part: tuple[str, ...], output: str) -> None:
    acme.configure("aws")
    assert acme.costd("status", *part, "--output", output).status in {0, 5}
    acme.collected(usage(19))
    assert acme.costd("status", *part, "--output", output).status == 0


def test_a_source_that_was_never_collected_is_not_well(acme: Acme) -> None:
    acme.configure("aws")
    ran = acme.costd("status")
    assert ran.status == 5
    assert "aws never collected" in ran.out
    assert "0 charges in 0 deliveries" in ran.out


def test_a_source_that_is_late_says_what_was_expected(acme: Acme) -> None:
    acme.collected(usage(19))
    ran = acme.costd("status", now="2026-06-20T15:00Z")
    assert ran.status == 5
    assert "aws 9 h old LATE (expected 6 h)" in ran.out
    assert "stale" in ran.out


def test_a_source_of_which_something_was_refused_is_incomplete_not_late(acme: Acme) -> None:
    acme.collected(*(usage(day) for day in range(1, 20)))
    (acme.folder / "aws" / "bill.csv").unlink()
    acme.bill("aws", usage(1))
    assert acme.costd("collect").status == 1
    ran = acme.costd("status")
    assert ran.status == 5
    assert "aws 0 min old INCOMPLETE\n" in ran.out
    assert "LATE" not in ran.out


def test_a_last_day_of_long_ago_is_told_with_its_year(acme: Acme) -> None:
    acme.collected(usage(18), usage(19))
    assert "Fri 19 Jun 2026" in acme.costd("status", now="2027-06-20T15:00Z").out


def test_a_source_that_is_no_longer_configured_keeps_its_charges_and_hurts_nobody(acme: Acme) -> None:
    acme.collected(usage(19))
    acme.configure()
    ran = acme.costd("status")
    assert ran.status == 0
    assert "removed" in ran.out
    assert acme.costd("report", "--output", "ndjson").ndjson[0]["cost"] == "1.2"


def a_status(**fields: object) -> SourceStatus:
    known: dict[str, object] = {
        "name": "aws", "type": "focus_files", "freshness": Freshness.FRESH, "delivered_through": NOW,
        "reason": "", "attempted_at": NOW, "succeeded_at": NOW, "notes": (), "rejected": 0,
    }  # fmt: skip
    return SourceStatus(**{**known, **fields})  # type: ignore[arg-type]  # test


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, SourceState.FRESH),
        ({"succeeded_at": NOW - timedelta(hours=7, minutes=30)}, SourceState.FRESH),
        ({"succeeded_at": NOW - timedelta(hours=7, minutes=31)}, SourceState.STALE),
        ({"freshness": Freshness.STALE, "reason": "refused"}, SourceState.STALE),
        ({"freshness": Freshness.FAILED}, SourceState.FAILED),
        ({"freshness": Freshness.FAILED, "succeeded_at": None}, SourceState.FAILED),
        ({"freshness": Freshness.NEVER, "succeeded_at": None}, SourceState.NEVER),
    ],
)
def test_a_source_is_late_a_quarter_after_its_time(fields: dict[str, object], state: SourceState) -> None:
    source = SourceEnvelope(type="focus_files", name="aws", every=timedelta(hours=6))
    (view,) = source_views([source], [a_status(**fields)], NOW)
    assert view.state is state
    assert bool(view.reason) == (state is not SourceState.FRESH) or state is SourceState.FAILED


UNOWNED = """\
$4.80 of $6.00 (80.0 %) has no team in 2026-06, effective cost, pools left out

RESOURCE       SERVICE                      ACCOUNT       SOURCE  CURRENCY  COST
i-big          Amazon Elastic Compute Cloud 444455556666  aws     USD       3.60
(no resource)  Amazon Elastic Compute Cloud 444455556666  aws     USD       1.20

In costd.yaml these would help:
  ownership.keys.team: add 'Team_Name'  ($3.60, 1 resource)
"""


def test_the_largest_resources_without_a_team_are_listed_with_what_would_help(acme: Acme) -> None:
    acme.collected(
        usage(19),
        usage(19, ResourceId="i-big", EffectiveCost="3.60", Tags={"Team_Name": "x\x1b[31m"}),
        usage(19, ResourceId=None, ResourceName=None, Tags={}),
    )
    ran = acme.costd("status", "--unowned")
    assert ran.status == 0
    assert [line.split() for line in ran.lines] == [line.split() for line in UNOWNED.splitlines()]
    document = acme.costd("status", "--unowned", "--limit", "1", "--output", "json").json
    assert (document["schema"], document["billing_month"]) == ("costd.unowned/1", "2026-06")
    assert [row["resource"] for row in document["rows"]] == ["i-big"]
    assert document["hints"][0]["line"] == "ownership.keys.team: add 'Team_Name'"


def test_when_all_is_owned_it_says_so(acme: Acme) -> None:
    acme.collected(usage(19))
    assert "has a team or is in a pool" in acme.costd("status", "--unowned").out
