"""Where prices come from, and what was negotiated."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from config.base import Model
from config.units import Money, Percent, PositiveDuration

Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
GcpRegion = Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*\d*$", max_length=40)]
GcpService = Annotated[str, Field(pattern=r"^[0-9A-F]{4}(-[0-9A-F]{4}){2}$")]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,80}$")]


class AwsPrices(Model):
    """List and spot prices of AWS. The price list is public; spot prices need credentials."""

    regions: tuple[Region, ...] = Field(
        min_length=1,
        description="Regions whose prices are kept. Required: a list of all is some gigabytes.",
        examples=["eu-central-1"],
    )
    services: tuple[Code, ...] = Field(
        default=("AmazonEC2",),
        description="Offer codes of the price list; none reads no list. Default `AmazonEC2`, because "
        "machines are what is priced before the bill comes.",
    )
    items: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(
        default=(),
        description="Only these instance types or usage types, as patterns: `m5.*`. Default all.",
        examples=["m5.*"],
    )
    price_list_url: str = Field(
        default="https://pricing.us-east-1.amazonaws.com",
        pattern=r"^https?://[^\s@]+$",
        description="Where the price list is; a mirror has the same paths. Default AWS's own; for China "
        "`https://pricing.cn-north-1.amazonaws.com.cn`.",
    )
    spot: bool = Field(
        default=False,
        description="Whether spot prices are kept, too; needs `ec2:DescribeSpotPriceHistory`. Default "
        "`false`, because it needs credentials.",
    )
    spot_products: tuple[str, ...] = Field(
        default=("Linux/UNIX",),
        min_length=1,
        description="Product descriptions whose spot prices are kept. Default `Linux/UNIX`, which most are.",
    )
    spot_history: Annotated[PositiveDuration, Field(le=timedelta(days=90))] = Field(
        default=timedelta(days=14),
        description="How far back spot prices are asked for at first, at most `90d`, which is what AWS "
        "keeps; a length of time. Default `14d`, because older days are on the bill.",
    )
    credentials_of: str = Field(
        default="",
        description="Name of the `aws_billing` source whose profile, keys or role are used for spot prices. "
        "Default none, which is the SDK's own chain.",
    )
    endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s@]+$",
        description="URL that requests for spot prices go to. Default none, because AWS is found through the "
        "region; set it for tests or a gateway.",
    )


class GcpPrices(Model):
    """List and spot prices of Google Cloud, from its public catalogue."""

    regions: tuple[GcpRegion, ...] = Field(
        min_length=1,
        description="Regions whose prices are kept; `global` is one. Required: all of them are a million "
        "prices.",
        examples=["europe-west1"],
    )
    services: tuple[GcpService, ...] = Field(
        default=("6F81-5844-456A",),
        min_length=1,
        description="Ids of the services whose prices are kept. Default `6F81-5844-456A`, Compute Engine: "
        "machines, GPUs and disks are what is priced before the bill comes.",
    )
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(
        default="USD",
        description="Currency of the prices, as Google converts them. Default `USD`, in which they are made.",
    )
    credentials_of: str = Field(
        default="",
        description="Name of the `gcp_billing` source whose login is used. Default none, which is the "
        "machine's own login.",
    )


class ContractPrice(Model):
    """One negotiated price: an amount per unit, or a share off the list price."""

    provider: Literal["aws", "gcp"] = Field(description="Whose price it is.")
    since: date = Field(description="First UTC day it holds.", examples=["2026-01-01"])
    until: date | None = Field(
        default=None, description="First UTC day it does not hold any more. Default none: it goes on."
    )
    service: str = Field(
        default="",
        description="Only this service, by the provider's code: `AmazonEC2`. Default all.",
    )
    sku: str = Field(default="", description="Only this SKU. Default all.")
    item: str = Field(default="", description="Only this instance type or resource group. Default all.")
    variant: str = Field(default="", description="Only this kind of it: `Linux`. Default all.")
    region: str = Field(default="", description="Only this region. Default all.")
    amount: Money | None = Field(
        default=None,
        description="What one unit costs: `0.081 USD`. Either this or `discount`. Default none.",
    )
    unit: str = Field(
        default="", description="What the amount is for: `Hrs`, `GB`. Default none; an amount needs one."
    )
    discount: Percent | None = Field(
        default=None, description="Share off the list price: `12%`. Either this or `amount`. Default none."
    )

    @model_validator(mode="after")
    def _one_price(self) -> ContractPrice:
        if (self.amount is None) == (self.discount is None):
            hint = "write either `amount: 0.081 USD` with `unit`, or `discount: 12%`"
            raise PydanticCustomError(
                "contract", "needs exactly one of `amount` and `discount`", {"hint": hint}
            )
        if self.amount is not None and not (self.unit and (self.sku or self.item)):
            hint = "name `unit`, and `sku` or `item`: an amount fits one thing only"
            raise PydanticCustomError("contract", "has an amount for no certain unit", {"hint": hint})
        if self.until is not None and self.until <= self.since:
            raise PydanticCustomError("contract", "ends before it begins", {"hint": "correct `until`"})
        return self


class PriceSettings(Model):
    """The price book: dated prices, for what is not on a bill yet and for what else it could cost."""

    every: PositiveDuration = Field(
        default=timedelta(hours=24),
        description="How often the daemon looks for new prices; a length of time. Default `24h`, because "
        "list prices change rarely.",
    )
    aws: AwsPrices | None = Field(
        default=None, description="Prices of AWS. Default none, because nothing is downloaded unasked."
    )
    gcp: GcpPrices | None = Field(
        default=None,
        description="Prices of Google Cloud. Default none, because nothing is downloaded unasked.",
    )
    contracts: tuple[ContractPrice, ...] = Field(
        default=(),
        description="What was negotiated; of several that fit, the one that began last counts. Default none.",
    )
