"""Split charges add up to the bill, stale parts never count, and nothing is counted twice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from builders import a_batch, a_charge, charges
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.allocation import PART_SCHEMA
from domain.charge import COLUMN_OF, COSTS, FACT_SCHEMA, RESOURCE_COLUMNS, Kind
from domain.delivery import Verdict
from domain.errors import ConflictError, GateError
from ledger.charges import ChargeLedger
from ledger.splitting import Splitting

JUNE, SEEN = "2026-06", datetime(2026, 6, 11, tzinfo=UTC)
KEY = ["dim_id", "ChargePeriodStart", "price_id"]
COST_COLUMNS = [name for name, column in COLUMN_OF.items() if column.kind is Kind.COST]


@pytest.fixture
def ledger(tmp_path: Path) -> ChargeLedger:
    found = ChargeLedger(str(tmp_path / "ledger"), promote=("k8s-namespace",))
    deliver(found)
    return found


def deliver(
    ledger: ChargeLedger, *rows: dict[str, object], manifest: str = "1", source: str = "aws", **fields: Any
) -> str:
    """Store a bill, by default of two nodes and a bucket, and give the id of its delivery."""
    bill = rows or (
        a_charge(ResourceId="i-1", BilledCost="1.000000000001"),
        a_charge(ResourceId="i-2", EffectiveCost=None),
        a_charge(ResourceId="bucket", BilledCost="5"),
    )
    batch = a_batch(*bill, manifest_hash=manifest, source=source, **fields)
    (result,) = ledger.replace(batch, seen_at=SEEN, force=True)
    assert result.verdict is Verdict.REPLACED
    assert result.delivery is not None
    return result.delivery.id


def facts_of(ledger: ChargeLedger, resource_like: str, source: str = "aws") -> pl.DataFrame:
    star = ledger.resources().select("dim_id", *RESOURCE_COLUMNS)
    mine = ledger.charges(sources=[source]).join(star, on="dim_id")
    return mine.filter(pl.col("ResourceId").str.starts_with(resource_like)).collect()


def cut(amount: Decimal | None, count: int) -> list[Decimal | None]:
    """Cut an amount into parts that add up to it."""
    if amount is None:
        return [None] * count
    share = (amount / count).quantize(Decimal("1e-12"))
    return [share] * (count - 1) + [amount - share * (count - 1)]


def parts_of(facts: pl.DataFrame, count: int = 3) -> pl.DataFrame:
    """Split every fact among so many pods."""
    rows: list[dict[str, object]] = []
    for fact in facts.to_dicts():
        costs = {name: cut(fact[name], count) for name in COST_COLUMNS}
        parent = {"parent_dim_id": fact["dim_id"], "parent_start": fact["ChargePeriodStart"]}
        rows.extend(
            fact
            | parent
            | {name: amounts[pod] for name, amounts in costs.items()}
            | {"AllocatedResourceId": f"uid-{pod}", "x_AllocationKind": "workload"}
            | {"Tags": f'{{"k8s-namespace": "ns-{pod}"}}'}
            for pod in range(count)
        )
    return pl.DataFrame([{name: row[name] for name in PART_SCHEMA} for row in rows], schema=PART_SCHEMA)


def splitting(facts: pl.DataFrame, delivery: str, **fields: Any) -> Splitting:
    given = {"source": "aws", "billing_period": JUNE, "delivery_id": delivery, "usage": "u1"}
    return Splitting(**(given | fields), parents=facts.select(KEY))


def split(
    ledger: ChargeLedger, delivery: str, *, count: int = 3, resource: str = "i-", **fields: Any
) -> None:
    facts = facts_of(ledger, resource, fields.get("source", "aws"))
    ledger.replace_split(splitting(facts, delivery, **fields), [parts_of(facts, count)], seen_at=SEEN)


def newest(ledger: ChargeLedger) -> str:
    return ledger.deliveries()[-1].id


def sums(rows: pl.LazyFrame, ledger: ChargeLedger) -> dict[tuple[str, ...], tuple[Decimal, ...]]:
    currencies = ledger.resources().select("dim_id", "BillingCurrency")
    found = (
        rows.join(currencies, on="dim_id", how="left")
        .group_by("source", "billing_period", "BillingCurrency")
        .agg(pl.col(name).sum() for name in COSTS.values())
        .collect()
    )
    return {row[:3]: row[3:] for row in found.iter_rows()}


def test_without_clusters_what_is_attributed_is_the_charges(ledger: ChargeLedger) -> None:
    plan = ledger.charges(periods=[JUNE]).explain()
    assert ledger.attributable(periods=[JUNE]).explain() == plan
    assert not Path(ledger.root, "split_charges").exists()


def test_parts_stand_in_place_of_what_was_split(ledger: ChargeLedger) -> None:
    before = sums(ledger.charges(), ledger)
    split(ledger, newest(ledger))
    found = ledger.attributable().collect()
    assert found.schema == FACT_SCHEMA
    assert found.height == 2 * 3 + 1
    assert sums(ledger.attributable(), ledger) == before == sums(ledger.charges(), ledger)
    named = found.lazy().join(ledger.resources(), on="dim_id").collect()
    of_pods = named.filter(pl.col("x_AllocationKind") == "workload")
    assert sorted(of_pods["x_tag_k8s-namespace"].unique()) == ["ns-0", "ns-1", "ns-2"]
    assert sorted(of_pods["ResourceId"].unique()) == ["i-1", "i-2"]
    assert set(found["price_id"]) <= set(ledger.prices().collect()["price_id"])


def test_it_can_be_narrowed_to_sources_and_periods(ledger: ChargeLedger) -> None:
    split(ledger, newest(ledger))
    deliver(ledger, a_charge(start="2026-07-01"), manifest="july")
    deliver(ledger, source="azure")
    assert ledger.attributable(sources=["azure"]).collect().height == 3
    assert ledger.attributable(sources=["aws"]).collect().height == 7 + 1
    assert ledger.attributable(sources=["aws"], periods=["2026-07"]).collect().height == 1


def test_a_new_delivery_makes_the_parts_stale_until_it_is_split(ledger: ChargeLedger) -> None:
    first = newest(ledger)
    split(ledger, first)
    second = deliver(ledger, a_charge(ResourceId="i-1", BilledCost="7"), manifest="2")
    assert ledger.attributable().collect().height == 1
    assert sums(ledger.attributable(), ledger) == sums(ledger.charges(), ledger)
    assert ledger.split_of("aws", JUNE) == first, "it is to be split again"
    split(ledger, second, usage="u2")
    assert ledger.attributable().collect().height == 3
    found = ledger.splits()["aws", JUNE]
    assert (found.delivery_id, found.usage, found.parents, found.parts) == (second, "u2", 1, 3)
    assert ChargeLedger(ledger.root).splits() == ledger.splits()
    assert ledger.split_of("aws", "2026-07") is None


def test_a_second_split_replaces_the_first_whole(ledger: ChargeLedger) -> None:
    split(ledger, newest(ledger))
    split(ledger, newest(ledger), resource="i-1", count=2)
    assert ledger.attributable().collect().height == 2 + 2
    assert sums(ledger.attributable(), ledger) == sums(ledger.charges(), ledger)
    split(ledger, newest(ledger), resource="nothing")
    assert ledger.attributable().collect().height == 3
    assert ledger.splits()["aws", JUNE].parts == 0


def test_parts_may_come_in_pieces(ledger: ChargeLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.splitting.FLUSH_ROWS", 2)
    facts = facts_of(ledger, "i-")
    parts = parts_of(facts)
    pieces = (parts[at : at + 1] for at in range(parts.height))
    stored = ledger.replace_split(splitting(facts, newest(ledger)), pieces, seen_at=SEEN)
    assert (stored.parents, stored.parts) == (2, 6)
    assert sums(ledger.attributable(), ledger) == sums(ledger.charges(), ledger)


def test_all_rows_with_one_key_are_split_together(ledger: ChargeLedger) -> None:
    twin = a_charge(ResourceId="i-1", BilledCost="1", InvoiceId="a")
    delivery = deliver(ledger, twin, twin | {"InvoiceId": "b"}, manifest="2")
    facts = facts_of(ledger, "i-1")
    assert facts.height == 2
    ledger.replace_split(splitting(facts, delivery), [parts_of(facts, 2)], seen_at=SEEN)
    assert ledger.attributable().collect().height == 4
    assert sums(ledger.attributable(), ledger) == sums(ledger.charges(), ledger)


def files(ledger: ChargeLedger) -> list[Path]:
    return list(Path(ledger.root, "split_charges").rglob("*.parquet"))


def spoilt(parts: pl.DataFrame, **changes: object) -> pl.DataFrame:
    """Give the parts with other values in the first row."""
    first = pl.int_range(pl.len()) == 0
    return parts.with_columns(
        pl.when(first).then(pl.lit(value, dtype=parts.schema[name])).otherwise(name).alias(name)
        for name, value in changes.items()
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"BilledCost": Decimal(9)}, r"but 1\.000000000001 in the charges, a difference of 8\.6666"),
        ({"ListCost": None}, "ListCost in USD is .* a difference of -0.5 in 1 charges"),
        ({"parent_dim_id": 7}, "parts belong to 1 charges that were not named"),
        ({"BillingCurrency": "EUR"}, "parts belong to 1 charges"),
        ({"price_id": 7}, "parts belong to 1 charges"),
    ],
)
def test_parts_that_do_not_add_up_are_refused(
    ledger: ChargeLedger, changes: dict[str, object], told: str
) -> None:
    facts = facts_of(ledger, "i-")
    parts = spoilt(parts_of(facts).sort("EffectiveCost", nulls_last=True), **changes)
    with pytest.raises(GateError, match=told) as caught:
        ledger.replace_split(splitting(facts, newest(ledger)), [parts], seen_at=SEEN)
    assert "2026-06 of aws cannot be split" in str(caught.value)
    assert files(ledger) == []
    assert ledger.attributable().collect().height == 3


def test_an_unknown_cost_may_not_become_nothing(ledger: ChargeLedger) -> None:
    facts = facts_of(ledger, "i-2")
    parts = spoilt(parts_of(facts), EffectiveCost=Decimal(0))
    with pytest.raises(GateError, match="1 of them unknown on one side only"):
        ledger.replace_split(splitting(facts, newest(ledger)), [parts], seen_at=SEEN)


def test_differences_that_cancel_out_are_found(ledger: ChargeLedger) -> None:
    facts = facts_of(ledger, "i-")
    parts = parts_of(facts).with_columns(
        pl.when(pl.int_range(pl.len()) == 0).then(pl.col("ListCost") + Decimal(1))
        .when(pl.int_range(pl.len()) == pl.len() - 1).then(pl.col("ListCost") - Decimal(1))
        .otherwise("ListCost").cast(PART_SCHEMA["ListCost"]).alias("ListCost")
    )  # fmt: skip
    with pytest.raises(GateError, match="a difference of 0 in 2 charges"):
        ledger.replace_split(splitting(facts, newest(ledger)), [parts], seen_at=SEEN)


def test_a_charge_without_parts_is_refused_and_so_is_one_that_is_not_there(ledger: ChargeLedger) -> None:
    facts, one = facts_of(ledger, "i-"), facts_of(ledger, "i-1")
    with pytest.raises(GateError, match="1 charges have no part"):
        ledger.replace_split(splitting(facts, newest(ledger)), [parts_of(one)], seen_at=SEEN)
    gone = one.with_columns(pl.col("dim_id") + 1)
    with pytest.raises(GateError, match="1 of the charges named are not in the ledger"):
        ledger.replace_split(splitting(gone, newest(ledger)), [parts_of(gone)], seen_at=SEEN)
    with pytest.raises(GateError, match="another schema"):
        ledger.replace_split(splitting(facts, newest(ledger)), [facts], seen_at=SEEN)
    assert files(ledger) == []


def test_a_delivery_that_is_no_longer_current_cannot_be_split(ledger: ChargeLedger) -> None:
    old = newest(ledger)
    facts = facts_of(ledger, "i-")

    def overtaken() -> Iterable[pl.DataFrame]:
        yield parts_of(facts)
        deliver(ledger, manifest="2")

    with pytest.raises(ConflictError, match="delivered anew while it was split"):
        ledger.replace_split(splitting(facts, old), overtaken(), seen_at=SEEN)
    assert files(ledger) == []


def test_parts_that_a_disk_lost_do_not_count_and_are_made_again(ledger: ChargeLedger) -> None:
    split(ledger, newest(ledger))
    files(ledger)[0].unlink()
    assert ledger.attributable().collect().height == 3
    assert ledger.split_of("aws", JUNE) is None
    split(ledger, newest(ledger))
    assert ledger.attributable().collect().height == 7


def estimate(cost: str, *, bill: str | None = "aws", start: str = "2026-06-11") -> pl.DataFrame:
    return charges(a_charge(start=start, ResourceId="i-1", BilledCost=cost, x_EstimatedUntil=bill))


def estimated(ledger: ChargeLedger) -> list[Decimal]:
    rows = ledger.attributable(sources=["cluster"]).select("BilledCost").collect()
    return rows["BilledCost"].sort().to_list()


def test_estimates_are_added_and_replaced_whole(ledger: ChargeLedger) -> None:
    ledger.replace_estimates("cluster", JUNE, estimate("2"), seen_at=SEEN)
    assert estimated(ledger) == [Decimal(2)]
    both = pl.concat([estimate("3"), estimate("4", bill="gcp")])
    ledger.replace_estimates("cluster", JUNE, both, seen_at=SEEN)
    assert estimated(ledger) == [Decimal(3), Decimal(4)]
    assert ledger.attributable().collect().height == 3 + 2
    named = ledger.attributable().join(ledger.resources(), on="dim_id").collect()
    assert sorted(named["x_EstimatedUntil"].drop_nulls()) == ["aws", "gcp"]
    known = ledger.prices().collect()["price_id"]
    assert set(ledger.attributable().collect()["price_id"]) <= set(known)
    ledger.replace_estimates("cluster", JUNE, charges(), seen_at=SEEN)
    assert estimated(ledger) == []


def test_an_estimate_ends_with_the_next_delivery_of_its_bill(ledger: ChargeLedger) -> None:
    both = pl.concat([estimate("3"), estimate("4", bill="gcp")])
    ledger.replace_estimates("cluster", JUNE, both, seen_at=SEEN)
    deliver(ledger, manifest="2")
    assert estimated(ledger) == [Decimal(4)], "gcp delivered nothing yet"
    deliver(ledger, source="gcp")
    assert estimated(ledger) == []
    ledger.replace_estimates("cluster", JUNE, estimate("5"), seen_at=SEEN, based_on={"aws": "older"})
    assert estimated(ledger) == [], "it was made beside a delivery that is gone"


def test_estimates_that_nothing_would_replace_are_refused(ledger: ChargeLedger) -> None:
    for odd in (estimate("1", bill=None), estimate("1", start="2026-07-01")):
        with pytest.raises(GateError, match="1 estimates of cluster are not of 2026-06, or do not say"):
            ledger.replace_estimates("cluster", JUNE, odd, seen_at=SEEN)
    with pytest.raises(GateError, match="another schema"):
        ledger.replace_estimates("cluster", JUNE, estimate("1").drop("Tags"), seen_at=SEEN)


AMOUNT = st.one_of(st.none(), st.decimals("-1000", "100000", places=12))
NODE = st.tuples(st.sampled_from(["i-1", "i-2", "db"]), st.sampled_from(["USD", "EUR"]), AMOUNT, AMOUNT)
BILL = st.lists(NODE, min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given(
    bills=st.lists(BILL, min_size=1, max_size=3), counts=st.lists(st.integers(0, 4), min_size=3, max_size=3)
)
def test_any_bills_with_any_splits_add_up_to_the_bills(
    tmp_path_factory: pytest.TempPathFactory, bills: list[list[Any]], counts: list[int]
) -> None:
    ledger = ChargeLedger(str(tmp_path_factory.mktemp("ledger")))
    for number, (bill, count) in enumerate(zip(bills, counts, strict=False)):
        rows = [
            a_charge(
                start=SEEN + timedelta(hours=at),
                ResourceId=resource,
                BillingCurrency=currency,
                BilledCost=str(billed or 0),
                EffectiveCost=effective,
            )
            for at, (resource, currency, billed, effective) in enumerate(bill)
        ]
        delivery = deliver(ledger, *rows, manifest=str(number))
        assert sums(ledger.attributable(), ledger) == sums(ledger.charges(), ledger)
        if count:
            split(ledger, delivery, count=count)
        assert sums(ledger.attributable(), ledger) == sums(ledger.charges(), ledger)
        nodes = sum(resource != "db" for resource, *_ in bill)
        assert ledger.attributable().collect().height == len(bill) + (nodes * (count - 1) if count else 0)
