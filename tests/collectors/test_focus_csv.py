from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from exports import a_row, csv_bytes, rows_of

from collectors.focus import csv_table
from collectors.focus.damage import DamagedError
from collectors.focus.opening import opened
from collectors.focus.pieces import Piece, Table
from collectors.focus.text_stream import Limits

ROWS = rows_of("2026-06", 5)


def pieces_of(path: Path, content: bytes, rows: int = 1000) -> list[Piece]:
    path.write_bytes(content)
    with path.open("rb") as handle:
        return list(opened(handle, len(content)).pieces(rows=rows))


def ids(pieces: list[Piece]) -> list[str]:
    return [value for piece in pieces for value in piece.frame["ResourceId"].to_list()]


def problem(path: Path, content: bytes) -> str:
    with pytest.raises(DamagedError) as caught:
        pieces_of(path, content)
    return f"{caught.value}; {caught.value.hint}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("packed", [False, True])
def test_reads_every_dialect(path: Path, delimiter: str, newline: str, mark: bytes, *, packed: bool) -> None:
    content = mark + csv_bytes(ROWS, delimiter=delimiter, lineterminator=newline)
    found = pieces_of(path, gzip.compress(content) if packed else content)
    assert ids(found) == ["i-0", "i-1", "i-2", "i-3", "i-4"]
    assert found[0].broken == ()


def test_reads_a_file_packed_in_several_gzip_members(path: Path) -> None:
    content = csv_bytes(ROWS)
    assert len(ids(pieces_of(path, gzip.compress(content[:100]) + gzip.compress(content[100:])))) == 5


def test_gives_pieces_of_a_bounded_size(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "_BLOCK_BYTES", 2048)
    found = pieces_of(path, csv_bytes(rows_of("2026-06", 100)), rows=20)
    assert len(found) > 2
    assert max(piece.frame.height for piece in found) <= 30
    assert ids(found) == [f"i-{i}" for i in range(100)]
    assert [piece.before for piece in found][:2] == [0, found[0].frame.height]


def test_only_the_columns_asked_for_are_read(path: Path) -> None:
    path.write_bytes(csv_bytes(ROWS))
    with path.open("rb") as handle:
        (piece,) = opened(handle, path.stat().st_size).pieces(["BilledCost"])
    assert piece.frame.columns == ["BilledCost"]


def test_a_header_without_rows_is_an_empty_file_not_a_damaged_one(path: Path) -> None:
    for content in (csv_bytes([]), csv_bytes([]).rstrip(b"\n"), csv_bytes([]) + b"\n\r\n\n"):
        assert pieces_of(path, content) == []


def test_quoted_line_ends_quotes_and_blank_lines_are_no_rows(path: Path) -> None:
    rows = [a_row(ResourceId='a\n"b"\nc'), a_row(ResourceId="d,e"), a_row(ResourceId="ü")]
    content = csv_bytes(rows).replace(b"\n2026", b"\n2026") + b"\n\n"
    assert ids(pieces_of(path, content)) == ['a\n"b"\nc', "d,e", "ü"]


def test_a_short_or_long_row_is_broken_and_never_padded(path: Path) -> None:
    lines = csv_bytes(ROWS).decode().splitlines(keepends=True)
    lines[2] = ",".join(lines[2].rstrip("\n").split(",")[:5]) + "\n"
    lines[4] = lines[4].rstrip("\n") + ",more\n"
    (found,) = pieces_of(path, "".join(lines).encode())
    assert ids([found]) == ["i-0", "i-2", "i-4"]
    width = len(ROWS[0])
    assert [(b.ordinal, b.reason) for b in found.broken] == [
        (2, f"the row has 5 fields, the header has {width}"),
        (4, f"the row has {width + 1} fields, the header has {width}"),
    ]
    assert [found.ordinal(row) for row in range(3)] == [1, 3, 5]


def test_lines_are_those_of_the_file_whatever_stands_between(path: Path) -> None:
    rows = [a_row(ResourceId="a\nb\nc"), a_row(), a_row(ResourceId="x\n\ny"), a_row()]
    content = csv_bytes(rows).decode()
    head, _, body = content.partition("\n")
    path.write_text(f"{head}\n\n{body}", encoding="utf-8")
    with path.open("rb") as handle:
        table: Table = opened(handle, path.stat().st_size)
        lines = table.lines()
        assert [lines.line(ordinal) for ordinal in (1, 2, 2, 3, 4, 99)] == [3, 6, 6, 7, 10, 10]


def test_lines_and_pieces_may_be_read_at_the_same_time(path: Path) -> None:
    content = gzip.compress(csv_bytes(rows_of("2026-06", 200)))
    path.write_bytes(content)
    with path.open("rb") as handle:
        table = opened(handle, len(content))
        pieces, lines = table.pieces(rows=50), table.lines()
        assert lines.line(150) == 151
        assert sum(piece.frame.height for piece in pieces) == 200


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_anywhere_is_never_taken_for_a_whole_one(path: Path, *, packed: bool) -> None:
    columns = [*(name for name in ROWS[0] if name != "BilledCost"), "BilledCost"]
    whole = csv_bytes(ROWS, columns)
    content = gzip.compress(whole) if packed else whole
    for end in range(len(content)):
        path.write_bytes(content[:end])
        try:
            with path.open("rb") as handle:
                table = opened(handle, end)
                costs = [cost for piece in table.pieces() for cost in piece.frame["BilledCost"]]
        except DamagedError:
            continue
        # What was accepted ends at the end of a line, or inside the header.
        assert not packed
        assert whole[:end].endswith(b"\n") or whole[end : end + 1] == b"\n" or end < whole.index(b"\n")
        assert set(costs) <= {"1.25"}


