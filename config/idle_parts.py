"""Parts of idle rules: which workloads they are about, signs of work, lengths in whole hours."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from config.base import Model
from config.patterns import Patterns
from config.units import PositiveDuration

_HOUR = timedelta(hours=1)


def _whole_hours(value: timedelta) -> timedelta:
    if value % _HOUR:
        hint = "write whole hours, like `1h`: usage is kept by the hour"
        raise PydanticCustomError("whole_hours", "is not in whole hours", {"hint": hint})
    return value


Hours = Annotated[PositiveDuration, AfterValidator(_whole_hours)]
"""A length of time in whole hours, one at least."""


class Scope(Model):
    """Which things a rule is about; all lines must fit, each by any of its patterns.

    A pattern is a name or a glob (`dev-*`; both ignore case), or `re:` and a regex.
    """

    clusters: Patterns = Field((), description="Clusters as configured. Default: any.")
    namespaces: Patterns = Field((), description="Namespaces. Default: any.")
    workloads: Patterns = Field((), description="Workloads, by name. Default: any.")
    nodes: Patterns = Field((), description="Nodes, by name. Default: any.")


class Unless(Model):
    """One sign of work; exactly one key."""

    requests_above: int | None = Field(
        default=None,
        ge=0,
        description="Requests that a model server ran at once, above which the hour is work; a count. "
        "Default: not asked.",
    )
    cpu_above: Decimal | None = Field(
        default=None,
        ge=0,
        le=1024,
        description="Cores (a number) that the pod used on average, above which the hour is work, such as "
        "preparing data. Default: not asked.",
    )
    egress_above: Decimal | None = Field(
        default=None,
        ge=0,
        le=10**6,
        description="GiB (an amount) that the pod sent in the hour, above which it is work. Default: not "
        "asked.",
    )

    @model_validator(mode="after")
    def _one_sign(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            hint = "write `- {requests_above: 0}`, one item per sign"
            raise PydanticCustomError("unless", "needs exactly one sign of work", {"hint": hint})
        return self
