"""Google's catalogue in the price book, as its users meet it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import grpc
import pytest
from acme import NOW, Acme
from builders import a_charge
from cloud_billing_peer import CloudBilling, serving
from google.cloud.billing_v1.types import cloud_catalog
from google.type import money_pb2

from collectors.gcp_catalog import COMPUTE_ENGINE, Asking
from daemon.assemble import open_settings
from daemon.clock import FixedClock
from daemon.price_feeds import build_price_feeds
from daemon.rooms import Rooms
from domain.errors import ConfigError
from domain.price import Asked, Offer, Price

AT = datetime.fromisoformat(NOW)
TABLE = "acme.billing.gcp_billing_export_resource_v1_0123"


def core(usage: str, nanos: int) -> cloud_catalog.Sku:
    rate = cloud_catalog.PricingExpression.TierRate(
        start_usage_amount=0, unit_price=money_pb2.Money(currency_code="USD", nanos=nanos)
    )
    expression = cloud_catalog.PricingExpression(usage_unit_description="hour", tiered_rates=[rate])
    return cloud_catalog.Sku(
        sku_id=f"{usage}-core",
        description=f"{usage} core",
        category=cloud_catalog.Category(resource_group="N2Standard", usage_type=usage),
        service_regions=["us-central1", "europe-west1"],
        pricing_info=[cloud_catalog.PricingInfo(effective_time=AT, pricing_expression=expression)],
    )


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudBilling]:
    with serving() as peer, grpc.insecure_channel(peer.address) as channel:
        peer.skus[COMPUTE_ENGINE] = [core("OnDemand", 31_611_000), core("Preemptible", 7_650_000)]

        def client(_: Asking, kind: Any, transport: Any) -> Any:
            return kind(transport=transport(channel=channel))

        monkeypatch.setattr(Asking, "client", client)
        yield peer


def test_collect_fills_the_book_and_the_price_says_where_it_stood(acme: Acme, google: CloudBilling) -> None:
    acme.configure("aws", more="prices:\n  gcp: {regions: [europe-west1]}\n")
    acme.bill("aws", a_charge(start="2026-06-10"))
    ran = acme.costd("collect", "--output", "json")
    assert ran.status == 0, ran.err
    assert ran.json["prices"] == [{"feed": "gcp catalogue", "lists": 1, "added": 2, "error": None}]
    assert "gcp catalogue: nothing new since the last look." in acme.costd("collect").out
    assert len(google.called) == 1
    tomorrow = "2026-06-21T06:00Z"
    assert "gcp catalogue: 0 new prices in 1 list." in acme.costd("collect", now=tomorrow).out
    assert "gcp catalogue: nothing new since the last look." in acme.costd("collect", now=tomorrow).out
    assert len(google.called) == 2
    rooms = Rooms(settings=open_settings(acme.folder / "costd.yaml"), clock=FixedClock(at=AT))
    asked = Asked(provider="gcp", item="N2Standard", region="europe-west1", offer=Offer.SPOT)
    found = rooms.price_book.price(asked, AT)
    assert isinstance(found, Price)
    assert (found.amount, found.unit) == (Decimal("0.00765"), "Hours")
    assert found.origin == f"Google Cloud catalogue {COMPUTE_ENGINE} 20260620"


def test_the_login_of_a_source_is_used_and_a_wrong_name_is_told(acme: Acme) -> None:
    source = (
        f"  - {{type: gcp_billing, name: gcp, table: {TABLE}, impersonate: a@b.iam.gserviceaccount.com}}\n"
    )
    for name, wanted in (("gcp", "a@b.iam.gserviceaccount.com"), ("azure", "")):
        text = f"sources:\n{source}prices:\n  gcp: {{regions: [global], credentials_of: {name}}}\n"
        (acme.folder / "costd.yaml").write_text(text, encoding="utf-8")
        settings = open_settings(acme.folder / "costd.yaml")
        if wanted:
            (feed,) = build_price_feeds(settings, clock=FixedClock(at=AT))
            assert feed.name == "gcp catalogue"
        else:
            with pytest.raises(ConfigError, match="names no source of type gcp_billing: azure"):
                build_price_feeds(settings, clock=FixedClock(at=AT))
