"""Azure's and Oracle's exports, from their first file to a report, over the restatements of a month."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from acme import Acme
from exports import a_row, csv_bytes, write_run

SPAN = "20260601-20260630"
AZURE = {
    "ProviderName": "Microsoft",
    "InvoiceIssuerName": "Microsoft",
    "PublisherName": "Microsoft",
    "BillingAccountId": "/providers/Microsoft.Billing/billingAccounts/8611537",
    "SubAccountId": "/subscriptions/64e355d7-997c-491d-b0c1-8414dccfcf42",
    "ServiceName": "Virtual Machines",
    "ResourceId": "/subscriptions/64e3/resourcegroups/web/providers/microsoft.compute/virtualmachines/web-1",
    "BillingCurrency": "EUR",
}
OCI = {
    "ProviderName": "Oracle",
    "InvoiceIssuerName": "Oracle",
    "PublisherName": "Oracle",
    "ChargeFrequency": "Usage-based",
    "BillingAccountId": "ocid1.tenancy.oc1..aaaa",
    "ServiceName": "Compute",
    "ResourceId": "ocid1.instance.oc1.eu-frankfurt-1.bbbb",
    "CommitmentDiscountId": "",
    "EffectiveCost": "",
}


def guid(number: int) -> str:
    return str(UUID(int=number, version=4))


def azure_rows(days: range, cost: str, **columns: str) -> list[dict[str, str]]:
    return [
        a_row(
            day=day,
            BilledCost=cost,
            EffectiveCost=cost,
            **{**AZURE, "ResourceName": f"web-{day % 2}", **columns},
        )
        for day in days
    ]


def run_of(root: Path, number: int, parts: Mapping[str, bytes], submitted: str, **changes: Any) -> Path:
    """Write a run as Cost Management does: a new GUID, its parts, and a manifest last."""
    place = f"costs/focus-daily/{SPAN}/{guid(number)}"
    return write_run(root / place, parts, submitted=submitted, relative=place, **changes)


def parquet_parts(
    place: str, files: Mapping[str, list[dict[str, str]]]
) -> tuple[dict[str, bytes], list[object]]:
    """Give parts as snappy Parquet with typed money, and what a manifest says of them."""
    parts, blobs = {}, list[object]()
    for name, rows in files.items():
        frame = pl.DataFrame(rows).with_columns(pl.col("BilledCost").cast(pl.Decimal(38, 18)))
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="snappy")
        parts[name] = buffer.getvalue()
        blobs.append(
            {
                "blobName": f"container/{place}/{name}",
                "byteCount": len(parts[name]),
                "dataRowCount": len(rows),
            }
        )
    return parts, blobs


def total(acme: Acme, cost: str = "billed") -> str:
    report = acme.costd("report", "--cost", cost, "--from", "all", "--output", "json").json
    (one,) = report["totals"]
    return f"{one['cost']} {one['currency']}"


def collected(acme: Acme, now: str) -> Any:
    ran = acme.costd("collect", "--output", "json", now=now)
    assert ran.status == 0, ran.err + ran.out
    return [(row["period"], row["result"], row.get("rows")) for row in ran.json["rows"]]


@pytest.fixture
def azure(tmp_path: Path) -> Acme:
    acme = Acme(folder=tmp_path)
    acme.configure("azure")
    return acme


def test_an_azure_month_grows_by_runs_and_is_restated_without_adding_them_up(azure: Acme) -> None:
    root = azure.folder / "azure"
    first = {
        "part_0_0001.csv": csv_bytes(azure_rows(range(1, 5), "1.10")),
        "part_1_0001.csv": csv_bytes(azure_rows(range(5, 8), "2.000000000001")),
    }
    run_of(root, 1, first, "2026-06-08T05:00:00.1234567Z")
    assert collected(azure, "2026-06-08T08:00Z") == [("2026-06", "replaced", 7)]
    assert total(azure) == "10.400000000003 EUR"
    grown = {
        "part_0_0001.csv": csv_bytes([*azure_rows(range(1, 10), "1.10"), *azure_rows(range(10, 12), "5")])
    }
    run_of(root, 2, grown, "2026-06-12T05:00:00Z")
    assert collected(azure, "2026-06-12T08:00Z") == [("2026-06", "replaced", 11)]
    assert total(azure) == "19.9 EUR"
    restated = {
        "part_0_0001.csv": csv_bytes([*azure_rows(range(1, 10), "1.10"), *azure_rows(range(10, 12), "5.5")])
    }
    run_of(root, 3, restated, "2026-06-13T05:00:00Z")
    assert collected(azure, "2026-06-13T08:00Z") == [("2026-06", "replaced", 11)]
    assert total(azure) == "20.9 EUR"
    assert collected(azure, "2026-06-13T09:00Z") == [("2026-06", "unchanged", 11)]
    changes = azure.costd(
        "restatements", "--since", "2026-06-13", "--cost", "billed", "--output", "json"
    ).json
    assert [(row["day"], row["change"]) for row in changes["rows"]] == [("2026-06-10", "0.5")]


def test_an_azure_run_of_parquet_parts_keeps_every_digit(azure: Acme) -> None:
    place = f"costs/focus-daily/{SPAN}/{guid(4)}"
    parts, blobs = parquet_parts(
        place,
        {
            "part_0_0001.snappy.parquet": azure_rows(range(1, 4), "0.333333333333"),
            "part_1_0001.snappy.parquet": azure_rows(range(4, 6), "-0.000000000001"),
        },
    )
    folder = azure.folder / "azure" / place
    folder.mkdir(parents=True)
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    write_run(folder, {}, submitted="2026-06-08T05:00:00Z", blobs=blobs, blobCount=2, dataRowCount=5,
              byteCount=sum(map(len, parts.values())))  # fmt: skip
    assert collected(azure, "2026-06-08T08:00Z") == [("2026-06", "replaced", 5)]
    assert total(azure) == "0.999999999997 EUR"


def test_an_azure_export_that_overwrites_is_replaced_in_place(azure: Acme) -> None:
    place = f"costs/focus-daily/{SPAN}"
    folder = azure.folder / "azure" / place
    overwrite = {"dataOverwriteBehavior": "OverwritePreviousReport", "fileFormat": "Csv"}
    for days, submitted in ((5, "2026-06-06T05:00:00Z"), (9, "2026-06-10T05:00:00Z")):
        parts = {"part_0_0001.csv": csv_bytes(azure_rows(range(1, days + 1), "1"))}
        write_run(folder, parts, submitted=submitted, relative=place, deliveryConfig=overwrite)
        now = submitted.replace("05:00:00Z", "08:00Z")
        assert collected(azure, now) == [("2026-06", "replaced", days)]
    assert total(azure) == "9 EUR"


def test_a_run_that_is_still_written_leaves_what_is_stored(azure: Acme) -> None:
    root = azure.folder / "azure"
    run_of(root, 1, {"part_0_0001.csv": csv_bytes(azure_rows(range(1, 6), "1"))}, "2026-06-06T05:00:00Z")
    collected(azure, "2026-06-06T08:00Z")
    half = run_of(
        root, 2, {"part_0_0001.csv": csv_bytes(azure_rows(range(1, 9), "1"))}, "2026-06-09T05:00:00Z"
    )
    whole = json.loads((half / "manifest.json").read_text())
    (half / "manifest.json").write_text("")
    ran = azure.costd("collect", now="2026-06-09T05:01Z")
    assert ran.status in {0, 5}
    assert total(azure) == "5 EUR"
    (half / "manifest.json").write_text(json.dumps(whole))
    assert collected(azure, "2026-06-09T08:00Z") == [("2026-06", "replaced", 8)]


def report_file(acme: Acme, day: int, name: str, rows: list[dict[str, str]]) -> Path:
    """Write one of Oracle's FOCUS reports: a packed CSV in the folder of its day."""
    path = acme.folder / "oci" / "FOCUS Reports" / "2026" / "06" / f"{day:02d}" / f"{name}.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(csv_bytes(rows), mtime=0))
    return path


