"""What `type: prometheus` understands."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from config.secrets import REFERENCE, Secret
from config.source import SourceEnvelope
from config.units import PositiveDuration

_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_RESERVED = frozenset({"authorization", "host", "content-length", "content-type", "connection", "cookie"})


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not value.isascii():
        raise ValueError("is no http or https URL")
    if "@" in parts.netloc:
        raise ValueError("credentials do not belong into a URL; use `username` and `password`, or `token`")
    if parts.query or parts.fragment:
        raise ValueError("must end with its path; leave out what follows `?` or `#`")
    return value.rstrip("/").removesuffix("/api/v1").removesuffix("/graph")


def _maybe_secret(value: Any, info: ValidationInfo) -> Any:
    is_named = isinstance(value, str) and REFERENCE.fullmatch(value)
    return Secret.parse(value, info) if is_named else value


_Value = Annotated[
    str | Secret, BeforeValidator(_maybe_secret), WithJsonSchema({"type": "string", "examples": ["platform"]})
]


def _headers(value: dict[str, str | Secret]) -> dict[str, str | Secret]:
    for name, text in value.items():
        if not _HEADER.fullmatch(name) or name.lower() in _RESERVED:
            raise ValueError(f"{name!r} is no header that may be set here")
        if isinstance(text, str) and (not text.isascii() or not text.isprintable()):
            raise ValueError(f"the value of {name} must be printable ASCII")
    return value


class PrometheusSettings(SourceEnvelope):
    """Where a cluster's metrics are, and which of them are this cluster's."""

    type: Literal["prometheus"] = Field(default="prometheus", description="Always `prometheus`.")
    every: PositiveDuration = Field(
        default=timedelta(minutes=15),
        description="How often the daemon looks for new whole hours; a length of time. Default `15m`, "
        "because an hour is then in the ledger soon after it ended, and looking costs one small question.",
    )
    url: Annotated[str, AfterValidator(_url)] = Field(
        description="The address of Prometheus, Thanos Query, Mimir or VictoriaMetrics, with its path if it "
        "has one, without `/api/v1`. Required: nothing can be guessed here.",
        examples=["http://prometheus.monitoring:9090", "https://mimir.example.com/prometheus"],
    )
    cluster: str = Field(
        min_length=1,
        max_length=253,
        description="The cluster's name in reports. Give a `kubernetes` source of the same cluster the same "
        "name: they then complete each other. Required: metrics do not say it.",
        examples=["prod-eu"],
    )
    cluster_label: str = Field(
        default="",
        pattern=r"^(?:[a-zA-Z_][a-zA-Z0-9_]*)?$",
        description="The label that tells clusters apart where one server holds several. Default none, "
        "because a Prometheus mostly holds one.",
        examples=["cluster"],
    )
    cluster_value: str = Field(
        default="",
        description="What `cluster_label` says for this cluster. Default `cluster`.",
        examples=["prod-eu-1"],
    )
    token: Secret | None = Field(
        default=None,
        description="A bearer token. Default none, because Prometheus asks for none by itself.",
        examples=["${file:/run/secrets/prometheus-token}"],
    )
    username: str = Field(
        default="",
        pattern=r"^[^:\x00-\x1f]*$",
        description="The name for basic authentication; with `password`. Default none.",
        examples=["costd"],
    )
    password: Secret | None = Field(
        default=None,
        description="The password for basic authentication. Default none.",
        examples=["${env:PROMETHEUS_PASSWORD}"],
    )
    headers: Annotated[dict[str, _Value], AfterValidator(_headers)] = Field(
        default_factory=dict,
        description="Further headers of every request, such as Mimir's tenant; a value that is secret as "
        "`${env:NAME}` or `${file:PATH}`. Default none.",
        examples=[{"X-Scope-OrgID": "platform"}],
    )
    timeout: PositiveDuration = Field(
        default=timedelta(seconds=120),
        description="How long one question may take; a length of time. Default `2m`, which is what "
        "Prometheus itself allows.",
        examples=["5m"],
    )
    since: PositiveDuration = Field(
        default=timedelta(days=14),
        description="How far back the first collection reads; a length of time. Default `14d`, because "
        "Prometheus keeps 15 days unless told otherwise.",
        examples=["90d"],
    )
    lag: PositiveDuration = Field(
        default=timedelta(minutes=10),
        description="How long after its end an hour is read; a length of time. Default `10m`, so that late "
        "samples are there; hours are read once.",
        examples=["30m"],
    )
    rate_window: PositiveDuration = Field(
        default=timedelta(minutes=5),
        description="Over how long CPU seconds become cores in use. Default `5m`; give at least twice the "
        "interval of scrapes if that is longer than two minutes.",
        examples=["10m"],
    )

    @property
    def matcher(self) -> str:
        """Give the matcher of this cluster's series, "" where all are."""
        if not self.cluster_label:
            return ""
        return f"{self.cluster_label}={quoted(self.cluster_value or self.cluster)}"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.token is not None and (self.username or self.password is not None):
            raise ValueError("has both `token` and `username` or `password`; name one kind of login")
        if bool(self.username) != (self.password is not None):
            raise ValueError("needs `username` and `password` together")
        if self.cluster_value and not self.cluster_label:
            raise ValueError("has `cluster_value` without `cluster_label`")
        return self


def quoted(text: str) -> str:
    """Give a text as a string of PromQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
