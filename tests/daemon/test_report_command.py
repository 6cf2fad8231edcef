"""`costd report`: the contracts of its outputs, exact sums, and nothing hidden."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from acme import Acme
from builders import a_charge

from daemon.dimensions import DIMENSIONS


def charge(day: str, team: str | None, cost: str, **columns: object) -> dict[str, object]:
    tags = {"team": team} if team else {}
    return a_charge(
        start=f"2026-06-{day}", hours=24, EffectiveCost=cost, BilledCost=cost, Tags=tags, **columns
    )


@pytest.fixture(scope="module")
def june(tmp_path_factory: pytest.TempPathFactory) -> Acme:
    """A month of bills that no test changes."""
    return Acme(folder=tmp_path_factory.mktemp("june")).collected(
        charge("01", "web", "10.000000000001", ProviderName="AWS"),
        charge("10", "ml", "20", ProviderName="AWS", ResourceId="i-ml"),
        charge("10", "data", "5.5", ProviderName="Microsoft"),
        charge("19", None, "3", ProviderName="AWS", ResourceId="i-lost"),
    )


def test_ndjson_is_one_object_per_row_with_exact_plain_amounts(june: Acme) -> None:
    ran = june.costd("report", "--by", "team", "--output", "ndjson")
    assert ran.status == 0
    assert ran.ndjson == [
        {"team": "ml", "currency": "USD", "cost": "20"},
        {"team": "web", "currency": "USD", "cost": "10.000000000001"},
        {"team": "data", "currency": "USD", "cost": "5.5"},
        {"team": None, "currency": "USD", "cost": "3"},
    ]


def test_json_has_the_shape_of_its_schema(june: Acme) -> None:
    document = june.costd("report", "--by", "provider", "--step", "month", "--output", "json").json
    assert {key: document[key] for key in ("schema", "window", "cost", "basis", "complete", "totals")} == {
        "schema": "costd.report/1",
        "window": {"from": "2026-06-01", "to": "2026-06-21", "step": "month"},
        "cost": "effective",
        "basis": "billed",
        "complete": False,
        "totals": [{"currency": "USD", "cost": "38.500000000001"}],
    }
    assert document["sources"] == [{"name": "aws", "through": "2026-06-20T00:00:00Z", "state": "fresh"}]
    assert document["rows"][0] == {
        "month": "2026-06",
        "provider": "AWS",
        "currency": "USD",
        "cost": "33.000000000001",
    }


def test_everything_until_a_day_begins_with_the_first_day_that_is_stored(june: Acme) -> None:
    document = june.costd("report", "--from", "all", "--to", "2026-06-19", "--output", "json").json
    assert document["window"] == {"from": "2026-06-01", "to": "2026-06-19", "step": None}
    assert document["totals"] == [{"currency": "USD", "cost": "35.500000000001"}]


def test_a_regex_that_cannot_be_used_is_a_mistake_in_the_command(june: Acme) -> None:
    ran = june.costd("report", "--where", "team=re:(")
    assert (ran.status, ran.out) == (2, "")
    assert "unclosed group" in ran.err
    assert "Traceback" not in ran.err


def test_a_window_the_sources_reach_is_complete_and_may_be_required(june: Acme) -> None:
    window = ("--from", "2026-06-01", "--to", "2026-06-20")
    assert june.costd("report", *window, "--output", "json").json["complete"] is True
    assert june.costd("report", *window, "--require-complete").status == 0
    late = june.costd("report", "--require-complete")
    assert late.status == 5
    assert "Incomplete: aws to 2026-06-20 00:00Z" in late.out


GOLDEN = """\
Effective cost by team - UTC days 2026-06-01 to 2026-06-20
TEAM         COST USD  SHARE
ml              20.00   52 %
web             10.00   26 %
data             5.50   14 %
unallocated      3.00    8 %
----------------------------
total           38.50
Incomplete: aws to 2026-06-20 00:00Z
"""


def test_the_table_reads_like_a_statement(june: Acme) -> None:
    assert june.costd("report").out == GOLDEN


def test_markdown_has_the_same_rows_and_a_bold_total(june: Acme) -> None:
    lines = june.costd("report", "--output", "markdown").lines
    assert "| TEAM | COST USD | SHARE |" in lines
    assert "|---|---:|---:|" in lines
    assert "| unallocated | 3.00 | 8 % |" in lines
    assert "| **total** | **38.50** |  |" in lines


def test_csv_is_exact_and_follows_its_rfc(june: Acme) -> None:
    out = june.costd("report", "--by", "team,day", "--output", "csv").out
    assert out.count("\r\n") == 5
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert list(rows[0]) == ["team", "day", "currency", "cost"]
    assert rows[0] == {"team": "web", "day": "2026-06-01", "currency": "USD", "cost": "10.000000000001"}
    assert rows[-1]["team"] == ""


@pytest.mark.parametrize(
    ("args", "costs"),
    [
        (("--where", "team=ml"), {"ml": "20"}),
        (("--where", "team=ML,d*"), {"ml": "20", "data": "5.5"}),
        (("--where", "team!=ml,web"), {"data": "5.5", None: "3"}),
        (("--where", "team=unallocated"), {None: "3"}),
        (("--where", "team!=unallocated"), {"ml": "20", "web": "10.000000000001", "data": "5.5"}),
        (("--where", "provider=Microsoft"), {"data": "5.5"}),
        (("--where", "provider=AWS", "--where", "resource=i-m?"), {"ml": "20"}),
        (("--where", "day=2026-06-10"), {"ml": "20", "data": "5.5"}),
        (("--where", "month=2026-06", "--where", "team=web"), {"web": "10.000000000001"}),
        (("--where", "tag:team=ml"), {"ml": "20"}),
        (("--from", "2026-06-10"), {"ml": "20", "data": "5.5", None: "3"}),
        (("--from", "2026-06-10", "--to", "2026-06-11"), {"ml": "20", "data": "5.5"}),
        (("--to", "2026-06-10"), {"web": "10.000000000001"}),
        (("--period", "2026-05"), {}),
        (
            (
                "--from",
                "all",
                "--where",
                "source=a*",
                "--where",
                "charge_category=Usage",
                "--where",
                "team=ml",
            ),
            {"ml": "20"},
        ),
    ],
)
def test_where_and_windows_narrow_and_never_change_what_remains(
    june: Acme, args: tuple[str, ...], costs: dict[str | None, str]
) -> None:
    rows = june.costd("report", *args, "--output", "ndjson").ndjson
    assert {row["team"]: row["cost"] for row in rows} == costs


@pytest.mark.parametrize("by", [*DIMENSIONS, "tag:team"])
def test_every_dimension_sums_to_the_whole(june: Acme, by: str) -> None:
    rows = june.costd("report", "--from", "all", "--by", by, "--output", "ndjson").ndjson
    assert sum(Decimal(row["cost"]) for row in rows) == Decimal("38.500000000001")
    assert all(list(row) == [by, "currency", "cost"] for row in rows)


def test_an_unknown_dimension_suggests_the_nearest(june: Acme) -> None:
    ran = june.costd("report", "--by", "tema")
    assert (ran.status, ran.out) == (2, "")
    assert "did you mean team?" in ran.err


def test_iso_weeks_and_months_are_utc_from_the_start_of_the_charge(acme: Acme) -> None:
    acme.collected(
        a_charge(start="2026-01-04T23:00", EffectiveCost="1"),
        a_charge(start="2026-01-05T00:00", EffectiveCost="2"),
        a_charge(start="2025-12-31T23:30", period="2026-01", EffectiveCost="4"),
    )

    def of(*args: str) -> dict[str, str]:
        rows = acme.costd(
            "report", "--from", "2025-12", "--to", "2026-02", *args, "--output", "ndjson"
        ).ndjson
        return {next(iter(row.values())): row["cost"] for row in rows}

    assert of("--by", "team", "--step", "week") == {"2026-W01": "5", "2026-W02": "2"}
    assert of("--by", "month") == {"2025-12": "4", "2026-01": "3"}
    assert of("--by", "billing_month") == {"2026-01": "7"}
    assert of("--by", "day") == {"2025-12-31": "4", "2026-01-04": "1", "2026-01-05": "2"}


def test_rows_by_billing_month_are_every_bill_unless_asked_otherwise(acme: Acme) -> None:
    acme.collected(a_charge(start="2024-09-03"), a_charge(start="2024-09-30", period="2024-10"))
    args = ("report", "--by", "billing_month", "--output", "ndjson")
    assert [row["billing_month"] for row in acme.costd(*args).ndjson] == ["2024-09", "2024-10"]
    september = acme.costd(*args, "--from", "2024-09", "--to", "2024-10").ndjson
    assert [row["billing_month"] for row in september] == ["2024-09"]
    by_day = acme.costd(*args, "--from", "2024-09-01", "--to", "2024-10-01").ndjson
    assert [row["billing_month"] for row in by_day] == ["2024-09", "2024-10"]
    assert acme.costd("report", "--output", "ndjson").ndjson == []


def test_currencies_are_never_added(acme: Acme) -> None:
    acme.collected(charge("10", "ml", "1"), charge("10", "ml", "100", BillingCurrency="EUR"))
    ran = acme.costd("report", "--output", "json").json
    assert ran["totals"] == [{"currency": "EUR", "cost": "100"}, {"currency": "USD", "cost": "1"}]
    table = acme.costd("report").out
    assert table.count("total") == 2
    assert "101" not in table
    assert "CURRENCY" in table


def test_an_unknown_cost_is_never_zero(acme: Acme) -> None:
    acme.collected(
        charge("10", "ml", "1", ContractedCost="7"),
        charge("10", "web", "2", ContractedCost=None),
        charge("10", "web", "2", ContractedCost=None),
    )
    ran = acme.costd("report", "--cost", "contracted", "--output", "json").json
    assert {row["team"]: row["cost"] for row in ran["rows"]} == {"ml": "7", "web": None}
    assert ran["missing"] == [{"source": "aws", "rows": 2}]
    assert ran["complete"] is False
    table = acme.costd("report", "--cost", "contracted").out
    assert "unknown" in table
    assert "charges without contracted cost: 2 of aws" in table


def test_negative_and_tiny_amounts_keep_their_sign_and_their_digits(acme: Acme) -> None:
    acme.collected(charge("10", "ml", "-2.5", ChargeCategory="Credit"), charge("10", "web", "0.0000008"))
    assert "-2.50" in acme.costd("report").out
    assert "<0.01" in acme.costd("report").out
    out = acme.costd("report", "--output", "csv").out
    assert ",USD,-2.5\r\n" in out
    assert ",USD,0.0000008\r\n" in out
    tiny = acme.costd("report", "--where", "team=web").out
    assert "0.00000080" in tiny


def test_the_unallocated_row_is_there_even_when_it_is_nothing(acme: Acme) -> None:
    acme.collected(charge("10", "ml", "1"))
    assert "unallocated      0.00" in acme.costd("report").out
    assert len(acme.costd("report", "--output", "ndjson").ndjson) == 1
    assert "unallocated" not in acme.costd("report", "--where", "team=ml").out
    assert "unallocated" not in acme.costd("report", "--by", "provider").out


def test_the_top_folds_into_other_and_keeps_unallocated(june: Acme) -> None:
    ran = june.costd("report", "--top", "1", "--output", "ndjson").ndjson
    assert ran == [
        {"team": "ml", "currency": "USD", "cost": "20"},
        {"team": "other", "currency": "USD", "cost": "15.500000000001", "folded": 2},
        {"team": None, "currency": "USD", "cost": "3"},
    ]
    assert [line.split()[0] for line in june.costd("report", "--top", "1").lines[2:5]] == [
        "ml",
        "other",
        "unallocated",
    ]


SHARED = """
ownership:
  shared:
    - {name: platform, when: {resource: i-shared}, split: proportional}
