"""Runs migrations on the connection that `ledger.database` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

import ledger.access_models
import ledger.audit  # noqa: F401  # the tables of both belong to the same metadata
from ledger.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
