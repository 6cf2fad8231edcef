"""A backup brings both stores back, and no archive, however made, does anything else."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import a_batch, a_charge
from s3 import S3Server
from sqlalchemy import text

from domain.delivery import Coverage, Freshness, Rejected
from domain.errors import StorageError, UsageError
from ledger import archive, dump
from ledger.backup import backup
from ledger.charges import ChargeLedger
from ledger.models import Base
from ledger.restore import restore
from ledger.state import State

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)
LATER = datetime(2026, 7, 3, 6, tzinfo=UTC)
CANARY = "canary-7f3a"


@pytest.fixture
def ledger(tmp_path: Path) -> ChargeLedger:
    return ChargeLedger(str(tmp_path / "one" / "ledger"), promote=["team"])


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path}/one/costd.db")
    state.open()
    yield state
    state.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    """An empty state database to restore into."""
    if request.param == "sqlite":
        state = State(f"sqlite:///{tmp_path}/two/costd.db")
    else:
        state = State(request.getfixturevalue("postgres_url"))
    yield state
    state.close()


def fill(ledger: ChargeLedger, state: State) -> None:
    for number, at in enumerate((NOW, LATER)):
        rows = [
            a_charge(
                start=f"2026-0{month}-10",
                ResourceId=f"i-{month}",
                BilledCost=f"1.{number}",
                Tags={"team": "wéb"},
            )
            for month in (5, 6)
        ]
        results = ledger.replace(a_batch(*rows, manifest_hash=f"h{number}"), seen_at=at)
        rejected = [
            Rejected(file="a.csv", line=line, reason="no amount", excerpt="=x\x1b") for line in range(3)
        ]
        state.record_attempt("aws", "focus_files", at)
        state.record_fetch(
            Coverage(source="aws", freshness=Freshness.FRESH), results, rejected, ["note"], at=at
        )
    state.job_started("collect", NOW)
    state.release(state.lease("collect:aws", "me", timedelta(minutes=5), NOW), NOW)


def answers(ledger: ChargeLedger) -> list[object]:
    return [
        ledger.deliveries(),
        ledger.charges().sort("dim_id").collect().rows(),
        ledger.as_first_seen(NOW).sort("dim_id").collect().rows(),
        ledger.as_first_seen(LATER).sort("dim_id").collect().rows(),
        ledger.resources().sort("dim_id").collect().rows(),
        ledger.prices().sort("price_id").collect().rows(),
        ledger.cursors("aws"),
    ]


def said(state: State) -> list[object]:
    return [
        state.sources(),
        state.periods(),
        state.quarantine(),
        state.quarantined_files(),
        state.jobs(),
        state.attempts("aws", "2026-06"),
    ]


def test_both_stores_come_back_as_they_were(
    ledger: ChargeLedger, state: State, fresh: State, tmp_path: Path
) -> None:
    fill(ledger, state)
    made = backup(ledger, state, tmp_path / "costd.tar", now=LATER)
    assert (made.deliveries, made.size_bytes) == (4, (tmp_path / "costd.tar").stat().st_size)
    assert (tmp_path / "costd.tar").stat().st_mode & 0o077 == 0
    other = ChargeLedger(str(tmp_path / "two" / "ledger"), promote=["team"])
    done = restore(tmp_path / "costd.tar", other, fresh, now=LATER)
    assert (done.deliveries, done.periods, done.rows, done.made_at) == (4, 2, 2, LATER)
    assert done.aside is None
    assert answers(other) == answers(ledger)
    assert said(fresh) == said(state)
    fresh.open()
    fresh.record_fetch(
        Coverage(source="aws", freshness=Freshness.FRESH),
        (),
        [Rejected(file="b", line=1, reason="r")],
        at=LATER,
    )
    (result,) = other.replace(a_batch(a_charge(start="2026-07-01")), seen_at=LATER)
    assert result.verdict == "replaced"


def test_a_restored_lease_is_free_and_its_epoch_grew(
    ledger: ChargeLedger, state: State, tmp_path: Path
) -> None:
    held = state.lease("collect:aws", "me", timedelta(hours=1), NOW)
    backup(ledger, state, tmp_path / "costd.tar", now=NOW)
    restore(tmp_path / "costd.tar", ledger, state, now=NOW, force=True)
    assert state.lease("collect:aws", "you", timedelta(hours=1), NOW).epoch > held.epoch + 1


def test_a_backup_holds_one_moment_while_collecting_goes_on(
    ledger: ChargeLedger, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(ledger, state)
    before = answers(ledger)
    original = archive.Writer.add

    def busy(self: archive.Writer, *args: object) -> None:
        original(self, *args)  # type: ignore[arg-type]  # handed through as they came
        other = ChargeLedger(ledger.root)
        if len(other.deliveries()) == 4:
            batch = a_batch(a_charge(BilledCost="1.11", ResourceId="i-new"), manifest_hash="h9")
            other.replace(batch, seen_at=LATER)

    monkeypatch.setattr(archive.Writer, "add", busy)
    backup(ledger, state, tmp_path / "costd.tar", now=LATER)
    assert len(ledger.deliveries()) == 5
    other = ChargeLedger(str(tmp_path / "two"), promote=["team"])
    fresh = State(f"sqlite:///{tmp_path}/two.db")
    restore(tmp_path / "costd.tar", other, fresh, now=LATER)
    fresh.close()
    assert answers(other) == before


def test_an_empty_costd_can_be_backed_up(ledger: ChargeLedger, state: State, tmp_path: Path) -> None:
    backup(ledger, state, tmp_path / "costd.tar", now=NOW)
    done = restore(tmp_path / "costd.tar", ledger, state, now=NOW)
    assert (done.deliveries, done.periods) == (0, 0)


def test_no_backup_is_overwritten_by_accident(ledger: ChargeLedger, state: State, tmp_path: Path) -> None:
    target = tmp_path / "costd.tar"
    target.write_text("precious")
    with pytest.raises(UsageError, match=r"costd\.tar exists"):
        backup(ledger, state, target, now=NOW)
    assert target.read_text() == "precious"
    backup(ledger, state, target, now=NOW, force=True)
    assert tarfile.is_tarfile(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["costd.tar", "one"]


def test_what_is_there_is_not_replaced_without_force_and_put_aside_with_it(
    ledger: ChargeLedger, state: State, tmp_path: Path
) -> None:
    fill(ledger, state)
    backup(ledger, state, tmp_path / "costd.tar", now=NOW)
    ledger.replace(a_batch(a_charge(start="2026-07-01")), seen_at=LATER)
    with pytest.raises(UsageError, match="is not empty") as caught:
        restore(tmp_path / "costd.tar", ledger, state, now=LATER)
    assert "--force" in caught.value.hint
    assert len(ledger.deliveries()) == 5
    done = restore(tmp_path / "costd.tar", ledger, state, now=LATER, force=True)
    assert done.aside is not None
    assert len(ChargeLedger(str(done.aside)).deliveries()) == 5
    assert len(ChargeLedger(ledger.root).deliveries()) == 4
    assert not list(Path(ledger.root).parent.glob("*.restoring"))


def test_nobody_is_restored_under_the_feet_of(ledger: ChargeLedger, state: State, tmp_path: Path) -> None:
    backup(ledger, state, tmp_path / "costd.tar", now=NOW)
    state.lease("collect:aws", "host-1:7", timedelta(hours=1), NOW)
    with pytest.raises(UsageError, match="collect:aws by host-1:7"):
        restore(tmp_path / "costd.tar", ledger, state, now=NOW)


def test_nothing_that_lets_somebody_in_is_in_an_archive(
    ledger: ChargeLedger, state: State, tmp_path: Path
) -> None:
    fill(ledger, state)
    at = NOW.isoformat(sep=" ")
    with state.database.session() as session:
        for values in (
            "secret VALUES ('signing', :canary)",
            "session VALUES (:canary, 's', 'r', 't', NULL, :at, :at)",
            "sign_in_link VALUES (:canary, 's', 'r', :at, :at, NULL)",
        ):
            session.execute(text("INSERT INTO " + values), {"canary": CANARY, "at": at})
    backup(ledger, state, tmp_path / "costd.tar", now=NOW)
    assert CANARY.encode() not in (tmp_path / "costd.tar").read_bytes()


def test_every_table_is_either_backed_up_or_left_out_on_purpose(state: State) -> None:
    dumped = {name for name, _ in dump.dump(state.database)}
    assert dumped | dump.LEFT_OUT == set(Base.metadata.tables)
    assert not dumped & dump.LEFT_OUT


def test_a_log_that_lost_entries_is_not_backed_up(ledger: ChargeLedger, state: State, tmp_path: Path) -> None:
    for number in range(25):
        ledger.replace(
            a_batch(a_charge(BilledCost=f"1.{number:02d}"), manifest_hash=f"h{number}"), seen_at=NOW
        )
    for version in range(4):
        (Path(ledger.root) / f"cube/_delta_log/{version:020d}.json").unlink()
    with pytest.raises(StorageError, match="has lost entries"):
        backup(ledger, state, tmp_path / "costd.tar", now=NOW)
    assert not (tmp_path / "costd.tar").exists()


def made(ledger: ChargeLedger, state: State, tmp_path: Path) -> Path:
    fill(ledger, state)
    backup(ledger, state, tmp_path / "good.tar", now=NOW)
    return tmp_path / "good.tar"


Member = tuple[tarfile.TarInfo, bytes]


def rewritten(path: Path, change: Callable[[list[Member]], list[Member]]) -> Path:
    with tarfile.open(path) as tar:
        members = []
        for info in tar:
            stream = tar.extractfile(info)
            assert stream is not None
            members.append((info, stream.read()))
    target = path.with_name("changed.tar")
    with tarfile.open(target, "w") as tar:
        for info, content in change(members):
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return target


def flipped(members: list[Member]) -> list[Member]:
    """Change one byte of a data file."""
    return [
        (info, content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        if info.name.startswith("ledger/cube/source")
        else (info, content)
        for info, content in members
    ]


def escaping(name: str) -> Callable[[list[Member]], list[Member]]:
    def change(members: list[Member]) -> list[Member]:
        head = json.loads(members[0][1])
        head["sizes"][name] = 4
        return [(members[0][0], json.dumps(head).encode()), (tarfile.TarInfo(name), b"evil"), *members[1:]]

    return change


def linking(members: list[Member]) -> list[Member]:
    info = tarfile.TarInfo(members[1][0].name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return [members[0], (info, b""), *members[2:]]


def swollen(members: list[Member]) -> list[Member]:
    return [members[0], (members[1][0], members[1][1] + b"x" * 1000), *members[2:]]


def twice(members: list[Member]) -> list[Member]:
    return [*members[:2], members[1], *members[2:]]


def newer(members: list[Member]) -> list[Member]:
    head = json.loads(members[0][1]) | {"format": 99}
    return [(members[0][0], json.dumps(head).encode()), *members[1:]]


BAD: dict[str, tuple[Callable[[list[Member]], list[Member]], str]] = {
    "a changed byte": (flipped, "checksums"),
    "no checksums": (lambda members: members[:-1], "cut off"),
    "a missing member": (lambda members: [*members[:1], *members[2:]], "missing"),
    "a member twice": (twice, "not what the archive says"),
    "a larger member": (swollen, "not what the archive says"),
    "a link": (linking, "not what the archive says"),
    "a parent path": (escaping("ledger/../../evil"), "no backup has"),
    "an absolute path": (escaping("/tmp/evil"), "no backup has"),  # noqa: S108 - a hostile name
    "another room": (escaping("other/evil"), "no backup has"),
    "another table": (escaping("ledger/evil/x"), "no backup has"),
    "no first member": (lambda members: members[1:], "no archive of `costd backup`"),
    "a newer format": (newer, "newer costd"),
    "nothing": (lambda _members: [], "no archive of `costd backup`"),
}


@pytest.mark.parametrize(("change", "words"), BAD.values(), ids=BAD.keys())
def test_a_changed_archive_is_refused_and_leaves_everything_alone(
    ledger: ChargeLedger,
    state: State,
    tmp_path: Path,
    change: Callable[[list[Member]], list[Member]],
    words: str,
) -> None:
    bad = rewritten(made(ledger, state, tmp_path), change)
    before, known = answers(ledger), said(state)
    with pytest.raises(StorageError, match=words):
        restore(bad, ledger, state, now=NOW, force=True)
    assert (answers(ledger), said(state)) == (before, known)
    assert not list(tmp_path.rglob("*evil*"))
    assert not list(tmp_path.rglob("*.restoring"))


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\x1f\x8b" + b"\0" * 600])
def test_a_file_that_is_no_archive_is_refused(
    ledger: ChargeLedger, state: State, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(StorageError, match="no archive of `costd backup`"):
        restore(tmp_path / "x.tar", ledger, state, now=NOW)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_cut_off_archive_is_refused(
    ledger: ChargeLedger, state: State, tmp_path: Path, share: float
) -> None:
    good = made(ledger, state, tmp_path)
    good.write_bytes(good.read_bytes()[: int(good.stat().st_size * share)])
    with pytest.raises(StorageError, match="cut off"):
        restore(good, ledger, state, now=NOW, force=True)


def test_charges_that_do_not_add_up_are_refused(ledger: ChargeLedger, state: State, tmp_path: Path) -> None:
    fill(ledger, state)
    entry = max((Path(ledger.root) / "charges/_delta_log").glob("*.json"))
    entry.write_text(entry.read_text().replace('\\"BilledCost\\": \\"1.1\\"', '\\"BilledCost\\": \\"1.2\\"'))
    backup(ChargeLedger(ledger.root), state, tmp_path / "costd.tar", now=NOW)
    with pytest.raises(StorageError, match="2026-06 of aws"):
        restore(tmp_path / "costd.tar", ledger, state, now=NOW, force=True)


def test_a_ledger_in_a_bucket_is_backed_up_and_restored(
    s3_server: S3Server, state: State, tmp_path: Path
) -> None:
    options = s3_server.storage_options
    ledger = ChargeLedger(f"s3://{s3_server.bucket()}/a", storage_options=options)
    fill(ledger, state)
    backup(ledger, state, tmp_path / "costd.tar", now=NOW)
    other = ChargeLedger(f"s3://{s3_server.bucket()}/b", storage_options=options)
    fresh = State(f"sqlite:///{tmp_path}/two.db")
    bad = rewritten(tmp_path / "costd.tar", flipped)
    with pytest.raises(StorageError, match="checksums"):
        restore(bad, other, fresh, now=NOW)
    restore(tmp_path / "costd.tar", other, fresh, now=NOW)
    fresh.close()
    assert answers(other) == answers(ledger)
    with pytest.raises(UsageError, match="cannot be put aside"):
        restore(tmp_path / "costd.tar", other, fresh, now=NOW, force=True)
    assert options["aws_secret_access_key"].encode() not in (tmp_path / "costd.tar").read_bytes()
