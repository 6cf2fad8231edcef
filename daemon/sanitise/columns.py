"""Which column of an export stays, which is replaced, and which goes; what is not known goes. Pure.

Names are compared by their letters and digits only, so that `lineItem/UnblendedCost`,
`line_item_unblended_cost` and `Line Item Unblended Cost` are one column, and `project.id` of a
nested row is `project_id` of a flat one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from importlib import resources


class Treatment(StrEnum):
    """What happens to the values of a column."""

    FIGURE = "figure"
    """An amount, a quantity or a time: stays where it is one, else it is replaced."""
    WORD = "word"
    """The provider's own vocabulary: stays, less what looks like an account, an ARN or an address."""
    ID = "id"
    """Replaced part by part: the shape of ARNs, paths and prefixes stays."""
    NAME = "name"
    """Replaced as a whole."""
    TEXT = "text"
    """Prose: replaced as a whole, but for a beginning that says which kind of line it is."""
    ISSUER = "issuer"
    """A legal entity: a provider's stays, any other is replaced."""
    TAGS = "tags"
    """Keys and values: both are replaced."""
    DETAILS = "details"
    """Keys and values: those of the provider's own vocabulary stay, the others go."""
    NESTED = "nested"
    """A record whose parts have treatments of their own."""
    DROP = "drop"
    """Unknown, or nothing that anybody needs."""

    @property
    def verb(self) -> str:
        """Say what happens in the words of the summary."""
        if self is Treatment.DROP:
            return "dropped"
        kept = self in {Treatment.FIGURE, Treatment.WORD, Treatment.DETAILS}
        return "kept" if kept else "hashed"


def folded(name: str) -> str:
    """Give the letters and digits of a name, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _table() -> Iterator[tuple[str, Treatment]]:
    text = resources.files("daemon.sanitise").joinpath("columns.txt").read_text(encoding="utf-8")
    treatment = Treatment.DROP
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("["):
            treatment = Treatment(line.strip("[] "))
            continue
        for name in line.split():
            yield folded(name), treatment


TREATMENTS = dict(_table())
"""Every column that is known, by its folded name; all others go."""

_PARENTS = frozenset(
    folded(name)
    for name in (
        *("adjustment_info", "consumption_model", "credits", "invoice", "location", "price", "project"),
        *("project.ancestors", "resource", "service", "sku", "subscription", "usage"),
    )
)

_TAG_COLUMN = re.compile(
    r"(?P<before>resourceTags/(?:user:|aws:)?|resource_tags_(?:user_|aws_)?|costCategory/|cost_category_)(?P<key>.+)"
)


def treatment_of(path: str) -> Treatment:
    """Say what happens to a column, or to a part of a nested one (`project.id`)."""
    name = folded(path)
    return TREATMENTS.get(name, Treatment.NESTED if name in _PARENTS else Treatment.DROP)


def tag_column(name: str) -> tuple[str, str] | None:
    """Split a column that is one tag, as legacy reports have them, into what stays and the key."""
    match = _TAG_COLUMN.fullmatch(name.strip())
    return (match["before"], match["key"]) if match else None
