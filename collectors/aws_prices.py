"""What AWS asks for: its bulk price list, which is public, and the history of its spot prices."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from collectors.aws.access import Access, Identity
from collectors.aws.refusals import Asked, told
from collectors.interface import Priced
from collectors.prices import web
from collectors.prices.aws_csv import Reading, on_demand
from collectors.prices.book import Dated, frame_of
from domain.errors import MoneyError, SourceError
from domain.money import parse_amount
from domain.price import Offer, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.prices import AwsPrices
    from domain.ports import Clock

_INDEX = "/offers/v1.0/aws/{service}/current/region_index.json"
_ROWS = 50_000
_ZERO = parse_amount("0")


class AwsPriceList:
    """The on-demand prices of some services in some regions."""

    name = "aws price list"

    def __init__(self, settings: AwsPrices) -> None:
        self._settings = settings

    def prices(self, newest: Mapping[str, datetime]) -> Iterator[Priced]:
        """Give what changed since the book was filled: a file that it knows is not read again."""
        base = self._settings.price_list_url
        for service in self._settings.services:
            index = web.document(base, _INDEX.format(service=service)).get("regions", {})
            for region in self._settings.regions:
                path = str(index.get(region, {}).get("currentVersionUrl", ""))
                if not path:
                    raise SourceError(
                        f"the price list of {service} has no region {region}",
                        hint="correct `prices.aws.regions` or `prices.aws.services`",
                    )
                origin = f"AWS Price List {service} {region} {_version(path)}"
                if origin not in newest:
                    yield self._file(service, region, path, origin)

    def _file(self, service: str, region: str, path: str, origin: str) -> Priced:
        reading = Reading(service=service, region=region, origin=origin, items=self._settings.items)
        with web.opened(self._settings.price_list_url, path.removesuffix(".json") + ".csv") as body:
            lines = io.TextIOWrapper(body, "utf-8", errors="replace", newline="")
            try:
                found = frame_of(on_demand(lines, reading))
            except ValueError as error:
                raise SourceError(f"{origin}: {error}") from error
        notes = (f"{origin}: {reading.unreadable:,} rows could not be read",) if reading.unreadable else ()
        return Priced(origin=origin, prices=found, notes=notes)


class AwsSpotHistory:
    """Spot prices as they changed, zone by zone."""

    name = "aws spot prices"

    def __init__(self, settings: AwsPrices, identity: Identity, *, clock: Clock) -> None:
        self._settings = settings
        self._access = Access(identity)
        self._clock = clock

    def prices(self, newest: Mapping[str, datetime]) -> Iterator[Priced]:
        """Give every change since the newest that the book has of a region.

        Raises:
            SourceError: AWS refuses, e.g. without ec2:DescribeSpotPriceHistory.
        """
        now = self._clock.now()
        for region in self._settings.regions:
            origin = f"EC2 spot price history {region}"
            since = max(newest.get(origin, now - self._settings.spot_history), now - timedelta(days=90))
            changes = self._changes(region, origin, since, now)
            while some := list(islice(changes, _ROWS)):
                yield Priced(origin=origin, prices=frame_of(some))

    def _changes(self, region: str, origin: str, since: datetime, now: datetime) -> Iterator[Dated]:
        from botocore.exceptions import BotoCoreError, ClientError

        asked: dict[str, Any] = {
            "StartTime": since,
            "EndTime": now,
            "ProductDescriptions": list(self._settings.spot_products),
        }
        if self._settings.items:
            asked["Filters"] = [{"Name": "instance-type", "Values": list(self._settings.items)}]
        try:
            pages = self._access.client("ec2", region).get_paginator("describe_spot_price_history")
            for page in pages.paginate(**asked):
                yield from _spot(page["SpotPriceHistory"], region, origin)
        except (BotoCoreError, ClientError) as error:
            raise told(
                error,
                Asked(
                    what=f"the spot prices of {region} cannot be read",
                    permission="ec2:DescribeSpotPriceHistory",
                    assumed=self._access.role,
                ),
            ) from error


def _spot(changes: Iterable[Mapping[str, Any]], region: str, origin: str) -> Iterator[Dated]:
    for change in changes:
        try:
            amount = parse_amount(change["SpotPrice"])
        except MoneyError as error:
            raise SourceError(f"{origin}: {error}") from error
        yield Dated(
            provider="aws",
            service="AmazonEC2",
            item=change["InstanceType"],
            variant=change["ProductDescription"],
            region=region,
            zone=change["AvailabilityZone"],
            offer=Offer.SPOT,
            currency="CNY" if region.startswith("cn-") else "USD",
            unit="Hrs",
            tiers=(Tier(start=_ZERO, amount=amount),),
            effective_from=change["Timestamp"],
            origin=origin,
        )


def _version(path: str) -> str:
    """Give the version of a region file: the fifth part of its path."""
    parts = path.strip("/").split("/")
    return parts[4] if len(parts) > 5 else path
