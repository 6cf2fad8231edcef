"""Alembic migrations of the state database, run by `State.open()`."""
