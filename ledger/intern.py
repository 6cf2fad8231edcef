"""Interning: rows that say the same about a resource or a price share one id.

The id is the first half of a 128-bit hash of what the row says, so it is the same on
every machine and in every version of costd; the second half proves that two rows under
one id are really equal. Rows are compared inside the process by a faster seeded
fingerprint, so that only rows not met before pay for the content hash.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import unpack

import polars as pl

from domain.charge import COLUMN_OF, Star
from domain.errors import StorageError
from ledger.fingerprint import ONE, TWO, Fingerprints
from ledger.tables import CONTENT
from ledger.tags import as_map, canonical_texts

ID_OF = {Star.RESOURCE: "dim_id", Star.PRICE: "price_id"}
_SEPARATOR = "\x1f"


class Interner:
    """Gives rows of one source the ids of one dimension and collects rows that are new."""

    def __init__(self, star: Star, source: str, known: pl.DataFrame, *, keep: tuple[str, ...] = ()) -> None:
        """Take the (id, content) pairs that the ledger has; `keep` names columns for `met`."""
        self._star = star
        self._id = ID_OF[star]
        self._source = source
        self._columns = [name for name, column in COLUMN_OF.items() if column.star is star]
        self._fingerprints = Fingerprints(self._columns)
        self._known = known.select(self._id, CONTENT)
        self._keep = keep
        kept = {name: COLUMN_OF[name].dtype for name in keep}
        self._met = pl.DataFrame(schema={ONE: pl.UInt64(), TWO: pl.UInt64(), self._id: pl.Int64(), **kept})
        self._fresh: list[pl.DataFrame] = []

    @property
    def met(self) -> pl.DataFrame:
        """Give the id and the kept columns of everything met so far, one row per id."""
        return self._met.select(self._id, *self._keep).unique(self._id)

    @property
    def fresh_rows(self) -> int:
        """Count the rows that `take_fresh` would give."""
        return sum(frame.height for frame in self._fresh)

    def intern(self, rows: pl.DataFrame) -> pl.Series:
        """Give the id of every row.

        Raises:
            StorageError: two different rows got one hash.
        """
        pairs = self._fingerprints.of(rows)
        unmet = pairs.with_row_index("row").unique(ONE, keep="any").join(self._met, on=ONE, how="anti")
        if unmet.height:
            self._meet(unmet, rows[unmet["row"]])
        found = pairs.join(self._met, on=ONE, how="left", maintain_order="left")
        if found.select((pl.col(TWO) != pl.col(f"{TWO}_right")).any()).item():
            raise _collision(self._star, self._source)
        return found[self._id]

    def take_fresh(self) -> pl.DataFrame:
        """Give the new rows collected so far, at least one, and forget them."""
        taken = pl.concat(self._fresh)
        self._fresh.clear()
        return taken

    def _meet(self, keys: pl.DataFrame, rows: pl.DataFrame) -> None:
        rows = _with_own_texts(rows.select(self._columns))
        if "Tags" in self._columns:
            rows = rows.with_columns(canonical_texts(rows["Tags"]))
        ids = _content_ids(rows, self._columns, self._source, self._id)
        kept = rows.select(self._keep)
        self._met = pl.concat([self._met, keys.select(ONE, TWO).with_columns(ids[self._id], *kept)])
        new = rows.select(self._columns).with_columns(ids).unique([self._id, CONTENT], maintain_order=True)
        known = new.select(self._id, CONTENT).join(self._known, on=self._id, how="inner")
        if new[self._id].n_unique() != new.height or (known[CONTENT] != known[f"{CONTENT}_right"]).any():
            raise _collision(self._star, self._source)
        new = new.join(known, on=self._id, how="anti")
        self._known = pl.concat([self._known, new.select(self._id, CONTENT)])
        if new.height:
            if "Tags" in self._columns:
                new = new.with_columns(as_map(new["Tags"]))
            self._fresh.append(new)


def _with_own_texts(rows: pl.DataFrame) -> pl.DataFrame:
    """Give the rows with copies of their texts.

    A text that was picked from a piece of a file keeps all texts of that piece in memory; rows
    that wait here to be written would keep whole files.
    """
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    return rows.with_columns((pl.col(name) + "").alias(name) for name in texts)


def _content_ids(rows: pl.DataFrame, columns: list[str], source: str, name: str) -> pl.DataFrame:
    """Give both halves of the content hash of every row.

    What is hashed: the source, then `name length value` of every column that is not
    null, so that a column added by a later FOCUS version changes no id.
    """
    pieces = [_piece(rows.schema[column], column) for column in columns]
    texts = rows.select(pl.concat_str(pl.lit(f"{source}{_SEPARATOR}"), *pieces, ignore_nulls=True))
    digests = b"".join(blake2b(text, digest_size=16).digest() for text in texts.to_series().cast(pl.Binary))
    halves = unpack(f"<{2 * rows.height}q", digests)
    return pl.DataFrame(
        {name: halves[::2], CONTENT: halves[1::2]}, schema={name: pl.Int64, CONTENT: pl.Int64}
    )


def _piece(dtype: pl.DataType, column: str) -> pl.Expr:
    """Give `name length value` of a column; numbers and times in their physical form."""
    value = pl.col(column) if dtype == pl.String() else pl.col(column).to_physical().cast(pl.String)
    length = value.str.len_bytes().cast(pl.String)
    return pl.concat_str(pl.lit(column), length, value, separator=_SEPARATOR)


def _collision(star: Star, source: str) -> StorageError:
    return StorageError(
        f"two different {star}s have one hash in source {source}; nothing was stored",
        hint="run the collection again; if it happens twice, report it as a bug",
    )
