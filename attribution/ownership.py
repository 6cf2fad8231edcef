"""Who owns each resource, by ordered rules; every answer keeps the rule that gave it.

Per owner field the first answer counts, in this order: `rules`, `keys` (tags), catalogues,
namespace labels, CODEOWNERS, `accounts`. From what somebody wrote for cost on purpose, by
what is written on the resource itself, to what only holds for where it lives.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import polars as pl

from attribution.answers import Answers
from attribution.kinds import ASKED_OF_KINDS, kinds
from attribution.matching import caught, matches
from attribution.sources import RuleSources
from attribution.subjects import TAG, Texts, texts_of
from attribution.tags import NO_VALUE, clean_text
from attribution.workloads import NAMESPACE_LABEL, POD_LABEL, WORKLOAD_KEYS
from config.ownership import Ownership
from domain.allocation import OWNER_FIELDS, OWNERSHIP_SCHEMA

NO_SOURCES = RuleSources()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Ownership rules, ready to run.

    Attributes:
        ownership: as configured.
        sources: rules from catalogues and CODEOWNERS files.
        hash: SHA-256 of the canonical JSON of everything that decides; equal hash, equal owners.
        keys: every tag key that the rules read; the ledger keeps them as columns.
    """

    ownership: Ownership
    sources: RuleSources
    hash: str
    keys: tuple[str, ...]


def compile_rules(ownership: Ownership, extra: RuleSources = NO_SOURCES) -> Rules:
    """Give the rules of a configuration and of the files it names."""
    written = ownership.model_dump(mode="json", exclude={"catalogs", "codeowners", "accounts"})
    decides = {
        "v": 1,
        "ownership": written,
        "accounts": [[account, owner.outputs()] for account, owner in ownership.accounts.items()],
        "sources": extra.canonical(),
    }
    text = json.dumps(decides, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    rules = Rules(ownership=ownership, sources=extra, hash=hashlib.sha256(text.encode()).hexdigest(), keys=())
    return replace(rules, keys=tuple(dict.fromkeys(_keys(rules))))


def owner_keys(ownership: Ownership, field: str) -> tuple[str, ...]:
    """Give the tag keys of one owner field as they are asked, GKE's pod labels included."""
    keys: tuple[str, ...] = getattr(ownership.keys, field)
    return tuple(spelt for key in keys for spelt in (key, f"{POD_LABEL}{key}"))


def namespace_keys(ownership: Ownership, field: str) -> tuple[str, ...]:
    """Give the namespace labels of one owner field."""
    keys: tuple[str, ...] = getattr(ownership.keys, field)
    return tuple(f"{NAMESPACE_LABEL}{key}" for key in keys)


def _keys(rules: Rules) -> Iterator[str]:
    for subject in _subjects(rules):
        if subject.startswith(TAG):
            yield subject.removeprefix(TAG)
    for keys in WORKLOAD_KEYS.values():
        yield from keys


def _subjects(rules: Rules) -> Iterator[str]:
    """Give everything that the rules ask of a resource, as subjects."""
    ownership, sources = rules.ownership, rules.sources
    for field in OWNER_FIELDS:
        for key in (*owner_keys(ownership, field), *namespace_keys(ownership, field)):
            yield f"{TAG}{key}"
    for when in [*(rule.when for rule in ownership.rules), *(pool.when for pool in ownership.shared)]:
        yield from (subject for subject, _ in when.conditions())
    yield from sources.subjects()
    if sources.reads_repositories:
        yield from (f"{TAG}{key}" for key in (*ownership.repository_keys, *ownership.path_keys))
    yield from ("account",) if ownership.accounts else ()
    yield from ASKED_OF_KINDS


def assign(resources: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Give the owner of every resource (`OWNERSHIP_SCHEMA`), one row per `dim_id`, same order.

    `resources` is the resource dimension (`RESOURCE_SCHEMA`, promoted tags welcome), or at
    least those of its columns that the rules ask for.
    """
    answers, texts = answer(resources, rules)
    owners = [answers.of(name) for name in OWNER_FIELDS]
    frame = pl.DataFrame(
        [
            resources.get_column("dim_id"),
            *owners,
            *kinds(texts, owners[0].is_not_null(), rules.ownership),
            *(answers.rules_of(name) for name in OWNER_FIELDS),
        ]
    )
    return frame.match_to_schema(OWNERSHIP_SCHEMA)


def answer(resources: pl.DataFrame, rules: Rules) -> tuple[Answers, Texts]:
    """Ask every rule in order; give what was answered, and the texts that were asked."""
    ownership = rules.ownership
    texts = texts_of(resources, _subjects(rules))
    masks = [
        matches(rule.when.conditions(), texts).alias(_mask(at)) for at, rule in enumerate(ownership.rules)
    ]
    masked = texts.frame.lazy().with_columns(masks).collect()
    answers = Answers(masked, ownership.aliases.model_dump())
    for at, rule in enumerate(ownership.rules):
        groups = caught(rule.when.conditions(), texts)
        for field, value in rule.outputs().items():
            answers.offer(field, fill_in(value, groups, pl.col(_mask(at))), f"rules[{at}]")
    _ask_keys(answers, texts, ownership, of_namespace=False)
    rules.sources.catalog.ask(answers, texts, ownership)
    _ask_keys(answers, texts, ownership, of_namespace=True)
    for file in rules.sources.codeowners:
        file.ask(answers, texts, ownership)
    for account, owner in ownership.accounts.items():
        mask = matches([("account", (account,))], texts)
        for field, value in owner.outputs().items():
            answers.offer(field, fill_in(value, {}, mask), f"accounts[{account}]")
    return answers, texts


def _mask(at: int) -> str:
    return f"rules[{at}] matches"


def fill_in(value: str, groups: Mapping[str, pl.Expr], mask: pl.Expr) -> pl.Expr:
    """Give an output where the mask holds; null where a group it needs caught nothing."""
    parts: list[pl.Expr] = []
    for piece in value.split("{"):
        name, closed, rest = piece.partition("}")
        if closed and name in groups:
            parts += [groups[name], pl.lit(rest)]
        else:
            parts.append(pl.lit(piece))
    text = pl.concat_str(parts) if len(parts) > 1 else pl.lit(clean_text(value))
    return pl.when(mask).then(text)


def _ask_keys(answers: Answers, texts: Texts, ownership: Ownership, *, of_namespace: bool) -> None:
    keys_of = namespace_keys if of_namespace else owner_keys
    prefix = "namespace-labels" if of_namespace else "keys"
    for field in OWNER_FIELDS:
        for key in keys_of(ownership, field):
            for column in texts.columns[f"{TAG}{key}"]:
                text = pl.col(column)
                named = pl.when(~text.is_in(NO_VALUE)).then(text)
                answers.offer(field, named, f"{prefix}.{field}[{key.removeprefix(NAMESPACE_LABEL)}]")
