"""What pods cost by the hour adds up to the parts of the bill, and who owns them is as reports say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import polars as pl
import pytest
from idle_worlds import pod_hours

from attribution.ownership import compile_rules
from attribution.star import star_of
from config.allocation import AllocationSettings
from config.ownership import Ownership
from daemon.idle_costs import cost_hours
from daemon.idle_owners import node_teams, teams_of
from domain.charge import FACT_SCHEMA, RESOURCE_SCHEMA
from domain.usage import DEVICE_HOURS, NODE_HOURS, OBJECTS, POD_HOURS
from ledger.charges import ChargeLedger
from reaper.detectors.observed import COST_HOURS

DAY = datetime(2026, 11, 2, tzinfo=UTC)
RULES = compile_rules(Ownership())
POD, IDLE = 1, 2


class Parts:
    """A ledger that has these parts and nothing else."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = rows

    def attributable(self, *, periods: Iterable[str]) -> pl.LazyFrame:
        assert "2026-11" in set(periods)
        return pl.DataFrame(list(self.rows), schema=FACT_SCHEMA).lazy()


def part(dim_id: int, cost: str, start: int = 0, hours: int = 24) -> dict[str, Any]:
    begin = DAY + timedelta(hours=start)
    return {
        "source": "aws",
        "billing_period": "2026-11",
        "day": begin.date(),
        "dim_id": dim_id,
        "ChargePeriodStart": begin,
        "ChargePeriodEnd": begin + timedelta(hours=hours),
        "EffectiveCost": Decimal(cost),
    }


def resource(dim_id: int, kind: str, tags: dict[str, str], uid: str | None = None) -> dict[str, Any]:
    return {
        "source": "aws",
        "dim_id": dim_id,
        "ProviderName": "AWS",
        "ResourceId": "i-0abc",
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "x_AllocationKind": kind,
        "AllocatedResourceId": uid,
        "Tags": tags,
    }


RESOURCES = pl.DataFrame(
    [
        resource(POD, "workload", {"k8s-cluster": "prod", "team": "ml"}, "u-1"),
        resource(IDLE, "idle", {"k8s-cluster": "prod", "team": "platform"}),
    ],
    schema=RESOURCE_SCHEMA,
)
STAR = star_of(RESOURCES, RULES)


def frames(pods: list[dict[str, Any]], nodes: int = 24) -> dict[str, pl.DataFrame]:
    node = {
        "cluster": "prod",
        "node": "gpu-1",
        "provider_id": "aws:///eu-central-1a/i-0abc",
        "alive_seconds": 3600.0,
        "cpu_cores": 8.0,
        "memory_gib": 64.0,
        "gpus": 2.0,
    }
    hours = [{**node, "hour": DAY + timedelta(hours=number)} for number in range(nodes)]
    return {
        "node_hours": pl.DataFrame(hours, schema=NODE_HOURS),
        "pod_hours": pl.DataFrame(pods, schema=POD_HOURS),
        "device_hours": DEVICE_HOURS.to_frame(),
    }


def costs(*parts: dict[str, Any], pods: Any = None, nodes: int = 24) -> pl.DataFrame:
    ledger = cast("ChargeLedger", Parts(*parts))
    held = frames(pod_hours(range(24)) if pods is None else pods, nodes)
    return cost_hours(ledger, STAR, held, AllocationSettings())


def test_a_days_part_is_spread_over_the_hours_that_the_pod_ran() -> None:
    found = costs(part(POD, "24"), pods=pod_hours(range(6, 18))).filter(pl.col("uid") == "u-1")
    assert found.schema == COST_HOURS
    assert found["cost"].to_list() == [Decimal(2)] * 12
    assert set(found["currency"]) == {"USD"}


def test_an_hours_part_is_of_its_hour_and_several_charges_add_up() -> None:
    found = costs(part(POD, "3", 5, 1), part(POD, "0.25", 5, 1)).filter(pl.col("uid") == "u-1")
    assert (found["hour"].unique().to_list(), found["cost"].sum()) == (
        [DAY + timedelta(hours=5)],
        Decimal("3.25"),
    )


def test_what_nobody_claimed_is_the_nodes() -> None:
    found = costs(part(IDLE, "48")).filter(pl.col("uid").is_null())
    assert (found["node"].unique().to_list(), found["cost"].to_list()) == (["gpu-1"], [Decimal(2)] * 24)


def test_what_is_for_longer_than_a_day_is_no_cost_of_an_hour() -> None:
    assert costs(part(POD, "700", 0, 24 * 30)).is_empty()


def test_what_a_cost_pays_for_adds_up_to_all_of_it() -> None:
    found = costs(part(POD, "24"), part(IDLE, "24"))
    assert found.select((pl.col("cpu") + pl.col("memory") + pl.col("gpu") - 1).abs().max()).item() < 1e-6
    assert found.filter(pl.col("uid").is_null())["gpu"].min() > 0


def test_without_parts_no_cost_is_known() -> None:
    assert costs().is_empty()
    assert costs(part(POD, "1"), pods=[], nodes=0).is_empty()


def test_a_pod_belongs_to_whom_its_part_of_the_bill_does() -> None:
    pods = pl.DataFrame(pod_hours([0]), schema=POD_HOURS)
    assert teams_of(pods, OBJECTS.to_frame(), STAR, RULES) == {("prod", "u-1"): "ml"}


def test_what_nobody_claims_of_a_node_belongs_to_whom_its_idle_part_does() -> None:
    assert node_teams(frames([])["node_hours"], STAR) == {("prod", "gpu-1"): "platform"}


@pytest.mark.parametrize(
    ("labels", "team"),
    [
        ({"pod": {"team": "web"}, "namespace": {"team": "platform"}}, "web"),
        ({"pod": {}, "namespace": {"team": "platform"}}, "platform"),
        ({"pod": {}, "namespace": {}}, None),
    ],
)
def test_a_pod_that_no_bill_knows_yet_belongs_to_whom_its_labels_say(
    labels: dict[str, dict[str, str]], team: str | None
) -> None:
    pods = pl.DataFrame(pod_hours([0], uid="u-9", pod="new-0"), schema=POD_HOURS)
    objects = [
        {"cluster": "prod", "kind": "pod", "namespace": "ml", "name": "new-0", "uid": "u-9"},
        {"cluster": "prod", "kind": "namespace", "namespace": "", "name": "ml", "uid": "n-1"},
    ]
    told = pl.DataFrame([{**one, "labels": labels[one["kind"]]} for one in objects], schema=OBJECTS)
    assert teams_of(pods, told, STAR, RULES)["prod", "u-9"] == team
