"""Per owner field the first answer of every resource, and which rule gave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from attribution.matching import fold, fold_text
from attribution.tags import clean_text
from domain.allocation import OWNER_FIELDS

_TEXT = pl.String()
_AT = pl.UInt32()


class Answers:
    """Collects answers, best first: an answer counts only where none was before.

    Answers are expressions over one frame and are evaluated together, when first needed.
    Aliases fold every answer, whichever rule gave it. An answer whose alias is null names
    nobody, so the next one is asked.
    """

    def __init__(self, frame: pl.DataFrame, aliases: Mapping[str, Mapping[str, str | None]]) -> None:
        """Start without answers for the rows of a frame; aliases are per owner field."""
        self._aliases = {name: Aliases(aliases.get(name, {})) for name in OWNER_FIELDS}
        self._labels: list[str] = []
        self._named: dict[str, pl.Series] = {}
        self._pending: dict[str, list[tuple[pl.Expr, pl.Expr]]] = {name: [] for name in OWNER_FIELDS}
        self._frame = frame.with_columns(
            *(pl.lit(None, dtype=_TEXT).alias(_raw(name)) for name in OWNER_FIELDS),
            *(pl.lit(None, dtype=_AT).alias(_at(name)) for name in OWNER_FIELDS),
        )

    def offer(self, field: str, text: pl.Expr, rule: str) -> None:
        """Take an answer for one owner field where it has none yet; null is no answer."""
        self._labels.append(rule)
        self._pending[field].append((text, pl.lit(len(self._labels) - 1, dtype=_AT)))

    def offer_rows(self, field: str, texts: pl.Series, rules: pl.Series) -> None:
        """Take one answer per row, each with its own rule."""
        names = rules.drop_nulls().unique().sort()
        if not len(names):
            return
        codes = pl.Series(range(len(self._labels), len(self._labels) + len(names)), dtype=_AT)
        self._labels += names.to_list()
        self.settle()
        rows = pl.DataFrame({"text": texts, "rule": rules}).select(
            pl.col("text").alias("offered"),
            pl.col("rule").replace_strict(names, codes, default=None, return_dtype=_AT).alias("offered at"),
        )
        self._frame = self._frame.hstack(rows)
        self._pending[field].append((pl.col("offered"), pl.col("offered at")))
        self.settle()
        self._frame = self._frame.drop("offered", "offered at")

    def settle(self) -> None:
        """Evaluate what was offered."""
        columns = [column for field in OWNER_FIELDS for column in self._settled(field)]
        if columns:
            # lazily, so that what several answers share is computed once and on all cores
            self._frame = self._frame.lazy().with_columns(columns).collect()
            self._named = {}
        self._pending = {name: [] for name in OWNER_FIELDS}

    def _settled(self, field: str) -> Iterator[pl.Expr]:
        offers = [(self._aliases[field].named(text), at) for text, at in self._pending[field]]
        if offers:
            yield pl.coalesce(_raw(field), *(text for text, _ in offers)).alias(_raw(field))
            said = [pl.when(text.is_not_null()).then(at) for text, at in offers]
            yield pl.coalesce(_at(field), *said).alias(_at(field))

    def of(self, field: str) -> pl.Series:
        """Give the answers so far for one owner field, aliases applied."""
        self.settle()
        if field not in self._named:
            raw = self._frame.get_column(_raw(field))
            self._named[field] = self._aliases[field].applied(raw).alias(field)
        return self._named[field]

    def rules_of(self, field: str) -> pl.Series:
        """Give which rule answered, with the alias it went through: `keys.team[owner] alias[ML]`."""
        self.settle()
        name = f"{field}_rule"
        at = self._frame.get_column(_at(field))
        rules = pl.Series(name, self._labels or [None], dtype=_TEXT).gather(at)
        if not self._aliases[field]:
            return rules
        raw, named = self._frame.get_column(_raw(field)), self.of(field)
        changed = (raw != named).arg_true()
        through = rules.gather(changed) + " alias[" + raw.gather(changed) + "]"
        return rules.scatter(changed, through)


def _raw(field: str) -> str:
    return f"answer {field}"


def _at(field: str) -> str:
    return f"rule of {field}"


class Aliases:
    """Names of one owner field: which text stands for which name."""

    def __init__(self, written: Mapping[str, str | None]) -> None:
        """Read aliases as written; a name they point to folds its own spellings too."""
        targets = sorted({clean_text(name) for name in written.values() if name is not None})
        known: dict[str, str | None] = {fold_text(name): name for name in targets}
        for text, name in written.items():
            known[fold_text(text)] = None if name is None else clean_text(name)
        self._names = {text: name for text, name in known.items() if name is not None}
        self._nobody = [text for text, name in known.items() if name is None]

    def __bool__(self) -> bool:
        """Tell whether any name is changed."""
        return bool(self._names)

    def named(self, text: pl.Expr) -> pl.Expr:
        """Give null where a text names nobody."""
        return pl.when(~fold(text).is_in(self._nobody)).then(text) if self._nobody else text

    def applied(self, texts: pl.Series) -> pl.Series:
        """Give the name that each text stands for."""
        if not self._names:
            return texts
        distinct = texts.drop_nulls().unique()
        folded = distinct.to_frame("text").select(fold(pl.col("text"))).to_series()
        named = {
            text: self._names[spelling]
            for text, spelling in zip(distinct, folded, strict=True)
            if self._names.get(spelling, text) != text
        }
        return texts.replace(list(named), list(named.values())) if named else texts
