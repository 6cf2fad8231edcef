"""Which cluster is read, as whom, and where observations lie until their hour is over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from config.source import SourceEnvelope
from config.units import LocalPath, PositiveDuration


class KubernetesSettings(SourceEnvelope):
    """One cluster."""

    type: Literal["kubernetes"] = Field(default="kubernetes", description="Always `kubernetes`.")
    every: PositiveDuration = Field(
        default=timedelta(minutes=5),
        description="How often what the watches saw is added up; a length of time. Default `5m`, the step in "
        "which requests and usage are compared.",
    )
    cluster: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._:/@-]{0,253}$",
        description="The cluster's name in reports. Sources that watch the same cluster (its inventory, its "
        "Prometheus) have the same one. Default the name of the source, because most have one of each.",
        examples=["prod-eu"],
    )
    context: str = Field(
        default="",
        description="The context of the kubeconfig to use. Default none: inside a pod its service account, "
        "elsewhere the current context of the kubeconfig.",
        examples=["prod-eu"],
    )
    kubeconfig: LocalPath | None = Field(
        default=None,
        description="The kubeconfig file. Default `KUBECONFIG` or `~/.kube/config`, as kubectl does it.",
        examples=["./prod-eu.kubeconfig"],
    )
    leave_out_namespaces: tuple[str, ...] = Field(
        default=(),
        description="Namespaces whose pods, claims, quotas and Services are not kept. What ran there then "
        "looks like idle capacity, so leave out only what is nobody's business. Default none, so that every "
        "node is accounted for.",
        examples=[["sandbox"]],
    )
    page_size: int = Field(
        default=500,
        ge=10,
        le=5000,
        description="The number of objects per page of a listing. Default 500, what kubectl asks for: more "
        "makes the API server hold larger answers in memory, less makes more requests.",
    )
    spool: LocalPath = Field(
        default=Path("./var/kubernetes"),
        description="Folder for what was observed in hours that are not over, so that a restart loses none. "
        "Default `./var/kubernetes`; it holds names, labels and requests, some MiB per 10,000 pods.",
    )

    @property
    def place(self) -> str:
        """Give the cluster's name."""
        return self.cluster or self.name
