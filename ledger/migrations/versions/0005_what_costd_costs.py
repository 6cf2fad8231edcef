"""Make the table of what costd itself costs, per source, service and day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "own_cost",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("source", "service", "unit", "day")),
        sa.Column("quantity", _COUNT, nullable=False),
        sa.Column("most", _COUNT, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("cost", "currency")),
        sa.PrimaryKeyConstraint("source", "service", "unit", "day", name="pk_own_cost"),
    )
