"""Ids depend on what a row says, on nothing else, and two different rows never share one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from builders import a_batch, a_charge, a_chunk, charges
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from domain.charge import Star
from domain.delivery import Verdict
from domain.errors import StorageError
from ledger import intern
from ledger.charges import ChargeLedger
from ledger.fingerprint import Fingerprints
from ledger.intern import Interner
from ledger.tables import CONTENT

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)
HOSTILE = [
    "plain",
    "=1+1",
    "\x1b[2J",
    "a\x1fb",
    "línea\nnueva",
    "\x00",
    "🏷️" * 3,
    "'; DROP TABLE",
    " ",
    "Ωmega",
]


def an_interner(star: Star = Star.RESOURCE, source: str = "aws") -> Interner:
    key = intern.ID_OF[star]
    return Interner(star, source, pl.DataFrame(schema={key: pl.Int64, CONTENT: pl.Int64}))


def ids(interner: Interner, frame: pl.DataFrame) -> list[int]:
    return interner.intern(frame).to_list()


def test_ids_are_the_same_on_every_machine_and_in_every_version() -> None:
    frame = charges(a_charge(ResourceId="i-1", Tags={"team": "web"}), a_charge(ResourceId="ü", Tags=None))
    assert ids(an_interner(), frame) == [1265463275015739567, -2353244333642458585]
    priced = charges(a_charge(ListUnitPrice="0.1"), a_charge(SkuId=None))
    assert ids(an_interner(Star.PRICE), priced) == [6622637183194674839, -491720480466570298]


def test_the_source_is_part_of_the_id() -> None:
    frame = charges(a_charge())
    assert ids(an_interner(source="aws"), frame) != ids(an_interner(source="azure"), frame)


def test_neighbouring_columns_cannot_trade_their_text() -> None:
    rows = [
        a_charge(RegionId="a", RegionName="b"),
        a_charge(RegionId="a\x1fRegionName\x1f1\x1fb", RegionName=None),
        a_charge(RegionId=None, RegionName="b"),
        a_charge(RegionId="b", RegionName=None),
    ]
    assert len(set(ids(an_interner(), charges(*rows)))) == 4


def test_tags_in_another_order_are_the_same_resource() -> None:
    rows = [a_charge(Tags='{"a":"1","b":"2"}'), a_charge(Tags='{ "b": "2", "a": "1" }')]
    first, second = ids(an_interner(), charges(*rows))
    assert first == second


def test_only_rows_not_stored_before_are_added(tmp_path: Path) -> None:
    ledger = ChargeLedger(str(tmp_path))
    ledger.replace(a_batch(a_charge(ResourceId="i-1")), seen_at=NOW)
    rows = [a_charge(start="2026-07-01", ResourceId=name) for name in ("i-1", "i-2")]
    ledger.replace(a_batch(*rows), seen_at=NOW)
    files = [pl.read_parquet(file).height for file in sorted((tmp_path / "resources").rglob("*/*.parquet"))]
    assert files == [1, 1]
    assert ledger.resources().collect()["ResourceId"].sort().to_list() == ["i-1", "i-2"]


def test_two_rows_under_one_hash_stop_the_replacement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Colliding:
        def __init__(self, text: bytes, digest_size: int) -> None:
            self._text, self._size = text, digest_size

        def digest(self) -> bytes:
            return bytes(8) + self._text[-8:].rjust(self._size - 8, b"\0")

    monkeypatch.setattr(intern, "blake2b", Colliding)
    ledger = ChargeLedger(str(tmp_path))
    rows = [a_charge(Tags={"team": name}) for name in ("one", "two")]
    (result,) = ledger.replace(a_batch(*rows), seen_at=NOW)
    assert result.verdict is Verdict.REFUSED
    assert "two different resources have one hash" in result.reason
    assert ledger.deliveries() == []


def test_two_rows_under_half_a_fingerprint_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Fingerprints.of

    def colliding(self: Fingerprints, rows: pl.DataFrame) -> pl.DataFrame:
        return original(self, rows).with_columns(pl.lit(7, dtype=pl.UInt64).alias("one"))

    monkeypatch.setattr(Fingerprints, "of", colliding)
    with pytest.raises(StorageError, match="one hash"):
        ids(an_interner(), charges(a_charge(ResourceId="i-1"), a_charge(ResourceId="i-2")))


@given(
    values=st.lists(
        st.tuples(st.sampled_from([None, "", "a", "b"]), st.sampled_from([None, "a", "b"])),
        min_size=1,
        max_size=9,
    ),
    cut=st.integers(0, 9),
)
def test_a_fingerprint_depends_on_the_row_alone_and_tells_rows_apart(
    values: list[tuple[str | None, str | None]], cut: int
) -> None:
    schema = {"x": pl.String, "y": pl.String, "z": pl.String}
    frame = pl.DataFrame([(*pair, "same") for pair in values], schema=schema, orient="row")
    fingerprints = Fingerprints(frame.columns)
    whole = fingerprints.of(frame)
    parts = [part for part in (frame.head(cut), frame.slice(cut)) if part.height]
    assert pl.concat([fingerprints.of(part) for part in parts]).equals(whole)
    assert whole["one"].n_unique() == whole["two"].n_unique() == len(set(values))
    assert fingerprints.of(frame.clear()).height == 0


def test_hostile_text_comes_back_as_it_was(tmp_path: Path) -> None:
    ledger = ChargeLedger(str(tmp_path))
    rows = [a_charge(ResourceId=text, ResourceName=text, Tags={text: text}, SkuId=text) for text in HOSTILE]
    ledger.replace(a_batch(*rows), seen_at=NOW)
    found = ledger.resources().collect()
    assert sorted(found["ResourceId"]) == sorted(HOSTILE)
    assert sorted(str(tags) for tags in found["Tags"]) == sorted(str({text: text}) for text in HOSTILE)
    assert sorted(ledger.prices().collect()["SkuId"]) == sorted(HOSTILE)


@st.composite
def some_rows(draw: st.DrawFn) -> list[dict[str, object]]:
    amounts = st.decimals(-1000, 1000, places=12, allow_nan=False)
    return [
        a_charge(
            start=datetime(2026, 6, draw(st.integers(1, 30)), draw(st.integers(0, 23)), tzinfo=UTC),
            ResourceId=draw(st.sampled_from(HOSTILE[:4])),
            BillingCurrency=draw(st.sampled_from(["USD", "EUR"])),
            BilledCost=draw(amounts),
            EffectiveCost=draw(st.one_of(st.none(), amounts)),
            ListUnitPrice=draw(st.sampled_from([None, "0.1", "0.10"])),
            Tags=draw(st.sampled_from([None, '{"a":"1","b":"2"}', '{"b":"2","a":"1"}', '{"a":1}'])),
        )
        for _ in range(draw(st.integers(1, 12)))
    ]


@settings(max_examples=settings().max_examples // 5)
@given(
    rows=some_rows(), cuts=st.lists(st.integers(0, 12), max_size=4), seed=st.randoms(use_true_random=False)
)
def test_any_split_of_the_same_rows_gives_the_same_facts_sums_and_dimension(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]], cuts: list[int], seed: object
) -> None:
    shuffled = list(rows)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    edges = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    parts = [shuffled[start:end] for start, end in pairwise(edges)]
    whole = ChargeLedger(str(tmp_path_factory.mktemp("whole")))
    split = ChargeLedger(str(tmp_path_factory.mktemp("split")))
    whole.replace(a_batch(*rows), seen_at=NOW)
    split.replace(a_batch(*rows, chunks=[a_chunk(*part) for part in parts]), seen_at=NOW)
    assert whole.deliveries()[0].sums == split.deliveries()[0].sums
    for name in ("charges", "resources", "prices", "cube"):
        one, two = (
            getattr(ledger, name)().drop("delivery_id", strict=False).collect() for ledger in (whole, split)
        )
        keys = [column for column in one.columns if one.schema[column] != pl.Map(pl.String, pl.String)]
        assert_frame_equal(one.sort(keys), two.sort(keys))
    assert whole.charges().select(pl.col("BilledCost").sum()).collect().item() == sum(
        Decimal(str(row["BilledCost"])) for row in rows
    )