def oci_row(day: int, cost: str, **columns: str) -> dict[str, str]:
    return a_row(day=day, BilledCost=cost, ListCost=cost, **{**OCI, **columns})


def test_oracle_reports_of_days_add_up_and_a_new_day_joins_them(tmp_path: Path) -> None:
    acme = Acme(folder=tmp_path)
    acme.configure("oci")
    report_file(acme, 1, "0001000002345678-00001", [oci_row(1, "0.24"), oci_row(1, "8E-07", ResourceId="b")])
    report_file(acme, 2, "0001000002345679-00001", [oci_row(2, "0.272", ChargeCategory="Adjustment")])
    other = acme.folder / "oci" / "reports" / "cost-csv" / "0001.csv.gz"
    other.parent.mkdir(parents=True)
    other.write_bytes(gzip.compress(b"lineItem/referenceNo,cost/myCost\nx,1\n"))
    assert collected(acme, "2026-06-03T08:00Z") == [("2026-06", "replaced", 3)]
    assert total(acme) == "0.5120008 USD"
    report_file(acme, 3, "0001000002345680-00001", [oci_row(3, "1")])
    assert collected(acme, "2026-06-04T08:00Z") == [("2026-06", "replaced", 4)]
    assert total(acme) == "1.5120008 USD"
    assert collected(acme, "2026-06-04T09:00Z") == [("2026-06", "unchanged", 4)]
    rows = acme.costd("report", "--by", "charge_category,provider", "--cost", "billed", "--from", "all",
                      "--output", "json").json["rows"]  # fmt: skip
    assert {(row["charge_category"], row["provider"]) for row in rows} == {
        ("Usage", "Oracle"),
        ("Adjustment", "Oracle"),
    }


def test_an_oracle_report_written_anew_replaces_the_month_and_never_doubles_it(tmp_path: Path) -> None:
    acme = Acme(folder=tmp_path)
    acme.configure("oci")
    for day in (1, 2, 3):
        report_file(acme, day, "part", [oci_row(day, "10", ResourceId=f"r-{day}")])
    collected(acme, "2026-06-04T08:00Z")
    report_file(acme, 2, "part", [oci_row(2, "9.5", ResourceId="r-2")])
    assert collected(acme, "2026-06-05T08:00Z") == [("2026-06", "replaced", 3)]
    assert total(acme) == "29.5 USD"
    report_file(acme, 2, "part-copy", [oci_row(2, "9.5", ResourceId="r-2")])
    collected(acme, "2026-06-06T08:00Z")
    assert total(acme) == "29.5 USD"


def test_oracle_effective_cost_that_is_blank_stays_unknown(tmp_path: Path) -> None:
    acme = Acme(folder=tmp_path)
    acme.configure("oci")
    report_file(acme, 1, "part", [oci_row(1, "10")])
    collected(acme, "2026-06-04T08:00Z")
    out = tmp_path / "out.parquet"
    assert acme.costd("export", "focus", "--out", str(out)).status == 0
    frame = pl.read_parquet(out)
    assert frame["EffectiveCost"].to_list() == [None]
    assert frame["CommitmentDiscountId"].to_list() == [None]
    assert frame["ChargeFrequency"].to_list() == ["Usage-Based"]
