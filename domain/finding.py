"""What was found about a thing: three-valued, with evidence, and in money where that is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.resource import ResourceId


class Verdict(StrEnum):
    """Whether a thing is used. Unknown is protected."""

    WORKING = "working"
    IDLE_HELD = "idle-held"
    FREE = "free"
    OVERSIZED = "oversized"
    WRONG_CLASS = "wrong-class"
    ABANDONED = "abandoned"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How much the evidence carries."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that was measured.

    Attributes:
        metric: what, in words: `GPU activity, highest of 60 min`.
        value: as shown, with its unit; "not measured" where it is absent.
        speaks_for: whether it speaks for the verdict, against it (False), or is missing (None).
    """

    metric: str
    value: str
    speaks_for: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule says of one thing.

    Attributes:
        rule: name of the rule.
        verdict: what it says.
        resource: what it is about.
        owner_team: who owns it; None is unallocated.
        since: since when it has been so, aware UTC; None where unknown.
        cost_per_hour: what it costs while it is so; None where no cost is known, which is not 0.
        currency: ISO code, "" without a cost.
        wasted: what it has cost since then; None where unknown.
        evidence: for and against, and what could not be measured.
        confidence: how much that carries.
        suggestion: what to do, one sentence.
        workload: what would be changed, the top of the owner chain; None where that is the resource itself.
    """

    rule: str
    verdict: Verdict
    resource: ResourceId
    evidence: tuple[Evidence, ...]
    confidence: Confidence
    suggestion: str
    owner_team: str | None = None
    since: datetime | None = None
    cost_per_hour: Decimal | None = None
    currency: str = ""
    wasted: Decimal | None = None
    workload: ResourceId | None = None
