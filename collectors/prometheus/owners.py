"""The top of the owner chain of each pod: the Deployment, not its ReplicaSet."""

from __future__ import annotations

import polars as pl

from collectors.prometheus import questions as ask
from collectors.prometheus.api import Question
from collectors.prometheus.window import Window, with_uid

_OWNER = ["owner_kind", "owner_name"]
_NOBODY = ("<none>", "")


def workloads(window: Window) -> pl.DataFrame:
    """Give `uid`, `workload_kind` and `workload`, whose kind is "" for a pod that nothing owns."""
    pods = _latest(with_uid(window.by_hour(ask.POD_OWNERS)), ["uid"])
    above = pl.concat(
        [
            _above(window, ask.REPLICASET_OWNERS, "replicaset", "ReplicaSet"),
            _above(window, ask.JOB_OWNERS, "job_name", "Job"),
        ]
    )
    joined = pods.join(above, on=["namespace", *_OWNER], how="left")
    nobody = pl.col("owner_kind").is_in(_NOBODY) | pl.col("owner_kind").is_null()
    return joined.select(
        "uid",
        pl.when(nobody)
        .then(pl.lit(""))
        .otherwise(pl.coalesce("top_kind", "owner_kind"))
        .alias("workload_kind"),
        pl.when(nobody).then(None).otherwise(pl.coalesce("top_name", "owner_name")).alias("workload"),
    )


def _above(window: Window, question: Question, name: str, kind: str) -> pl.DataFrame:
    """Give what owns ReplicaSets or Jobs; those that nothing owns are left out and stand for themselves."""
    found = _latest(window.by_hour(question), ["namespace", name])
    return found.filter(~pl.col("owner_kind").is_in(_NOBODY)).select(
        "namespace",
        pl.lit(kind).alias("owner_kind"),
        pl.col(name).alias("owner_name"),
        pl.col("owner_kind").alias("top_kind"),
        pl.col("owner_name").alias("top_name"),
    )


def _latest(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    return frame.sort("hour", descending=True).unique(keys, keep="first", maintain_order=True)
