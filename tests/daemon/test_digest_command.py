"""`costd digest`: like days with like, changes that add up, and nothing that is not known."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from acme import Acme
from builders import a_charge

from daemon.digest import median_weeks
from daemon.movers import Part, explain

DAY = date(2026, 11, 19)
RUN = "2026-11-20T06:00Z"

TODAY = {"ml": "812.40", "web": "391.20", "data": "338.75", "platform": "171.05", None: "128.70"}
USUAL = {"ml": "598.30", "web": "403.70", "data": "334.65", "platform": "170.15", None: "146.90"}
"""The numbers of the reference layout: today, and today less the change."""


def a_day(day: date, costs: dict[str | None, str], **columns: object) -> list[dict[str, object]]:
    return [
        a_charge(
            start=day.isoformat(),
            hours=24,
            EffectiveCost=cost,
            Tags={"team": team} if team else {},
            ResourceId=f"i-{team}",
            ResourceName=f"{team}-1",
            ServiceName="Amazon EC2",
            **columns,
        )
        for team, cost in costs.items()
    ]


def weeks_of(usual: dict[str | None, str], *shifts: str) -> list[dict[str, object]]:
    """Give the four like weekdays before, the total of each moved by a shift of one team."""
    rows = []
    for back, shift in enumerate(shifts, start=1):
        costs = {**usual, "web": str(Decimal(usual["web"]) + Decimal(shift))}
        rows += a_day(DAY - timedelta(weeks=back), costs)
    return rows


@pytest.fixture(scope="module")
def thursday(tmp_path_factory: pytest.TempPathFactory) -> Acme:
    """The company of the reference layout on Friday morning."""
    acme = Acme(folder=tmp_path_factory.mktemp("thursday"))
    acme.configure("aws")
    rows = [*a_day(DAY, TODAY), *weeks_of(USUAL, "0", "100", "0", "-50")]
    rows += a_day(DAY - timedelta(weeks=5), USUAL)
    acme.bill("aws", *rows)
    assert acme.costd("collect", now=RUN).status == 0
    return acme


GOLDEN = """\
Cloud cost - Thu 19 Nov - $1,842 (+$188, +11 %)
vs the median of the last 4 Thursdays, $1,654 - aws complete to 20 Nov 00:00 UTC

Team         Yesterday      Change        Why
ml             $812.40  ^ +$214.10 +36 %  ml-1 (Amazon EC2) explains +$214.10
web            $391.20  v  -$12.50  -3 %  web-1 (Amazon EC2) explains -$12.50
data           $338.75  -   +$4.10  +1 %
platform       $171.05  -   +$0.90  +1 %
unallocated    $128.70  v  -$18.20 -12 %  7.0 % of total - 1 resource
total        $1,842.10  ^ +$188.40 +11 %

