"""Names that went from one machine to another: what the first costs is not of what ran on the second."""

from __future__ import annotations

import polars as pl

from attribution.kubernetes.carve import AWAY
from attribution.kubernetes.join import join_nodes

_NODE = ["cluster", "node"]


def away_of(nodes: pl.DataFrame, resources: pl.DataFrame) -> pl.DataFrame:
    """Give the hours in which a name was another machine's than the one that a resource is (`AWAY`).

    Args:
        nodes: `cluster`, `hour`, `node`, `provider_id`; hours whose provider id is not known belong to
            every machine of the name.
        resources: the resource dimension (`RESOURCE_SCHEMA`).
    """
    known = nodes.select("hour", *_NODE, "provider_id").drop_nulls("provider_id")
    machines = known.select(*_NODE, "provider_id").unique(maintain_order=True)
    reused = machines.filter(pl.len().over(_NODE) > 1).with_row_index("machine")
    if reused.is_empty():
        return AWAY.to_frame()
    # each machine under a name of its own, so that the join tells which of them a resource is
    apart = reused.with_columns(node=pl.col("machine").cast(pl.String))
    found = join_nodes(apart, resources).joined.select("dim_id", machine=pl.col("node").cast(pl.UInt32))
    own = found.join(reused, on="machine").select("dim_id", *_NODE, "provider_id").unique()
    hours = own.select("dim_id", *_NODE).unique().join(known, on=_NODE)
    others = hours.join(own, on=["dim_id", *_NODE, "provider_id"], how="anti")
    return others.select(
        "dim_id", "cluster", pl.concat_str(pl.lit("node/"), "node").alias("thing"), "hour"
    ).cast(AWAY)
