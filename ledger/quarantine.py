"""Rows that could not be read: counted in full, kept up to a bound, forgotten when delivered anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from domain.delivery import PeriodResult, Rejected, Verdict
from ledger.models import QuarantineFile, QuarantineRow
from ledger.status import QuarantinedFile, QuarantinedRow

KEPT_ROWS = 1_000
"""Rows kept per source and file; the count goes on."""

KEPT_TEXT = 500
"""Characters kept of a reason or a path."""


def clean(text: str) -> str:
    """Give text that every database stores: no NUL, no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def record(
    session: Session,
    source: str,
    results: Sequence[PeriodResult],
    rejected: Sequence[Rejected],
    at: datetime,
) -> None:
    """Keep the refused rows of a fetch; those of earlier deliveries of its periods go."""
    periods = {result.billing_period for result in results if result.verdict is not Verdict.UNCHANGED}
    by_file = {
        file: list(rows)
        for file, rows in groupby(
            sorted(rejected, key=lambda row: row.file), key=lambda row: clean(row.file)[:KEPT_TEXT]
        )
    }
    for old in session.scalars(select(QuarantineFile).where(QuarantineFile.source == source)):
        if old.file in by_file or periods & set(old.periods):
            session.delete(old)
    session.flush()
    for file, rows in by_file.items():
        kept = sorted(rows, key=lambda row: row.line)[:KEPT_ROWS]
        holder = QuarantineFile(
            source=source, file=file, periods=sorted(periods), rejected=len(rows), kept=len(kept), at=at
        )
        session.add(holder)
        session.flush()
        session.execute(
            insert(QuarantineRow),
            [
                {
                    "file_id": holder.id,
                    "line": row.line,
                    "reason": clean(row.reason)[:KEPT_TEXT],
                    "excerpt": clean(row.excerpt)[:KEPT_TEXT],
                }
                for row in kept
            ],
        )


def files(session: Session, source: str | None) -> list[QuarantinedFile]:
    """List the files with refused rows, the worst first."""
    query = select(QuarantineFile).order_by(QuarantineFile.rejected.desc(), QuarantineFile.file)
    if source is not None:
        query = query.where(QuarantineFile.source == source)
    return [
        QuarantinedFile(
            source=file.source, file=file.file, rejected=file.rejected, kept=file.kept, at=file.at
        )
        for file in session.scalars(query)
    ]


def rows(session: Session, source: str | None, limit: int) -> list[QuarantinedRow]:
    """List kept rows by source, file and line."""
    query = (
        select(QuarantineFile, QuarantineRow)
        .join(QuarantineRow, QuarantineRow.file_id == QuarantineFile.id)
        .order_by(QuarantineFile.source, QuarantineFile.file, QuarantineRow.line, QuarantineRow.id)
        .limit(limit)
    )
    if source is not None:
        query = query.where(QuarantineFile.source == source)
    return [
        QuarantinedRow(
            source=file.source,
            file=file.file,
            line=row.line,
            reason=row.reason,
            excerpt=row.excerpt,
            at=file.at,
        )
        for file, row in session.execute(query)
    ]
