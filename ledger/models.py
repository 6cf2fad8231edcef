"""Tables of the state database. A change here needs a migration in `migrations/versions`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite, which knows no zones, keeps it as UTC without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone, give UTC."""
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"a time without a zone cannot be stored: {value}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy names the parameter
        """Give aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Root of the models; constraints have names so that migrations can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads a plain class attribute
        datetime: UtcDateTime,
        str: Text,
        int: BigInteger().with_variant(Integer, "sqlite"),
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


class Source(Base):
    """A configured source and its last fetch."""

    __tablename__ = "source"

    name: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(default="")
    freshness: Mapped[str] = mapped_column(default="never")
    delivered_through: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")
    attempted_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    notes: Mapped[list[str]] = mapped_column(default=list)


class DeliveryRow(Base):
    """A committed delivery, mirrored from the log of the charges; the log is the truth."""

    __tablename__ = "delivery"

    id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("source.name"))
    billing_period: Mapped[str]
    seen_at: Mapped[datetime]
    manifest_hash: Mapped[str]
    rows: Mapped[int]
    rejected: Mapped[int]
    sums: Mapped[dict[str, Any]]
    first_day: Mapped[str]
    last_day: Mapped[str]
    through: Mapped[datetime | None]
    version: Mapped[int]
    focus_version: Mapped[str]
    notes: Mapped[list[str]]
    forced: Mapped[bool]

    __table_args__ = (Index(None, "source", "billing_period", "version"),)


class BillingPeriod(Base):
    """A billing period of a source: its current delivery and how the last attempt ended."""

    __tablename__ = "billing_period"

    source: Mapped[str] = mapped_column(ForeignKey("source.name"), primary_key=True)
    billing_period: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str | None] = mapped_column(ForeignKey("delivery.id"))
    verdict: Mapped[str] = mapped_column(default="")
    gate: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    checked_at: Mapped[datetime | None]


class GateResult(Base):
    """How one attempt to replace a period ended; the newest are kept."""

    __tablename__ = "gate_result"

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("source.name"))
    billing_period: Mapped[str]
    at: Mapped[datetime]
    verdict: Mapped[str]
    gate: Mapped[str]
    reason: Mapped[str]
    delivery_id: Mapped[str]

    __table_args__ = (Index(None, "source", "billing_period", "id"),)


class QuarantineFile(Base):
    """A file with rows that could not be read: how many, and of which periods."""

    __tablename__ = "quarantine_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("source.name"))
    file: Mapped[str]
    periods: Mapped[list[str]]
    rejected: Mapped[int]
    kept: Mapped[int]
    at: Mapped[datetime]

    __table_args__ = (Index(None, "source", "file", unique=True),)


class QuarantineRow(Base):
    """A row that could not be read."""

    __tablename__ = "quarantine_row"

    id: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("quarantine_file.id", ondelete="CASCADE"), index=True)
    line: Mapped[int]
    reason: Mapped[str]
    excerpt: Mapped[str]


class LeaseRow(Base):
    """Who holds a named right, until when; the row stays, so that the epoch only grows."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    epoch: Mapped[int]
    expires_at: Mapped[datetime]


class Job(Base):
    """A recurring job and its last run."""

    __tablename__ = "job"

    name: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
    runs: Mapped[int] = mapped_column(default=0)


class MessageRow(Base):
    """A message that is sent once: intended before, recorded after."""

    __tablename__ = "message"

    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    channel: Mapped[str]
    day: Mapped[str]
    state: Mapped[str]
    tries: Mapped[int]
    epoch: Mapped[int]
    unsure: Mapped[bool]
    ts: Mapped[str]
    first_at: Mapped[datetime]
    not_before: Mapped[datetime]
    reason: Mapped[str]

    __table_args__ = (Index(None, "kind", "channel", "day"),)


class OwnCostRow(Base):
    """What a source asked of a provider that charges for it, on one UTC day."""

    __tablename__ = "own_cost"

    source: Mapped[str] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[int]
    most: Mapped[int]
    cost: Mapped[str]
    currency: Mapped[str]
