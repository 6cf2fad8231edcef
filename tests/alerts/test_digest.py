"""The digest's text: the numbers of the reference layout, recomputed exactly."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from alerts.digest import Block, Digest, Line, Reach, Restated, is_quiet
from alerts.digest_text import LONGEST, render
from alerts.digest_words import fallback

DAY = date(2026, 11, 19)


def a_line(name: str | None, cost: str, change: str | None = None, why: str = "") -> Line:
    usual = None if change is None else Decimal(cost) - Decimal(change)
    return Line(name=name, cost=Decimal(cost), usual=usual, why=why)


LINES = (
    a_line("ml", "812.40", "214.10", "7 x g5.2xlarge since Wed 18:10 (train-7b) explain $203.63"),
    a_line("web", "391.20", "-12.50"),
    a_line("data", "338.75", "4.10"),
    a_line("platform", "171.05", "0.90"),
    a_line(None, "128.70", "-18.20", "7.0 % of total · 14 resources"),
)
TOTAL = sum((line.cost for line in LINES), Decimal(0))
USUAL = sum((line.usual for line in LINES if line.usual is not None), Decimal(0))
BLOCK = Block(
    currency="USD",
    total=TOTAL,
    usual=USUAL,
    weeks=4,
    lines=LINES,
    month_to_date=Decimal(32410),
    restated=(Restated(source="aws", day=date(2026, 11, 17), change=Decimal("6.20")),),
    owned=TOTAL - Decimal("128.70"),
)
DIGEST = Digest(
    day=DAY,
    reaches=(
        Reach(source="aws", day=DAY, through=datetime(2026, 11, 20, tzinfo=UTC), fresh=True),
        Reach(source="gcp", day=DAY, through=datetime(2026, 11, 20, 4, tzinfo=UTC), fresh=True),
    ),
    blocks=(BLOCK,),
    run_at=datetime(2026, 11, 20, 6, tzinfo=UTC),
)

GOLDEN = """\
Cloud cost - Thu 19 Nov · $1,842 (+$188, +11 %)
vs the median of the last 4 Thursdays, $1,654 · aws complete to 20 Nov 00:00 UTC ·
gcp complete to 20 Nov 04:00 UTC · 17 Nov restated +$6.20 (aws)

Team         Yesterday      Change        Why
ml             $812.40  ▲ +$214.10 +36 %  7 x g5.2xlarge since Wed 18:10 (train-7b) explain $203.63
web            $391.20  ▼  -$12.50  -3 %
data           $338.75  ·   +$4.10  +1 %
platform       $171.05  ·   +$0.90  +1 %
unallocated    $128.70  ▼  -$18.20 -12 %  7.0 % of total · 14 resources
total        $1,842.10  ▲ +$188.40 +11 %

