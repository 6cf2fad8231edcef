r"""CODEOWNERS files as rules: the repository and path in a resource's tags name its owner.

As on GitHub: the last pattern that matches a path decides, a pattern without owners means
nobody, `!`, `[…]` and `\#` do not work and are reported. A resource whose tags name a
repository but no path belongs to whoever owns everything in it (`*`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from attribution.answers import Answers
from attribution.faults import SourceFault
from attribution.matching import fold_text
from attribution.repositories import first_of, repository_names
from attribution.subjects import Texts
from config.ownership import Ownership
from config.patterns import escape

_ALL = frozenset({"*", "**", "/**", "**/*", "/"})
_MAX_LINES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One pattern.

    Attributes:
        pattern: as written.
        team: who owns what it matches; "" for nobody.
        line: line in the file, from 1.
    """

    pattern: str
    team: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Codeowners:
    """The patterns of one repository, in order.

    Attributes:
        repository: `organisation/name`.
        lines: patterns; the last that matches decides.
        known: every configured repository, to tell what a bare name means.
    """

    repository: str
    lines: tuple[Line, ...]
    known: tuple[str, ...] = ()

    def canonical(self) -> dict[str, Any]:
        """Give what decides, for the hash of the rules."""
        return {
            "repository": self.repository,
            "lines": [[line.pattern, line.team] for line in self.lines],
        }

    def ask(self, answers: Answers, texts: Texts, ownership: Ownership) -> None:
        """Answer team for the resources whose tags name this repository."""
        names = repository_names(texts, ownership.repository_keys, self.known or (self.repository,))
        ours = (names == fold_text(self.repository)).fill_null(value=False)
        if not ours.any():
            return
        paths = texts.frame.select(first_of(texts, ownership.path_keys).fill_null("").alias("path"))
        asked = paths.select(pl.when(ours).then(pl.col("path")))
        owners = self.owners_of(asked.get_column("path").drop_nulls().unique().sort())
        found = asked.join(owners, on="path", how="left", maintain_order="left")
        answers.offer_rows("team", found.get_column("team"), found.get_column("label"))

    def owners_of(self, paths: pl.Series) -> pl.DataFrame:
        """Give `path`, `team` (null for nobody) and `label` of distinct paths."""
        at = pl.Series("at", [None] * len(paths), dtype=pl.Int32)
        for number, line in reversed(list(enumerate(self.lines))):
            if at.null_count() == 0:
                break
            hit = covers(line.pattern, paths)
            at = (
                pl.DataFrame({"at": at, "hit": hit})
                .select(
                    pl.when(pl.col("at").is_null() & pl.col("hit"))
                    .then(pl.lit(number))
                    .otherwise(pl.col("at"))
                )
                .to_series()
            )
        lines = pl.DataFrame(
            {
                "at": list(range(len(self.lines))),
                "team": [line.team or None for line in self.lines],
                "label": [f"codeowners:{self.repository}:{line.pattern}" for line in self.lines],
            },
            schema={"at": pl.Int32, "team": pl.String, "label": pl.String},
        )
        frame = pl.DataFrame({"path": paths, "at": at.cast(pl.Int32)})
        return frame.join(lines, on="at", how="left").drop("at")


def covers(pattern: str, paths: pl.Series) -> pl.Series:
    """Tell per path whether a CODEOWNERS pattern covers it; "" is the repository as a whole."""
    whole = pattern in _ALL
    hits = paths.str.strip_chars_start("./").str.contains(path_regex(pattern))
    return (
        pl.DataFrame({"path": paths, "hit": hits})
        .select(
            pl.when(pl.col("path") == "").then(pl.lit(whole)).otherwise(pl.col("hit")).fill_null(value=False)
        )
        .to_series()
    )


def path_regex(pattern: str) -> str:
    """Give the regex of a CODEOWNERS pattern over paths without a leading slash."""
    body = pattern.rstrip("/")
    anchored = "/" in body
    parts = [_segment(part) for part in body.lstrip("/").split("/")]
    start = "^" if anchored else "^(?:.*/)?"
    # `docs/*` covers the files in docs, not those below; `docs` and `docs/` cover all below
    end = "$" if body.endswith("/*") else "(?:/.*)?$"
    if pattern.endswith("/"):
        end = "/.*$"
    return "(?s)" + (start + "/".join(parts)).replace("\x00/", "(?:.*/)?").replace("\x00", ".*") + end


def _segment(part: str) -> str:
    if part == "**":
        return "\x00"
    return "".join("[^/]*" if mark == "*" else "[^/]" if mark == "?" else escape(mark) for mark in part)


def parse_codeowners(repository: str, file: str, text: str) -> tuple[Codeowners, list[SourceFault]]:
    """Give the patterns of a CODEOWNERS file and what could not be used of it."""
    lines: list[Line] = []
    faults: list[SourceFault] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if number > _MAX_LINES:
            faults.append(
                SourceFault(
                    file=file, line=number, message=f"more than {_MAX_LINES} lines; the rest is left out"
                )
            )
            break
        pattern, owners = _fields(raw)
        if not pattern:
            continue
        if reason := _unusable(pattern):
            faults.append(SourceFault(file=file, line=number, message=reason))
        else:
            lines.append(Line(pattern=pattern, team=_team(owners), line=number))
    return Codeowners(repository=repository, lines=tuple(lines)), faults


def _fields(raw: str) -> tuple[str, list[str]]:
    text = raw.split(" #", 1)[0].strip()
    if not text or text.startswith("#"):
        return "", []
    pattern, *owners = text.replace("\\ ", "\x00").split()
    return pattern.replace("\x00", " "), owners


def _unusable(pattern: str) -> str:
    if pattern.startswith("!"):
        return "a pattern cannot be negated in CODEOWNERS"
    if pattern.startswith("\\#"):
        return "a pattern cannot start with # in CODEOWNERS"
    if "[" in pattern or pattern.startswith("^"):
        return "sections and [ranges] are not part of GitHub's CODEOWNERS"
    return ""


def _team(owners: list[str]) -> str:
    """Give the first team among the owners, else the first owner."""
    teams = [owner for owner in owners if owner.startswith("@") and "/" in owner]
    first = (teams or owners or [""])[0]
    return first.rpartition("/")[2] if first in teams else first.removeprefix("@")
