"""How common cost is shared, and where tax, support and credits go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from config.base import Model
from config.owner import OwnerField
from config.patterns import Patterns
from config.when import When


class SharedPool(Model):
    """Cost that everybody causes and nobody owns, and how it is shared."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]{0,63}$")] = Field(
        description="Name shown in reports. Required, unique."
    )
    when: When = Field(description="Which charges belong to it; the first pool that matches takes them.")
    split: Literal["even", "proportional"] = Field(
        "proportional",
        description="even: the same part to everyone who has direct cost that day; proportional: by that "
        "direct cost. Default: proportional, because common cost mostly grows with use.",
    )
    across: tuple[OwnerField, ...] = Field(
        ("team",),
        description="Owner fields among whose values it is shared; the others stay as they are. "
        "Default: team, who answers for cost.",
    )

    @model_validator(mode="before")
    @classmethod
    def _list_across(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("across"), str):
            return {**data, "across": [data["across"]]}
        return data

    @model_validator(mode="after")
    def _share_among_somebody(self) -> Self:
        if not self.across or len(set(self.across)) != len(self.across):
            raise ValueError("`across` names each owner field at most once, and at least one")
        return self


class Follow(Model):
    """Where unowned tax, support and credits go.

    `related`: to the owners of the charges of the same source, billing period, currency,
    account and service, by their cost; where there are none, into the shared pool of that
    name. `pool`: always into that pool. `none`: they stay where they are, unallocated.
    """

    tax: Literal["related", "pool", "none"] = Field(
        "related", description="Tax charges. Default: related, as tax is levied on them."
    )
    support: Literal["related", "pool", "none"] = Field(
        "related", description="Support charges. Default: related, as plans are a share of spend."
    )
    credits: Literal["related", "pool", "none"] = Field(
        "related", description="Credit charges. Default: related, as a credit pays for something."
    )
    support_services: Patterns = Field(
        ("AWS Support*", "AWSSupport*", "Support", "* Support", "* Support Plan*"),
        description="Cloud products (ServiceName) that are support. Default: as the large clouds name them.",
    )
