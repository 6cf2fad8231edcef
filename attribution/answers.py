"""Per owner field the first answer of every resource, and which rule gave it."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from attribution.matching import fold
from attribution.tags import clean, nothing
from domain.allocation import OWNER_FIELDS

_TEXT = pl.String()


class Answers:
    """Collects answers, best first: an answer counts only where none was before.

    Aliases fold every answer, whichever rule gave it. An answer whose alias is null names
    nobody, so the next one is asked.
    """

    def __init__(self, height: int, aliases: Mapping[str, Mapping[str, str | None]]) -> None:
        """Start without answers for `height` resources; aliases are per owner field."""
        self._texts = {name: nothing(height) for name in OWNER_FIELDS}
        self._rules = {name: nothing(height) for name in OWNER_FIELDS}
        self._aliases = {name: Aliases(aliases.get(name, {})) for name in OWNER_FIELDS}

    def offer(self, field: str, texts: pl.Series, rule: str | pl.Series) -> None:
        """Take texts as answers for one owner field where it has none yet."""
        if texts.null_count() == len(texts):
            return
        known = self._aliases[field].drop_nobody(texts)
        frame = pl.DataFrame(
            {"old": self._texts[field], "rule": self._rules[field], "new": known}
            | ({"label": rule} if isinstance(rule, pl.Series) else {})
        )
        label = pl.col("label") if isinstance(rule, pl.Series) else pl.lit(rule)
        takes = pl.col("old").is_null() & pl.col("new").is_not_null()
        taken = frame.select(
            text=pl.when(takes).then(pl.col("new")).otherwise(pl.col("old")),
            rule=pl.when(takes).then(label).otherwise(pl.col("rule")),
        )
        self._texts[field], self._rules[field] = taken.get_column("text"), taken.get_column("rule")

    def is_open(self, field: str) -> bool:
        """Tell whether any resource still lacks an answer."""
        return self._texts[field].null_count() > 0

    def of(self, field: str) -> pl.Series:
        """Give the answers so far for one owner field, aliases applied."""
        return self._aliases[field].apply(self._texts[field]).alias(field)

    def rules_of(self, field: str) -> pl.Series:
        """Give which rule answered, with the alias it went through: `keys.team[owner] alias[ML]`."""
        raw, named = self._texts[field], self.of(field)
        frame = pl.DataFrame({"raw": raw, "named": named, "rule": self._rules[field]})
        through = pl.concat_str("rule", pl.lit(" alias["), "raw", pl.lit("]"))
        label = pl.when(pl.col("raw") != pl.col("named")).then(through).otherwise(pl.col("rule"))
        return frame.select(label.alias(f"{field}_rule")).to_series()


class Aliases:
    """Names of one owner field: which text stands for which name."""

    def __init__(self, written: Mapping[str, str | None]) -> None:
        """Read aliases as written; a name they point to folds its own spellings too."""
        targets = sorted({name for name in written.values() if name is not None})
        texts = [*targets, *written]
        names = [*targets, *written.values()]
        cleaned = clean(pl.Series(texts, dtype=_TEXT))
        known = dict(zip(fold(cleaned).to_list(), clean(pl.Series(names, dtype=_TEXT)), strict=True))
        self._names = {text: name for text, name in known.items() if name is not None}
        self._nobody = [text for text, name in known.items() if name is None]

    def drop_nobody(self, texts: pl.Series) -> pl.Series:
        """Give null where a text names nobody."""
        if not self._nobody:
            return texts
        named = ~fold(texts).is_in(self._nobody)
        return texts.to_frame("t").select(pl.when(named).then(pl.col("t"))).to_series()

    def apply(self, texts: pl.Series) -> pl.Series:
        """Give the name that each text stands for."""
        if not self._names:
            return texts
        folded = pl.DataFrame({"text": texts, "folded": fold(texts)})
        old, new = list(self._names), list(self._names.values())
        named = pl.col("folded").replace_strict(old, new, default=pl.col("text"), return_dtype=_TEXT)
        return folded.select(named).to_series()
