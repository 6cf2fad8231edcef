"""Browsers that signed in, the one-time links by which they may, and the key that signs their forms."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from domain.audit import Act, Actor, Surface
from domain.errors import StorageError
from domain.identity import Identity, Role, Via
from ledger import audit
from ledger.access_models import LinkRow, SecretRow, SessionRow, TokenRow
from ledger.database import Database
from ledger.tokens import Token, hashed, random_text


class Sessions:
    """The sessions and one-time links of one state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_link(self, subject: str, role: Role, now: datetime, lifetime: timedelta) -> str:
        """Make the secret of a link that signs one browser in, once."""
        code = random_text(32)
        with self._database.session() as session:
            session.execute(delete(LinkRow).where(LinkRow.expires_at <= now))
            session.add(
                LinkRow(
                    hash=hashed(code),
                    subject=subject,
                    role=role.value,
                    created_at=now,
                    expires_at=now + lifetime,
                )
            )
        return code

    def use_link(self, code: str, now: datetime, *, peer: str = "") -> Identity | None:
        """Give whom a link signs in; of any number of tries the first alone succeeds.

        `peer` is the address it was used from, for the audit.
        """
        with self._database.session() as session:
            used = session.execute(
                update(LinkRow)
                .where(LinkRow.hash == hashed(code), LinkRow.used_at.is_(None), LinkRow.expires_at > now)
                .values(used_at=now)
                .returning(LinkRow.subject, LinkRow.role)
            ).one_or_none()
            if used is not None:
                act = Act(
                    by=Actor(name=used.subject, surface=Surface.HTTP),
                    action="link.used",
                    subject=used.subject,
                    detail={"role": used.role, "from": peer},
                )
                audit.append(session, act, now)
        if used is None:
            return None
        return Identity(subject=used.subject, role=Role(used.role), via=Via.SESSION)

    def open_session(
        self, identity: Identity, now: datetime, lifetime: timedelta, *, token: Token | None = None
    ) -> str:
        """Make the secret of a session; one that a token opened ends with it."""
        secret = random_text(32)
        ends = now + lifetime
        if token is not None and token.expires_at is not None:
            ends = min(ends, token.expires_at)
        with self._database.session() as session:
            session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
            session.add(
                SessionRow(
                    hash=hashed(secret),
                    subject=identity.subject,
                    role=identity.role.value,
                    team=identity.team,
                    token_id=token.id if token is not None else None,
                    created_at=now,
                    expires_at=ends,
                )
            )
        return secret

    def session(self, secret: str, now: datetime) -> Identity | None:
        """Give who a session belongs to, while it lasts and the token behind it works."""
        query = (
            select(SessionRow)
            .outerjoin(TokenRow, TokenRow.id == SessionRow.token_id)
            .where(
                SessionRow.hash == hashed(secret),
                SessionRow.expires_at > now,
                or_(SessionRow.token_id.is_(None), TokenRow.revoked_at.is_(None)),
            )
        )
        with self._database.session(read=True) as session:
            row = session.scalar(query)
            if row is None:
                return None
            return Identity(subject=row.subject, role=Role(row.role), via=Via.SESSION, team=row.team)

    def close_session(self, secret: str) -> None:
        """End a session; ending one that does not exist is no error."""
        with self._database.session() as session:
            session.execute(delete(SessionRow).where(SessionRow.hash == hashed(secret)))

    def key(self, name: str) -> bytes:
        """Give a key that all processes of this database share, made at first use.

        It signs what browsers hand back; whoever can read the database can read it.
        """
        with self._database.session(read=True) as session:
            row = session.get(SecretRow, name)
        if row is None:
            try:
                with self._database.session() as session:
                    session.add(SecretRow(name=name, value=secrets.token_hex(32)))
            except StorageError as error:
                if not isinstance(error.__cause__, IntegrityError):
                    raise  # else another process was first
            with self._database.session(read=True) as session:
                row = session.get_one(SecretRow, name)
        return bytes.fromhex(row.value)
