from __future__ import annotations

import gzip
import json
import os
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from exports import Desk, Row, a_row, csv_bytes, rows_of, write
from hypothesis import given
from hypothesis import strategies as st

from collectors.focus.csv_table import CsvTable
from collectors.interface import Health
from domain.delivery import Freshness
from domain.errors import SourceError

JUNE = rows_of("2026-06", 4)
MAY = rows_of("2026-05", 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "exports"


def test_nothing_to_read_is_never_collected_not_an_error(folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("hello")
    found = Desk(folder).collect()
    assert found.coverage.freshness is Freshness.NEVER
    assert "no FOCUS export file was found" in found.coverage.reason


def test_a_folder_that_does_not_exist_is_an_error(folder: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        Desk(folder).collect()


def test_files_of_all_forms_add_up(folder: Path) -> None:
    write(folder / "a.csv", rows_of("2026-06", 2, resource="a"))
    write(folder / "deep" / "b.csv.gz", rows_of("2026-06", 3, resource="b"))
    write(folder / "billing_period=2026-06" / "c.parquet", rows_of("2026-06", 4, resource="c"))
    write(folder / ".hidden.csv", JUNE)
    write(folder / "_temporary" / "d.csv", JUNE)
    (folder / "manifest.json").write_text("{}")
    desk = Desk(folder)
    found = desk.collect()
    assert desk.months["2026-06"].height == 9
    assert found.billed() == desk.billed() == Decimal("11.25")
    assert found.is_fresh


def test_a_single_file_may_be_named(folder: Path) -> None:
    write(folder / "a.csv", JUNE)
    write(folder / "b.csv", JUNE)
    desk = Desk(folder / "a.csv")
    desk.collect()
    assert desk.months["2026-06"].height == 4


def test_a_single_file_may_have_any_name_and_a_relative_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "june.csv", JUNE).rename(folder / "june.export")
    monkeypatch.chdir(folder)
    assert Desk("june.export").collect().billed() == 5


def test_the_same_files_are_not_read_twice(folder: Path) -> None:
    write(folder / "june.csv", JUNE)
    desk = Desk(folder)
    assert desk.collect().batches == [frozenset({"2026-06"})]
    again = desk.collect()
    assert (again.batches, again.is_fresh) == ([], True)


def test_a_touched_or_rewritten_file_of_the_same_content_is_known_again(folder: Path) -> None:
    path = write(folder / "june.csv", JUNE)
    desk = Desk(folder)
    desk.collect()
    os.utime(path, (1, 1))
    assert desk.collect().batches == []
    shutil.copy(path, folder / "june.new")
    (folder / "june.new").rename(path)
    assert desk.collect().batches == []


def test_an_edit_that_keeps_size_and_time_is_seen(folder: Path) -> None:
    path = write(folder / "june.csv", JUNE)
    desk = Desk(folder)
    desk.collect()
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"1.25", b"9.25"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    desk.collect()
    assert desk.billed() == 37


def test_only_what_changed_is_read_again_and_whole(folder: Path) -> None:
    write(folder / "may.csv", MAY)
    write(folder / "june-1.csv", rows_of("2026-06", 2, resource="a"))
    write(folder / "june-2.csv", rows_of("2026-06", 2, resource="b"))
    desk = Desk(folder)
    assert desk.collect().batches == [frozenset({"2026-06"}), frozenset({"2026-05"})]
    write(folder / "june-2.csv", rows_of("2026-06", 5, resource="b"))
    found = desk.collect()
    assert found.batches == [frozenset({"2026-06"})]
    assert [Path(path).name for path in found.files] == ["june-1.csv", "june-2.csv"]
    assert desk.months["2026-06"].height == 7


def test_periods_that_share_a_file_come_together_and_only_as_far_as_they_changed(folder: Path) -> None:
    write(folder / "both.csv", [*MAY, *JUNE])
    write(folder / "april.csv", rows_of("2026-04", 1))
    write(folder / "june.csv", rows_of("2026-06", 2, resource="b"))
    desk = Desk(folder)
    assert desk.collect().batches == [frozenset({"2026-05", "2026-06"}), frozenset({"2026-04"})]
    write(folder / "june.csv", rows_of("2026-06", 3, resource="b"))
    assert desk.collect().batches == [frozenset({"2026-06"})]
    assert (desk.months["2026-05"].height, desk.months["2026-06"].height) == (3, 7)
    write(folder / "both.csv", MAY)
    assert desk.collect().batches == [frozenset({"2026-06"}), frozenset({"2026-05"})]
    assert (desk.months["2026-05"].height, desk.months["2026-06"].height) == (3, 3)


def test_a_period_that_was_not_stored_is_offered_again(folder: Path) -> None:
    write(folder / "both.csv", [*MAY, *JUNE])
    desk = Desk(folder)
    desk.collect()
    write(folder / "both.csv", [*MAY[:2], *JUNE])
    before = desk.cursors["2026-05"]
    desk.collect()
    desk.cursors["2026-05"] = before  # as if a gate had refused it
    assert desk.collect().batches == [frozenset({"2026-05"})]


def test_a_new_period_comes_alone(folder: Path) -> None:
    write(folder / "may.csv", MAY)
    desk = Desk(folder)
    desk.collect()
    write(folder / "june.csv", JUNE)
    assert desk.collect().batches == [frozenset({"2026-06"})]


def test_an_emptied_folder_is_an_error_not_an_empty_bill(folder: Path) -> None:
    path = write(folder / "june.csv", JUNE)
    desk = Desk(folder)
    desk.collect()
    path.unlink()
    with pytest.raises(SourceError, match="is empty, but files of 2026-06 were in it"):
        desk.collect()
    (folder / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match="holds no FOCUS file any more"):
        desk.collect()


def test_a_lost_file_has_its_period_read_from_what_is_left(folder: Path) -> None:
    lost = write(folder / "june-1.csv", rows_of("2026-06", 2, resource="a"))
    write(folder / "june-2.csv", rows_of("2026-06", 3, resource="b"))
    desk = Desk(folder)
    desk.collect()
    lost.unlink()
    assert desk.collect().batches == [frozenset({"2026-06"})]
    assert desk.months["2026-06"].height == 3


def test_the_newest_month_gone_is_offered_empty_so_that_a_gate_refuses_it(folder: Path) -> None:
    write(folder / "may.csv", MAY)
    june = write(folder / "june.csv", JUNE)
    desk = Desk(folder)
    desk.collect()
    june.unlink()
    assert desk.collect().batches == [frozenset({"2026-06"})]
    assert desk.months["2026-06"].is_empty()


@pytest.mark.parametrize("other", [MAY, rows_of("2026-07", 2), None])
def test_a_file_that_lost_its_rows_is_offered_empty_so_that_a_gate_refuses_it(
    folder: Path, other: list[Row] | None
) -> None:
    write(folder / "june.csv", JUNE)
    desk = Desk(folder)
    if other is not None:
        write(folder / "other.csv", other)
    desk.collect()
    write(folder / "june.csv", [])
    found = desk.collect()
    assert (found.batches, found.notes) == ([frozenset({"2026-06"})], [])
    assert desk.months["2026-06"].is_empty()


def test_a_file_that_turns_to_the_next_month_is_no_file_that_lost_its_rows(folder: Path) -> None:
    write(folder / "current.csv", JUNE)
    desk = Desk(folder)
    desk.collect()
    write(folder / "current.csv", rows_of("2026-07", 2))
    assert desk.collect().batches == [frozenset({"2026-07"})]
    assert desk.months["2026-06"].height == len(JUNE)


def test_old_months_that_age_out_keep_what_is_stored(folder: Path) -> None:
    may = write(folder / "may.csv", MAY)
    write(folder / "june.csv", JUNE)
    desk = Desk(folder)
    desk.collect()
    may.unlink()
    found = desk.collect()
    assert (found.batches, found.is_fresh) == ([], True)
    assert found.notes == ["the files of 2026-05 are gone, as old files go; what was stored of it stays"]


@pytest.mark.parametrize("copy", ["june.csv.gz", "june-copy.csv", "june.parquet"])
def test_the_same_rows_in_another_file_are_counted_once(folder: Path, copy: str) -> None:
    write(folder / "june.csv", JUNE)
    write(folder / copy, JUNE if copy.endswith("-copy.csv") else JUNE[::-1])
    desk = Desk(folder)
    found = desk.collect()
    assert desk.months["2026-06"].height == 4
    assert sum("holds the same rows as" in note for note in found.notes) == 1
    assert desk.collect().batches == []


def test_a_copy_that_appears_later_adds_nothing(folder: Path) -> None:
    write(folder / "june.csv", JUNE)
    desk = Desk(folder)
    desk.collect()
    write(folder / "june.csv.gz", JUNE)
    desk.collect()
    assert desk.months["2026-06"].height == 4
    assert desk.collect().batches == []
    (folder / "june.csv").unlink()
    desk.collect()
    assert desk.months["2026-06"].height == 4


def test_alike_is_not_the_same(folder: Path) -> None:
    write(folder / "a.csv", rows_of("2026-06", 4, resource="a"))
    write(folder / "b.csv", rows_of("2026-06", 4, resource="b"))
    desk = Desk(folder)
    found = desk.collect()
    assert desk.months["2026-06"].height == 8
    assert not any("same rows" in note for note in found.notes)


def test_unreadable_rows_are_quarantined_with_file_line_and_reason(folder: Path) -> None:
    rows = rows_of("2026-06", 300)
    rows[10] |= {"BilledCost": "1,5"}
    rows[200] |= {"BillingCurrency": "NULL"}
    path = write(folder / "june.csv", rows)
    lines = path.read_text().splitlines(keepends=True)
    lines[150] = "short,row\n"
    path.write_text("".join(lines))
    desk = Desk(folder)
    found = desk.collect()
    assert desk.months["2026-06"].height == 297
    assert [(r.file, r.line, r.reason) for r in found.rejected] == [
        (str(path), 12, "BilledCost is no amount: '1,5'"),
        (str(path), 151, f"the row has 2 fields, the header has {len(rows[0])}"),
        (str(path), 202, "BillingCurrency is missing"),
    ]
    assert found.rejected[1].excerpt == "short,row"
    assert found.is_fresh


def test_rows_of_parquet_are_quarantined_by_their_number(folder: Path) -> None:
    rows = rows_of("2026-06", 300)
    rows[10] |= {"BilledCost": "x"}
    write(folder / "june.parquet", rows)
    (rejected,) = Desk(folder).collect().rejected
    assert (rejected.line, rejected.reason) == (11, "BilledCost is no amount: 'x'")


def test_a_file_over_the_quarantine_share_is_refused_whole(folder: Path) -> None:
    write(folder / "may.csv", MAY)
    rows = rows_of("2026-06", 200)
    for row in rows[:3]:
        row["BilledCost"] = "x"
    write(folder / "june.csv", rows)
    desk = Desk(folder)
    found = desk.collect()
    assert "2026-06" not in desk.months
    assert "3 unreadable of 200 rows, more than `max_quarantined` (1 %) allows" in found.refused["2026-06"]
    assert "BilledCost is no amount: 'x'" in found.refused["2026-06"]
    assert desk.months["2026-05"].height == 3
    assert Desk(folder, max_quarantined="2%").collect().billed() == Decimal("1.25") * 197


def test_a_share_of_zero_allows_none_and_all_allows_all(folder: Path) -> None:
    rows = rows_of("2026-06", 2000)
    rows[7] |= {"BilledCost": "x"}
    write(folder / "june.csv", rows)
    assert "2026-06" in Desk(folder, max_quarantined="0%").collect().refused
    assert len(Desk(folder, max_quarantined="100%").collect().rejected) == 1


def test_broken_rows_over_the_share_refuse_the_file_at_first_sight(folder: Path) -> None:
    content = csv_bytes(rows_of("2026-06", 50)) + b"short\n" * 5
    (folder).mkdir()
    (folder / "june.csv").write_bytes(content)
    found = Desk(folder).collect()
    assert (found.batches, found.is_fresh) == ([], False)
    assert "5 unreadable of 55 rows" in found.refused["2026-06"]


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("june.csv", lambda content: content[:-30]),
        ("june.csv", lambda content: content + b"\xff\xfe\n"),
        ("june.csv", lambda _: b""),
        ("june.csv", lambda content: content.decode().encode("utf-16")),
        ("june.csv", lambda content: content.replace(b"BilledCost", b"Billed")),
        ("june.csv", lambda _: b"a,b\n1,2\n"),
        ("june.csv", lambda _: os.urandom(5000)),
        ("june.csv.gz", lambda content: gzip.compress(content)[:-20]),
        ("june.parquet", lambda content: content[: len(content) // 2]),
    ],
    ids=["cut", "bytes", "empty", "utf-16", "column", "stranger", "junk", "gzip", "parquet"],
)
def test_a_damaged_file_keeps_what_its_period_had_and_others_go_on(
    folder: Path, name: str, spoil: object
) -> None:
    path = write(folder / name, JUNE)
    write(folder / "other-june.csv", rows_of("2026-06", 2, resource="b"))
    write(folder / "may.csv", MAY)
    desk = Desk(folder)
    desk.collect()
    content = path.read_bytes() if name.endswith(".parquet") else csv_bytes(JUNE)
    path.write_bytes(spoil(content))  # type: ignore[operator]  # a lambda of the table above
    write(folder / "other-june.csv", rows_of("2026-06", 9, resource="b"))
    write(folder / "may.csv", rows_of("2026-05", 5))
    found = desk.collect()
    assert found.batches == [frozenset({"2026-05"})]
    assert str(path) in found.refused["2026-06"]
    assert found.coverage.freshness is Freshness.STALE
    assert str(path) in found.coverage.reason
    assert (desk.months["2026-05"].height, desk.months["2026-06"].height) == (5, 6)
    write(path, JUNE)
    assert desk.collect().is_fresh
    assert desk.months["2026-06"].height == 13


def test_a_damaged_file_never_seen_before_names_its_period_by_its_path_or_rows(folder: Path) -> None:
    write(folder / "may.csv", MAY)
    write(folder / "billing_period=2026-06" / "a.parquet", JUNE)
    os.truncate(folder / "billing_period=2026-06" / "a.parquet", 100)
    (folder / "april.csv").write_bytes(csv_bytes(rows_of("2026-04", 2))[:-20])
    (folder / "junk.csv").write_bytes(b"\x00\x01" * 500)
    found = Desk(folder).collect()
    assert found.batches == [frozenset({"2026-05"})]
    assert found.refused.keys() == {"2026-06", "2026-04"}
    assert "junk.csv" in found.coverage.reason


def test_a_source_of_nothing_but_damage_is_an_error(folder: Path) -> None:
    folder.mkdir()
    (folder / "junk.csv").write_bytes(b"\x00" * 500)
    with pytest.raises(SourceError, match=r"junk\.csv is"):
        Desk(folder).collect()


def test_a_last_row_that_is_cut_and_unreadable_damages_the_file(folder: Path) -> None:
    columns = ["ResourceId", *(name for name in JUNE[0] if name != "ResourceId")]
    columns = [*(name for name in columns if name not in {"BilledCost", "Tags"}), "BilledCost", "Tags"]
    rows = [*rows_of("2026-06", 300), a_row(BilledCost="1,", Tags="")]
    folder.mkdir()
    (folder / "june.csv").write_bytes(csv_bytes(rows, columns).rstrip(b"\n"))
    found = Desk(folder).collect()
    assert "june.csv ends in the middle of a row" in found.refused["2026-06"]
    (folder / "june.csv").write_bytes(csv_bytes(rows, columns))
    assert len(Desk(folder).collect().rejected) == 1


def test_costs_beyond_any_bill_refuse_the_file(folder: Path) -> None:
    huge = "99999999999999999999999999"
    write(folder / "june.csv", [a_row(BilledCost=huge), a_row(BilledCost=huge)])
    write(folder / "may.csv", [a_row("2026-05", ListCost=huge), a_row("2026-05", ListCost=huge)])
    found = Desk(folder).collect()
    assert "june.csv holds costs that add up to more" in found.coverage.reason
    assert "may.csv holds costs that add up to more" in found.refused["2026-05"]


def test_each_thing_worth_telling_is_told_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.focus.csv_table._BLOCK_BYTES", 2048)
    monkeypatch.setattr("collectors.focus.csv_table._PIECE_ROWS", 10)
    monkeypatch.setattr(CsvTable.pieces, "__defaults__", (None, 10))
    write(folder / "june.csv", [row | {"Tags": "team=web"} for row in rows_of("2026-06", 60)])
    found = Desk(folder).collect()
    assert sum("no JSON object" in note for note in found.notes) == 1
    assert found.billed() == 75


def test_other_focus_datasets_beside_the_charges_are_left_out(folder: Path) -> None:
    write(folder / "june.csv", JUNE)
    (folder / "contract.csv").write_text("ContractCommitmentId,BillingCurrency\na,USD\n")
    found = Desk(folder).collect()
    assert found.is_fresh
    assert any("dataset Contract Commitment, not Cost and Usage; left out" in note for note in found.notes)


def test_an_empty_month_is_offered_as_empty(folder: Path) -> None:
    write(folder / "billing_period=2026-06" / "a.csv", [])
    desk = Desk(folder)
    found = desk.collect()
    assert (found.batches, found.parsed) == ([frozenset({"2026-06"})], {})
    assert desk.collect().batches == []
    write(folder / "may.csv", [])
    assert desk.collect().batches == []


def test_currencies_are_never_added(folder: Path) -> None:
    write(folder / "june.csv", [a_row(BilledCost="1"), a_row(BilledCost="2", BillingCurrency="EUR")])
    found = Desk(folder).collect()
    assert (found.billed(currency="USD"), found.billed(currency="EUR")) == (1, 2)


def test_hostile_names_are_harmless_in_every_message(folder: Path) -> None:
    name = "evil\x1b[31m\nname.csv"
    write(folder / name, [a_row(BilledCost="x"), *rows_of("2026-06", 200)])
    write(folder / "bad\x1b]0;title\x07.csv", JUNE).write_bytes(b"")
    desk = Desk(folder)
    found = desk.collect()
    shown = [*found.files, *found.notes, *(r.file for r in found.rejected), found.coverage.reason]
    assert not any(c in text for text in [*shown, json.dumps(desk.cursors)] for c in "\x1b\n\x07")
    assert "evil\\x1b[31m\\nname.csv" in found.files[0]
    assert desk.collect().batches == []


def test_a_name_that_is_no_unicode_is_no_obstacle(folder: Path) -> None:
    folder.mkdir()
    raw = os.fsencode(folder) + b"/gr\xf6\xdfe.csv"
    Path(os.fsdecode(raw)).write_bytes(csv_bytes(JUNE))
    desk = Desk(folder)
    desk.collect()
    json.dumps(desk.cursors).encode()
    assert desk.collect().batches == []


def test_cursors_of_another_format_start_anew(folder: Path) -> None:
    write(folder / "june.csv", JUNE)
    desk = Desk(folder)
    desk.collect()
    desk.cursors["2026-06"]["format"] = 0
    assert desk.collect().batches == [frozenset({"2026-06"})]


def test_manifest_hash_is_that_of_the_files(folder: Path) -> None:
    write(folder / "june.csv", JUNE)
    one = next(iter(Desk(folder).collector.fetch({}, progress=_Quiet()).batches))
    two = next(iter(Desk(folder).collector.fetch({}, progress=_Quiet()).batches))
    write(folder / "june.csv", JUNE[:3])
    three = next(iter(Desk(folder).collector.fetch({}, progress=_Quiet()).batches))
    assert one.manifest_hash == two.manifest_hash != three.manifest_hash


class _Quiet:
    def start(self, task: str, total: int | None, unit: str) -> None:
        """Begin."""

    def advance(self, amount: int) -> None:
        """Count."""

    def finish(self) -> None:
        """End."""


def test_looking_is_counted_in_bytes(folder: Path) -> None:
    path = write(folder / "june.csv", JUNE)
    told: list[object] = []

    class Watching(_Quiet):
        def start(self, task: str, total: int | None, unit: str) -> None:
            told.append((task, total, unit))

        def advance(self, amount: int) -> None:
            told.append(amount)

    Desk(folder).collector.fetch({}, progress=Watching())
    size = path.stat().st_size
    assert told == [("files: looking through files", size, "bytes"), size]


def test_the_probe_says_what_is_there_and_what_is_wrong(folder: Path) -> None:
    desk = Desk(folder)
    (probe,) = desk.collector.probe()
    assert (probe.health, probe.fix) == (Health.FAIL, "create it, mount it, or correct `path` of this source")
    folder.mkdir()
    assert desk.collector.probe()[-1].health is Health.WARN
    write(folder / "june.csv", JUNE)
    found = desk.collector.probe()
    assert [probe.health for probe in found] == [Health.OK] * 4
    assert "1 export file in the layout `plain`" in found[-2].subject
    assert found[-1].subject.endswith("june.csv: CSV of FOCUS 1.0")
    (folder / "later.csv").write_text("name,size\na,1\n", encoding="utf-8")
    assert desk.collector.probe()[-1].health is Health.WARN
    (folder / "june.csv").unlink()
    last = desk.collector.probe()[-1]
    assert last.health is Health.FAIL
    assert "is no FOCUS Cost and Usage file" in last.breaks
    assert "Cost and Usage" in last.fix


def test_every_setting_is_documented_with_its_default(folder: Path) -> None:
    for name, field in Desk(folder).collector.Settings.model_fields.items():
        assert field.description, name
        assert field.is_required() or "efault" in field.description or name == "type", name


@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=12), st.integers(0, 12), st.integers(0, 12)
)
def test_totals_survive_any_split_into_files_and_forms(
    tmp_path_factory: pytest.TempPathFactory, cents: list[int], one: int, two: int
) -> None:
    folder = tmp_path_factory.mktemp("split")
    rows = [
        a_row("2026-06" if i % 3 else "2026-05", BilledCost=f"{cent / 100:.2f}", ResourceId=str(i))
        for i, cent in enumerate(cents)
    ]
    first, second = sorted((one, two))
    for name, part in (
        ("a.csv", rows[:first]),
        ("b.csv.gz", rows[first:second]),
        ("c.parquet", rows[second:]),
    ):
        if part:
            write(folder / name, part)
    found = Desk(folder).collect()
    total = found.billed("2026-05") + found.billed("2026-06")
    assert total == Decimal(sum(cents)) / 100