Month to date: $5,250
Owner coverage: 93.0 % of this cost has a team
effective cost, all charges - run 2026-11-20T06:00Z
"""


def test_it_reads_as_the_reference_does_from_real_charges(thursday: Acme) -> None:
    ran = thursday.costd("digest", "--preview", now=RUN)
    assert ran.status == 0
    assert ran.out == GOLDEN


def test_its_figures_can_be_had_exactly(thursday: Acme) -> None:
    document = thursday.costd("digest", "--output", "json", now=RUN).json
    assert (document["schema"], document["day"], document["partial"]) == (
        "costd.digest/1",
        "2026-11-19",
        False,
    )
    (block,) = document["blocks"]
    assert (block["currency"], block["total"], block["usual"]) == ("USD", "1842.1", "1653.7")
    assert block["lines"][-1]["name"] is None
    assert document["text"] == "Cloud cost Thu 19 Nov: $1,842, up $188 (11 %). ml +$214."


def test_another_day_can_be_asked_for(thursday: Acme) -> None:
    out = thursday.costd("digest", "--preview", "--day", "2026-11-12", now=RUN).out
    assert out.startswith("Cloud cost - Thu 12 Nov - $1,654 (unchanged)")
    assert "the median of the last 4 Thursdays" in out


def test_a_day_that_is_not_complete_is_not_compared(thursday: Acme) -> None:
    ran = thursday.costd("digest", "--day", "2026-11-20", now=RUN)
    assert ran.status == 5
    assert "no charges known" in ran.out
    thursday_again = thursday.costd("digest", "--day", "2026-11-19", now=RUN)
    assert thursday_again.status == 0


def test_what_has_no_like_day_is_not_compared(acme: Acme) -> None:
    acme.configure("aws")
    acme.bill("aws", *a_day(DAY, TODAY))
    acme.costd("collect", now=RUN)
    out = acme.costd("digest", now=RUN).out
    assert "no comparison: aws has no charges before Thu 19 Nov" in out
    assert "%  " not in out.split("Team")[0]
    assert "^" not in out


def test_fewer_than_four_like_days_say_how_many(acme: Acme) -> None:
    acme.configure("aws")
    acme.bill("aws", *a_day(DAY, TODAY), *weeks_of(USUAL, "0"))
    acme.costd("collect", now=RUN)
    assert "vs last Thursday, $1,654" in acme.costd("digest", now=RUN).out


def test_sources_that_differ_show_their_own_day_and_compare_like_with_like(acme: Acme) -> None:
    acme.configure("aws", "gcp")
    acme.bill("aws", *a_day(DAY, {"ml": "100"}), *a_day(DAY - timedelta(weeks=1), {"ml": "90"}))
    gcp = [DAY - timedelta(days=1), DAY - timedelta(days=8)]
    acme.bill(
        "gcp",
        *a_day(gcp[0], {"ml": "11"}),
        *a_day(gcp[1], {"ml": "7"}),
        *a_day(DAY - timedelta(weeks=1), {"ml": "999"}),
    )
    acme.costd("collect", now=RUN)
    out = acme.costd("digest", now=RUN).out
    assert "Thu 19 Nov - $111 (+$14, +14 %)" in out
    assert "gcp complete to 19 Nov 00:00 UTC, shows Wed 18 Nov" in out
    assert "partial" not in out


def test_a_late_source_makes_it_partial(thursday: Acme) -> None:
    ran = thursday.costd("digest", now="2026-11-20T22:00Z")
    assert ran.status == 5
    assert "(partial)" in ran.out
    assert "aws LATE (16 h old, expected 6 h)" in ran.out


def test_a_source_that_lags_a_fortnight_is_named_and_in_no_figure(acme: Acme) -> None:
    acme.configure("aws", "old")
    acme.bill("aws", *a_day(DAY, {"ml": "100"}))
    acme.bill("old", *a_day(DAY - timedelta(days=14), {"ml": "5000"}))
    acme.costd("collect", now=RUN)
    ran = acme.costd("digest", now=RUN)
    assert ran.status == 5
    assert "$100" in ran.lines[0]
    assert "old complete to 6 Nov 00:00 UTC, not in these figures" in ran.out


def test_currencies_have_a_block_each(acme: Acme) -> None:
    acme.configure("aws")
    acme.bill("aws", *a_day(DAY, {"ml": "100"}), *a_day(DAY, {"ml": "7"}, BillingCurrency="EUR"))
    acme.costd("collect", now=RUN)
    ran = acme.costd("digest", now=RUN)
    heads = [line for line in ran.lines if line.startswith("Cloud cost")]
    assert heads == ["Cloud cost - Thu 19 Nov - €7.00", "Cloud cost - Thu 19 Nov - $100"]


def test_a_restated_day_is_told_and_the_day_itself_is_not(acme: Acme) -> None:
    acme.configure("aws")
    two_days = [*a_day(DAY - timedelta(days=2), {"ml": "10"}), *a_day(DAY - timedelta(days=1), {"ml": "1"})]
    acme.bill("aws", *two_days)
    acme.costd("collect", now="2026-11-19T06:00Z")
    changed = [*a_day(DAY - timedelta(days=2), {"ml": "16.20"}), *two_days[1:], *a_day(DAY, {"ml": "3"})]
    acme.bill("aws", *changed)
    acme.costd("collect", now="2026-11-20T05:00Z")
    assert "17 Nov restated +$6.20 (aws)" in acme.costd("digest", now=RUN).out


def test_pools_are_spread_so_that_unallocated_means_nobody(acme: Acme) -> None:
    more = "ownership:\n  shared:\n    - {name: common, when: {resource: i-None}, split: even}\n"
    acme.configure("aws", more=more)
    acme.bill("aws", *a_day(DAY, {"ml": "10", "web": "20", None: "4"}))
    acme.costd("collect", now=RUN)
    out = acme.costd("digest", now=RUN).out
    assert "web             $22.00" in out
    assert "unallocated      $0.00" in out
    assert "Owner coverage: 100.0 %" in out


def test_charges_without_the_cost_are_counted_and_not_zero(acme: Acme) -> None:
    acme.configure("aws")
    acme.bill(
        "aws", *a_day(DAY, {"ml": "10"}, ContractedCost=None), *a_day(DAY, {"web": "1"}, ContractedCost="4")
    )
    acme.costd("collect", now=RUN)
    out = acme.costd("digest", "--cost", "contracted", now=RUN).out
    assert "1 charges without contracted cost are not in it" in out
    assert "$4.00" in out
    assert "$0.00" in out.split("unallocated")[1]
    assert "ml " not in out


def test_nothing_stored_is_said(acme: Acme) -> None:
    acme.configure("aws")
    ran = acme.costd("digest", now=RUN)
    assert "no charges known" in ran.out


def test_the_median_is_made_of_days_that_exist() -> None:
    assert median_weeks({}) == ()
    assert median_weeks({1: Decimal(5)}) == (1,)
    assert median_weeks({1: Decimal(5), 2: Decimal(1), 3: Decimal(9)}) == (1,)
    assert set(median_weeks({1: Decimal(5), 2: Decimal(1), 3: Decimal(9), 4: Decimal(6)})) == {1, 4}


def a_part(resource: str | None, now: str, usual: str, service: str | None = "EC2", name: str = "") -> Part:
    return Part(resource=resource, name=name, service=service, now=Decimal(now), usual=Decimal(usual))


@pytest.mark.parametrize(
    ("parts", "change", "why"),
    [
        ([], "5", ""),
        ([a_part("i-1", "1", "5")], "5", ""),
        ([a_part("i-1", "9", "4", name="train-7b")], "5", "train-7b (EC2) explains +$5.00"),
        ([a_part("i-1", "5", "0", name="train-7b")], "5", "train-7b (EC2), new, explains +$5.00"),
        ([a_part("i-1", "0", "5")], "-5", "i-1 (EC2), gone, explains -$5.00"),
        ([a_part("arn:aws:x:log-group:/acme/web/", "9", "4")], "5", "web (EC2) explains +$5.00"),
        (
            [a_part(f"i-{at}", "2", "0") for at in range(7)],
            "14",
            "EC2, 7 resources (all new), explains +$14.00",
        ),
        (
            [a_part("a", "2", "1"), a_part("b", "2", "1"), a_part("c", "3", "2", "S3")],
            "3",
            "EC2, 2 resources, explains +$2.00",
        ),
        ([a_part(None, "5", "0", "Tax")], "5", "Tax explains +$5.00"),
        ([a_part(None, "5", "0", None)], "5", "charges without a service explains +$5.00"),
        ([a_part("i\x1b[2J", "5", "4", "=S3")], "1", "i\\x1b[2J (=S3) explains +$1.00"),
    ],
)
def test_what_moved_is_named_once_and_exactly(parts: list[Part], change: str, why: str) -> None:
    assert explain(parts, Decimal(change), "USD") == why
