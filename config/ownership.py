"""The `ownership:` part of costd.yaml: who owns which cost, and how common cost is shared.

An answer is looked for in this order, per owner field, and the first one counts:
`rules`, then `keys` (tags), then `catalogs`, then namespace labels, then `codeowners`,
then `accounts`. `aliases` fold every answer. docs/allocate-costs.md has a worked example.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from config.base import Model
from config.owner import OWNER_FIELDS, Owner, OwnerName
from config.patterns import Names, group_names, is_regex, listed
from config.sharing import Follow, SharedPool
from config.units import LocalPath
from config.when import When

_PLACE = re.compile(r"\{([^{}]*)\}")


class Rule(Owner):
    """One ordered rule: where `when` matches, the owner fields it sets count.

    Named groups of its regexes may stand in a value: `pull_request: "{n}"`.
    """

    when: When = Field(description="What a charge must look like. Required: a rule without it owns all.")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if not self.outputs():
            raise ValueError(f"the rule sets nothing; give at least one of {', '.join(OWNER_FIELDS)}")
        groups = self._groups()
        for name, value in self.outputs().items():
            for place in _PLACE.findall(value):
                if place not in groups:
                    raise ValueError(_unknown_place(name, place, groups))
        return self

    def _groups(self) -> set[str]:
        groups: set[str] = set()
        for subject, patterns in self.when.conditions():
            own = set().union(*(group_names(pattern) for pattern in patterns if is_regex(pattern)))
            if twice := groups & own:
                raise ValueError(f"group {min(twice)!r} is named in `{subject}` and in a line before it")
            groups |= own
        return groups


def _unknown_place(field: str, place: str, groups: set[str]) -> str:
    known = ", ".join(sorted(groups)) or "none"
    return (
        f"`{field}` asks for group {{{place}}}, which no regex of `when` names (named: {known}); "
        "only named groups substitute: re:(?P<name>…)"
    )


class Keys(Model):
    """Per owner field the tag keys that name it, best first.

    A key is taken as written; where a charge lacks it, a key that differs only by case or
    outer blanks counts (`Team`, ` team`), the first in sorted order. GKE's `k8s-label/<key>`
    counts as the key itself.
    """

    team: Names = Field(
        ("team", "owner"),
        description="Tag keys of the team, best first. Default: team, owner, the two most used.",
    )
    service: Names = Field(
        ("service", "app.kubernetes.io/name", "app"),
        description="Tag keys of the service. Default: service, then what Kubernetes charts set.",
    )
    model: Names = Field(("model",), description="Tag keys of the model. Default: model.")
    environment: Names = Field(
        ("environment", "env"), description="Tag keys of the environment. Default: environment, env."
    )
    pull_request: Names = Field(
        ("pull_request", "pull-request", "pr"),
        description="Tag keys of the pull request. Default: pull_request, pull-request, pr.",
    )


def _lead_to_one_name(aliases: dict[str, str | None]) -> dict[str, str | None]:
    """Refuse aliases of which it depends on luck what they mean."""
    spelt: dict[str, str] = {}
    for name in filter(None, aliases.values()):
        if spelt.setdefault(name.lower(), name) != name:
            raise ValueError(f"{spelt[name.lower()]!r} and {name!r} differ only by case")
    seen: dict[str, str | None] = {}
    for text, target in aliases.items():
        folded = text.strip().lower()
        if seen.setdefault(folded, target) != target:
            raise ValueError(f"{text!r} stands for two names")
        if folded in spelt and (target or "").lower() != folded:
            raise ValueError(
                f"{text!r} is itself what another alias points to; aliases are followed once, "
                "so point both to the last name"
            )
    return aliases


Aliases = Annotated[dict[str, OwnerName | None], AfterValidator(_lead_to_one_name)]


class AliasMaps(Model):
    """Per owner field: text found -> name to use, whatever the case of the text.

    `null` says that the text names nobody (`unknown: null`), so the search goes on.
    Aliases are followed once. A name that aliases point to also folds its own spellings.
    """

    team: Aliases = Field(default_factory=dict, description="Aliases of teams. Default: none.")
    service: Aliases = Field(default_factory=dict, description="Aliases of services. Default: none.")
    model: Aliases = Field(default_factory=dict, description="Aliases of models. Default: none.")
    environment: Aliases = Field(default_factory=dict, description="Aliases of environments. Default: none.")
    pull_request: Aliases = Field(
        default_factory=dict, description="Aliases of pull requests. Default: none."
    )


class AccountOwner(Owner):
    """Who owns what an account holds and nothing else owns: a team, or owner fields."""

    @model_validator(mode="before")
    @classmethod
    def _read_a_team(cls, data: Any) -> Any:
        return {"team": data} if isinstance(data, str | int | float) else data

    @model_validator(mode="after")
    def _set_something(self) -> Self:
        if not self.outputs():
            raise ValueError("the account sets nothing; give at least a team")
        return self


class CodeownersFile(Model):
    """One CODEOWNERS file and the repository it speaks for."""

    repository: Annotated[str, Field(pattern=r"^[^/\s]+/[^/\s]+$")] = Field(
        description="`organisation/name` as tags name it. Required."
    )
    path: LocalPath = Field(description="The file; relative paths start at costd.yaml's folder. Required.")


def _also_a_team(schema: dict[str, Any]) -> None:
    """Tell editors that `accounts: {"4242": data}` is fine too."""
    schema["additionalProperties"] = {"anyOf": [{"type": "string"}, schema["additionalProperties"]]}


class Ownership(Model):
    """Who owns which cost, and how common cost is shared."""

    keys: Keys = Field(
        default_factory=Keys, description="Tag keys per owner field. Default: widely used keys."
    )
    aliases: AliasMaps = Field(
        default_factory=AliasMaps, description="Misspellings and synonyms per owner field. Default: none."
    )
    rules: tuple[Rule, ...] = Field(
        (), description="Ordered rules, counted from 0; the first match per field counts. Default: none."
    )
    accounts: dict[str, AccountOwner] = Field(
        default_factory=dict,
        description="Account id, name or glob -> team or owner fields, for charges that nothing else owns; "
        "first match in the order written. Default: none.",
        json_schema_extra=_also_a_team,
    )
    shared: tuple[SharedPool, ...] = Field(
        (), description="Ordered pools of common cost. Default: none, because sharing is a policy."
    )
    follow: Follow = Field(
        default_factory=Follow,
        description="Unowned tax, support and credits. Default: with what they are on.",
    )
    catalogs: Annotated[tuple[LocalPath, ...], BeforeValidator(listed)] = Field(
        (),
        description="Backstage catalog-info.yaml files (globs); relative paths start at costd.yaml's folder. "
        "Default: none.",
    )
    codeowners: tuple[CodeownersFile, ...] = Field((), description="CODEOWNERS files. Default: none.")
    repository_keys: Names = Field(
        ("repository", "repo", "git_repo", "git-repo"),
        description="Tag keys that name a repository, for `codeowners` and catalogues. Default: what Yor "
        "and Terraform modules set.",
    )
    path_keys: Names = Field(
        ("path", "git_file", "git_path", "git-path"),
        description="Tag keys that name a path in the repository. Default: as Yor sets.",
    )

    @field_validator("shared")
    @classmethod
    def _tell_pools_apart(cls, pools: tuple[SharedPool, ...]) -> tuple[SharedPool, ...]:
        names = [pool.name for pool in pools]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"pool {twice[0]!r} is named twice")
        return pools