def test_a_file_cut_in_the_middle_of_a_row_is_refused(path: Path) -> None:
    assert "middle of a row" in problem(path, csv_bytes(ROWS)[:-40])


def test_a_file_cut_inside_quotes_is_refused(path: Path) -> None:
    content = csv_bytes(ROWS)
    assert content.endswith(b'"{""team"": ""web""}"\n')
    assert "in the middle of a quoted value" in problem(path, content[:-8])


def test_a_quote_that_is_never_closed_is_refused(path: Path) -> None:
    few = csv_bytes([a_row(ResourceId='"', Tags="") for _ in range(3)]).replace(b'""""', b'"', 1)
    assert "in the middle of a quoted value" in problem(path, few.replace(b'""""', b""))
    many = few.replace(b'""""', b"") + csv_bytes([a_row(Tags="")] * 20_000)
    assert "more than 1 MiB, or a quote that is never closed" in problem(path, many)


def test_a_file_without_any_column_of_focus_has_no_pieces(path: Path) -> None:
    assert pieces_of(path, b"a,b\n1,2\n") == []


def test_stray_quotes_inside_values_are_no_damage(path: Path) -> None:
    content = csv_bytes([a_row(ResourceId="disk 5in")]).replace(b"5in", b'5"')
    assert ids(pieces_of(path, content)) == ['disk 5"']


def test_a_last_row_without_line_end_is_taken_if_its_end_tells_nothing(path: Path) -> None:
    content = csv_bytes(ROWS, ["BilledCost", *(name for name in ROWS[0] if name != "BilledCost")])
    (found,) = pieces_of(path, content.rstrip(b"\n"))
    assert found.unfinished
    assert found.frame.height == 5


@pytest.mark.parametrize("column", ["BilledCost", "ChargePeriodEnd"])
def test_a_last_amount_or_time_without_line_end_may_be_cut(path: Path, column: str) -> None:
    content = csv_bytes(ROWS, [*(name for name in ROWS[0] if name != column), column])
    assert f"its last {column} may be cut off" in problem(path, content.rstrip(b"\n"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 bytes"),
        (b"\n\n\n", "not even a header"),
        (csv_bytes(ROWS).decode().encode("utf-16"), "UTF-16, not UTF-8"),
        (csv_bytes(ROWS).decode().encode("utf-16-le"), "UTF-16, not UTF-8"),
        (csv_bytes(ROWS).decode().encode("utf-32"), "UTF-32, not UTF-8"),
        (gzip.compress(csv_bytes(ROWS).decode().encode("utf-16")), "UTF-16, not UTF-8"),
        (csv_bytes(ROWS) + b"\x00\x01\x02", "a zero byte at offset"),
        (b"PK\x03\x04" + b"x" * 100, "ZIP archive"),
        (b"\x28\xb5\x2f\xfd" + b"x" * 100, "zstd"),
        (b"BZh91AY" + b"x" * 100, "bzip2"),
        (b"\xfd7zXZ\x00" + b"x" * 100, "xz"),
        (b"\x1f\x8b" + b"junk" * 100, "gzip stream"),
        (gzip.compress(csv_bytes(ROWS))[:-12], "middle of its gzip stream"),
        (gzip.compress(csv_bytes(ROWS))[:-8] + b"\x00" * 8, "damaged inside its gzip stream"),
        (gzip.compress(csv_bytes(ROWS)) + b"trailing", "damaged inside its gzip stream"),
    ],
)
def test_what_is_no_text_is_refused_with_its_reason(path: Path, content: bytes, words: str) -> None:
    assert words in problem(path, content)


def test_the_wrong_byte_is_named_by_its_offset_with_the_way_out(path: Path) -> None:
    good = csv_bytes(rows_of("2026-06", 5000))
    bad = good + csv_bytes([a_row(ResourceId="Größe")]).decode().partition("\n")[2].encode("latin-1")
    offset = bad.index(b"\xf6")
    told = problem(path, bad)
    assert f"wrong byte at offset {offset:,}" in told
    assert "iconv -f WINDOWS-1252 -t UTF-8" in told


def test_a_character_cut_at_the_end_is_a_wrong_byte(path: Path) -> None:
    content = csv_bytes([a_row(Tags="ü")]).rstrip(b"\n")
    assert "wrong byte" in problem(path, content[:-1])


def test_a_gzip_bomb_is_refused_before_it_unpacks(path: Path) -> None:
    limits = Limits(free_bytes=100_000, ratio=50)
    content = gzip.compress(csv_bytes([]) + b"," * 10_000_000)
    path.write_bytes(content)
    with path.open("rb") as handle, pytest.raises(DamagedError, match="gzip bomb"):
        list(opened(handle, len(content), limits=limits).pieces())


def test_an_honest_file_may_unpack_to_much(path: Path) -> None:
    content = gzip.compress(csv_bytes(rows_of("2026-06", 500)))
    path.write_bytes(content)
    with path.open("rb") as handle:
        table = opened(handle, len(content), limits=Limits(free_bytes=1000, ratio=200))
        assert sum(piece.frame.height for piece in table.pieces()) == 500
        assert table.unpacked == len(csv_bytes(rows_of("2026-06", 500)))


def test_a_row_of_more_than_a_block_is_refused(path: Path) -> None:
    told = problem(path, csv_bytes([a_row(Tags="x" * 5_000_000)]))
    assert "more than 1 MiB" in told


def test_a_reader_that_fails_is_told_with_its_reason(path: Path) -> None:
    path.write_bytes(csv_bytes(ROWS))

    class Failing(io.BufferedReader):
        def fileno(self) -> int:
            raise OSError(5, "Input/output error")

    with (
        path.open("rb") as handle,
        Failing(handle.raw) as failing,
        pytest.raises(OSError, match="Input/output"),
    ):
        opened(failing, 10)
