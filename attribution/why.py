"""Explains the owner of one resource: what was asked in which order, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from attribution.matching import caught, matches
from attribution.ownership import Rules, assign, fill_in, namespace_keys, owner_keys
from attribution.subjects import TAG, texts_of
from attribution.tags import NO_VALUE
from attribution.workloads import NAMESPACE_LABEL, POD_LABEL
from config.ownership import Rule
from domain.allocation import OWNER_FIELDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a `when`, tried on a resource.

    Attributes:
        subject: what it asks, e.g. `account`, `tag:team`.
        patterns: what it wants, any of them.
        texts: what the resource says; empty if nothing.
        matched: whether it does.
    """

    subject: str
    patterns: tuple[str, ...]
    texts: tuple[str, ...]
    matched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One rule or key that was asked.

    Attributes:
        rule: its name as provenance gives it, e.g. `rules[2]`, `keys.team[owner]`.
        matched: whether it had an answer.
        lines: the conditions of a rule; empty for a key.
        answers: what it says, {owner field: text}, aliases not yet applied.
        decided: the owner fields whose answer counts, because it was the first.
    """

    rule: str
    matched: bool
    lines: tuple[Line, ...]
    answers: dict[str, str]
    decided: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of one owner field.

    Attributes:
        field: team, service, model, environment or pull_request.
        value: the owner; None if nobody.
        rule: which rule decided and through which alias; "" if none.
        would_help: what would make it owned, sentences; empty if it is.
    """

    field: str
    value: str | None
    rule: str
    would_help: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why one row of the resource dimension has the owner it has.

    Attributes:
        dim_id: which row; a resource has one per distinct set of tags, product and account.
        resource: id, else name.
        tried: every rule and key in the order asked.
        decisions: one per owner field.
        pool: shared pool it is in, or "".
        cost_kind: direct, idle or shared.
    """

    dim_id: int
    resource: str
    tried: tuple[Tried, ...]
    decisions: tuple[Decision, ...]
    pool: str
    cost_kind: str


def find(resources: pl.DataFrame, name: str) -> pl.DataFrame:
    """Give the rows of a resource by its id or name; by the end of an id (`…/name`) if none has it whole."""
    text = name.strip()
    exact = resources.filter((pl.col("ResourceId") == text) | (pl.col("ResourceName") == text))
    if exact.height:
        return exact
    folded = text.lower()
    ids = pl.col("ResourceId").str.to_lowercase()
    same = (ids == folded) | (pl.col("ResourceName").str.to_lowercase() == folded)
    return resources.filter(same | ids.str.ends_with(f"/{folded}") | ids.str.ends_with(f":{folded}"))


def explain(resources: pl.DataFrame, rules: Rules) -> list[Why]:
    """Explain every row of a few resources (`find`), in order."""
    return [_explain(resources[at], rules) for at in range(resources.height)]


def _explain(row: pl.DataFrame, rules: Rules) -> Why:
    owned = assign(row, rules).row(0, named=True)
    deciding = {field: owned[f"{field}_rule"] or "" for field in OWNER_FIELDS}
    tried = tuple(_tried(row, rules, deciding))
    return Why(
        dim_id=owned["dim_id"],
        resource=row.item(0, "ResourceId") or row.item(0, "ResourceName") or "",
        tried=tried,
        decisions=tuple(
            Decision(
                field=field,
                value=owned[field],
                rule=deciding[field],
                would_help=() if owned[field] else tuple(_would_help(field, tried, rules)),
            )
            for field in OWNER_FIELDS
        ),
        pool=owned["pool"] or "",
        cost_kind=owned["cost_kind"],
    )


def _tried(row: pl.DataFrame, rules: Rules, deciding: dict[str, str]) -> Iterator[Tried]:
    """Give what was asked: the order of `attribution.ownership.answer`."""
    for at, rule in enumerate(rules.ownership.rules):
        yield _tried_rule(row, rule, f"rules[{at}]", deciding)
    yield from _tried_keys(row, rules, deciding, of_namespace=False)
    yield from _tried_other("catalog:", deciding)
    yield from _tried_keys(row, rules, deciding, of_namespace=True)
    yield from _tried_other("codeowners:", deciding)
    yield from _tried_other("accounts[", deciding)


def _tried_rule(row: pl.DataFrame, rule: Rule, name: str, deciding: dict[str, str]) -> Tried:
    conditions = list(rule.when.conditions())
    lines = tuple(_line(row, subject, patterns) for subject, patterns in conditions)
    matched = all(line.matched for line in lines)
    answers = rule.outputs()
    if matched:
        texts = texts_of(row, (subject for subject, _ in conditions))
        groups = caught(conditions, texts)
        filled = (fill_in(value, groups, pl.lit(True)).alias(field) for field, value in answers.items())
        said = texts.frame.select(filled).row(0, named=True)
        answers = {field: text or "" for field, text in said.items()}
    return Tried(rule=name, matched=matched, lines=lines, answers=answers, decided=_decided(name, deciding))


def _line(row: pl.DataFrame, subject: str, patterns: tuple[str, ...]) -> Line:
    texts = texts_of(row, [subject])
    columns = texts.columns[subject]
    said = texts.frame.select(columns).row(0) if columns else ()
    return Line(
        subject=subject,
        patterns=patterns,
        texts=tuple(dict.fromkeys(said)),
        matched=texts.frame.select("dim_id", hit=matches([(subject, patterns)], texts)).item(0, "hit"),
    )


def _tried_keys(
    row: pl.DataFrame, rules: Rules, deciding: dict[str, str], *, of_namespace: bool
) -> Iterator[Tried]:
    keys_of = namespace_keys if of_namespace else owner_keys
    prefix = "namespace-labels" if of_namespace else "keys"
    for field in OWNER_FIELDS:
        for key in keys_of(rules.ownership, field):
            texts = texts_of(row, [f"{TAG}{key}"])
            text = texts.frame.select("dim_id", text=texts.first(f"{TAG}{key}")).item(0, "text")
            if text is None and key.startswith((POD_LABEL, NAMESPACE_LABEL)):
                continue  # GKE's spellings of a key are worth a line only where they are used
            name = f"{prefix}.{field}[{key.removeprefix(NAMESPACE_LABEL)}]"
            yield Tried(
                rule=name,
                matched=text is not None and text not in NO_VALUE,
                lines=(),
                answers={field: text} if text is not None else {},
                decided=_decided(name, deciding),
            )


def _tried_other(start: str, deciding: dict[str, str]) -> Iterator[Tried]:
    names = {rule.partition(" alias[")[0] for rule in deciding.values() if rule.startswith(start)}
    for name in sorted(names):
        yield Tried(rule=name, matched=True, lines=(), answers={}, decided=_decided(name, deciding))


def _decided(name: str, deciding: dict[str, str]) -> tuple[str, ...]:
    return tuple(
        field for field, rule in deciding.items() if rule == name or rule.startswith(f"{name} alias[")
    )


def _would_help(field: str, tried: tuple[Tried, ...], rules: Rules) -> Iterator[str]:
    """Give what would make a field owned, the least work first."""
    for one in tried:
        failed = [line for line in one.lines if not line.matched]
        if len(one.lines) > 1 and len(failed) == 1 and field in one.answers:
            said = ", ".join(failed[0].texts) or "nothing"
            wanted = ", ".join(failed[0].patterns)
            subject = f"{one.rule} fails on `{failed[0].subject}` alone"
            yield f"{subject}: it wants {wanted}, the resource says {said}"
        elif one.matched and field in one.answers and not one.decided:
            yield f"{one.rule} answers {one.answers[field]!r}, which an alias says names nobody"
    keys = getattr(rules.ownership.keys, field)
    if keys:
        yield f"tag the resource with {' or '.join(repr(key) for key in keys)}"
    yield f"or add a rule that sets `{field}` for its account, namespace or id under ownership.rules"
