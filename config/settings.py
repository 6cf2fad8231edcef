"""The envelope of `costd.yaml`: what costd itself reads, section by section.

Each plugin's part of a source is its own `Settings`, a subclass of `SourceEnvelope`.
Descriptions are the reference documentation: meaning, unit, default, and why that default.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    SerializeAsAny,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from config.allocation import AllocationSettings
from config.base import Model
from config.http import HttpSettings
from config.idle import IdleSettings, QuotaSettings
from config.invoices import InvoiceSettings
from config.messages import DigestSettings, Fx, SlackSettings
from config.ownership import Ownership
from config.prices import PriceSettings
from config.source import SourceEnvelope, source_of
from config.storage import S3, LedgerSettings, StateSettings
from config.watching import HeartbeatSettings, MetricsSettings
from config.zone import Zone

__all__ = [
    "LATER_KEYS",
    "S3",
    "HttpSettings",
    "LedgerSettings",
    "Mode",
    "Settings",
    "SourceEnvelope",
    "StateSettings",
]


class Mode(StrEnum):
    """What costd may do to the world."""

    OBSERVE = "observe"
    PROPOSE = "propose"
    ACT = "act"


class Settings(Model):
    """The whole of `costd.yaml`. Every part may be left out; without sources there is nothing to collect."""

    mode: Mode = Field(
        default=Mode.OBSERVE,
        description="What costd may do: `observe` only reports, `propose` asks people, `act` does what they "
        "approved. Default `observe`, because nothing should be switched off before somebody decided so.",
    )
    timezone: Zone = Field(
        default=cast("ZoneInfo", "UTC"),  # read when needed: without a zone database even UTC has no file
        description="IANA time zone of schedules and send times; cost days are UTC whatever it says. Default "
        "`UTC`, because bills are cut in UTC and costd cannot know where you are.",
        examples=["Europe/Berlin"],
    )
    ledger: LedgerSettings = Field(
        default_factory=LedgerSettings,
        description="Where the charges are kept. Default `./var/ledger`, because a first run needs nothing "
        "but a disk.",
    )
    state: StateSettings = Field(
        default_factory=StateSettings,
        description="Where everything but charges is kept. Default a SQLite file, because one machine needs "
        "no database server.",
    )
    http: HttpSettings = Field(
        default_factory=HttpSettings,
        description="Where the pages and the API are served, and who may come in. Default this machine only, "
        "because costs are nobody else's business until somebody decided so.",
    )
    metrics: MetricsSettings = Field(
        default_factory=MetricsSettings,
        description="What `/metrics` tells Prometheus. Default costs per team and environment for the fifty "
        "largest, because that is what dashboards show.",
    )
    heartbeat: HeartbeatSettings | None = Field(
        default=None,
        description="Who is called while everything works, so that silence raises the alarm. Default nobody, "
        "because there is nobody to call until you name one.",
    )
    sources: tuple[Annotated[SerializeAsAny[SourceEnvelope], BeforeValidator(source_of)], ...] = Field(
        default=(),
        description="Where bills come from, in any order. Default none, because costd never guesses at "
        "accounts.",
    )
    ownership: Ownership = Field(
        default_factory=Ownership,
        description="Who owns which cost. Default: the most used tag keys and no rules, because only you "
        "know your teams.",
    )
    allocation: AllocationSettings = Field(
        default_factory=AllocationSettings,
        description="How the machines of a Kubernetes cluster are split among its pods. Default by the base "
        "prices that OpenCost uses, with idle capacity on its own line.",
    )
    slack: SlackSettings = Field(
        default_factory=SlackSettings,
        description="How messages reach Slack. Default none, because nothing is sent anywhere unasked.",
    )
    digests: tuple[DigestSettings, ...] = Field(
        default=(),
        description="The daily messages, each with its place and time. Default none, because nobody "
        "should be written to unasked.",
    )
    fx: Fx | None = Field(
        default=None,
        description="Rates for one total of all currencies in the digest. Default none, which shows each "
        "currency by itself, because adding them up needs rates that somebody stands for.",
    )
    prices: PriceSettings | None = Field(
        default=None,
        description="Dated list, spot and negotiated prices. Default none, because bills carry their own "
        "prices and nothing is downloaded unasked.",
    )
    invoices: tuple[InvoiceSettings, ...] = Field(
        default=(),
        description="Totals of invoices, which `costd reconcile --period` compares with the ledger. Default "
        "none, because providers that can be asked are asked.",
    )
    idle: IdleSettings = Field(
        default_factory=IdleSettings,
        description="What is taken for unused. Default the packaged rules, because they only list: nothing "
        "is switched off by them.",
    )
    quotas: QuotaSettings = Field(
        default_factory=QuotaSettings,
        description="What teams may use. Default nothing, because only you know who was promised what.",
    )
    _folder: Path = PrivateAttr(default_factory=Path)

    @model_validator(mode="before")
    @classmethod
    def _places(cls, data: Any) -> Any:
        """Have the default paths of absent sections start at the configuration's folder too."""
        return {"ledger": {}, "state": {}, **data} if isinstance(data, Mapping) else data

    @property
    def folder(self) -> Path:
        """Give the folder that relative paths start at: the configuration file's."""
        return self._folder

    def model_post_init(self, context: Any, /) -> None:
        """Keep the folder the configuration was read from."""
        self._folder = Path((context or {}).get("folder", "."))

    @model_validator(mode="after")
    def _sendable(self) -> Settings:
        """Refuse digests that could never be sent, or that would be taken for the same."""
        if self.slack.bot_token is None and any(digest.channel for digest in self.digests):
            hint = 'set `slack: {bot_token: "${env:SLACK_BOT_TOKEN}"}`, as docs/connect-slack.md tells'
            raise PydanticCustomError(
                "no_token", "`digests` name a channel, but there is no bot token", {"hint": hint}
            )
        places = [(digest.channel or str(digest.webhook), digest.at, digest.teams) for digest in self.digests]
        if len(set(places)) < len(places):
            hint = "give one of them another `at` or other `teams`"
            raise PydanticCustomError("digest_twice", "two `digests` are the same", {"hint": hint})
        return self

    @field_validator("sources")
    @classmethod
    def _unique(cls, sources: tuple[SourceEnvelope, ...]) -> tuple[SourceEnvelope, ...]:
        twice = [name for name, count in Counter(s.name for s in sources).items() if count > 1]
        if twice:
            raise PydanticCustomError("source_twice", "two sources share a name", {"names": twice})
        return sources

    @model_validator(mode="after")
    def _known_invoices(self) -> Settings:
        """Refuse an invoice of a source that is not there: it would never be compared."""
        known = {source.name for source in self.sources}
        strange = sorted({one.source for one in self.invoices} - known)
        if strange:
            hint = f"configured: {', '.join(sorted(known)) or 'none'}"
            raise PydanticCustomError("invoice_source", f"no source is called {strange[0]}", {"hint": hint})
        return self


LATER_KEYS = frozenset(
    {
        *("approvers", "budgets", "calendars", "dialects", "environments", "groups"),
        *("identities", "limits", "policies", "protected", "webhooks"),
    }
)
"""Keys of the design that later versions read; this one names them in a warning and goes on."""
