"""Writes charges as a FOCUS file: the columns of one version, then our own as `x_` columns.

The file is written beside its target, read back and compared with the ledger, and only
then moved into place: an export that does not tie out never exists.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import polars as pl

from domain.allocation import OWNER_FIELDS
from domain.charge import COSTS, FOCUS, MONEY, OWN, PRICE_COLUMNS, RESOURCE_COLUMNS, Column
from domain.errors import GateError, StorageError
from domain.ports import Ledger

VERSIONS = ("1.0", "1.2")
_FORMULA = "^[=+\\-@\uff1d\uff0b\uff0d\uff20\t\r\n]"
PIECE = 250_000
"""Rows joined and written at a time."""

_OWNED = (*OWNER_FIELDS, "cost_kind")
_FILLED_FROM = {"ProviderName": "ServiceProviderName", "PublisherName": "ServiceProviderName"}


def _nobody(_rows: int) -> None:
    """Listen to no progress."""


class Format(StrEnum):
    """File formats of an export."""

    PARQUET = "parquet"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What to export.

    Attributes:
        version: FOCUS version, one of `VERSIONS`.
        format: Parquet (exact types) or CSV.
        path: where the file goes; an older one is replaced.
        sources: only these sources; None means all.
        periods: only these billing periods; None means all.
    """

    version: str
    format: Format
    path: Path
    sources: frozenset[str] | None = None
    periods: frozenset[str] | None = None


Sums = dict[str, dict[str, Decimal | int | None]]
"""{currency: {"rows": count, cost column: sum, None where no charge says it}}"""


def columns_of(version: str) -> tuple[Column, ...]:
    """Give the FOCUS columns that a version has, sorted by name."""
    return tuple(column for column in FOCUS if _number(column.since) <= _number(version))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def write_export(
    export: Export, ledger: Ledger, ownership: pl.DataFrame, on_rows: Callable[[int], None] = _nobody
) -> Sums:
    """Write the file and give its sums, which are the ledger's.

    Raises:
        GateError: the file does not add up to the ledger; nothing is left at the path.
        StorageError: nothing can be written there.
    """
    facts = ledger.charges(sources=export.sources, periods=export.periods)
    draft = export.path.with_name(f".{export.path.name}.part")
    try:
        export.path.parent.mkdir(parents=True, exist_ok=True)
        frames = export_frames(export.version, facts, ledger, ownership)
        _write(_told(frames, on_rows), draft, export.format)
        written = _sums(_read(draft, export.format))
        _compare(written, facts, ledger)
        draft.replace(export.path)
    except OSError as error:
        raise StorageError(
            f"cannot write {export.path}: {error.strerror or error}", hint="name another place with --out"
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink()
    return written


def _told(frames: Iterable[pl.DataFrame], on_rows: Callable[[int], None]) -> Iterator[pl.DataFrame]:
    for frame in frames:
        yield frame
        on_rows(frame.height)


def export_frames(
    version: str, facts: pl.LazyFrame, ledger: Ledger, ownership: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    """Give charges as rows of a FOCUS version with our `x_` columns behind, in pieces; at least one.

    In pieces, because a stream of joined rows 65 columns wide holds gigabytes in flight.
    """
    resources = _resource_columns(ledger.resources().collect(), ownership)
    prices = ledger.prices().select("price_id", *PRICE_COLUMNS).collect()
    kept = columns_of(version)
    newer = [column for column in FOCUS if column not in kept]
    rows = facts.select(pl.len()).collect().item()
    for start in range(0, max(rows, 1), PIECE):
        piece = facts.slice(start, PIECE).collect()
        joined = piece.join(resources, on="dim_id", how="left").join(prices, on="price_id", how="left")
        yield joined.select(
            *(pl.col(column.name) for column in kept),
            pl.col("source").alias("x_Source"),
            *(_own_name(name) for name in _OWNED),
            *(pl.col(column.name).alias(f"x_{column.name}") for column in newer),
            *(pl.col(column.name) for column in OWN),
        )


def _resource_columns(resources: pl.DataFrame, ownership: pl.DataFrame) -> pl.DataFrame:
    owned = resources.join(ownership.select("dim_id", *_OWNED), on="dim_id", how="left")
    return owned.select(
        "dim_id",
        *(_own_column(name) for name in RESOURCE_COLUMNS if name != "Tags"),
        _tags_text(owned),
        *(pl.col(name).alias(_own_name(name)) for name in _OWNED),
    )


def _own_column(name: str) -> pl.Expr:
    if name in _FILLED_FROM:
        return pl.coalesce(name, _FILLED_FROM[name]).alias(name)
    return pl.col(name)


def _own_name(name: str) -> str:
    return "x_" + "".join(part.capitalize() for part in name.split("_"))


def _tags_text(resources: pl.DataFrame) -> pl.Series:
    def text(tags: Mapping[str, str] | None) -> str | None:
        return None if tags is None else json.dumps(dict(sorted(tags.items())), ensure_ascii=False)

    return pl.Series("Tags", [text(tags) for tags in resources["Tags"].to_list()], dtype=pl.String)


def _write(frames: Iterable[pl.DataFrame], path: Path, kind: Format) -> None:
    if kind is Format.PARQUET:
        _write_parquet(frames, path)
        return
    with path.open("wb") as file:
        for at, frame in enumerate(frames):
            texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
            frame.with_columns(_unarmed(name) for name in texts).write_csv(
                file,
                include_header=at == 0,
                datetime_format="%Y-%m-%dT%H:%M:%SZ",
                line_terminator="\r\n",
            )


def _write_parquet(frames: Iterable[pl.DataFrame], path: Path) -> None:
    import pyarrow.parquet as pq

    writer = None
    try:
        for frame in frames:
            table = frame.to_arrow(compat_level=pl.CompatLevel.newest())
            # without Arrow's own schema beside it, every reader sees plain Parquet types
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _unarmed(name: str) -> pl.Expr:
    """Put an apostrophe before text that a spreadsheet would run as a formula."""
    text = pl.col(name)
    armed = text.str.contains(_FORMULA)
    return pl.when(armed).then(pl.concat_str(pl.lit("'"), text)).otherwise(text).alias(name)


def _read(path: Path, kind: Format) -> pl.LazyFrame:
    if kind is Format.PARQUET:
        return pl.scan_parquet(path)
    texts = pl.scan_csv(path, infer_schema=False)
    return texts.with_columns(pl.col(name).cast(MONEY) for name in COSTS.values())


def _sums(frame: pl.LazyFrame) -> Sums:
    """Give per currency the number of charges and the sum of each cost that is known."""
    grouped = frame.group_by("BillingCurrency").agg(
        pl.len().alias("rows"), *(_sum_or_null(name) for name in COSTS.values())
    )
    return {
        row["BillingCurrency"]: {name: row[name] for name in ("rows", *COSTS.values())}
        for row in grouped.collect().iter_rows(named=True)
    }


def _sum_or_null(name: str) -> pl.Expr:
    return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)


def _compare(written: Sums, facts: pl.LazyFrame, ledger: Ledger) -> None:
    currencies = ledger.resources().select("dim_id", "BillingCurrency")
    stored = _sums(facts.join(currencies, on="dim_id", how="left"))
    if written != stored:
        raise GateError(
            f"the export does not add up: written {written}, stored {stored}",
            hint="collect finished meanwhile? run the export again",
        )
