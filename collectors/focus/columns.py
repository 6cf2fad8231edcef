"""Whose column is whose: names in a file matched to FOCUS columns, and the version they show. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.charge import BY_NAME, FOCUS
from domain.text import shortened

ESSENTIAL = (
    "BilledCost",
    "BillingAccountId",
    "BillingCurrency",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargePeriodEnd",
    "ChargePeriodStart",
)
"""A file without one of these cannot be booked; all other columns may be missing."""

_ONLY_IN = {
    "CommitmentProgramEligibilityDetails": "1.4",
    "InvoiceDetailId": "1.4",
    **{column.name: column.since for column in FOCUS if column.since != "1.0"},
}
_REMOVED_IN_1_4 = {"ProviderName", "PublisherName"}
_OTHER_DATASETS = {
    "contractcommitmentid": "Contract Commitment",
    "invoicedetailid": "Invoice Detail",
    "billingperiodstatus": "Billing Period",
}
_SHOWN_NAMES = 8
_FOLDED = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in (*BY_NAME, *_ONLY_IN)}


class Role(StrEnum):
    """What a file is for us."""

    CHARGES = "charges"
    DAMAGED = "damaged"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The header of one file, understood.

    Attributes:
        role: charges, charges that lack an essential column, or something else.
        problem: why it is not charges, one sentence, or "".
        positions: FOCUS column -> its position in the file, in the order of the file.
        version: FOCUS version that the columns show, e.g. `1.2`.
        extra: columns that are not kept, safe to show.
        missing: cost columns that FOCUS demands and the file lacks.
    """

    role: Role
    problem: str
    positions: dict[str, int]
    version: str
    extra: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what of the file is not kept and what it does not have."""
        notes = []
        if self.extra:
            names = ", ".join(self.extra[:_SHOWN_NAMES])
            more = f" and {len(self.extra) - _SHOWN_NAMES} more" if len(self.extra) > _SHOWN_NAMES else ""
            notes.append(f"columns not kept: {names}{more}")
        if self.missing:
            notes.append(f"columns missing, their values stay unknown: {', '.join(self.missing)}")
        return tuple(notes)


Matcher = Callable[[Sequence[str]], Columns]
"""Understands the header of a file; `match` does for FOCUS, other formats bring their own."""


def match(names: Sequence[str]) -> Columns:
    """Understand a header.

    An exact name wins over one that differs in case, spaces or underscores
    (`billed_cost`, `Billed Cost`). A FOCUS column that occurs twice damages the file:
    nobody can say which of the two is meant.
    """
    positions, twice = _positions(names)
    problem = f"has the column {twice} twice" if twice else ""
    lacking = [name for name in ESSENTIAL if name not in positions]
    role = Role.CHARGES
    if lacking:
        role, problem = _not_charges(names, positions, lacking)
    elif problem:
        role = Role.DAMAGED
    kept = {position for name, position in positions.items() if name in BY_NAME}
    extra = tuple(shortened(name, 60) for i, name in enumerate(names) if i not in kept)
    costs = ("EffectiveCost", "ListCost", "ContractedCost")
    return Columns(
        role=role,
        problem=problem,
        positions={name: i for name, i in sorted(positions.items(), key=lambda p: p[1]) if name in BY_NAME},
        version=_version(positions),
        extra=extra,
        missing=tuple(name for name in costs if name not in positions),
    )


def _positions(names: Sequence[str]) -> tuple[dict[str, int], str]:
    exact: dict[str, int] = {}
    close: dict[str, int] = {}
    twice = ""
    for i, name in enumerate(names):
        column = name.strip()
        folded = _FOLDED.get(re.sub(r"[^a-z0-9]", "", column.lower()))
        if folded is None:
            continue
        found = exact if column == folded else close
        if folded in found and folded in BY_NAME:
            twice = twice or folded
        found.setdefault(folded, i)
    return close | exact, twice


def _not_charges(names: Sequence[str], positions: dict[str, int], lacking: Sequence[str]) -> tuple[Role, str]:
    folded = {re.sub(r"[^a-z0-9]", "", name.lower()) for name in names}
    if not {"ChargePeriodStart", "ChargePeriodEnd"} & positions.keys():
        for column, dataset in _OTHER_DATASETS.items():
            if column in folded:
                return Role.STRANGER, f"holds the FOCUS dataset {dataset}, not Cost and Usage"
    if len(ESSENTIAL) - len(lacking) < 2:
        return Role.STRANGER, "is no FOCUS Cost and Usage file: it has none of its columns"
    plural = "s" if len(lacking) > 1 else ""
    return Role.DAMAGED, f"lacks the column{plural} {', '.join(lacking)}"


def _version(positions: dict[str, int]) -> str:
    versions = [since for name, since in _ONLY_IN.items() if name in positions]
    if "ServiceProviderName" in positions and not _REMOVED_IN_1_4 & positions.keys():
        versions.append("1.4")
    return max(versions, default="1.0")
