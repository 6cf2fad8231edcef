"""Errors that end a run; each owns its code, its exit status and what to do about it."""

from __future__ import annotations


class CostdError(Exception):
    """Base of every error that costd raises on purpose.

    Attributes:
        code: stable snake_case name for logs and JSON.
        exit_status: process exit code (0 ok, 1 failed, 2 usage, 3 changes pending,
            4 over budget, 5 stale or incomplete, 6 partly done).
        hint: what the reader can do about it, one sentence, or "".
    """

    code = "failed"
    exit_status = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Say what failed and on which object; the hint says what to do."""
        super().__init__(message)
        self.hint = hint


class UsageError(CostdError):
    """The command or its arguments make no sense together."""

    code = "usage"
    exit_status = 2


class ConfigError(CostdError):
    """The configuration cannot be used; the message lists every fault."""

    code = "config_invalid"
    exit_status = 2


class SourceError(CostdError):
    """A source could not be read; its coverage is failed and nothing was replaced."""

    code = "source_failed"


class MoneyError(CostdError):
    """An amount is not a number that `Decimal(38,12)` can hold."""

    code = "money_invalid"


class GateError(CostdError):
    """A gate refused a delivery; the period keeps what it had."""

    code = "gate_failed"


class ConflictError(CostdError):
    """Somebody else replaced the same period meanwhile; nothing of ours was stored."""

    code = "conflict"


class StorageError(CostdError):
    """The ledger or the state database could not be written or read."""

    code = "storage_failed"


class IncompleteError(CostdError):
    """An answer would rest on stale or missing data."""

    code = "incomplete"
    exit_status = 5
