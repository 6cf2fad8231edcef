"""Make the tables for sources, periods, deliveries, refused rows, leases and jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _instant(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _of_source(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["source"], ["source.name"], name=f"fk_{table}_source")


def upgrade() -> None:
    """Make the tables, those that others point at first."""
    _sources()
    _deliveries()
    _quarantine()
    _leases_and_jobs()


def _sources() -> None:
    op.create_table(
        "source",
        _text("name"),
        _text("type"),
        _text("freshness"),
        _instant("delivered_through"),
        _text("reason"),
        _instant("attempted_at"),
        _instant("succeeded_at"),
        _json("notes"),
        sa.PrimaryKeyConstraint("name", name="pk_source"),
    )


def _deliveries() -> None:
    op.create_table(
        "delivery",
        _text("id"),
        _text("source"),
        _text("billing_period"),
        _instant("seen_at", nullable=False),
        _text("manifest_hash"),
        _number("rows"),
        _number("rejected"),
        _json("sums"),
        _text("first_day"),
        _text("last_day"),
        _instant("through"),
        _number("version"),
        _text("focus_version"),
        _json("notes"),
        sa.Column("forced", sa.Boolean(), nullable=False),
        _of_source("delivery"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
    )
    op.create_index(
        "ix_delivery_source_billing_period_version", "delivery", ["source", "billing_period", "version"]
    )
    op.create_table(
        "billing_period",
        _text("source"),
        _text("billing_period"),
        _text("delivery_id", nullable=True),
        _text("verdict"),
        _text("gate"),
        _text("reason"),
        _instant("checked_at"),
        _of_source("billing_period"),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name="fk_billing_period_delivery_id"),
        sa.PrimaryKeyConstraint("source", "billing_period", name="pk_billing_period"),
    )
    op.create_table(
        "gate_result",
        _number("id"),
        _text("source"),
        _text("billing_period"),
        _instant("at", nullable=False),
        _text("verdict"),
        _text("gate"),
        _text("reason"),
        _text("delivery_id"),
        _of_source("gate_result"),
        sa.PrimaryKeyConstraint("id", name="pk_gate_result"),
    )
    op.create_index(
        "ix_gate_result_source_billing_period_id", "gate_result", ["source", "billing_period", "id"]
    )


def _quarantine() -> None:
    op.create_table(
        "quarantine_file",
        _number("id"),
        _text("source"),
        _text("file"),
        _json("periods"),
        _number("rejected"),
        _number("kept"),
        _instant("at", nullable=False),
        _of_source("quarantine_file"),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine_file"),
    )
    op.create_index("ix_quarantine_file_source_file", "quarantine_file", ["source", "file"], unique=True)
    op.create_table(
        "quarantine_row",
        _number("id"),
        _number("file_id"),
        _number("line"),
        _text("reason"),
        _text("excerpt"),
        sa.ForeignKeyConstraint(
            ["file_id"], ["quarantine_file.id"], name="fk_quarantine_row_file_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine_row"),
    )
    op.create_index("ix_quarantine_row_file_id", "quarantine_row", ["file_id"])


def _leases_and_jobs() -> None:
    op.create_table(
        "lease",
        _text("name"),
        _text("holder"),
        _number("epoch"),
        _instant("expires_at", nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
    )
    op.create_table(
        "job",
        _text("name"),
        _instant("started_at"),
        _instant("finished_at"),
        _instant("succeeded_at"),
        _text("error"),
        _number("runs"),
        sa.PrimaryKeyConstraint("name", name="pk_job"),
    )
