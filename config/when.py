"""What a charge must look like for a rule or a pool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from config.base import Model
from config.patterns import Patterns


class When(Model):
    """What a charge must look like; all lines must match, each line by any of its patterns.

    A pattern is exact text or a glob (`4242*`; both ignore case and outer blanks), or
    `re:` and a regex (as written, found anywhere unless anchored with ^ and $).
    """

    source: Patterns = Field((), description="Name of the source in `sources`. Default: any.")
    provider: Patterns = Field((), description="ProviderName or ServiceProviderName. Default: any.")
    publisher: Patterns = Field((), description="PublisherName, e.g. a marketplace vendor. Default: any.")
    account: Patterns = Field(
        (),
        description="Id or name of the sub account (AWS account, Azure subscription, GCP project), "
        "or of the billing account where a charge has no sub account. Default: any.",
    )
    billing_account: Patterns = Field((), description="BillingAccountId or -Name. Default: any.")
    region: Patterns = Field((), description="RegionId or RegionName. Default: any.")
    service: Patterns = Field(
        (),
        description="The cloud's product (ServiceName), e.g. `Amazon Simple Storage Service`. Default: any.",
    )
    service_category: Patterns = Field((), description="FOCUS ServiceCategory, e.g. Compute. Default: any.")
    resource: Patterns = Field((), description="ResourceId or ResourceName. Default: any.")
    resource_type: Patterns = Field((), description="ResourceType. Default: any.")
    charge_category: Patterns = Field(
        (), description="Usage, Purchase, Tax, Credit or Adjustment. Default: any."
    )
    commitment_status: Patterns = Field(
        (), description="Used or Unused, of a commitment discount. Default: any."
    )
    cluster: Patterns = Field((), description="Kubernetes cluster, from well-known tags. Default: any.")
    namespace: Patterns = Field((), description="Kubernetes namespace, from well-known tags. Default: any.")
    workload: Patterns = Field((), description="Kubernetes workload, from well-known tags. Default: any.")
    tags: dict[str, Patterns] = Field(
        default_factory=dict,
        description="Tag or label key -> patterns of its value; also written `tag:team: ml`. Default: any.",
    )

    model_config = ConfigDict(
        json_schema_extra={
            "patternProperties": {
                "^(tag|label):.+": {
                    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
                }
            }
        },
    )

    @model_validator(mode="before")
    @classmethod
    def _gather_tags(cls, data: Any) -> Any:
        """Move `tag:key` and `label:key` lines under `tags`."""
        if not isinstance(data, Mapping):
            return data
        lines = {key: value for key, value in data.items() if not _is_tag_line(key)}
        found = {key.split(":", 1)[1].strip(): value for key, value in data.items() if _is_tag_line(key)}
        if found and isinstance(data.get("tags", {}), Mapping):
            lines["tags"] = {**data.get("tags", {}), **found}
        return lines

    @model_validator(mode="after")
    def _ask_something(self) -> Self:
        if not any(True for _ in self.conditions()):
            raise ValueError('`when` is empty; `provider: "*"` matches every charge')
        return self

    def conditions(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Give (subject, patterns) of every line; the subject of a tag is `tag:<key>`."""
        for name in type(self).model_fields:
            if name != "tags" and (patterns := getattr(self, name)):
                yield name, patterns
        for key, patterns in self.tags.items():
            yield f"tag:{key}", patterns


def _is_tag_line(key: Any) -> bool:
    return isinstance(key, str) and key.startswith(("tag:", "label:"))
