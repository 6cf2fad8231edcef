"""What lines are about, looked up once per distinct text: service, unit, tokens, machine, region. Pure."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import polars as pl

from collectors.aws import machines, regions, services
from collectors.aws.lookup import Answer, looked_up
from collectors.aws.product import products
from collectors.aws.tags import tags
from collectors.aws.tokens import ON_DEMAND, model_of, tokens_of
from collectors.aws.units import unit_of
from collectors.focus.normalise import Memory
from domain.charge import QUANTITY

_TEXT = pl.String()
FACTOR = "factor"
"""How many consumed units one priced unit is; null means one."""


def described(frame: pl.DataFrame, rows: pl.DataFrame, memory: Memory) -> pl.DataFrame:
    """Give the typed lines with what FOCUS wants to be said of them; `rows` are the same lines raw."""
    product_name, details = products(rows, memory)
    known = tags(rows, memory)
    frame = frame.with_columns(product_name, details, *known.values())
    absent = [name for name in ("Tags", "x_RawTags", "x_CostCategories") if name not in known]
    frame = frame.with_columns(pl.lit(None, dtype=_TEXT).alias(name) for name in absent)
    frame = _services(frame, memory)
    frame = _units(frame, memory)
    frame = _machines(_tokens(frame, memory), memory)
    region = _look(
        frame["product_region_code"],
        "region",
        (("region_name", _TEXT),),
        lambda code: (regions.name_of(code),),
        memory,
    )
    place = pl.coalesce("product_location", "region_name")
    is_known = pl.col("product_region_code").is_not_null()
    return frame.with_columns(region).with_columns(pl.when(is_known).then(place).alias("RegionName"))


def _look(
    texts: pl.Series,
    kind: str,
    schema: tuple[tuple[str, pl.DataType], ...],
    find: Callable[[str], Answer],
    memory: Memory,
) -> list[pl.Series]:
    return looked_up(texts, kind, schema, find, memory)


def _services(frame: pl.DataFrame, memory: Memory) -> pl.DataFrame:
    code = frame.select(pl.coalesce("line_item_product_code", "product_servicecode")).to_series()
    default = _look(code, "service", (("default", _TEXT),), lambda text: (services.name_of(text),), memory)[0]
    name = frame["product_name"]
    name = name.zip_with(name.is_not_null(), default).fill_null("AWS").rename("ServiceName")
    schema = (("ServiceCategory", _TEXT), ("ServiceSubcategory", _TEXT))
    return frame.with_columns(name, *_look(name, "category", schema, services.category_of, memory))


def _units(frame: pl.DataFrame, memory: Memory) -> pl.DataFrame:
    def find(text: str) -> tuple[str, str, Decimal | None]:
        priced, consumed, factor = unit_of(text)
        return priced, consumed, None if factor == 1 else factor

    schema = (("priced_unit", _TEXT), ("consumed_unit", _TEXT), (FACTOR, QUANTITY))
    return frame.with_columns(_look(frame["pricing_unit"], "unit", schema, find, memory))


def _tokens(frame: pl.DataFrame, memory: Memory) -> pl.DataFrame:
    """Describe tokens, on lines of Bedrock only."""
    is_bedrock = frame.select(
        pl.col("line_item_product_code").str.contains("Bedrock", literal=True).fill_null(value=False)
        | pl.col("ServiceName").str.contains("Bedrock", literal=True)
    ).to_series()
    if not is_bedrock.any():
        nothing = [
            pl.lit(None, dtype=_TEXT).alias(f"x_{name}") for name in ("ModelId", "TokenType", "ServiceTier")
        ]
        return frame.with_columns(nothing)
    meters = frame["line_item_usage_type"].set(~is_bedrock, None)
    schema = (("x_ModelId", _TEXT), ("x_TokenType", _TEXT), ("x_ServiceTier", _TEXT))
    model, kind, tier = _look(meters, "tokens", schema, tokens_of, memory)
    sold = _look(
        frame["ServiceName"].set(~is_bedrock, None),
        "model",
        (("x_ModelId", _TEXT),),
        lambda name: (model_of(name),),
        memory,
    )[0]
    model = model.zip_with(model.is_not_null(), sold)
    tier = tier.fill_null(ON_DEMAND).set(kind.is_null(), None)
    return frame.with_columns(model, kind, tier)


def _machines(frame: pl.DataFrame, memory: Memory) -> pl.DataFrame:
    told = frame["product_instance_type"]
    read = _look(
        frame["line_item_usage_type"],
        "machine",
        (("machine", _TEXT),),
        lambda text: (machines.instance_type_of(text),),
        memory,
    )[0]
    machine = told.zip_with(told.is_not_null(), read).rename("x_InstanceType")
    schema = (("x_GpuModel", _TEXT), ("x_GpuCount", _TEXT))
    return frame.with_columns(machine, *_look(machine, "gpu", schema, machines.gpus_of, memory))
