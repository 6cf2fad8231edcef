"""The parts of an owner as the configuration writes them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from config.base import Model
from config.patterns import text_only

OwnerField = Literal["team", "service", "model", "environment", "pull_request"]
OWNER_FIELDS: tuple[OwnerField, ...] = ("team", "service", "model", "environment", "pull_request")

_MAX_NAME = 200


def _named(value: str) -> str:
    if not value:
        raise ValueError("it is empty; leave the line out instead")
    if len(value) > _MAX_NAME:
        raise ValueError(f"it has {len(value)} characters, at most {_MAX_NAME} are allowed")
    return value


OwnerName = Annotated[str, BeforeValidator(text_only), AfterValidator(_named)]


class Owner(Model):
    """The owner fields that a rule or an account sets; at least one of them."""

    team: OwnerName | None = Field(None, description="Team that answers for the cost. Default: not set.")
    service: OwnerName | None = Field(
        None, description="The company's own service, not the cloud's product. Default: not set."
    )
    model: OwnerName | None = Field(None, description="Machine-learning model served. Default: not set.")
    environment: OwnerName | None = Field(
        None, description="Environment such as production or preview. Default: not set."
    )
    pull_request: OwnerName | None = Field(
        None, description="Pull request the resource exists for. Default: not set."
    )

    def outputs(self) -> dict[str, str]:
        """Give the fields that are set."""
        return {name: value for name in OWNER_FIELDS if (value := getattr(self, name)) is not None}
