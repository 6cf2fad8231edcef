"""Cost Explorer: asked for a first overview and for reconciliation, never more often than allowed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aws_exports import LAST_MONTH, THIS_MONTH, TODAY, AwsDesk, Bucket, as_gzip, lines_of
from aws_peer import AwsPeer, Cost, peer_of, refused
from s3 import S3Server

from collectors.aws.explorer import BudgetError, Explorer
from collectors.aws.overview import wanted
from collectors.aws.refusals import DeniedError
from collectors.aws_billing import AwsBillingCollector
from domain.delivery import Freshness
from domain.errors import SourceError
from domain.window import midnight, month_of, month_window

FIRST = month_window(LAST_MONTH).start.date()
LATER = midnight(month_window(THIS_MONTH).start.date() + timedelta(days=9)) + timedelta(hours=12)
"""The tenth of this month: both months have days."""


@pytest.fixture
def peer(s3_env: S3Server) -> Iterator[AwsPeer]:
    with peer_of(s3_env.url) as peer:
        peer.costs = [*_costs(FIRST), *_costs(month_window(THIS_MONTH).start.date())]
        yield peer


def _costs(day: date) -> list[Cost]:
    return [
        Cost(day, "044455556666", "Amazon EC2", "Usage", "1.0000000001", "1.0000000001"),
        Cost(day, "044455556666", "Amazon EC2", "SavingsPlanCoveredUsage", "4", "2.5"),
        Cost(day, "044455556666", "Amazon EC2", "SavingsPlanNegation", "-4", "0"),
        Cost(day, "777788889999", "AWS Support", "Support", "3", "3"),
        Cost(day, "777788889999", "Tax", "Tax", "0.5", "0.5"),
        Cost(day, "777788889999", "AWS Glue", "Lottery", "0.25", "0.25"),
        Cost(day, "777788889999", "AWS Glue", "Credit", "-2", "-2"),
    ]


@pytest.fixture
def bucket(s3_env: S3Server) -> Bucket:
    return Bucket(s3_env)


@pytest.fixture
def desk(bucket: Bucket, peer: AwsPeer, tmp_path: Path) -> AwsDesk:
    desk = AwsDesk(bucket, url=peer.url, scratch=str(tmp_path), cost_explorer={"bootstrap": True})
    desk.clock.at = LATER
    return desk


def explorer(desk: AwsDesk) -> Explorer:
    assert isinstance(desk.collector, AwsBillingCollector)
    return desk.collector.explorer()


def test_before_the_first_export_there_is_an_overview_that_says_what_it_is(desk: AwsDesk) -> None:
    found = desk.collect()
    assert found.batches == [frozenset({THIS_MONTH}), frozenset({LAST_MONTH})]
    month = desk.months[THIS_MONTH]
    assert set(month["x_Origin"]) == {"cost-explorer"}
    assert desk.billed(THIS_MONTH) == Decimal("2.7500000001")
    assert Decimal(month["EffectiveCost"].sum()) == Decimal("5.2500000001")
    kinds = dict(zip(month["x_LineItemType"], month["ChargeCategory"], strict=True))
    assert kinds == {
        "SavingsPlanCoveredUsage, SavingsPlanNegation, Usage": "Usage",
        "Support": "Purchase",
        "Tax": "Tax",
        "Lottery": "Adjustment",
        "Credit": "Credit",
    }
    assert set(month["SubAccountId"]) == {"044455556666", "777788889999"}
    assert any("is of Cost Explorer, by day, account and service only" in note for note in found.notes)
    assert "no cost export was found" in found.coverage.reason


def test_a_month_of_which_cost_explorer_knows_nothing_is_not_stored_as_free(
    desk: AwsDesk, peer: AwsPeer
) -> None:
    peer.costs = [cost for cost in peer.costs if month_of(cost.day) == THIS_MONTH]
    assert desk.collect().batches == [frozenset({THIS_MONTH})]
    peer.costs = []
    assert desk.collect().batches == []


def test_the_overview_says_of_itself_that_it_is_not_the_bill(desk: AwsDesk) -> None:
    for _ in range(2):
        found = desk.collect()
        assert found.coverage.freshness is Freshness.STALE
        assert "figures are of Cost Explorer until then" in found.coverage.reason
        assert found.coverage.delivered_through == midnight(LATER.date() - timedelta(days=1))
        assert [f"{THIS_MONTH} is of Cost Explorer" in note for note in found.notes].count(True) >= 1


def test_it_is_asked_once_a_day(desk: AwsDesk, peer: AwsPeer) -> None:
    desk.collect()
    asked = peer.count("GetCostAndUsage")
    assert asked == 6, "one for the kinds of records, one for each of five kinds"
    desk.clock.at += timedelta(hours=6)
    assert desk.collect().batches == []
    assert peer.count("GetCostAndUsage") == asked
    desk.clock.at += timedelta(hours=12)
    desk.collect()
    assert peer.count("GetCostAndUsage") == 2 * asked


def test_an_overview_may_be_less_than_the_one_before(desk: AwsDesk, peer: AwsPeer) -> None:
    desk.collect()
    peer.costs = peer.costs[:1]
    desk.clock.at += timedelta(days=1)
    assert desk.collect().closings[LAST_MONTH].supersedes
    assert desk.billed(LAST_MONTH) == Decimal("1.0000000001")


def test_the_export_replaces_the_overview_whole_even_if_it_is_smaller(
    desk: AwsDesk, bucket: Bucket, peer: AwsPeer
) -> None:
    desk.collect()
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2, cost="0.01"))})
    desk.clock.at += timedelta(days=1)
    found = desk.collect()
    assert found.closings[THIS_MONTH].supersedes
    assert desk.billed(THIS_MONTH) == Decimal("0.02")
    assert set(desk.months[THIS_MONTH]["x_Origin"]) == {None}
    assert set(desk.months[LAST_MONTH]["x_Origin"]) == {"cost-explorer"}
    before = peer.count("GetCostAndUsage")
    bucket.data_export(LAST_MONTH, {"a.csv.gz": as_gzip(lines_of(LAST_MONTH, 2, cost="0.01"))})
    desk.clock.at += timedelta(days=1)
    assert not desk.collect().closings[LAST_MONTH].closes_at
    assert peer.count("GetCostAndUsage") == before, "exports have delivered both months"


def test_a_month_that_an_export_delivered_is_never_overwritten_by_an_overview(
    desk: AwsDesk, bucket: Bucket
) -> None:
    key = bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    bucket.data_export(LAST_MONTH, {"a.csv.gz": as_gzip(lines_of(LAST_MONTH, 2))})
    desk.collect()
    bucket.delete(key)
    assert desk.collect().batches == []
    assert desk.billed(THIS_MONTH) == Decimal("2.50")


def test_the_budget_of_a_day_is_never_exceeded_and_nothing_is_stored_half(
    bucket: Bucket, peer: AwsPeer, tmp_path: Path
) -> None:
    desk = AwsDesk(
        bucket,
        url=peer.url,
        scratch=str(tmp_path),
        cost_explorer={"bootstrap": True, "requests_per_day": 3},
    )
    desk.clock.at = LATER
    found = desk.collect()
    assert found.batches == []
    assert any("the 3 requests to Cost Explorer that aws may make" in note for note in found.notes)
    assert peer.count("GetCostAndUsage") == 3
    desk.collect()
    assert peer.count("GetCostAndUsage") == 3


def test_zero_requests_a_day_asks_nothing(bucket: Bucket, peer: AwsPeer) -> None:
    desk = AwsDesk(bucket, url=peer.url, cost_explorer={"requests_per_day": 0})
    desk.collect()
    with pytest.raises(BudgetError, match="the 0 requests"):
        explorer(desk).month(LAST_MONTH)
    assert peer.count("GetCostAndUsage") == 0


def test_where_it_is_not_allowed_a_note_names_the_permission(desk: AwsDesk, peer: AwsPeer) -> None:
    peer.faults.append(
        lambda asked: refused("AccessDeniedException") if asked.target.endswith("GetCostAndUsage") else None
    )
    found = desk.collect()
    assert found.batches == []
    assert any("ce:GetCostAndUsage is not allowed" in note for note in found.notes)


def test_every_page_is_a_request_that_counts(desk: AwsDesk, peer: AwsPeer) -> None:
    peer.page = 2
    sums = explorer(desk).month(LAST_MONTH)
    assert len(sums) == 7
    assert peer.count("GetCostAndUsage") == 4
    assert desk.purse.left("aws", "Cost Explorer", limit=20, now=LATER) == 16


def test_a_month_is_given_by_account_and_record_type_for_reconciliation(desk: AwsDesk) -> None:
    sums = {(one.account, one.record_type): one for one in explorer(desk).month(LAST_MONTH)}
    usage = sums["044455556666", "Usage"]
    assert (usage.unblended, usage.amortised, usage.currency) == (
        Decimal("1.0000000001"),
        Decimal("1.0000000001"),
        "USD",
    )
    assert usage.is_estimated
    assert sum(one.unblended for one in sums.values()) == Decimal("2.7500000001")


@pytest.mark.parametrize(
    ("code", "kind", "hint"),
    [
        ("AccessDeniedException", DeniedError, "allow ce:GetCostAndUsage on *"),
        ("DataUnavailableException", SourceError, "open Cost Explorer once in the console"),
        ("ExpiredTokenException", SourceError, "have expired"),
    ],
)
def test_refusals_say_what_to_do(
    desk: AwsDesk, peer: AwsPeer, code: str, kind: type[Exception], hint: str
) -> None:
    peer.faults.append(lambda asked: refused(code) if asked.target.endswith("GetCostAndUsage") else None)
    with pytest.raises(kind) as caught:
        explorer(desk).month(LAST_MONTH)
    assert hint in getattr(caught.value, "hint", "")


def test_reconciling_may_be_switched_off(bucket: Bucket, peer: AwsPeer) -> None:
    desk = AwsDesk(bucket, url=peer.url, cost_explorer={"reconcile": False})
    assert isinstance(desk.collector, AwsBillingCollector)
    with pytest.raises(SourceError, match="may not ask Cost Explorer what"):
        desk.collector.invoice(LAST_MONTH)
    allowed = AwsDesk(bucket, url=peer.url)
    assert isinstance(allowed.collector, AwsBillingCollector)
    assert len(allowed.collector.invoice(LAST_MONTH)) == 7


def test_amounts_never_pass_through_a_float(desk: AwsDesk, peer: AwsPeer) -> None:
    day = month_window(LAST_MONTH).start.date()
    peer.costs = [Cost(day, "044455556666", "Amazon EC2", "Usage", "0.1000000000000000055", "0.1")]
    (one,) = explorer(desk).month(LAST_MONTH)
    assert str(one.unblended) == "0.1000000000000000055"


def test_only_this_month_and_the_one_before_are_asked_for_and_no_day_too_fresh() -> None:
    now = midnight(date(2026, 7, 3))
    asked = wanted((), {}, now)
    assert asked is not None
    assert (asked.periods, asked.first, asked.end) == (
        ("2026-06", "2026-07"),
        date(2026, 6, 1),
        date(2026, 7, 2),
    )
    first_day = wanted((), {}, midnight(date(2026, 7, 1)))
    assert first_day is not None
    assert (first_day.periods, first_day.end) == (("2026-06",), date(2026, 6, 30))


def test_a_month_long_over_is_settled() -> None:
    cursor: dict[str, Any] = {"format": 1, "origin": "cost-explorer", "asked": "2026-06-30"}
    late = midnight(date(2026, 7, 20))
    asked = wanted({"2026-07"}, {"2026-06": cursor}, late)
    assert asked is None
    assert wanted({"2026-07"}, {"2026-06": cursor}, midnight(date(2026, 7, 10))) is not None
    assert month_of(TODAY) == THIS_MONTH
