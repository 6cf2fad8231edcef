"""Committing checked periods: dimensions, then cube, then, period by period, the facts.

Only the last commit makes a delivery exist. What an interrupted run leaves before it is
ignored by readers and removed by maintenance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from domain.delivery import Delivery
from domain.errors import ConflictError, StorageError
from ledger import cube, record
from ledger.commit import Commit, StagedFile
from ledger.history import History
from ledger.judging import Checked, Terms, adding_up
from ledger.staging import Stage
from ledger.store import Table

if TYPE_CHECKING:
    from deltalake import DeltaTable

_ATTEMPTS = 20
"""Commits tried while others commit to other periods; each of them lets one of us pass."""


class Landing:
    """The staged files of one batch on their way into the tables."""

    def __init__(self, tables: Mapping[str, Table], history: History, stage: Stage, terms: Terms) -> None:
        self._tables = tables
        self._history = history
        self._stage = stage
        self._terms = terms

    def prepare(self, checked: Sequence[Checked]) -> None:
        """Commit what the facts of these periods will point at.

        Raises:
            StorageError: a table cannot be written.
            MoneyError: a quantity adds up to more digits than are stored.
        """
        for name in ("resources", "prices"):
            self._append(name)
        for ready in checked:
            self._stage_cube(ready)
        self._append("cube")
        self._put_allocations(checked)

    def commit(self, ready: Checked) -> Delivery:
        """Make the delivery exist and give it as the log has it.

        Raises:
            ConflictError: somebody else replaced the period meanwhile.
            StorageError: the table cannot be written, or does not hold what was checked.
        """
        charges = self._tables["charges"]
        table = charges.ensure()
        self._refuse_overtaken(table, ready)
        # From here on a commit may name the files, also if it seems to fail: they are no
        # longer ours to delete. If no commit took them, maintenance removes them.
        files = self._stage.give_up(ready.entry.delivery.billing_period)
        for left in reversed(range(_ATTEMPTS)):
            try:
                charges.commit(table, self._commit(table, ready, files))
                break
            except ConflictError:
                if not left:
                    raise
                # delta-rs also refuses where a file of any other period went meanwhile.
                table = charges.ensure()
                self._refuse_overtaken(table, ready)
        return self._verified(table, ready, {(file.path, file.size_bytes) for file in files})

    def _commit(self, table: DeltaTable, ready: Checked, files: Sequence[StagedFile]) -> Commit:
        delivery = ready.entry.delivery
        return Commit(
            add=files,
            remove=self._tables["charges"].members(table, _place(delivery)),
            metadata=record.write(ready.entry),
            guard=f"{delivery.source}/{delivery.billing_period}",
            at=self._terms.now,
        )

    def _append(self, name: str) -> None:
        staged = self._stage.staged.pop(name, [])
        if staged:
            table = self._tables[name].ensure()
            self._tables[name].commit(table, Commit(add=staged, metadata="", at=self._terms.now))

    def _put_allocations(self, checked: Sequence[Checked]) -> None:
        """Add the periods' allocations, and drop those of deliveries that are no longer current.

        Readers take those of the current delivery, so until the facts are committed they see the old.
        """
        periods = {ready.entry.delivery.billing_period: ready for ready in checked}
        staged = self._stage.staged.get("allocations", [])
        mine = [file for file in staged if file.partition["billing_period"] in periods]
        table = self._tables["allocations"]
        if not mine and table.open() is None:
            return
        opened = table.ensure()
        kept = {ready.before.delivery.id for ready in checked if ready.before is not None}
        old = [
            member
            for member in table.members(opened)
            if member.partition["source"] == self._stage.source
            and member.partition["billing_period"] in periods
            and member.partition["delivery_id"] not in kept
        ]
        if mine or old:
            self._stage.staged["allocations"] = [file for file in staged if file not in mine]
            table.commit(opened, Commit(add=mine, remove=old, metadata="", at=self._terms.now))

    def _stage_cube(self, ready: Checked) -> None:
        delivery, place = ready.entry.delivery, _place(ready.entry.delivery)
        stored = self._tables["cube"].scan().filter(*(pl.col(name) == value for name, value in place.items()))
        earlier = [
            entry.delivery
            for entry in self._history.entries()
            if ready.before is not None
            and _place(entry.delivery) == place
            and entry.delivery.version <= ready.before.delivery.version
        ]
        before, facts = cube.state(stored, earlier), self._stage.facts(delivery.billing_period)
        known_days = ready.entry.tally.days | (ready.before.tally.days if ready.before else frozenset())
        for days in cube.slices(known_days, delivery.rows):
            cells = cube.changes(before.filter(days), cube.of_facts(facts.filter(days)))
            with adding_up(delivery.billing_period):
                self._stage.stage("cube", cube.stamped(cells, delivery.id, delivery.seen_at), place)

    def _refuse_overtaken(self, table: DeltaTable, ready: Checked) -> None:
        delivery = ready.entry.delivery
        now = self._history.latest(delivery.source, table).get(delivery.billing_period)
        if (now and now.delivery.id) != (ready.before and ready.before.delivery.id):
            raise ConflictError(
                f"another collector replaced {delivery.billing_period} of {delivery.source} meanwhile",
                hint=f"its data stands; run `costd collect {delivery.source}` again",
            )

    def _verified(self, table: DeltaTable, ready: Checked, mine: set[tuple[str, int]]) -> Delivery:
        """Check that the log says what was committed, and that the files are the checked ones."""
        wanted = ready.entry.delivery
        stored = self._history.latest(wanted.source, table)[wanted.billing_period].delivery
        if stored.id != wanted.id:
            # Overtaken between commit and check: ours is in the history, theirs is current.
            return next(e.delivery for e in self._history.entries(table) if e.delivery.id == wanted.id)
        members = self._tables["charges"].members(table, _place(wanted))
        if {(member.path, member.size_bytes) for member in members} != mine:
            raise StorageError(
                f"{wanted.billing_period} of {wanted.source} was committed as version {stored.version}, "
                "but the log names other files than were checked",
                hint=f"run `costd collect {wanted.source} --force`, and report it as a bug",
            )
        return stored


def _place(delivery: Delivery) -> dict[str, str]:
    return {"source": delivery.source, "billing_period": delivery.billing_period}
