"""Who owns each resource, by ordered rules; every answer keeps the rule that gave it.

Per owner field the first answer counts, in this order: `rules`, `keys` (tags), catalogues,
namespace labels, CODEOWNERS, `accounts`. From what somebody wrote for cost on purpose, by
what is written on the resource itself, to what only holds for where it lives.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from attribution.answers import Answers
from attribution.kinds import kinds
from attribution.matching import Subjects, caught, fold, matches
from attribution.sources import RuleSources
from attribution.subjects import TAG, subject_series
from attribution.tags import NO_VALUE, clean_text
from attribution.workloads import NAMESPACE_LABEL, POD_LABEL, WORKLOAD_KEYS
from config.ownership import Ownership, Rule
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
    return Rules(
        ownership=ownership,
        sources=extra,
        hash=hashlib.sha256(text.encode()).hexdigest(),
        keys=tuple(dict.fromkeys(_keys(ownership, extra))),
    )


def owner_keys(ownership: Ownership, field: str) -> tuple[str, ...]:
    """Give the tag keys of one owner field as they are asked, GKE's pod labels included."""
    keys: tuple[str, ...] = getattr(ownership.keys, field)
    return tuple(spelt for key in keys for spelt in (key, f"{POD_LABEL}{key}"))


def namespace_keys(ownership: Ownership, field: str) -> tuple[str, ...]:
    """Give the namespace labels of one owner field."""
    keys: tuple[str, ...] = getattr(ownership.keys, field)
    return tuple(f"{NAMESPACE_LABEL}{key}" for key in keys)


def _keys(ownership: Ownership, sources: RuleSources) -> Iterator[str]:
    for field in OWNER_FIELDS:
        yield from owner_keys(ownership, field)
        yield from namespace_keys(ownership, field)
    for keys in WORKLOAD_KEYS.values():
        yield from keys
    for subject in _asked(ownership):
        if subject.startswith(TAG):
            yield subject.removeprefix(TAG)
    yield from sources.tag_keys()
    if sources.reads_repositories:
        yield from ownership.repository_keys
        yield from ownership.path_keys


def _asked(ownership: Ownership) -> Iterator[str]:
    for when in [*(rule.when for rule in ownership.rules), *(pool.when for pool in ownership.shared)]:
        yield from (subject for subject, _ in when.conditions())


def assign(resources: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Give the owner of every resource (`OWNERSHIP_SCHEMA`), one row per `dim_id`, same order.

    `resources` is the resource dimension (`RESOURCE_SCHEMA`, promoted tags welcome).
    """
    answers = answer(resources, rules)
    owned = answers.of("team").is_not_null()
    frame = pl.DataFrame(
        [
            resources.get_column("dim_id"),
            *(answers.of(name) for name in OWNER_FIELDS),
            *kinds(resources, owned, rules.ownership),
            *(answers.rules_of(name) for name in OWNER_FIELDS),
        ]
    )
    return frame.match_to_schema(OWNERSHIP_SCHEMA)


def answer(resources: pl.DataFrame, rules: Rules) -> Answers:
    """Ask every rule in order and give what was answered."""
    ownership = rules.ownership
    answers = Answers(resources.height, ownership.aliases.model_dump())
    subjects = subject_series(resources, _asked(ownership))
    for at, rule in enumerate(ownership.rules):
        _ask_rule(answers, rule, f"rules[{at}]", subjects)
    _ask_keys(answers, resources, rules, of_namespace=False)
    rules.sources.catalog.ask(answers, resources, ownership)
    _ask_keys(answers, resources, rules, of_namespace=True)
    for file in rules.sources.codeowners:
        file.ask(answers, resources, ownership)
    _ask_accounts(answers, resources, ownership)
    return answers


def _ask_rule(answers: Answers, rule: Rule, label: str, subjects: Subjects) -> None:
    conditions = list(rule.when.conditions())
    mask = matches(conditions, subjects)
    if not mask.any():
        return
    groups = caught(conditions, subjects)
    for field, value in rule.outputs().items():
        answers.offer(field, fill_in(value, groups, mask), label)


def fill_in(value: str, groups: Mapping[str, pl.Series], mask: pl.Series) -> pl.Series:
    """Give an output where the mask holds; null where a group it needs caught nothing."""
    frame = pl.DataFrame([mask.alias(" mask"), *(texts.alias(name) for name, texts in groups.items())])
    parts: list[pl.Expr] = []
    for piece in value.split("{"):
        name, closed, rest = piece.partition("}")
        if closed and name in groups:
            parts += [pl.col(name), pl.lit(rest)]
        else:
            parts.append(pl.lit(piece))
    text = pl.concat_str(parts) if len(parts) > 1 else pl.lit(clean_text(value))
    return frame.select(pl.when(pl.col(" mask")).then(text)).to_series()


def _ask_keys(answers: Answers, resources: pl.DataFrame, rules: Rules, *, of_namespace: bool) -> None:
    keys_of = namespace_keys if of_namespace else owner_keys
    prefix = "namespace-labels" if of_namespace else "keys"
    wanted = {field: keys_of(rules.ownership, field) for field in OWNER_FIELDS}
    texts = subject_series(resources, [f"{TAG}{key}" for keys in wanted.values() for key in keys])
    for field, keys in wanted.items():
        for key in keys:
            (values,) = texts[f"{TAG}{key}"]
            shown = key.removeprefix(NAMESPACE_LABEL)
            answers.offer(field, _without_empty_tags(values), f"{prefix}.{field}[{shown}]")


def _without_empty_tags(values: pl.Series) -> pl.Series:
    if values.null_count() == len(values):
        return values
    frame = values.to_frame("v")
    return frame.select(pl.when(fold(values) != NO_VALUE).then(pl.col("v"))).to_series()


def _ask_accounts(answers: Answers, resources: pl.DataFrame, ownership: Ownership) -> None:
    if not ownership.accounts:
        return
    subjects = subject_series(resources, ["account"])
    for account, owner in ownership.accounts.items():
        mask = matches([("account", (account,))], subjects)
        if mask.any():
            for field, value in owner.outputs().items():
                answers.offer(field, fill_in(value, {}, mask), f"accounts[{account}]")
