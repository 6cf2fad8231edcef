"""The tools of the tests do what the tests believe they do."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from builders import a_batch, a_charge, a_chunk, charges
from s3 import S3Server
from sqlalchemy import create_engine, text

from domain.charge import RAW_SCHEMA


def test_a_charge_is_a_whole_row_of_the_schema() -> None:
    frame = charges(a_charge(BilledCost="0.000000000001", Tags={"team": "ml"}))
    assert frame.schema == RAW_SCHEMA
    assert frame["BilledCost"].to_list() == [Decimal("0.000000000001")]
    assert frame["Tags"].to_list() == ['{"team": "ml"}']
    assert frame["ChargePeriodStart"].to_list() == [datetime(2026, 6, 10, tzinfo=UTC)]


def test_no_charges_are_an_empty_frame_of_the_schema() -> None:
    assert charges().schema == RAW_SCHEMA


def test_a_misspelt_column_is_an_error_of_the_test() -> None:
    with pytest.raises(TypeError, match="BiledCost"):
        a_charge(BiledCost="1")


def test_a_batch_names_the_months_of_its_rows_and_their_sums() -> None:
    batch = a_batch(a_charge(), a_charge(start="2026-07-01", BilledCost="2"))
    assert batch.periods == {"2026-06", "2026-07"}
    (chunk,) = batch.chunks
    assert chunk.parsed["2026-07", "USD", "BilledCost"] == Decimal(2)
    assert a_chunk().charges.is_empty()


def test_the_object_store_keeps_what_is_put(s3_server: S3Server) -> None:
    client, bucket = s3_server.client(), s3_server.bucket()
    client.put_object(Bucket=bucket, Key="a", Body=b"1")
    assert client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"


@pytest.mark.peer
def test_the_throwaway_database_answers(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.execute(text("select 1")).scalar() == 1
    engine.dispose()
