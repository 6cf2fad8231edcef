"""What `costd.yaml` may say of an AWS bill."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from collectors.aws.access import ROLE_ARN, Identity
from config.base import Model
from config.secrets import REFERENCE, Secret
from config.settings import SourceEnvelope
from config.units import LocalPath, Percent

_KEYS = ("access_key_id", "secret_access_key", "session_token")


def _maybe_secret(value: Any, info: ValidationInfo) -> Any:
    is_reference = isinstance(value, str) and REFERENCE.fullmatch(value)
    return Secret.parse(value, info) if is_reference else value


class CostExplorer(Model):
    """When Cost Explorer is asked, and how often at most. Each request costs 0.01 USD."""

    bootstrap: bool = Field(
        default=True,
        description="Ask Cost Explorer for this month and the one before while no export has delivered them, "
        "once a day, by day, account and service; such charges say so and are replaced whole by the export. "
        "Default `true`, because AWS takes up to a day to deliver the first export.",
    )
    reconcile: bool = Field(
        default=True,
        description="Let `costd reconcile --period` ask Cost Explorer what AWS says a month costs. Default "
        "`true`, because nothing is asked unless somebody reconciles.",
    )
    requests_per_day: int = Field(
        default=20,
        ge=0,
        le=10_000,
        description="Requests to Cost Explorer that this source may make in a UTC day, restarts included; a "
        "count, `0` allows none. Default 20, which costs 0.20 USD at most, because a bootstrap or a "
        "reconciliation takes 2 to 10.",
    )


class AwsBillingSettings(SourceEnvelope):
    """Where AWS delivers its bills, and who costd is to read them. `docs/connect-aws.md` sets it up."""

    type: Literal["aws_billing"] = Field(default="aws_billing", description="Always `aws_billing`.")
    bucket: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="Bucket that AWS delivers to, its name alone. Required: nothing can be guessed here.",
        examples=["acme-billing"],
    )
    prefix: str = Field(
        default="",
        max_length=900,
        description="Prefix below which the exports deliver, as in the definition of the export; the folder "
        "of one export works, too. Nothing outside it is ever read. Default the whole bucket, which is "
        "walked folder by folder to the exports.",
        examples=["exports/cur2"],
    )
    export: str | None = Field(
        default=None,
        description="Name of the one export or report that counts. Default none: where several deliver the "
        "same month, the newest manifest counts and a note says so, because all hold the same charges.",
        examples=["cur2"],
    )
    region: str | None = Field(
        default=None,
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d$",
        description="AWS region of the bucket, e.g. `eu-central-1`. Default none, because the SDK's own "
        "chain (environment, profile, instance) usually knows it; set it for a bucket elsewhere.",
        examples=["eu-central-1"],
    )
    profile: str | None = Field(
        default=None,
        description="Profile of the shared AWS configuration (`~/.aws/config`) to ask with. Default none, "
        "because the SDK's own chain is used.",
    )
    role_arn: str | None = Field(
        default=None,
        max_length=600,
        pattern=f"^{ROLE_ARN.pattern}$",
        description="Role that costd takes on with `sts:AssumeRole`, e.g. in the payer account; its "
        "credentials are renewed before they expire. Default none, because who runs costd may read the "
        "bucket by itself.",
        examples=["arn:aws:iam::111122223333:role/costd-billing"],
    )
    external_id: Annotated[
        str | Secret | None,
        BeforeValidator(_maybe_secret),
        WithJsonSchema({"type": "string", "examples": ["costd", "${env:COSTD_EXTERNAL_ID}"]}),
    ] = Field(
        default=None,
        description="External id that the trust policy of the role asks for, as it is or as `${env:NAME}` or "
        "`${file:PATH}`. Default none, because a role in your own organization needs none.",
    )
    endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s@]+$",
        description="URL that every request goes to. Default none, because AWS is found through the region; "
        "set it for tests or a gateway.",
    )
    access_key_id: Secret | None = Field(
        default=None,
        description="Access key id, as `${env:NAME}` or `${file:PATH}`. Default none, because roles and "
        "profiles of the SDK's own chain are safer than keys.",
    )
    secret_access_key: Secret | None = Field(
        default=None,
        description="Secret access key, as `${env:NAME}` or `${file:PATH}`. Default none, as "
        "`access_key_id`: the two come together.",
    )
    session_token: Secret | None = Field(
        default=None,
        description="Session token of temporary keys, as `${env:NAME}` or `${file:PATH}`. Default none, "
        "because lasting keys have none.",
    )
    execution_status: bool = Field(
        default=True,
        description="Ask Data Exports (`bcm-data-exports:ListExecutions`, free) how the latest run of the "
        "export went: a second sign of completeness beside the manifest. Default `true`; where it is not "
        "allowed, a note says so and the manifest alone counts.",
    )
    cost_explorer: CostExplorer = Field(
        default_factory=CostExplorer,
        description="When Cost Explorer is asked. Default until the first export comes, and for "
        "reconciliation, at most 20 requests a day.",
    )
    max_quarantined: Percent = Field(
        default=Decimal("0.01"),
        description="Share of the lines of one file that may be unreadable before its month is refused and "
        "keeps what it had; a share like `1%`. `0%` allows none. Default `1%`, because a few odd lines must "
        "not hide a month, and many mean that the file is not what it seems.",
    )
    scratch: LocalPath | None = Field(
        default=None,
        description="Folder for temporary copies of objects while they are read. Default none, because the "
        "system's temporary folder fits unless it is small or kept in memory.",
    )

    @field_validator("prefix")
    @classmethod
    def _slashes(cls, value: str) -> str:
        prefix = value.strip("/")
        if "://" in prefix or any(part in {"", ".", ".."} for part in prefix.split("/") if prefix):
            hint = "write it as in the definition of the export, e.g. `exports/cur2`"
            raise PydanticCustomError("prefix", "is no prefix of a bucket", {"hint": hint})
        return prefix

    @field_validator("secret_access_key")
    @classmethod
    def _both_keys(cls, value: Secret | None, info: ValidationInfo) -> Secret | None:
        if (value is None) != (info.data.get("access_key_id") is None):
            raise PydanticCustomError("keys", "`access_key_id` and `secret_access_key` come together")
        return value

    @field_validator("external_id")
    @classmethod
    def _for_a_role(cls, value: str | Secret | None, info: ValidationInfo) -> str | Secret | None:
        if value is not None and info.data.get("role_arn") is None:
            hint = "set `role_arn`, or leave `external_id` out"
            raise PydanticCustomError("external_id", "is of no use without `role_arn`", {"hint": hint})
        return value

    @property
    def identity(self) -> Identity:
        """Give who costd is to AWS."""
        found = {f"aws_{name}": getattr(self, name) for name in _KEYS}
        return Identity(
            region=self.region,
            endpoint_url=self.endpoint_url,
            profile=self.profile,
            role_arn=self.role_arn,
            external_id=self.external_id,
            keys=tuple((name, secret) for name, secret in found.items() if secret is not None),
        )