Month to date: $32,410
Owner coverage: 93.0 % of this cost has a team
effective cost, all charges · run 2026-11-20T06:00Z"""


def test_the_reference_numbers_add_up_and_read_as_the_reference_does() -> None:
    assert Decimal("1842.10") == TOTAL
    assert Decimal("188.40") == TOTAL - USUAL
    assert render(DIGEST) == GOLDEN
    assert fallback(DIGEST) == "Cloud cost Thu 19 Nov: $1,842, up $188 (11 %). ml +$214."


def test_a_dot_needs_both_under_two_percent_and_under_ten() -> None:
    assert is_quiet(Decimal("9.99"), Decimal(1000))
    assert not is_quiet(Decimal(10), Decimal(1000))
    assert not is_quiet(Decimal("0.50"), Decimal(10))
    assert not is_quiet(Decimal("0.20"), Decimal(10))
    assert is_quiet(Decimal(0), Decimal(10))
    assert is_quiet(Decimal("0.004"), Decimal(0))


def test_a_change_that_cannot_be_seen_is_not_shown() -> None:
    lines = (*LINES[:-1], a_line(None, "0.001", "-0.002"))
    (line,) = (
        line
        for line in render(replace(DIGEST, blocks=(replace(BLOCK, lines=lines),))).splitlines()
        if line.startswith("unallocated")
    )
    assert line.split() == ["unallocated", "$0.00", "·"]


def test_what_is_not_known_is_absent_and_never_zero() -> None:
    block = replace(BLOCK, usual=None, weeks=0, month_to_date=None, owned=None, restated=())
    block = replace(block, lines=tuple(replace(line, usual=None, why="") for line in LINES))
    text = render(replace(DIGEST, blocks=(block,), why_no_change="aws has no day before Thu 19 Nov"))
    assert "no comparison: aws has no day before Thu 19 Nov" in text
    for word in ("Month", "coverage", "%", "▲", "·  ", "restated", "forecast", "saving", "approval"):
        assert word not in text
    assert fallback(replace(DIGEST, blocks=(block,))) == "Cloud cost Thu 19 Nov: $1,842."


def test_a_late_source_makes_it_partial_and_says_which_day_it_shows() -> None:
    late = Reach(
        source="gcp",
        day=date(2026, 11, 17),
        through=datetime(2026, 11, 18, 14, tzinfo=UTC),
        fresh=False,
        reason="9 h old, expected 6 h",
    )
    text = render(replace(DIGEST, partial=True, reaches=(DIGEST.reaches[0], late)))
    assert "Thu 19 Nov (partial) · $1,842" in text
    assert "gcp LATE (9 h old, expected 6 h) complete to 18 Nov 14:00 UTC, shows Tue 17 Nov" in text


def test_sources_without_a_complete_day_or_a_known_reach_say_so() -> None:
    young = Reach(source="oci", day=None, through=datetime(2026, 11, 20, 3, tzinfo=UTC), fresh=True)
    blind = Reach(source="saas", day=None, through=None, fresh=True)
    text = render(replace(DIGEST, reaches=(young, blind)))
    assert "oci complete to 20 Nov 03:00 UTC, not in these figures" in text
    assert "saas complete to an unknown time" in text


def test_currencies_have_a_block_each_and_are_never_added() -> None:
    euros = replace(BLOCK, currency="EUR", total=Decimal("100.5"), usual=None, lines=(a_line("ml", "100.5"),))
    text = render(replace(DIGEST, blocks=(BLOCK, euros)))
    assert "· $1,842 (+$188, +11 %)" in text
    assert "· €100" in text
    assert "1,942" not in text
    assert fallback(replace(DIGEST, blocks=(BLOCK, euros))).count("Cloud cost") == 2


def test_a_team_that_is_new_says_new_instead_of_a_share() -> None:
    text = render(replace(DIGEST, blocks=(replace(BLOCK, lines=(a_line("labs", "40", "40"),)),)))
    assert "▲ +$40.00 new" in " ".join(text.split())


@pytest.mark.parametrize("teams", [0, 1, 30, 400])
def test_it_stays_under_the_limit_and_folds_small_teams(teams: int) -> None:
    lines = tuple(
        a_line(f"team-{i:03d} with a very long name indeed", "10", "10", "w" * 60) for i in range(teams)
    )
    text = render(replace(DIGEST, blocks=(replace(BLOCK, lines=(*lines, LINES[-1])),)))
    assert len(text) <= LONGEST
    assert "unallocated" in text
    if teams > 100:
        assert " other teams" in text


def test_currencies_that_do_not_fit_are_said() -> None:
    blocks = tuple(replace(BLOCK, currency=f"C{i:02d}") for i in range(40))
    text = render(replace(DIGEST, blocks=blocks))
    assert len(text) <= LONGEST
    assert "more currencies: costd report" in text


def test_many_sources_and_restated_days_are_bounded() -> None:
    reaches = tuple(replace(DIGEST.reaches[0], source=f"s{i}") for i in range(20))
    restated = tuple(
        Restated(source="aws", day=date(2026, 11, day), change=Decimal(day)) for day in range(1, 9)
    )
    text = render(replace(DIGEST, reaches=reaches, blocks=(replace(BLOCK, restated=restated),)))
    assert "and 14 more sources" in text
    assert "restated elsewhere: +$15.00 in 5 more" in text


def test_names_from_bills_cannot_steer_the_terminal() -> None:
    lines = (a_line("\x1b[2J\u202eevil", "5", "5", ""), LINES[-1])
    text = render(replace(DIGEST, blocks=(replace(BLOCK, lines=lines),)))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_demo_is_marked_and_nothing_known_is_said() -> None:
    text = render(replace(DIGEST, demo=True, blocks=()))
    assert text.startswith("DEMO")
    assert "no charges known" in text
    assert fallback(replace(DIGEST, blocks=())) == "Cloud cost Thu 19 Nov: nothing known."


def test_charges_without_the_cost_are_counted() -> None:
    text = render(replace(DIGEST, blocks=(replace(BLOCK, unknown_rows=1200),)))
    assert "1,200 charges without effective cost are not in it" in text


def test_a_day_of_long_ago_is_told_with_its_year() -> None:
    late = replace(DIGEST, run_at=datetime(2027, 6, 1, tzinfo=UTC))
    assert render(late).startswith("Cloud cost - Thu 19 Nov 2026 · ")
    folded = replace(late, folded=3)
    assert render(folded).startswith("Cloud cost - Tue 17 to Thu 19 Nov 2026 · ")
