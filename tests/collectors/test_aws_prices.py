"""AWS's prices: the bulk list and the spot history, as the real clients read them from a small peer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from price_peer import PricePeer, listed, offer, price_peer, spot

from collectors.aws.access import Identity
from collectors.aws_prices import AwsPriceList, AwsSpotHistory
from collectors.interface import Priced
from collectors.prices.aws_csv import Reading, on_demand
from config.prices import AwsPrices
from domain.errors import SourceError
from domain.price import BOOK_SCHEMA

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)
EC2 = ("AmazonEC2", "eu-central-1")
M5 = offer("SKUM5", "0.1150000000", Instance_Type="m5.large", usageType="EUC1-BoxUsage:m5.large")


@dataclass(frozen=True)
class Standing:
    """A clock that stands."""

    def now(self) -> datetime:
        """Give the instant."""
        return NOW


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[PricePeer]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with price_peer() as made:
        made.lists[EC2] = ("20260612", [M5])
        yield made


def settings(peer: PricePeer, **more: Any) -> AwsPrices:
    given = {"regions": ("eu-central-1",), "price_list_url": peer.url, "endpoint_url": peer.url}
    return AwsPrices.model_validate(given | more)


def of_list(peer: PricePeer, **more: Any) -> list[Priced]:
    return list(AwsPriceList(settings(peer, **more)).prices({}))


def spots(peer: PricePeer, newest: dict[str, datetime] | None = None, **more: Any) -> pl.DataFrame:
    history = AwsSpotHistory(settings(peer, **more), Identity(endpoint_url=peer.url), clock=Standing())
    found = [priced.prices for priced in history.prices(newest or {})]
    return pl.concat([pl.DataFrame(schema=BOOK_SCHEMA), *found])


def read(*rows: dict[str, str], items: tuple[str, ...] = ()) -> tuple[list[Any], Reading]:
    reading = Reading(service="AmazonEC2", region="eu-central-1", origin="list", items=items)
    lines = listed("20260612", "AmazonEC2", rows).decode().splitlines(keepends=True)
    return list(on_demand(lines, reading)), reading


def test_a_list_gives_dated_prices_that_say_where_they_stood(peer: PricePeer) -> None:
    (priced,) = of_list(peer)
    assert priced.origin == "AWS Price List AmazonEC2 eu-central-1 20260612"
    row = priced.prices.row(0, named=True)
    assert row == {
        "provider": "aws",
        "service": "AmazonEC2",
        "sku": "SKUM5",
        "item": "m5.large",
        "variant": "Linux",
        "region": "eu-central-1",
        "zone": "",
        "offer": "list",
        "currency": "USD",
        "unit": "Hrs",
        "amount": Decimal("0.115"),
        "tiers": None,
        "effective_from": datetime(2026, 6, 1, tzinfo=UTC),
        "origin": priced.origin,
        "seen_at": None,
    }


def test_a_list_that_the_book_knows_is_not_read_again(peer: PricePeer) -> None:
    (priced,) = of_list(peer)
    peer.asked.clear()
    assert list(AwsPriceList(settings(peer)).prices({priced.origin: NOW})) == []
    assert peer.asked == ["/offers/v1.0/aws/AmazonEC2/current/region_index.json"]


def test_reserved_terms_and_capacity_paid_for_already_are_left_out() -> None:
    found, _ = read(
        M5,
        offer("SKUM5", "0.07", TermType="Reserved", Instance_Type="m5.large", usageType="x"),
        offer(
            "SKU2",
            "0",
            CapacityStatus="AllocatedCapacityReservation",
            Instance_Type="m5.large",
            usageType="y",
        ),
    )
    assert [one.sku for one in found] == ["SKUM5"]


def test_variants_tell_one_instance_type_from_the_other() -> None:
    found, _ = read(
        M5,
        offer(
            "SKU2",
            "0.2",
            Instance_Type="m5.large",
            Operating_System="Windows",
            Tenancy="Dedicated",
            usageType="w",
        ),
        offer("SKU3", "0.6", Instance_Type="m5.large", usageType="s", **{"Pre Installed S/W": "SQL Std"}),
    )
    assert {one.sku: one.variant for one in found} == {
        "SKUM5": "Linux",
        "SKU2": "Windows, Dedicated",
        "SKU3": "Linux, SQL Std",
    }


def test_tiers_of_one_sku_are_one_price_whatever_their_order() -> None:
    traffic = {"Instance_Type": "", "usageType": "EUC1-DataTransfer-Out-Bytes", "Unit": "GB"}
    found, _ = read(
        offer("DT", "0.085", StartingRange="10240", EndingRange="Inf", **traffic),
        offer("DT", "0.09", StartingRange="100", EndingRange="10240", **traffic),
        offer("DT", "0", StartingRange="0", EndingRange="100", **traffic),
    )
    (one,) = found
    assert one.item == "EUC1-DataTransfer-Out-Bytes"
    assert [(tier.start, tier.amount) for tier in one.tiers] == [
        (Decimal(0), Decimal(0)),
        (Decimal(100), Decimal("0.09")),
        (Decimal(10240), Decimal("0.085")),
    ]


def test_only_the_items_that_were_asked_for_are_kept() -> None:
    other = offer("C5", "0.09", Instance_Type="c5.large", usageType="EUC1-BoxUsage:c5.large")
    assert [one.sku for one in read(M5, other, items=("c5.*",))[0]] == ["C5"]
    assert [one.sku for one in read(M5, other, items=("*BoxUsage:m5*",))[0]] == ["SKUM5"]


def test_a_row_without_a_price_is_counted_and_never_free() -> None:
    broken = offer("BAD", "n/a", Instance_Type="c5.large", usageType="z")
    found, reading = read(M5, broken, offer("BAD2", "1", EffectiveDate="soon", usageType="z"))
    assert [one.sku for one in found] == ["SKUM5"]
    assert reading.unreadable == 2


def test_a_file_of_another_form_is_refused_by_the_column_it_lacks() -> None:
    reading = Reading(service="AmazonEC2", region="eu-central-1", origin="list")
    with pytest.raises(SourceError, match="OfferTermCode"):
        list(on_demand(["SKU,TermType\n", "A,OnDemand\n"], reading))
    with pytest.raises(SourceError, match="no header"):
        list(on_demand(["<html>\n"] * 30, reading))


@pytest.mark.parametrize(
    ("ending", "how", "told"),
    [
        ("index.csv", "cut", "broke"),
        ("index.csv", "missing", "404"),
        ("index.csv", "redirect", "302"),
        ("region_index.json", "redirect", "302"),
        ("nothing", "elsewhere", "names a file elsewhere"),
    ],
)
def test_a_list_that_is_not_whole_or_not_there_gives_no_price(
    peer: PricePeer, ending: str, how: str, told: str
) -> None:
    peer.broken[ending] = how
    peer.lists[EC2] = ("20260612", [M5] * 2000)
    with pytest.raises(SourceError, match=told):
        of_list(peer)


def test_a_region_that_the_list_has_not_is_named(peer: PricePeer) -> None:
    with pytest.raises(SourceError, match="has no region us-east-1"):
        of_list(peer, regions=("us-east-1",))


def test_prices_are_never_read_over_plain_http_from_another_machine(peer: PricePeer) -> None:
    with pytest.raises(SourceError, match="https"):
        of_list(peer, price_list_url="http://prices.example")


def test_spot_prices_come_page_by_page_with_the_instant_of_each_change(peer: PricePeer) -> None:
    peer.spots = [
        spot("0.0341", NOW - timedelta(hours=1)),
        spot("0.0351", NOW - timedelta(hours=30)),
        spot("0.0302", NOW - timedelta(hours=5), zone="eu-central-1b"),
        spot("0.9", NOW - timedelta(days=40)),
    ]
    found = spots(peer).sort("effective_from")
    assert found["amount"].to_list() == [Decimal("0.0351"), Decimal("0.0302"), Decimal("0.0341")]
    assert found["effective_from"].to_list()[2] == NOW - timedelta(hours=1)
    assert set(found["offer"]) == {"spot"}
    assert set(found["zone"]) == {"eu-central-1a", "eu-central-1b"}
    assert peer.asked.count("DescribeSpotPriceHistory") == 2
    assert peer.spot_asked[0]["ProductDescription.1"] == "Linux/UNIX"


def test_spot_prices_are_asked_for_since_the_newest_that_is_known(peer: PricePeer) -> None:
    peer.spots = [spot("0.03", NOW - timedelta(hours=1)), spot("0.04", NOW - timedelta(days=2))]
    known = {"EC2 spot price history eu-central-1": NOW - timedelta(hours=2)}
    assert spots(peer, known)["amount"].to_list() == [Decimal("0.03")]


def test_spot_prices_of_some_instance_types_are_filtered_by_aws(peer: PricePeer) -> None:
    peer.spots = [
        spot("0.03", NOW - timedelta(hours=1)),
        spot("2", NOW - timedelta(hours=1), kind="p4d.24xlarge"),
    ]
    assert spots(peer, items=("m5.large",))["item"].to_list() == ["m5.large"]


def test_a_missing_permission_is_named(peer: PricePeer) -> None:
    peer.denied = True
    with pytest.raises(SourceError) as caught:
        spots(peer)
    assert "ec2:DescribeSpotPriceHistory" in f"{caught.value} {caught.value.hint}"
