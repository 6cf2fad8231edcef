"""Which findings are asked for: the Idle page and its exports take the same filters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from daemon.dimensions import UNALLOCATED
from domain.finding import Verdict

if TYPE_CHECKING:
    from daemon.http.parameters import Parameters
    from domain.finding import Finding

WORDS = {
    Verdict.IDLE_HELD: "held and idle",
    Verdict.FREE: "free",
    Verdict.OVERSIZED: "larger than its use",
    Verdict.WRONG_CLASS: "on a larger GPU than it needs",
    Verdict.ABANDONED: "abandoned",
    Verdict.UNKNOWN: "unknown",
    Verdict.WORKING: "at work",
}
"""Verdicts as people say them, in the order of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What the page is asked for; "" is no filter."""

    team: str = ""
    cluster: str = ""
    verdict: str = ""

    @classmethod
    def read(cls, parameters: Parameters) -> Filter:
        """Read the parameters of a request.

        Raises:
            UsageError: a verdict that is none, or a parameter that does not exist.
        """
        found = cls(
            team=parameters.text("team") or "",
            cluster=parameters.text("cluster") or "",
            verdict=parameters.choice("verdict", [verdict.value for verdict in Verdict], "") or "",
        )
        parameters.end()
        return found

    def but(self, **changes: Any) -> Filter:
        """Give the filter with some words changed."""
        return replace(self, **changes)

    def fits(self, finding: Finding) -> bool:
        """Tell whether a finding is asked for; what is at work must be asked for by name."""
        return (
            (not self.team or team_of(finding) == self.team)
            and (not self.cluster or finding.resource.place == self.cluster)
            and (finding.verdict == self.verdict if self.verdict else finding.verdict is not Verdict.WORKING)
        )

    @property
    def is_set(self) -> bool:
        """Tell whether anything is left out by it."""
        return self != Filter()

    @property
    def url(self) -> str:
        """Give the address of the page."""
        return self._address("/idle")

    def export_url(self, output: str) -> str:
        """Give the address of the same findings for programs."""
        return self._address("/v1/idle", ("output", output))

    def _address(self, path: str, *more: tuple[str, str]) -> str:
        fields = [("team", self.team), ("cluster", self.cluster), ("verdict", self.verdict)]
        query = urlencode([field for field in (*fields, *more) if field[1]], errors="replace")
        return f"{path}?{query}" if query else path


def team_of(finding: Finding) -> str:
    """Give the team of a finding, a missing one as people write it."""
    return finding.owner_team or UNALLOCATED
