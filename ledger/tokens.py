"""Secrets that let somebody in, kept so that reading the database lets nobody in.

Each secret is 256 random bits. What is stored is its SHA-256: with that much chance in it
there is nothing to guess, so a slow password hash would only cost time. Comparing takes
the same time for every wrong secret.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, select, update

from domain.audit import PROGRAM, Act, Actor, Surface
from domain.errors import UsageError
from domain.identity import Role
from ledger import audit
from ledger.access_models import SessionRow, TokenRow
from ledger.database import Database

PREFIX = "costd_"
"""Start of every token, by which scanners of repositories and logs know one."""

TOKEN = re.compile(r"costd_([a-z2-7]{8})_([a-z2-7]{52})")
_NO_HASH = sha256(b"").hexdigest()
_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as people may see it.

    Attributes:
        id: names it; not secret.
        name: what it is for.
        role: what it may do.
        team: the team its holder answers for, or "".
        created_by: who made it.
        created_at: when.
        expires_at: from when on it is refused; None for never.
        revoked_at: when it was taken back, or None.
        used_at: when it was last used, to the minute; None for never.
    """

    id: str
    name: str
    role: Role
    team: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None

    def state(self, now: datetime) -> str:
        """Say whether it works: `active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What is asked for when a token is made.

    Attributes:
        name: what it is for.
        role: what it may do.
        team: the team its holder answers for, or "".
        created_by: who makes it.
        expires_at: from when on it is refused; None for never.
    """

    name: str
    role: Role
    team: str = ""
    created_by: str
    expires_at: datetime | None = None


class Tokens:
    """The tokens of one state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, new: NewToken, now: datetime, *, surface: Surface = Surface.CLI) -> tuple[Token, str]:
        """Make a token; its text is given here and never again."""
        identifier, secret = random_text(5), random_text(32)
        row = TokenRow(
            id=identifier,
            hash=hashed(secret),
            name=new.name,
            role=new.role.value,
            team=new.team,
            created_by=new.created_by,
            created_at=now,
            expires_at=new.expires_at,
        )
        with self._database.session() as session:
            session.add(row)
            by = Actor(name=new.created_by, surface=surface)
            audit.append(session, _act(by, "token.created", _token(row)), now)
        return _token(row), f"{PREFIX}{identifier}_{secret}"

    def list(self) -> list[Token]:
        """List every token ever made, oldest first."""
        with self._database.session(read=True) as session:
            rows = session.scalars(select(TokenRow).order_by(TokenRow.created_at, TokenRow.id))
            return [_token(row) for row in rows]

    def revoke(self, identifier: str, now: datetime, *, by: Actor = PROGRAM) -> Token:
        """Take a token back, and end the sessions it opened; from now on it is refused.

        Raises:
            UsageError: there is no such token.
        """
        with self._database.session() as session:
            row = session.get(TokenRow, identifier)
            if row is None:
                raise UsageError(f"there is no token {identifier!r}", hint="`costd token list` names them")
            if row.revoked_at is None:
                row.revoked_at = now
                audit.append(session, _act(by, "token.revoked", _token(row)), now)
            session.execute(delete(SessionRow).where(SessionRow.token_id == identifier))
            return _token(row)

    def find(self, text: str, now: datetime) -> Token | None:
        """Give the token that a text is, if it works now."""
        match = TOKEN.fullmatch(text)
        identifier, secret = match.groups() if match is not None else ("", "")
        with self._database.session(read=True) as session:
            row = session.get(TokenRow, identifier)
            equal = hmac.compare_digest(row.hash if row is not None else _NO_HASH, hashed(secret))
            if row is None or not equal:
                return None
            token = _token(row)
        return token if token.state(now) == "active" else None

    def used(self, token: Token, now: datetime) -> None:
        """Note when a token was used; more often than once a minute is not worth a write."""
        if is_news(token, now):
            with self._database.session() as session:
                session.execute(update(TokenRow).where(TokenRow.id == token.id).values(used_at=now))


def is_news(token: Token, now: datetime) -> bool:
    """Tell whether a use now is worth noting."""
    return token.used_at is None or now - token.used_at >= _USED_EVERY


def random_text(size_bytes: int) -> str:
    """Give that many random bytes as text that is safe in URLs and headers."""
    return b32encode(secrets.token_bytes(size_bytes)).decode().rstrip("=").lower()


def hashed(secret: str) -> str:
    """Give what is stored of a secret."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _act(by: Actor, action: str, token: Token) -> Act:
    ends = token.expires_at.isoformat() if token.expires_at is not None else "never"
    detail = {"name": token.name, "role": token.role.value, "team": token.team, "expires": ends}
    return Act(by=by, action=action, subject=f"token:{token.id}", detail=detail)


def _token(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        team=row.team,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        used_at=row.used_at,
    )
