"""What was done to the world: an append-only record that survives restarts."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from domain.errors import StorageError, UsageError


class Verb(StrEnum):
    """What can be done to a thing of the demo company."""

    STOP = "stop"
    START = "start"
    SCALE = "scale"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One act upon one thing.

    Attributes:
        at: when it took effect (aware UTC).
        verb: stop and start keep what is stored; delete is for ever, with all it holds.
        target: name of the entity.
        replicas: wanted number, for `scale` only.
        by: who did it.
        key: made up by the caller; a second action with the same key is the same action.
    """

    at: datetime
    verb: Verb
    target: str
    replicas: int | None = None
    by: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be replayed."""
        if self.at.utcoffset() is None:
            raise UsageError(f"an action on {self.target} needs an aware time")
        if (self.replicas is None) == (self.verb is Verb.SCALE) or (self.replicas or 0) < 0:
            raise UsageError(f"{self.verb} {self.target}: only scale takes a number, 0 or more")


class ActionLog:
    """The actions of one world, kept as JSON lines in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "actions.jsonl"
        self._read: tuple[tuple[int, ...], tuple[Action, ...]] = ((), ())

    def actions(self) -> tuple[Action, ...]:
        """Give every action, in the order of recording; none where nothing was recorded.

        Raises:
            StorageError: the record cannot be read; the message names the line.
        """
        try:
            seen = self._path.stat()
        except FileNotFoundError:
            return ()
        version = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
        if version != self._read[0]:
            self._read = (version, self._parse(self._path.read_text(encoding="utf-8")))
        return self._read[1]

    def append(self, action: Action) -> bool:
        """Record an action on disk; False where its key is recorded already."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({**asdict(action), "at": action.at.astimezone(UTC).isoformat()}) + "\n"
        with self._path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # released when the file closes
            file.seek(0)
            text = file.read()
            if action.key and any(past.key == action.key for past in self._parse(text)):
                return False
            torn = len(text) - (text.rfind("\n") + 1)
            if torn:  # a crash in the middle of a line: it was never acknowledged
                file.truncate(len(text.encode()) - len(text[-torn:].encode()))
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        return True

    def _parse(self, text: str) -> tuple[Action, ...]:
        whole = text[: text.rfind("\n") + 1]
        return tuple(self._line(number, line) for number, line in enumerate(whole.splitlines(), 1))

    def _line(self, number: int, line: str) -> Action:
        try:
            raw = json.loads(line)
            return Action(
                **{**raw, "at": datetime.fromisoformat(raw["at"]), "verb": Verb(raw["verb"])},
            )
        except (ValueError, TypeError, KeyError) as fault:
            raise StorageError(
                f"{self._path}, line {number} is no action: {fault}",
                hint="restore the file, or start over with `costd demo reset`",
            ) from fault
