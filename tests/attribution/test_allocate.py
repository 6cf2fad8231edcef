"""The kernel by example: dimensions, cuts, what is unknown, and that it streams."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from cells import a_fact, a_star, facts, one, prices, resources, rules, sums, team

from attribution.allocate import allocate
from attribution.slices import Filter, Sharing, Slice
from attribution.star import star_of
from config.owner import OWNER_FIELDS as WRITTEN
from domain.allocation import OWNER_FIELDS
from domain.window import Window

COST = "BilledCost"
PLATFORM = {"name": "platform", "when": {"namespace": "kube-system"}}
SYSTEM = {"Tags": {"k8s-namespace": "kube-system"}}


def test_the_design_and_the_rules_name_the_same_owner_fields() -> None:

    assert WRITTEN == OWNER_FIELDS


def test_dimensions_of_every_table_group_and_filter() -> None:
    dims = resources(
        {"RegionId": "eu", "Tags": {"team": "a", "tier": "gold"}, "SubAccountName": "prod"},
        {
            "RegionName": "Mars",
            "Tags": {"k8s-namespace": "web"},
            "ProviderName": None,
            "ServiceProviderName": "GCP",
        },
    )
    cells = facts(
        a_fact(0, 1, "2026-12-31T22:00", price_id=0),
        a_fact(1, 2, "2026-12-31T23:00", price_id=1, period="2027-01"),
    )
    star = a_star(dims, skus=("S1", "S2"))
    asked = (
        "provider",
        "account",
        "region",
        "namespace",
        "resource",
        "cloud_service",
        "source",
        "tag:tier",
        "SubAccountName",
    )
    assert sums(cells, star, *asked) == {
        ("AWS", "111", "eu", None, None, "EC2", "aws", "gold", "prod"): "1",
        ("GCP", "111", "Mars", "web", None, "EC2", "aws", None, None): "2",
    }
    assert sums(cells, star, "day", "week", "month", "billing_month", "sku") == {
        (date(2026, 12, 31), "2026-W53", "2026-12", "2026-12", "S1"): "1",
        (date(2026, 12, 31), "2026-W53", "2026-12", "2027-01", "S2"): "2",
    }
    for condition, expected in (
        (one("sku", "s1"), "1"),
        (one("week", "2026-W53"), "3"),
        (one("billing_month", "2027-*"), "2"),
        (one("tag:tier", None), "2"),
        (Filter(dimension="namespace", values=("web",), negated=True), "1"),
        (one("hour", "2026-12-31 22*"), "1"),
        (one("team", "re:^a$"), "1"),
    ):
        assert sums(cells, star, where=(condition,)) == {(): expected}, condition


def test_billing_months_and_windows_cut_what_is_summed() -> None:
    dims = resources(team("a"))
    cells = facts(a_fact(0, 1, "2026-06-30T23:00", period="2026-07"), a_fact(0, 2, "2026-07-01T00:00"))
    star = a_star(dims)
    june = Window.of_days(date(2026, 6, 1), date(2026, 7, 1))
    assert sums(cells, star, "team", window=june) == {"a": "1"}
    assert sums(cells, star, "team", billing_months=frozenset({"2026-07"})) == {"a": "3"}
    assert sums(cells, star, "team", window=june, billing_months=frozenset({"2026-06"})) == {}


def test_an_unknown_dimension_is_an_error() -> None:
    with pytest.raises(ValueError, match="no dimension is called 'teem'"):
        allocate(facts(), a_star(resources({})), Slice(by=("teem",)))
    with pytest.raises(ValueError, match="prices are needed"):
        allocate(facts(a_fact(0)), a_star(resources({})), Slice(by=("sku",))).collect()


def test_no_charges_give_no_rows_and_the_columns_asked_for() -> None:
    frame = allocate(facts(), a_star(resources()), Slice(by=("team", "day"), sharing=Sharing.AFTER)).collect()
    assert frame.columns == ["team", "day", "currency", "EffectiveCost"]
    assert frame.height == 0


def test_a_cost_that_no_charge_says_is_unknown_and_not_nought() -> None:
    dims = resources(team("a"), SYSTEM, team("b"))
    cells = facts(a_fact(0, 1, BilledCost=None), a_fact(1, 1, BilledCost=None), a_fact(2, 2))
    star = a_star(dims, {"shared": [PLATFORM]})
    assert sums(cells, star, "team", sharing=Sharing.BEFORE) == {"a": None, None: None, "b": "2"}
    assert sums(cells, star, "team") == {"a": None, None: None, "b": "2"}


def test_a_charge_whose_resource_is_unknown_shows_as_unknown() -> None:
    star = a_star(resources(team("a")))
    frame = allocate(facts(a_fact(0, 1), a_fact(99, 5)), star, Slice(by=("team",), costs=(COST,))).collect()
    assert dict(zip(frame["currency"], frame[COST], strict=True)) == {"USD": Decimal(1), None: Decimal(5)}


def costly_nodes(lazy: pl.LazyFrame) -> list[str]:
    """Name the nodes of the physical plan that hold whole columns in memory."""
    plan = lazy.show_graph(engine="streaming", plan_stage="physical", raw_output=True) or ""
    assert "multi-scan[parquet]" in plan, "not the plan of a scan"
    labels = [line for line in plan.splitlines() if "label=" in line and not line.startswith("label")]
    fallback = 'fillcolor="0.0 0.3 1.0"'  # how polars draws what its streaming engine cannot do
    costly = (fallback, 'label="columnar-function', 'label="window', 'label="sort', 'label="multiplexer')
    return [line for line in labels if any(mark in line for mark in costly)]


@pytest.mark.parametrize("sharing", Sharing)
@pytest.mark.parametrize("by", [("day", "team", "service", "model"), ("sku", "hour", "account"), ("source",)])
def test_the_physical_plan_streams(tmp_path: Path, by: tuple[str, ...], sharing: Sharing) -> None:
    for name in ("one", "two"):
        facts(a_fact(0, 1), a_fact(1, 2)).collect().write_parquet(tmp_path / f"{name}.parquet")
    cells = pl.scan_parquet(tmp_path / "*.parquet")
    dims = resources(team("a"), SYSTEM, {"ChargeCategory": "Tax"})
    star = star_of(dims, rules({"shared": [PLATFORM]}), prices("S1"))
    costs = ("BilledCost", "EffectiveCost", "ListCost")
    where = (one("month", "2026-*"), one("team", "a", None), one("region", None))
    for asked in (Slice(by=by, costs=costs, sharing=sharing), Slice(by=by, sharing=sharing, where=where)):
        assert costly_nodes(allocate(cells, star, asked)) == []
    assert costly_nodes(cells.select(pl.col("dim_id").replace_strict({0: 1}, default=2)))
    assert costly_nodes(cells.map_batches(lambda frame: frame))


def test_sums_that_tell_no_owners_apart_need_no_sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    dims = resources(team("a"), SYSTEM, {"ChargeCategory": "Tax"})
    cells = facts(a_fact(0, 1), a_fact(1, 2), a_fact(2, 3))
    star = a_star(dims, {"shared": [PLATFORM]})
    monkeypatch.setattr("attribution.spread._charges", None)
    assert sums(cells, star, "account", "day") == {("111", date(2026, 6, 10)): "6"}
    with pytest.raises(TypeError):
        sums(cells, star, "account", where=(one("team", "a"),))


def test_days_before_1970_and_of_unknown_resources_keep_their_date() -> None:
    star = a_star(resources(team("a")))
    cells = facts(
        a_fact(0, 1, "1969-12-31T23:00"), a_fact(99, 5, "1969-12-30T00:00"), a_fact(0, 2, "9999-12-31T00:00")
    )
    for name, shown in (("day", date(1969, 12, 31)), ("month", "1969-12"), ("week", "1970-W01")):
        frame = allocate(cells, star, Slice(by=(name, "team"), costs=(COST,))).collect()
        amounts = {cost: (when, who) for when, who, _, cost in frame.iter_rows()}
        assert amounts[1] == (shown, "a")
        assert amounts[5] == (date(1969, 12, 30) if name == "day" else shown, None)
        assert len(amounts) == frame.height == 3
