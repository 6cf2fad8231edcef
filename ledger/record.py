"""A delivery as the text that its commit carries, and back.

Beside the delivery the text has what the loss gate compares the next one with: the days
and the gross amounts.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain.delivery import Delivery
from domain.errors import StorageError
from domain.money import plain
from ledger.gates import Sums, Tally

FORMAT = 2
"""Version of the text below; a reader refuses a newer one."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the log: a delivery, and what it held."""

    delivery: Delivery
    tally: Tally


def new_id(seen_at: datetime) -> str:
    """Give a new ULID: milliseconds, then 80 random bits, in 26 sortable characters."""
    number = (int(seen_at.timestamp() * 1000) << 80) | secrets.randbits(80)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def write(entry: Entry) -> str:
    """Give the JSON text of an entry; the version is the commit's own and left out."""
    delivery = entry.delivery
    return json.dumps(
        {
            "format": FORMAT,
            "id": delivery.id,
            "source": delivery.source,
            "billing_period": delivery.billing_period,
            "seen_at": delivery.seen_at.isoformat(),
            "manifest_hash": delivery.manifest_hash,
            "rows": delivery.rows,
            "rejected": delivery.rejected,
            "sums": _texts(delivery.sums),
            "residuals": _texts(delivery.residuals),
            "days": delivery.days,
            "first_day": delivery.first_day,
            "last_day": delivery.last_day,
            "through": None if delivery.through is None else delivery.through.isoformat(),
            "cursor": delivery.cursor,
            "focus_version": delivery.focus_version,
            "notes": list(delivery.notes),
            "forced": delivery.forced,
            "closes_at": None if delivery.closes_at is None else delivery.closes_at.isoformat(),
            "allocations": delivery.allocations,
            "gross": _texts(entry.tally.gross),
            "day_list": [day.isoformat() for day in sorted(entry.tally.days)],
        },
        ensure_ascii=True,
        sort_keys=True,
    )


def read(text: str, version: int) -> Entry:
    """Give the entry that a commit of this version carries.

    Raises:
        StorageError: written by a newer costd, or not a delivery.
    """
    try:
        fields: dict[str, Any] = json.loads(text)
        if fields.pop("format") > FORMAT:
            raise StorageError(
                f"version {version} of the charges was written by a newer costd",
                hint="upgrade costd, or restore a backup of this version",
            )
        gross, days = (
            _amounts(fields.pop("gross")),
            frozenset(map(date.fromisoformat, fields.pop("day_list"))),
        )
        delivery = replace(
            Delivery(**{**fields, "version": version}),
            seen_at=_instant(fields["seen_at"]),
            through=_instant_or_none(fields["through"]),
            closes_at=_instant_or_none(fields.get("closes_at")),
            sums=_amounts(fields["sums"]),
            residuals=_amounts(fields["residuals"]),
            notes=tuple(fields["notes"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"version {version} of the charges carries no readable delivery: {error}",
            hint="restore the ledger from a backup with `costd restore`",
        ) from error
    tally = Tally(rows=delivery.rows, days=days, sums=delivery.sums, gross=gross)
    return Entry(delivery=delivery, tally=tally)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _instant_or_none(text: str | None) -> datetime | None:
    return None if text is None else _instant(text)


def _texts(sums: Sums) -> dict[str, dict[str, str]]:
    return {
        currency: {column: plain(amount) for column, amount in columns.items()}
        for currency, columns in sums.items()
    }


def _amounts(sums: dict[str, dict[str, str]]) -> Sums:
    return {
        currency: {column: Decimal(text) for column, text in columns.items()}
        for currency, columns in sums.items()
    }
