"""`restatements`, `reconcile`, `why-owner` and `export focus`, as their users meet them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from acme import Acme
from builders import a_charge
from deltalake import DeltaTable

from daemon import publication


def usage(day: int, cost: str = "1", **columns: object) -> dict[str, object]:
    costs = {"EffectiveCost": cost, "BilledCost": cost}
    return a_charge(start=f"2026-06-{day:02d}", hours=24, **{**costs, **columns})


@pytest.fixture(scope="module")
def restated(tmp_path_factory: pytest.TempPathFactory) -> Acme:
    """A month whose tenth day was changed on the thirteenth."""
    acme = Acme(folder=tmp_path_factory.mktemp("restated"))
    acme.configure("aws")
    acme.bill("aws", usage(10, "10"), usage(11))
    acme.costd("collect", now="2026-06-12T06:00Z")
    path = acme.bill("aws", usage(10, "16.20"), usage(11), usage(12, "1"))
    first, tenth, rest = path.read_text().split("\n", 2)
    path.write_text("\n".join([first, tenth.replace("16.200000000000", "16.2000000000004"), rest]))
    assert acme.costd("collect", now="2026-06-13T06:00Z").status == 0
    return acme


def test_restatements_say_old_new_change_and_when(restated: Acme) -> None:
    document = restated.costd("restatements", "--since", "30d", "--output", "json").json
    assert document["rows"] == [
        {
            "source": "aws",
            "day": "2026-06-10",
            "currency": "USD",
            "old": "10",
            "new": "16.2",
            "change": "6.2",
            "gross": "6.2",
            "first_seen": "2026-06-13T06:00:00Z",
        }
    ]
    assert document["totals"] == [{"source": "total", "currency": "USD", "change": "6.2", "gross": "6.2"}]
    table = restated.costd("restatements", "--since", "2026-06-01", "--by", "team,cloud_service").out
    assert "Amazon Elastic Compute Cloud" in table
    assert "total" in table


def test_restatements_before_an_instant_are_none_and_said(restated: Acme) -> None:
    ran = restated.costd("restatements", "--since", "2026-06-14")
    assert ran.status == 0
    assert ran.out == "Nothing that was complete has changed since 2026-06-14 00:00Z.\n"


@pytest.mark.parametrize("by", ["day", "source", "nothing"])
def test_restatements_have_a_day_and_a_source_already(restated: Acme, by: str) -> None:
    assert restated.costd("restatements", "--by", by).status == 2


def test_reconcile_follows_every_sum_and_names_what_was_rounded(restated: Acme) -> None:
    ran = restated.costd("reconcile", "--output", "json")
    assert ran.status == 0
    assert ran.json["holds"] is True
    billed = next(row for row in ran.json["rows"] if row["cost"] == "billed")
    assert (billed["parsed"], billed["stored"], billed["attributed"]) == (
        "18.2000000000004", "18.2", "18.2",
    )  # fmt: skip
    assert billed["residuals"] == ["0.0000000000004 digits beyond twelve, rounded when stored"]
    table = restated.costd("reconcile", "--period", "2026-06").out
    assert "Every sum holds" in table
    assert "0.0000000000004 USD are digits" in table


def test_reconcile_of_nothing_says_so(acme: Acme) -> None:
    acme.configure("aws")
    ran = acme.costd("reconcile")
    assert (ran.status, ran.out) == (0, "Nothing is stored yet. `costd collect` fetches the bills.\n")


def test_charges_whose_resource_is_lost_fail_the_proof_by_name(acme: Acme) -> None:
    acme.collected(usage(10, "5"), usage(10, "3", ResourceId="i-lost", ResourceName=None))
    table = DeltaTable(str(acme.folder / "var" / "ledger" / "resources"))
    table.delete("ResourceId = 'i-lost'")
    ran = acme.costd("reconcile", "--output", "json")
    assert ran.status == 1
    assert ran.json["holds"] is False
    assert "do not hold" in acme.costd("reconcile").out
    assert any("whose resource the ledger does not have" in str(row["residuals"]) for row in ran.json["rows"])
    acme.bill("aws", usage(10, "5"), usage(10, "3", ResourceId="i-lost", ResourceName=None), usage(11, "1"))
    assert acme.costd("collect").status == 0
    assert acme.costd("reconcile").status == 0


def test_a_period_that_does_not_hold_is_withheld_until_it_does(
    acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.configure("aws")
    acme.bill("aws", usage(10, "5"), a_charge(start="2026-05-02", EffectiveCost="2"))
    reason = "attributed billed cost 4 USD is not the stored 5"
    monkeypatch.setattr(publication, "withheld", lambda _results: {("aws", "2026-06"): reason})
    ran = acme.costd("collect")
    assert ran.status == 6
    assert f"aws 2026-06: {reason}" in ran.out
    report = acme.costd("report", "--from", "all", "--output", "json").json
    assert (report["totals"], report["complete"]) == ([{"currency": "USD", "cost": "2"}], False)
    assert "Withheld: aws 2026-06" in acme.costd("report", "--from", "all").out
    assert acme.costd("status").status == 5
    monkeypatch.undo()
    assert acme.costd("collect").status == 0
    report = acme.costd("report", "--from", "all", "--output", "json").json
    assert report["totals"] == [{"currency": "USD", "cost": "7"}]
    assert acme.costd("status").status == 0


def test_why_owner_says_what_decided_and_what_would_help(acme: Acme) -> None:
    acme.collected(
        usage(10, ResourceId="arn:aws:ec2:::i-0aa1", ResourceName="web-1", Tags={"team": "web"}),
        usage(10, ResourceId="arn:aws:ec2:::i-0bb2", ResourceName="lost-1", Tags={"name": "=\x1b[2J"}),
        usage(10, ResourceId="arn:aws:ec2:::i-0bb3", ResourceName="lost-2", Tags={}),
    )
    for name in ("web-1", "arn:aws:ec2:::i-0aa1", "I-0AA1", "0aa1"):
        ran = acme.costd("why-owner", name)
        assert ran.status == 0
        assert "team          web     keys.team[team]" in ran.out
    lost = acme.costd("why-owner", "lost-1")
    assert "nobody  no rule" in lost.out
    assert "tag the resource with 'team' or 'owner'" in lost.out
    assert "\x1b" not in lost.out
    document = acme.costd("why-owner", "lost-1", "--output", "json").json
    assert document["rows"][0]["owner"] is None
    assert document["tried"][0][0]["lines"] == []


def test_why_owner_lists_what_else_fits_and_says_when_nothing_does(acme: Acme) -> None:
    acme.collected(*(usage(10, ResourceId=f"i-{at:03d}", ResourceName=f"web-{at}") for at in range(40)))
    several = acme.costd("why-owner", "web-")
    assert several.status == 1
    assert "i-001" in several.out
    assert "10 more fit." in several.out
    nothing = acme.costd("why-owner", "db-1")
    assert nothing.status == 2
    assert "costd report --by resource" in nothing.err


def test_why_owner_of_a_resource_whose_tags_changed_has_a_part_for_each(acme: Acme) -> None:
    acme.collected(
        usage(10, Tags={"team": "web"}),
        usage(11, Tags={"team": "ml"}),
        usage(12, Tags={"team": "ml", "x": "y"}),
    )
    document = acme.costd("why-owner", "web-1", "--output", "json").json
    assert {(row["part"], row["owner"]) for row in document["rows"] if row["field"] == "team"} == {
        (1, "ml"),
        (2, "web"),
    } or {row["owner"] for row in document["rows"] if row["field"] == "team"} == {"ml", "web"}


def test_export_writes_a_file_that_adds_up_and_says_where(restated: Acme, tmp_path: Path) -> None:
    out = tmp_path / "out" / "focus.parquet"
    ran = restated.costd("export", "focus", "--out", str(out), "--output", "json")
    assert ran.status == 0
    assert ran.json["rows"] == [
        {
            "currency": "USD",
            "rows": 3,
            "billed": "18.2",
            "effective": "18.2",
            "list": "4.5",
            "contracted": "3.75",
        }
    ]
    assert pl.read_parquet(out).height == 3
    as_csv = tmp_path / "focus.csv"
    assert restated.costd("export", "focus", "--out", str(as_csv), "--version", "1.0").status == 0
    assert as_csv.read_text().startswith("AvailabilityZone,")


@pytest.mark.parametrize("args", [("--period", "2020-01"), ("--source", "gcp"), ("--period", "soon")])
def test_an_export_of_nothing_is_refused(restated: Acme, tmp_path: Path, args: tuple[str, ...]) -> None:
    out = tmp_path / "focus.parquet"
    ran = restated.costd("export", "focus", "--out", str(out), *args)
    assert ran.status == 2
    assert not out.exists()
