"""The price book as its users meet it: configured, filled by collect and the daemon, shown by status."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from acme import NOW, Acme
from builders import a_charge
from door import site
from pages_read import HTML, words
from price_peer import PricePeer, offer, price_peer, spot

from daemon.assemble import open_settings
from daemon.clock import FixedClock
from daemon.rooms import Rooms
from daemon.work_list import work_list
from domain.price import Asked, NoPrice, Offer, Price

AT = datetime.fromisoformat(NOW)
M5 = offer("SKUM5", "0.1150000000", Instance_Type="m5.large", usageType="EUC1-BoxUsage:m5.large")


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[PricePeer]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with price_peer() as made:
        made.lists["AmazonEC2", "eu-central-1"] = ("20260612", [M5])
        made.spots = [spot("0.0341", datetime(2026, 6, 19, tzinfo=UTC))]
        yield made


def prices(peer: PricePeer, more: str = "") -> str:
    return (
        f"prices:\n  aws: {{regions: [eu-central-1], spot: true, price_list_url: '{peer.url}', "
        f"endpoint_url: '{peer.url}'}}\n{more}"
    )


def rooms(acme: Acme) -> Rooms:
    return Rooms(settings=open_settings(acme.folder / "costd.yaml"), clock=FixedClock(at=AT))


def test_collect_fills_the_book_once_and_status_says_how_old_it_is(acme: Acme, peer: PricePeer) -> None:
    acme.configure("aws", more=prices(peer))
    acme.bill("aws", a_charge(start="2026-06-10"))
    ran = acme.costd("collect", "--output", "json")
    assert ran.status == 0, ran.err
    assert ran.json["prices"] == [
        {"feed": "aws price list", "lists": 1, "added": 1, "error": None},
        {"feed": "aws spot prices", "lists": 1, "added": 1, "error": None},
    ]
    again = acme.costd("collect")
    assert "aws price list: nothing new since the last look." in again.out
    assert "aws spot prices: 0 new prices in 1 list." in again.out
    status = acme.costd("status", now="2026-06-22T06:00Z")
    assert "Prices     aws list 1, 2 d old" in status.out
    assert "aws spot 1, 2 d old" in status.out
    listed = acme.costd("status", "--output", "json").json["prices"]
    assert [(one["offer"], one["prices"], one["effective_from"]) for one in listed] == [
        ("list", 1, "2026-06-01T00:00:00Z"),
        ("spot", 1, "2026-06-19T00:00:00Z"),
    ]


def test_a_list_that_held_nothing_new_is_not_read_again(acme: Acme, peer: PricePeer) -> None:
    acme.configure("aws", more=prices(peer))
    acme.bill("aws", a_charge(start="2026-06-10"))
    acme.costd("collect")
    peer.lists["AmazonEC2", "eu-central-1"] = ("20260619", [M5])
    assert "0 new prices in 1 list" in acme.costd("collect").out
    peer.asked.clear()
    acme.costd("collect")
    assert not [path for path in peer.asked if path.endswith(".csv")]


def test_prices_that_fail_leave_bills_and_what_is_known_alone(acme: Acme, peer: PricePeer) -> None:
    acme.configure("aws", more=prices(peer))
    acme.bill("aws", a_charge(start="2026-06-10"))
    acme.costd("collect")
    peer.lists["AmazonEC2", "eu-central-1"] = ("20260619", [M5])
    peer.broken["index.csv"] = "missing"
    ran = acme.costd("collect")
    assert ran.status == 6
    assert "aws price list failed" in ran.out
    assert "aws spot prices: 0 new prices in 1 list." in ran.out
    assert isinstance(rooms(acme).price_book.price(Asked(provider="aws", item="m5.large"), AT), Price)


def test_a_named_source_is_collected_without_asking_for_prices(acme: Acme, peer: PricePeer) -> None:
    acme.configure("aws", more=prices(peer))
    acme.bill("aws", a_charge(start="2026-06-10"))
    assert acme.costd("collect", "aws").status == 0
    assert peer.asked == []


def test_contracts_of_the_configuration_lie_over_the_list(acme: Acme, peer: PricePeer) -> None:
    contracts = """\
  contracts:
    - {provider: aws, since: 2026-06-10, item: m5.large, amount: 0.1 USD, unit: Hrs, until: 2026-06-15}
    - {provider: aws, since: 2026-06-01, discount: 10%}
"""
    acme.configure("aws", more=prices(peer, contracts))
    acme.costd("collect")
    book = rooms(acme).price_book
    asked = Asked(provider="aws", offer=Offer.CONTRACT, item="m5.large")
    found = [book.price(asked, datetime(2026, 6, day, tzinfo=UTC)) for day in (9, 10, 15)]
    assert [one.amount for one in found if isinstance(one, Price)] == [
        Decimal("0.1035"),
        Decimal("0.1"),
        Decimal("0.1035"),
    ]
    assert isinstance(book.price(asked, datetime(2026, 5, 1, tzinfo=UTC)), NoPrice)


@pytest.mark.parametrize(
    ("contract", "told"),
    [
        ("{provider: aws, since: 2026-06-10}", "exactly one of `amount` and `discount`"),
        ("{provider: aws, since: 2026-06-10, amount: 1 USD}", "no certain unit"),
        ("{provider: aws, since: 2026-06-10, discount: 5%, until: 2026-06-01}", "ends before it begins"),
    ],
)
def test_a_contract_that_says_too_little_is_a_fault(acme: Acme, contract: str, told: str) -> None:
    acme.configure("aws", more=f"prices:\n  contracts:\n    - {contract}\n")
    ran = acme.costd("config", "check")
    assert ran.status == 2
    assert told in ran.out + ran.err


def test_credentials_of_a_source_that_is_none_of_aws_are_refused(acme: Acme, peer: PricePeer) -> None:
    text = prices(peer).replace("spot: true", "spot: true, credentials_of: aws")
    acme.configure("aws", more=text)
    ran = acme.costd("collect")
    assert ran.status == 2
    assert "credentials_of" in ran.err


def test_the_daemon_has_a_job_for_prices_only_where_they_are_configured(acme: Acme, peer: PricePeer) -> None:
    acme.configure("aws")
    made = site(acme)
    names = [job.name for job in work_list(made.services)]
    made.services.close()
    assert "prices" not in names
    acme.configure("aws", more=prices(peer))
    made = site(acme)
    try:
        (job,) = [job for job in work_list(made.services) if job.name == "prices"]
        job.run()
        text = words(made.client().get("/sources", headers=HTML).text)
        assert "Prices known 2" in text
        peer.broken["region_index.json"] = "missing"
        with pytest.raises(Exception, match="404"):
            job.run()
    finally:
        made.services.close()
