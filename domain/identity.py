"""Who somebody is to costd, and what that lets them do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """Something that not everybody may do."""

    READ = "read"
    PROPOSE = "propose"
    APPROVE = "approve"
    ADMINISTER = "administer"


class Role(StrEnum):
    """What a token, a session or a person behind a proxy is."""

    VIEWER = "viewer"
    AGENT = "agent"
    APPROVER = "approver"
    ADMIN = "admin"

    @property
    def rights(self) -> frozenset[Right]:
        """Give what the role allows; an agent may propose and never approve."""
        return _RIGHTS[self]


_RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.READ}),
    Role.AGENT: frozenset({Right.READ, Right.PROPOSE}),
    Role.APPROVER: frozenset({Right.READ, Right.PROPOSE, Right.APPROVE}),
    Role.ADMIN: frozenset(Right),
}


class Via(StrEnum):
    """How somebody showed who they are."""

    LOCAL = "local"
    TOKEN = "token"  # noqa: S105  # a word, not a secret
    SESSION = "session"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody who asks.

    Attributes:
        subject: who they are, stable and fit for an audit: an address, `token:ID`, `os:lee`.
        role: what they may do.
        via: how they showed it.
        team: the team they answer for, "" if none was said.
        known: somebody stands behind it; False for a reader on the machine itself, whom
            nobody asked for a name. Whatever changes something needs a known one.
    """

    subject: str
    role: Role
    via: Via
    team: str = ""
    known: bool = True

    def may(self, right: Right) -> bool:
        """Tell whether the role allows it and, beyond reading, somebody stands behind it."""
        return right in self.role.rights and (self.known or right is Right.READ)


LOCAL_READER = Identity(subject="local", role=Role.VIEWER, via=Via.LOCAL, known=False)
"""Whoever reads on the machine costd runs on."""
