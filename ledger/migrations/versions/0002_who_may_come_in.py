"""Make the tables for tokens, sessions, one-time links and shared keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Make the tables, those that others point at first."""
    op.create_table(
        "token",
        *(_text(name) for name in ("id", "hash", "name", "role", "team", "created_by")),
        _instant("created_at"),
        *(_instant(name, nullable=True) for name in ("expires_at", "revoked_at", "used_at")),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
    )
    op.create_table(
        "session",
        *(_text(name) for name in ("hash", "subject", "role", "team")),
        _text("token_id", nullable=True),
        *(_instant(name) for name in ("created_at", "expires_at")),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name="fk_session_token_id"),
        sa.PrimaryKeyConstraint("hash", name="pk_session"),
    )
    op.create_index("ix_session_expires_at", "session", ["expires_at"])
    op.create_table(
        "sign_in_link",
        *(_text(name) for name in ("hash", "subject", "role")),
        *(_instant(name) for name in ("created_at", "expires_at")),
        _instant("used_at", nullable=True),
        sa.PrimaryKeyConstraint("hash", name="pk_sign_in_link"),
    )
    op.create_index("ix_sign_in_link_expires_at", "sign_in_link", ["expires_at"])
    op.create_table(
        "secret",
        *(_text(name) for name in ("name", "value")),
        sa.PrimaryKeyConstraint("name", name="pk_secret"),
    )
