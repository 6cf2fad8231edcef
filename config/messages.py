"""Settings of what is sent to people: Slack, the digests, and rates for one total to look at."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from config.base import Model
from config.secrets import Secret
from config.units import Percent
from config.zone import Zone
from domain.errors import MoneyError
from domain.money import parse_amount, plain

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_CHANNEL = re.compile(r"[CG][A-Z0-9]{6,20}", re.ASCII)
_CHANNEL_NAME = re.compile(r"#[\w-]{1,80}")
_SPAN = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?", re.ASCII)


def _channel(value: str) -> str:
    if _CHANNEL.fullmatch(value):
        return value
    if _CHANNEL_NAME.fullmatch(value):
        return value.lower()
    hint = 'write its id, like C0123456, or its name in quotes, like "#cloud-costs"'
    if _CHANNEL_NAME.fullmatch(f"#{value}"):
        hint = f'write "#{value.lower()}", in quotes, or the id, like C0123456'
    raise PydanticCustomError("channel", "not a channel", {"hint": hint})


def _time(value: str) -> str:
    match = _TIME.fullmatch(value)
    if match is None:
        hint = 'write hours and minutes in quotes, like "09:00"'
        raise PydanticCustomError("time", "not a time of day", {"hint": hint})
    return f"{int(match[1]):02}:{match[2]}"


def _days(value: object) -> tuple[str, ...]:
    """Read weekdays: `Mon-Fri`, `Mon,Wed,Sat`, `daily`; a span may pass Sunday."""
    if isinstance(value, tuple):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    found: set[str] = set(DAYS) if text == "daily" else set()
    for part in text.split(",") if not found else ():
        match = _SPAN.fullmatch(part.strip())
        ends = [end for end in match.groups() if end] if match else []
        if not ends or not set(ends) <= set(DAYS):
            hint = "write `Mon-Fri`, `Mon,Wed,Fri` or `daily`"
            raise PydanticCustomError("days", "not days of the week", {"hint": hint})
        first, last = DAYS.index(ends[0]), DAYS.index(ends[-1])
        found |= {DAYS[(first + step) % 7] for step in range((last - first) % 7 + 1)}
    return tuple(day for day in DAYS if day in found)


def _amount(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    try:
        amount = parse_amount(str(value) if isinstance(value, int | str) else "")
    except MoneyError:
        raise PydanticCustomError(
            "amount", "not an amount", {"hint": 'write a number, fractions in quotes, like "0.92"'}
        ) from None
    if amount < 0:
        raise PydanticCustomError("amount", "must not be negative", {"hint": ""})
    return amount


Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    PlainSerializer(plain, return_type=str),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": "^[0-9.]+$"}, {"type": "integer", "minimum": 0}]}
    ),
]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class SlackSettings(Model):
    """How costd speaks to Slack."""

    bot_token: Secret | None = Field(
        default=None,
        description="The bot token of your Slack app, `xoxb-…`; docs/connect-slack.md makes the app with one "
        "click. Default none, because webhooks need none.",
        examples=["${env:SLACK_BOT_TOKEN}"],
    )
    app_token: Secret | None = Field(
        default=None,
        description="The app-level token, `xapp-…`, by which Slack's buttons will reach costd in a later "
        "version; this one does not use it. Default none, because sending needs none.",
        examples=["${env:SLACK_APP_TOKEN}"],
    )
    base_url: str = Field(
        default="",
        pattern="^(https?://[^ @]+/)?$",
        description="Address of the Web API, ending with `/`, for tests and for GovSlack "
        "(`https://slack-gov.com/api/`). Default empty, which is `https://slack.com/api/`, because nearly "
        "all workspaces are there.",
    )


class Quiet(Model):
    """When a digest is not sent: every change is below both. Mondays and folded days are always sent."""

    below_money: Amount = Field(
        default=Decimal(50),
        description="Amount of change, in units of each currency shown. Default 50, because less is seldom "
        "worth anybody's minute.",
    )
    below_percent: Percent = Field(
        default=Decimal("0.05"),
        description="Share of the usual cost that the change must be below as well. Default `5%`, because "
        "days differ by that much without a reason.",
    )


class DigestSettings(Model):
    """One digest: where it goes, when, and of what."""

    channel: Annotated[str, AfterValidator(_channel)] | None = Field(
        default=None,
        description="Channel it is posted to by the bot: its id, `C…` or `G…`, or its name in quotes, "
        '`"#cloud-costs"`, which is looked up. Either this or `webhook`. Default none, because only you know '
        "your channels.",
        examples=["C0123456", "#cloud-costs"],
    )
    webhook: Secret | None = Field(
        default=None,
        description="Incoming webhook to post it to instead: at most once, without a thread; a digest whose "
        "call was not answered is lost. Default none, because a bot can do better.",
        examples=["${env:SLACK_WEBHOOK}"],
    )
    at: Annotated[str, AfterValidator(_time)] = Field(
        default="09:00",
        description="Local time of day it is sent. Default `09:00`, because most bills of the day before "
        "have arrived and people begin their day.",
    )
    days: Annotated[
        tuple[str, ...],
        BeforeValidator(_days),
        PlainSerializer(",".join, return_type=str),
        WithJsonSchema({"type": "string", "examples": ["Mon-Fri", "Mon,Wed,Fri", "daily"]}),
    ] = Field(
        default=DAYS[:5],
        description="Days of the week it is sent on: `Mon-Fri`, `Mon,Wed`, `daily`. Default `Mon-Fri`, "
        "because nobody reads it on weekends.",
    )
    timezone: Zone | None = Field(
        default=None,
        description="IANA time zone of `at` and `days`. Default none, which is the `timezone` above, because "
        "most teams share one.",
        examples=["America/New_York"],
    )
    teams: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="Only these teams, for a team's own channel. Default none, which is all and what nobody "
        "owns, because the whole is what most channels ask for.",
    )
    cost: Literal["effective", "billed", "list", "contracted"] = Field(
        default="effective",
        description="Which cost. Default `effective`, because it spreads commitments over the "
        "days that use them.",
    )
    fold: bool = Field(
        default=True,
        description="Whether days without a digest are told with the next one, such as Friday to Sunday on "
        "Monday. Default true, because weekends cost too.",
    )
    quiet: Quiet | None = Field(
        default=None,
        description="Stay silent while little moves. Default none, which sends always, because a digest that "
        "is missing must mean that something is wrong.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> DigestSettings:
        if (self.channel is None) == (self.webhook is None):
            hint = "write either `channel` (with `slack.bot_token`) or `webhook`"
            hint += '; a name stands in quotes, "#costs", because # begins a comment'
            raise PydanticCustomError("digest_place", "needs exactly one place to go to", {"hint": hint})
        return self


class Rate(Model):
    """What one unit of a currency is worth, from a day on."""

    currency: Currency = Field(
        description="The currency that bills are in, by its ISO code.", examples=["USD"]
    )
    on: date = Field(description="First day the rate holds, until the next rate of the currency.")
    rate: Amount = Field(
        description="Amount of the display currency that one unit is worth, in quotes.", examples=["0.92"]
    )


class Fx(Model):
    """Rates for one total of all currencies, only to look at; native amounts are always shown."""

    to: Currency = Field(description="The currency of the total, by its ISO code.", examples=["EUR"])
    rates: tuple[Rate, ...] = Field(
        default=(),
        description="Dated rates. Default none; a currency without a rate for the day leaves the total out, "
        "because a guessed rate would be a wrong number.",
    )
