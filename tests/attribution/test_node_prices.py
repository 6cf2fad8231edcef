"""What a node's CPU, memory and GPUs cost: vectors V1 to V3 and V14, and nodes that lack something."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.kubernetes.policy import Split, net_price, node_parts, rates
from config.allocation import BasePrices

VECTORS = {
    one["id"]: one
    for one in json.loads(Path("tests/data/attribution_vectors.json").read_text(encoding="utf-8"))
}
SPLITS: tuple[Split, ...] = ("opencost", "aws-scad", "fixed-95-3-2", "half", BasePrices(cpu=3, gpu=1))
CLOSE = 1e-9


def test_v1_own_base_prices_are_only_a_ratio() -> None:
    given_, expected = VECTORS["V1"]["input"], VECTORS["V1"]["expected"]
    base = BasePrices(cpu=given_["base"]["cpu"], memory=given_["base"]["ram"], gpu=given_["base"]["gpu"])
    found = rates(base, given_["node_price"], cpu=given_["cpu"], memory=given_["ram_gib"], gpus=given_["gpu"])
    assert (found.cpu, found.memory, found.gpu) == pytest.approx(
        (expected["cpu"], expected["ram"], expected["gpu"]), rel=CLOSE
    )


def test_v2_a_node_without_gpus_is_split_by_the_prices_of_opencost() -> None:
    given_, expected = VECTORS["V2"]["input"], VECTORS["V2"]["expected"]
    found = rates("opencost", given_["node_price"], cpu=given_["cpu"], memory=given_["ram_gib"])
    assert (found.cpu, found.memory, found.gpu) == pytest.approx(
        (expected["cpu"], expected["ram"], 0), rel=CLOSE
    )


@pytest.mark.parametrize(
    ("split", "name"),
    [
        ("opencost", "opencost_ratio"),
        ("aws-scad", "aws_scad"),
        ("fixed-95-3-2", "datadog_fixed"),
        ("half", "optscale_half"),
    ],
)
def test_v3_four_published_rules_disagree_about_a_gpu_node(split: Split, name: str) -> None:
    given_, expected = VECTORS["V3"]["input"], VECTORS["V3"]["expected"][name]
    size = {"cpu": given_["cpu"], "memory": given_["ram_gib"], "gpus": given_["gpu"]}
    found = rates(split, given_["node_price"], **size)
    assert (found.cpu, found.memory, found.gpu) == pytest.approx(
        (expected["cpu"], expected["ram"], expected["gpu"]), rel=CLOSE
    )
    parts = node_parts(split, [np.array([amount]) for amount in size.values()])[:, 0]
    assert tuple(parts) == pytest.approx(
        (expected["cpu_share"], expected["ram_share"], expected["gpu_share"]), rel=CLOSE
    )


def test_v14_discounts_come_off_the_whole_node_gpus_included() -> None:
    given_, expected = VECTORS["V14"]["input"], VECTORS["V14"]["expected"]
    gross = sum(Decimal(str(one)) for one in given_["gross"].values())
    discounts = [Decimal(str(given_["discount"])), Decimal(str(given_["negotiated"]))]
    net = net_price(Decimal(gross), discounts)
    assert net == Decimal(str(expected["net"]))
    assert net != Decimal(str(expected["wrong_gpu_skipped"]))
    assert 1 - net / gross == Decimal(str(expected["combined"]))
    base = BasePrices(cpu=10, memory=5, gpu=85)
    cheap = rates(base, float(net), cpu=1, memory=1, gpus=1)
    assert (cheap.cpu, cheap.memory, cheap.gpu) == pytest.approx((6.3, 3.15, 53.55), rel=CLOSE)


def test_refuses_a_discount_beyond_the_whole_price() -> None:
    with pytest.raises(ValueError, match="share from 0 to 1"):
        net_price(Decimal(1), [Decimal("1.1")])


def test_what_a_fixed_rule_gives_a_missing_resource_goes_to_the_others() -> None:
    parts = node_parts("fixed-95-3-2", [np.array([4.0]), np.array([0.0]), np.array([1.0])])
    assert tuple(parts[:, 0]) == pytest.approx((0.03 / 0.98, 0, 0.95 / 0.98))


@pytest.mark.parametrize("split", SPLITS)
def test_a_node_of_nothing_has_no_parts_and_no_rates(split: Split) -> None:
    nothing = rates(split, 5.0, cpu=0, memory=0)
    assert (nothing.cpu, nothing.memory, nothing.gpu) == (0, 0, 0)


amounts = st.one_of(st.just(0.0), st.floats(min_value=1e-3, max_value=1e5))


@given(split=st.sampled_from(SPLITS), price=amounts, cpu=amounts, memory=amounts, gpus=amounts)
def test_what_the_resources_cost_together_is_the_node(
    split: Split, price: float, cpu: float, memory: float, gpus: float
) -> None:
    each = rates(split, price, cpu=cpu, memory=memory, gpus=gpus)
    together = each.cpu * cpu + each.memory * memory + each.gpu * gpus
    parts = node_parts(split, [np.array([cpu]), np.array([memory]), np.array([gpus])])
    assert (parts >= 0).all()
    assert together == pytest.approx(price if parts.sum() else 0, rel=1e-6, abs=1e-12)