"""


def test_sharing_spreads_pools_and_a_filter_never_changes_what_remains(acme: Acme) -> None:
    acme.collected(
        charge("10", "ml", "30"),
        charge("10", "web", "10"),
        charge("10", None, "4", ResourceId="i-shared"),
        more=SHARED,
    )
    after = ("report", "--sharing", "after", "--output", "ndjson")
    whole = {row["team"]: row["cost"] for row in acme.costd(*after).ndjson}
    assert whole == {"ml": "33", "web": "11"}
    alone = acme.costd(*after, "--where", "team=web").ndjson
    assert alone == [{"team": "web", "currency": "USD", "cost": "11"}]
    before = {row["team"]: row["cost"] for row in acme.costd("report", "--output", "ndjson").ndjson}
    assert before == {"ml": "30", "web": "10", None: "4"}
    kinds = acme.costd("report", "--by", "cost_kind", "--output", "ndjson").ndjson
    assert {row["cost_kind"]: row["cost"] for row in kinds} == {"direct": "40", "shared": "4"}


def test_as_of_answers_from_what_was_known_then(acme: Acme) -> None:
    acme.configure("aws")
    acme.bill("aws", charge("10", "ml", "10"), charge("11", "ml", "1"))
    assert acme.costd("collect", now="2026-06-12T06:00Z").status == 0
    acme.bill("aws", charge("10", "ml", "12"), charge("11", "ml", "1"), charge("12", "ml", "1"))
    assert acme.costd("collect", now="2026-06-13T06:00Z").status == 0

    def known(*args: str) -> dict[str, object]:
        return acme.costd("report", "--by", "team", "--output", "json", *args).json  # type: ignore[no-any-return]

    assert known()["totals"] == [{"currency": "USD", "cost": "14"}]
    then = known("--as-of", "2026-06-12T12:00Z")
    assert then["totals"] == [{"currency": "USD", "cost": "11"}]
    assert then["sources"] == [{"name": "aws", "through": "2026-06-12T00:00:00Z", "state": "fresh"}]
    assert then["as_of"] == "2026-06-12T12:00:00Z"
    before = known("--as-of", "2026-06-01")
    assert (before["rows"], before["complete"]) == ([], False)
    assert "as known at 2026-06-12 12:00Z" in acme.costd("report", "--as-of", "2026-06-12T12:00Z").out


def test_a_late_source_is_named_in_the_completeness_line(june: Acme) -> None:
    ran = june.costd("report", now="2026-06-20T22:00Z")
    assert "aws to 2026-06-20 00:00Z, STALE (16 h old, expected 6 h)" in ran.out


def test_what_was_restated_lately_is_said(acme: Acme) -> None:
    acme.configure("aws")
    acme.bill("aws", charge("10", "ml", "10"), charge("18", "ml", "1"))
    acme.costd("collect", now="2026-06-19T06:00Z")
    acme.bill("aws", charge("10", "ml", "16.20"), charge("18", "ml", "1"))
    acme.costd("collect", now="2026-06-20T05:00Z")
    assert "Restated in the last 24 h: aws 10 Jun +$6.20." in acme.costd("report").out
    assert "Restated" not in acme.costd("report", "--from", "2026-06-11").out


def test_an_empty_ledger_and_an_empty_window_say_what_to_do(acme: Acme) -> None:
    acme.configure("aws")
    ran = acme.costd("report")
    assert ran.status == 0
    assert "`costd collect` fetches the bills" in ran.out
    assert acme.costd("report", "--output", "ndjson").out == ""
    assert acme.costd("report", "--output", "json").json["rows"] == []
    acme.collected(charge("10", "ml", "1"))
    assert "`--from all` shows all of it" in acme.costd("report", "--from", "2026-06-15").out
    assert "`--where` may be too narrow" in acme.costd("report", "--where", "team=nobody").out


HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "-2+3",
    "\x1b[31mred\x1b[0m",
    "[bold]rich[/bold]",
    "a|b `c` <script>",
    "\u202egnp.exe",
    "x" * 300,
    "Ünïcödé 漢字",
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Acme:
    """Bills with names that bite, each of another cost."""
    rows = [
        charge("10", None, f"-{at}", ResourceName=name, ResourceId=None)
        for at, name in enumerate(HOSTILE, start=1)
    ]
    return Acme(folder=tmp_path_factory.mktemp("hostile")).collected(*rows)


@pytest.mark.parametrize("output", ["table", "json", "ndjson", "csv", "markdown"])
def test_names_from_bills_do_no_harm_in_any_output(hostile: Acme, output: str) -> None:
    ran = hostile.costd("report", "--by", "resource", "--output", output)
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out
    if output == "json":
        assert [row["resource"] for row in ran.json["rows"]] == HOSTILE
    if output == "ndjson":
        assert [row["resource"] for row in ran.ndjson] == HOSTILE
    if output == "csv":
        rows = list(csv.DictReader(io.StringIO(ran.out, newline="")))
        assert [row["cost"] for row in rows] == [f"-{at}" for at in range(1, len(HOSTILE) + 1)]
        assert not any(row["resource"].startswith(("=", "+", "-", "@")) for row in rows)
    if output == "markdown":
        assert all(line.count("|") - line.count("\\|") == 4 for line in ran.lines if line.startswith("| "))
        assert "<script>" not in ran.out
    if output == "table":
        assert "[bold]rich[/bold]" in ran.out
        assert max(len(line) for line in ran.lines) < 200
