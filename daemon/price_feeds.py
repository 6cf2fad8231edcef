"""The price book of a configuration: who is asked for prices, and what was negotiated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from domain.errors import ConfigError
from domain.price import Asked
from domain.window import midnight

if TYPE_CHECKING:
    from collectors.aws.access import Identity
    from collectors.interface import PriceFeed
    from config.prices import AwsPrices, ContractPrice, GcpPrices
    from config.settings import Settings
    from domain.ports import Clock
    from ledger.charges import ChargeLedger
    from ledger.price_book import Contract, LedgerPriceBook


def build_price_book(settings: Settings, ledger: ChargeLedger) -> LedgerPriceBook:
    """Build the price book, with what was negotiated laid over it."""
    from ledger.price_book import LedgerPriceBook

    contracts = settings.prices.contracts if settings.prices is not None else ()
    return LedgerPriceBook(ledger.tables["price_book"], map(_contract, contracts))


def build_price_feeds(settings: Settings, *, clock: Clock) -> list[PriceFeed]:
    """Build everybody who is asked for prices; none where nothing is configured.

    Raises:
        ConfigError: `credentials_of` names no source of that provider.
    """
    feeds: list[PriceFeed] = []
    prices = settings.prices
    if prices is not None and prices.aws is not None:
        from collectors.aws_prices import AwsPriceList, AwsSpotHistory

        feeds += [AwsPriceList(prices.aws)] if prices.aws.services else []
        if prices.aws.spot:
            feeds.append(AwsSpotHistory(prices.aws, _identity(settings, prices.aws), clock=clock))
    if prices is not None and prices.gcp is not None:
        feeds.append(_google(settings, prices.gcp, clock))
    return feeds


def _google(settings: Settings, gcp: GcpPrices, clock: Clock) -> PriceFeed:
    """Give Google's catalogue, asked with the login of a source or of the machine."""
    from collectors.gcp.access import Identity
    from collectors.gcp_billing import GcpBillingSettings
    from collectors.gcp_catalog import Asking, GcpCatalog

    identity = Identity()
    if gcp.credentials_of:
        source = next((one for one in settings.sources if one.name == gcp.credentials_of), None)
        if not isinstance(source, GcpBillingSettings):
            raise ConfigError(
                f"`prices.gcp.credentials_of` names no source of type gcp_billing: {gcp.credentials_of}",
                hint="name one, or leave it out to use the machine's own login",
            )
        identity = source.identity
    return GcpCatalog(
        Asking(identity=identity),
        clock=clock,
        services=gcp.services,
        regions=gcp.regions,
        currency=gcp.currency,
    )


def _identity(settings: Settings, aws: AwsPrices) -> Identity:
    """Give who asks for spot prices: as a source does, or as the SDK's own chain says."""
    from collectors.aws.access import Identity
    from collectors.aws.settings import AwsBillingSettings

    identity = Identity()
    if aws.credentials_of:
        source = next((one for one in settings.sources if one.name == aws.credentials_of), None)
        if not isinstance(source, AwsBillingSettings):
            raise ConfigError(
                f"`prices.aws.credentials_of` names no source of type aws_billing: {aws.credentials_of}",
                hint="name one, or leave it out to use the SDK's own chain",
            )
        identity = source.identity
    return replace(identity, endpoint_url=aws.endpoint_url) if aws.endpoint_url else identity


def _contract(one: ContractPrice) -> Contract:
    from ledger.price_book import Contract

    return Contract(
        asked=Asked(
            provider=one.provider,
            service=one.service,
            sku=one.sku,
            item=one.item,
            variant=one.variant,
            region=one.region,
            currency=one.amount.currency if one.amount is not None else "",
        ),
        amount=one.amount.amount if one.amount is not None else None,
        unit=one.unit,
        discount=one.discount,
        effective_from=midnight(one.since),
        until=midnight(one.until) if one.until is not None else None,
    )
