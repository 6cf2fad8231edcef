"""How a cluster's machines are split among the pods that ran on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from config.base import Model

SplitName = Literal["opencost", "aws-scad", "fixed-95-3-2", "half"]

BasePrice = Annotated[float, Field(ge=0)]


class BasePrices(Model):
    """Your own base prices: only their ratio counts, as the bill says what a machine costs."""

    cpu: BasePrice = Field(
        default=0.0,
        description="Price of a core for an hour; a number in any currency. Default 0, which gives cores "
        "no part of the machine.",
        examples=[0.031611],
    )
    memory: BasePrice = Field(
        default=0.0,
        description="Price of a GiB of memory for an hour; a number in the same currency. Default 0, which "
        "gives memory no part of the machine.",
        examples=[0.004237],
    )
    gpu: BasePrice = Field(
        default=0.0,
        description="Price of a whole GPU for an hour; a number in the same currency. Default 0, which "
        "gives GPUs no part of the machine.",
        examples=[0.95],
    )

    @model_validator(mode="after")
    def _price_something(self) -> BasePrices:
        if not (self.cpu or self.memory or self.gpu):
            hint = "give `cpu`, `memory` or `gpu` a price above 0"
            raise PydanticCustomError("base_prices", "gives nothing a price", {"hint": hint})
        return self


class UnusedQuota(Model):
    """What becomes of capacity that a namespace reserved by a ResourceQuota and did not request."""

    charge_unused: bool = Field(
        default=False,
        description="Whether idle capacity goes to the namespaces whose quota reserves it, as far as the "
        "quota is larger than what they request. Default `false`, because most quotas are limits, not "
        "reservations.",
    )


class AllocationSettings(Model):
    """How the cost of a cluster's machines is split among the pods that ran on them, and their idle part."""

    split: SplitName | BasePrices = Field(
        default="opencost",
        description="How much of a machine is its CPU, its memory and its GPUs: `opencost` by base prices of "
        "0.031611 a core-hour, 0.004237 a GiB-hour and 0.95 a GPU-hour; `aws-scad` by weights 9 : 0.9 : 0.1 "
        "of GPU, core and GiB, as AWS splits; `fixed-95-3-2` 95 % GPU, 3 % CPU, 2 % memory, without a GPU "
        "60 % CPU and 40 % memory; `half` half CPU, half memory, GPUs nothing; or your own base prices. "
        "Default `opencost`, because most tools show those figures; it changes a team's GPU cost more than "
        "twofold, so agree on it.",
    )
    idle: Literal["apart", "node", "cluster"] = Field(
        default="apart",
        description="What becomes of capacity that nobody requested or used: `apart` keeps it on its own "
        "line; `node` shares it among the pods of the same machine, `cluster` among all pods of the cluster, "
        "each hour and by what they hold. Default `apart`, because a team can do little about idle machines "
        "and whoever sizes them should see them.",
    )
    quota: UnusedQuota = Field(
        default_factory=UnusedQuota,
        description="What becomes of reserved but unused quota. Default: nothing is charged for it, because "
        "most quotas are limits.",
    )
    control_plane: Literal["apart", "workloads"] = Field(
        default="apart",
        description="What becomes of the fee for a cluster itself (EKS, GKE, AKS), found where its name is "
        "the name of the cluster here: `apart` keeps it on its own line, `workloads` shares it among the "
        "cluster's pods by what they hold of its machines. Default `apart`, because no pod causes it.",
    )
    load_balancers: bool = Field(
        default=True,
        description="Whether a load balancer is paid for by the Service that it stands before, found by its "
        "address. Default `true`, because it is there for nobody else.",
    )
    disk_tags: tuple[str, ...] = Field(
        default=(),
        description="Tag keys that name, on a disk, the node it belongs to, by the node's name or its "
        "instance id; such a disk is split as its node is. Default none, because providers set no such tag; "
        "boot disks on Google Cloud and Azure are found by their name without it.",
        examples=[["node", "kubernetes.io/node-name"]],
    )
