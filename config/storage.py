"""Where costd keeps what it knows: the ledger of charges, and the state database."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from config.base import Model
from config.secrets import REFERENCE, Secret
from config.units import Location, Percent, PositiveDuration


class S3(Model):
    """How to reach an S3 bucket. Everything may be left out: then the AWS SDK's own chain decides."""

    endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s@]+$",
        description="URL of the object store. Default none, because AWS is found through the region; set it "
        "for other stores.",
        examples=["http://127.0.0.1:9000"],
    )
    region: str | None = Field(
        default=None,
        description="AWS region of the bucket, e.g. `eu-central-1`. Default none, because the SDK's own "
        "chain (environment, profile, instance) usually knows it.",
    )
    access_key_id: Secret | None = Field(
        default=None,
        description="Access key id, as `${env:NAME}` or `${file:PATH}`. Default none, because roles and "
        "profiles of the SDK's own chain are safer than keys.",
    )
    secret_access_key: Secret | None = Field(
        default=None,
        description="Secret access key, as `${env:NAME}` or `${file:PATH}`. Default none, because roles "
        "and profiles of the SDK's own chain are safer than keys.",
    )
    session_token: Secret | None = Field(
        default=None,
        description="Session token of temporary keys, as `${env:NAME}` or `${file:PATH}`. Default none, "
        "because lasting keys have none.",
    )

    @field_validator("secret_access_key")
    @classmethod
    def _both_keys(cls, value: Secret | None, info: ValidationInfo) -> Secret | None:
        if (value is None) != (info.data.get("access_key_id") is None):
            raise PydanticCustomError("keys", "`access_key_id` and `secret_access_key` come together")
        return value


class LedgerSettings(Model):
    """Where the charges are kept, and how careful replacing them is."""

    path: Location = Field(
        default="./var/ledger",
        description="Folder of the Delta tables, or `s3://bucket/prefix`. Default `./var/ledger`, because a "
        "first run needs nothing but a disk.",
    )
    s3: S3 = Field(
        default_factory=S3,
        description="How to reach the bucket of an `s3://` path. Default empty, because the SDK's own "
        "credential chain is used.",
    )
    keep_versions: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="Full versions kept of each billing period; a count. Default 3, because it lets you look "
        "back two restatements; the daily sums of every delivery are kept for ever anyway.",
    )
    keep_usage: PositiveDuration = Field(
        default=timedelta(days=400),
        description="How long hours of usage of clusters are kept; a length of time. Default `400d`, because "
        "a month can then be compared with the same month a year ago; what they cost is kept for ever.",
    )
    max_loss: Percent = Field(
        default=Decimal("0.05"),
        description="A new delivery that is smaller by more than this share of rows or cost is refused until "
        "somebody forces it; a percentage. Default `5%`, because real restatements are smaller and broken "
        "exports are larger.",
    )


def _state_url(value: Any, info: ValidationInfo) -> str | Secret:
    if isinstance(value, Secret) or (isinstance(value, str) and REFERENCE.fullmatch(value)):
        return Secret.parse(value, info)
    text = value if isinstance(value, str) else ""
    scheme = text.partition("://")[0].partition("+")[0]
    if scheme not in {"sqlite", "postgresql"}:
        hint = "write `sqlite:///./var/costd.db`, or name a PostgreSQL URL as `${env:NAME}`"
        raise PydanticCustomError("state_url", "not a database URL costd knows", {"hint": hint})
    if scheme == "sqlite":
        return _sqlite_url(text, info)
    try:
        holds_password = bool(urlsplit(text).password) or "password=" in text
    except ValueError:
        raise PydanticCustomError("state_url", "not a URL") from None
    if holds_password:
        hint = "put the whole URL into an environment variable and write `${env:NAME}`"
        raise PydanticCustomError("state_url", "must not hold a password", {"hint": hint})
    return text


def _sqlite_url(text: str, info: ValidationInfo) -> str:
    head, _, path = text.partition(":///")
    if not path or path.startswith(":memory:"):
        hint = "write `sqlite:///./var/costd.db`"
        raise PydanticCustomError("state_url", "names no database file", {"hint": hint})
    folder = (info.context or {}).get("folder")
    if folder is not None and not path.startswith("/"):
        path = str(folder / path)
    return f"{head}:///{path}"


class StateSettings(Model):
    """Where everything but charges is kept: status, plans, approvals, audit."""

    url: Annotated[
        str | Secret,
        BeforeValidator(_state_url),
        WithJsonSchema(
            {"type": "string", "examples": ["sqlite:///./var/costd.db", "${env:COSTD_STATE_URL}"]}
        ),
    ] = Field(
        default="sqlite:///./var/costd.db",
        description="Database URL: `sqlite:///PATH` or `postgresql://…`; one with a password must be named "
        "as `${env:NAME}` or `${file:PATH}`. Default `sqlite:///./var/costd.db`, because one machine needs "
        "no database server.",
    )
