"""Make the table of messages that are sent once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "message",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("key", "kind", "channel", "day", "state")),
        sa.Column("tries", _COUNT, nullable=False),
        sa.Column("epoch", _COUNT, nullable=False),
        sa.Column("unsure", sa.Boolean(), nullable=False),
        sa.Column("ts", sa.Text(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_message"),
    )
    op.create_index("ix_message_kind_channel_day", "message", ["kind", "channel", "day"])
