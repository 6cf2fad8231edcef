"""Tables of who may come in: tokens, sessions, one-time links, all as hashes; and a shared key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from ledger.models import Base


class TokenRow(Base):
    """An API token; the row stays after it was revoked, so that its id keeps its meaning."""

    __tablename__ = "token"

    id: Mapped[str] = mapped_column(primary_key=True)
    hash: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    team: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class SessionRow(Base):
    """A browser that signed in."""

    __tablename__ = "session"

    hash: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    role: Mapped[str]
    team: Mapped[str]
    token_id: Mapped[str | None] = mapped_column(ForeignKey("token.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class LinkRow(Base):
    """A link that signs one browser in, once."""

    __tablename__ = "sign_in_link"

    hash: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    role: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class SecretRow(Base):
    """A key that every process of one costd shares, made by the first that needs it."""

    __tablename__ = "secret"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
