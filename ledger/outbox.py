"""What was meant to be sent: intended before it is, recorded after, claimed by one sender at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.audit import PROGRAM, Act, Actor
from domain.errors import ConflictError, StorageError
from domain.message import Intent, Post, PostState
from ledger import audit
from ledger.database import Database
from ledger.leases import LEADER
from ledger.models import LeaseRow, MessageRow

LONGEST_WAIT = timedelta(minutes=65)
"""Nothing waits longer: a claim that reaches further was made before the clock was set back."""


class Outbox:
    """The messages of one state database; implements `domain.ports.Outbox`.

    Args:
        database: where they are stored.
        by: who sends, for the audit.
    """

    def __init__(self, database: Database, *, by: Actor = PROGRAM) -> None:
        self._database = database
        self._by = by

    def claim(self, post: Post, *, epoch: int, now: datetime, until: datetime) -> Intent:
        """Intend a message, or take over one whose sender stopped; `claimed` says whether to send.

        Raises:
            ConflictError: the epoch is not that of the leader; 0 is for people, who need not lead.
        """
        until = min(until, now + LONGEST_WAIT)
        try:
            with self._database.session() as session:
                _must_lead(session, epoch)
                return _claimed(session, post, epoch, now, until)
        except StorageError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
        with self._database.session(read=True) as session:  # another sender was first
            return _intent(session.get_one(MessageRow, post.key))

    def arrived(self, intent: Intent, ts: str) -> None:
        """Note that a claimed message arrived; what belongs below it may still be missing."""
        with self._changed(intent, ts=ts, unsure=False):
            pass

    def later(self, intent: Intent, *, at: datetime, unsure: bool, reason: str) -> None:
        """Let go of a claimed message, to be tried again."""
        with self._changed(intent, not_before=at, unsure=unsure, reason=reason):
            pass

    def end(self, intent: Intent, state: PostState, reason: str = "", *, at: datetime) -> None:
        """Note how a message ended, in the audit log as well unless there was nothing to say."""
        with self._changed(intent, state=state.value, reason=reason) as session:
            if state is not PostState.SKIPPED:
                detail = {"state": state.value, "tries": intent.tries, "reason": reason}
                act = Act(by=self._by, action="message.ended", subject=intent.post.key, detail=detail)
                audit.append(session, act, at)

    def intents(self, kind: str, channel: str) -> list[Intent]:
        """List what is stored of the messages of a kind to a channel, the newest day first."""
        query = select(MessageRow).where(MessageRow.kind == kind, MessageRow.channel == channel)
        with self._database.session(read=True) as session:
            return [_intent(row) for row in session.scalars(query.order_by(MessageRow.day.desc()).limit(20))]

    @contextmanager
    def _changed(self, intent: Intent, **values: object) -> Iterator[Session]:
        """Change a message that nobody claimed since, and go on in the same transaction.

        Raises:
            ConflictError: somebody did.
        """
        with self._database.session() as session:
            changed = session.execute(
                update(MessageRow)
                .where(
                    MessageRow.key == intent.post.key,
                    MessageRow.tries == intent.tries,
                    MessageRow.state == PostState.INTENDED.value,
                )
                .values(**values)
                .returning(MessageRow.key)
            ).one_or_none()
            if changed is None:
                raise ConflictError(f"the message {intent.post.key} was taken over by another sender")
            yield session


def _must_lead(session: Session, epoch: int) -> None:
    if not epoch:
        return
    lease = session.get(LeaseRow, LEADER)
    if lease is None or lease.epoch != epoch:
        raise ConflictError("this daemon no longer leads: what it meant to send is left to the leader")


def _claimed(session: Session, post: Post, epoch: int, now: datetime, until: datetime) -> Intent:
    row = session.get(MessageRow, post.key, with_for_update=True)
    if row is None:
        row = MessageRow(
            key=post.key,
            kind=post.kind,
            channel=post.channel,
            day=post.day.isoformat(),
            state=PostState.INTENDED.value,
            tries=1,
            epoch=epoch,
            unsure=True,
            ts="",
            first_at=now,
            not_before=until,
            reason="",
        )
        session.add(row)
        session.flush()
        return _intent(row, claimed=True, unsure=False)
    waits = now < row.not_before <= now + LONGEST_WAIT
    if row.state != PostState.INTENDED.value or waits:
        return _intent(row)
    was_unsure = row.unsure
    row.tries, row.epoch, row.unsure, row.not_before = row.tries + 1, epoch, True, until
    return _intent(row, claimed=True, unsure=was_unsure)


def _intent(row: MessageRow, *, claimed: bool = False, unsure: bool | None = None) -> Intent:
    return Intent(
        post=Post(kind=row.kind, channel=row.channel, day=date.fromisoformat(row.day)),
        state=PostState(row.state),
        tries=row.tries,
        claimed=claimed,
        unsure=row.unsure if unsure is None else unsure,
        ts=row.ts,
        first_at=row.first_at,
        not_before=row.not_before,
        reason=row.reason,
    )
