"""`costd sanitise`: what identifies somebody is gone, what counts is all there."""

from __future__ import annotations

import gzip
import json
import re
from decimal import Decimal
from pathlib import Path

import cur_months
import polars as pl
import pytest
from acme import Acme, generate
from exports import a_row, csv_bytes, write, write_run
from polars.testing import assert_frame_equal

from collectors.aws import names
from collectors.aws.convert import to_focus
from collectors.aws.names import cur2_names
from collectors.focus.normalise import Memory
from daemon.sanitise.columns import Treatment, treatment_of
from daemon.sanitise.values import Values
from daemon.sanitise.veil import Veil
from domain.charge import COLUMNS

ACCOUNT, OTHER = "111122223333", "444455556666"
PLAN = f"arn:aws:savingsplans::{ACCOUNT}:savingsplan/0f3c9ab1-77aa-4d0e-9d7e-1c2d3e4f5a6b"
MACHINE = (
    "/subscriptions/1a2b3c4d-0000-1111-2222-333344445555/resourceGroups/acme"
    "/providers/Microsoft.Compute/virtualMachines/acme-1"
)
SECRETS = {
    "BillingAccountId": ACCOUNT,
    "BillingAccountName": "Acme Holding",
    "SubAccountId": OTHER,
    "SubAccountName": "acme-payments-prod",
    "ResourceName": "ledger-primary",
    "ChargeDescription": "Consulting for Wile E. Coyote",
    "InvoiceId": "INV-2026-77123",
    "CommitmentDiscountId": PLAN,
}
IDENTIFYING = (
    *(
        ACCOUNT,
        OTHER,
        "Acme",
        "acme",
        "ledger-primary",
        "Coyote",
        "77123",
        "0f3c9ab1",
        "payments",
        "roadrunner",
    ),
    *("0123456789abcdef0", "cost-center", "wile@acme.example", "uid-9", "internal-note"),
)


def rows() -> list[dict[str, str]]:
    tags = {
        "team": "payments",
        "cost-center": "roadrunner",
        "user:mail": "wile@acme.example",
        "env": "prod-eu",
    }
    return [
        a_row(
            day=day,
            BilledCost=f"{day}.000000000001",
            ResourceId=f"arn:aws:ec2:eu-west-1:{OTHER}:instance/i-0123456789abcdef{day % 3}",
            Tags=json.dumps(tags),
            SkuPriceDetails=json.dumps({"InstanceType": "m5.large", "x_Owner": "uid-9"}),
            RegionId="eu-west-1",
            SkuId=f"ABC-{ACCOUNT}",
            x_UsageType="EU-BoxUsage:m5.large",
            x_InternalNote="internal-note",
            **SECRETS,
        )
        for day in range(1, 13)
    ]


def content_of(folder: Path) -> str:
    parts = []
    for file in sorted(folder.rglob("*")):
        data = file.read_bytes()
        if file.suffix == ".parquet":
            frame = pl.read_parquet(file)
            parts += [",".join(frame.columns), *(str(row) for row in frame.rows())]
            parts.append(data.decode("latin-1"))
        else:
            parts.append((gzip.decompress(data) if file.suffix == ".gz" else data).decode())
    return "\n".join(parts)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_nothing_that_identifies_is_left_and_everything_that_counts_is(tmp_path: Path, ending: str) -> None:
    acme = Acme(folder=tmp_path)
    acme.configure("aws", "shared")
    write(tmp_path / "aws" / f"june{ending}", rows())
    ran = acme.costd("sanitise", str(tmp_path / "aws"), "--out", str(tmp_path / "shared"), "--output", "json")
    assert ran.status == 0, ran.err
    text = content_of(tmp_path / "shared")
    assert [word for word in IDENTIFYING if word in text] == []
    for kept in (
        "eu-west-1",
        "m5.large",
        "EU-BoxUsage",
        "2026-06-10T00:00:00Z",
        "7.000000000001",
        "arn:aws:ec2:",
    ):
        assert kept in text
    verbs = {row["column"]: row["done"] for row in ran.json["rows"]}
    assert (verbs["BilledCost"], verbs["Tags"], verbs["x_InternalNote"]) == ("kept", "hashed", "dropped")
    assert acme.costd("collect").status == 0
    report = acme.costd(
        "report", "--by", "source,day", "--cost", "billed", "--from", "all", "--output", "json"
    ).json["rows"]
    days = {(row["source"], row["day"]): row["cost"] for row in report}
    assert {day: cost for (source, day), cost in days.items() if source == "aws"} == {
        day: cost for (source, day), cost in days.items() if source == "shared"
    }
    assert len(days) == 24


def test_the_same_stays_the_same_and_the_different_stays_different(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.csv", rows()[:6])
    write(tmp_path / "in" / "b.csv", rows()[6:])
    acme = Acme(folder=tmp_path)
    assert acme.costd("sanitise", str(tmp_path / "in"), "--out", str(tmp_path / "out")).status == 0
    frame = pl.concat(
        [pl.read_csv(file, infer_schema=False) for file in sorted((tmp_path / "out").iterdir())]
    )
    assert frame["ResourceId"].n_unique() == 3
    assert frame["SubAccountId"].n_unique() == 1
    account = frame["SubAccountId"][0]
    assert re.fullmatch(r"\d{12}", account)
    for resource in frame["ResourceId"]:
        assert re.fullmatch(rf"arn:aws:ec2:eu-west-1:{account}:instance/i-[0-9a-f]{{17}}", resource)


def test_two_runs_share_no_replacement(tmp_path: Path) -> None:
    write(tmp_path / "in.csv", rows())
    acme = Acme(folder=tmp_path)
    for out in ("one", "two"):
        assert acme.costd("sanitise", str(tmp_path / "in.csv"), "--out", str(tmp_path / out)).status == 0
    one, two = (
        set(pl.read_csv(tmp_path / out / "part-0001.csv", infer_schema=False)["ResourceId"])
        for out in ("one", "two")
    )
    assert one.isdisjoint(two)


def test_a_source_gives_only_the_run_that_counts(tmp_path: Path) -> None:
    acme = Acme(folder=tmp_path)
    acme.configure("azure")
    home = tmp_path / "azure" / "focus" / "20260601-20260630"
    for run, cost in (
        ("11111111-1111-1111-1111-111111111111", "1"),
        ("22222222-2222-2222-2222-222222222222", "2"),
    ):
        rows_now = [a_row(day=day, BilledCost=cost, **SECRETS) for day in (1, 2)]
        write_run(
            home / run,
            {"part_0_0001.csv": csv_bytes(rows_now)},
            submitted=f"2026-06-0{cost}T05:00:00Z",
            relative=f"focus/20260601-20260630/{run}",
        )
    assert acme.costd("sanitise", "azure", "--out", str(tmp_path / "out")).status == 0
    (file,) = (tmp_path / "out").iterdir()
    assert pl.read_csv(file, infer_schema=False)["BilledCost"].to_list() == ["2", "2"]


def test_files_of_another_month_may_be_left_out(tmp_path: Path) -> None:
    acme = Acme(folder=tmp_path)
    acme.configure("aws")
    for month in ("2026-05", "2026-06"):
        write(
            tmp_path / "aws" / f"billing_period={month}" / "part.csv", [a_row(month, BilledCost=month[-2:])]
        )
    asked = ("sanitise", "aws", "--period", "2026-06", "--out", str(tmp_path / "out"))
    assert acme.costd(*asked).status == 0
    (file,) = (tmp_path / "out").iterdir()
    assert pl.read_csv(file, infer_schema=False)["BilledCost"].to_list() == ["06"]
    assert acme.costd("sanitise", "aws", "--period", "June", "--out", str(tmp_path / "no")).status == 2


@pytest.mark.parametrize("out", ["aws", "aws/copy", "taken"])
def test_nothing_is_ever_written_over(tmp_path: Path, out: str) -> None:
    acme = Acme(folder=tmp_path)
    original = write(tmp_path / "aws" / "june.csv", rows())
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    before = original.read_bytes()
    ran = acme.costd("sanitise", str(tmp_path / "aws"), "--out", str(tmp_path / out))
    assert ran.status == 2
    assert "--out" in ran.err
    assert original.read_bytes() == before
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["june.csv", "mine.txt"]


def test_a_damaged_file_leaves_nothing_behind(tmp_path: Path) -> None:
    acme = Acme(folder=tmp_path)
    whole = gzip.compress(csv_bytes(rows() * 500), mtime=0)
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    ran = acme.costd("sanitise", str(tmp_path / "cut.csv.gz"), "--out", str(tmp_path / "out"))
    assert ran.status == 1
    assert "cut.csv.gz" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["cut.csv.gz"]


def test_rows_that_are_no_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    acme = Acme(folder=tmp_path)
    (tmp_path / "odd.csv").write_bytes(csv_bytes(rows()) + b"secret,row\n")
    ran = acme.costd("sanitise", str(tmp_path / "odd.csv"), "--out", str(tmp_path / "out"))
    assert "1 rows could not be split" in ran.out
    assert "secret" not in content_of(tmp_path / "out")


def test_a_file_without_known_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name,salary\nWile,12\n")
    ran = Acme(folder=tmp_path).costd(
        "sanitise", str(tmp_path / "people.csv"), "--out", str(tmp_path / "out")
    )
    assert ran.status == 1
    assert "no column that costd knows" in ran.err
    assert not (tmp_path / "out").exists()


def test_json_is_refused_with_the_form_that_is_copied(tmp_path: Path) -> None:
    path = tmp_path / "gcp.json"
    path.write_text('{"cost": 1.5, "tags": []}\n{"cost": 2.5, "tags": []}\n', encoding="utf-8")
    ran = Acme(folder=tmp_path).costd("sanitise", str(path), "--out", str(tmp_path / "out"))
    assert ran.status == 1
    assert "is JSON" in ran.err
    assert "Parquet" in ran.err
    assert not (tmp_path / "out").exists()


def test_a_cost_and_usage_report_keeps_its_figures_and_loses_its_names(tmp_path: Path) -> None:
    report = {
        "identity/LineItemId": "q7secretq7",
        "bill/PayerAccountId": ACCOUNT,
        "lineItem/UsageAccountId": OTHER,
        "lineItem/LineItemType": "SavingsPlanCoveredUsage",
        "lineItem/UnblendedCost": "9.6E-2",
        "lineItem/UsageStartDate": "2026-06-01T00:00:00Z",
        "lineItem/ResourceId": "i-0123456789abcdef0",
        "lineItem/LineItemDescription": "Refund for one-time fee of Acme",
        "lineItem/LegalEntity": "Amazon Web Services, Inc.",
        "savingsPlan/SavingsPlanARN": SECRETS["CommitmentDiscountId"],
        "savingsPlan/SavingsPlanEffectiveCost": "0.0605",
        "product/instanceType": "m5.large",
        "product/servicename": "Amazon Elastic Compute Cloud",
        "product/unheardOf": "internal-note",
        "resourceTags/user:cost-center": "roadrunner",
        "costCategory/Acme": "payments",
    }
    write(tmp_path / "cur.csv.gz", [report])
    acme = Acme(folder=tmp_path)
    ran = acme.costd("sanitise", str(tmp_path / "cur.csv.gz"), "--out", str(tmp_path / "out"))
    assert ran.status == 0, ran.err
    text = content_of(tmp_path / "out")
    assert [word for word in (*IDENTIFYING, "q7secretq7", "unheardOf") if word in text] == []
    row = pl.read_csv(tmp_path / "out" / "part-0001.csv.gz", infer_schema=False).row(0, named=True)
    for name in (
        *(
            "lineItem/LineItemType",
            "lineItem/UnblendedCost",
            "lineItem/UsageStartDate",
            "lineItem/LegalEntity",
        ),
        *("savingsPlan/SavingsPlanEffectiveCost", "product/instanceType", "product/servicename"),
    ):
        assert row[name] == report[name]
    assert row["lineItem/LineItemDescription"].startswith("Refund for one-time fee ")
    assert row["savingsPlan/SavingsPlanARN"].startswith("arn:aws:savingsplans::")
    assert sum(name.startswith("resourceTags/user:x") for name in row) == 1
    assert sum(name.startswith("costCategory/x") for name in row) == 1


def test_nested_rows_of_google_lose_names_part_by_part(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "billing_account_id": ["0123AB-4567CD-89EFAB"],
            "project": [
                {"id": "acme-prod", "number": "44455556666", "labels": [{"key": "team", "value": "acme"}]}
            ],
            "service": [{"id": "6F81-5844-456A", "description": "Compute Engine"}],
            "labels": [[{"key": "cost-center", "value": "roadrunner"}]],
            "cost": [Decimal("10.25")],
            "credits": [[{"name": "Deal with Acme", "amount": Decimal("-3.70"), "type": "DISCOUNT"}]],
            "resource": [
                {"global_name": "//compute.googleapis.com/projects/acme-prod/zones/us-central1-a/instances/7"}
            ],
        }
    ).write_parquet(tmp_path / "rows.parquet")
    acme = Acme(folder=tmp_path)
    assert acme.costd("sanitise", str(tmp_path / "rows.parquet"), "--out", str(tmp_path / "out")).status == 0
    text = content_of(tmp_path / "out")
    assert [
        word
        for word in ("acme", "Acme", "44455556666", "roadrunner", "0123AB", "cost-center")
        if word in text
    ] == []
    row = pl.read_parquet(tmp_path / "out" / "part-0001.parquet").row(0, named=True)
    assert row["service"] == {"id": "6F81-5844-456A", "description": "Compute Engine"}
    assert row["cost"] == Decimal("10.25")
    assert row["credits"][0]["amount"] == Decimal("-3.70")
    assert row["credits"][0]["type"] == "DISCOUNT"
    assert re.fullmatch(
        r"//compute\.googleapis\.com/projects/x[0-9a-f]{16}/zones/us-central1-a/instances/\d",
        row["resource"]["global_name"],
    )


@pytest.mark.parametrize(("provider", "version"), [("aws", "1.2"), ("azure", "1.2"), ("gcp", "1.2")])
def test_no_id_or_tag_of_a_whole_export_survives(tmp_path: Path, provider: str, version: str) -> None:
    file = generate(provider, version, tmp_path / "in")
    acme = Acme(folder=tmp_path)
    assert acme.costd("sanitise", str(file), "--out", str(tmp_path / "out")).status == 0
    before = pl.read_csv(file, infer_schema=False)
    after = pl.read_csv(tmp_path / "out" / "part-0001.csv", infer_schema=False)
    assert after.height == before.height
    for cost in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity"):
        assert after[cost].to_list() == before[cost].to_list()
    originals: set[str] = set()
    for name in (
        "SubAccountId",
        "SubAccountName",
        "BillingAccountId",
        "ResourceId",
        "ResourceName",
        "InvoiceId",
    ):
        originals |= set(before[name].drop_nulls())
        assert after[name].n_unique() == before[name].n_unique()
    for tags in before["Tags"].drop_nulls().unique():
        originals |= {str(value) for value in json.loads(tags).values()}
    text = content_of(tmp_path / "out")
    assert [one for one in originals if len(one) > 5 and one in text] == []


def test_every_column_that_collectors_read_is_known_here() -> None:
    of_aws = {*names.TEXTS, *names.INSTANTS, *names.COSTS, *names.QUANTITIES, *names.MAPS}
    known = {*of_aws, *(f"product_{key}" for key in names.PRODUCT_KEYS), *(column.name for column in COLUMNS)}
    dropped = {name for name in known if treatment_of(name) is Treatment.DROP}
    assert dropped == {"AllocatedMethodDetails", "ContractApplied"}, "free text that no sum needs"


def test_short_numbers_stay_apart_and_keep_their_length() -> None:
    veil = Veil(b"k" * 64)
    given = {veil.word(str(number)) for number in range(100, 1000)}
    assert len(given) == 900
    assert veil.word("007")[0] == "0"
    assert veil.word(" org") == f" {veil.word('org')}"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        (MACHINE, ("/subscriptions/", "/resourceGroups/", "/providers/Microsoft.Compute/virtualMachines/")),
        (f"arn:aws:eks:eu-west-1:{ACCOUNT}:pod/acme/acme-ns/uid", ("arn:aws:eks:eu-west-1:", ":pod/")),
        ("arn:aws:s3:::acme-bucket", ("arn:aws:s3:::",)),
        ("arn:aws:iam:acme:acme:acme", ("arn:aws:iam:",)),
    ],
)  # fmt: skip
def test_paths_keep_the_words_of_the_provider_only(path: str, kept: tuple[str, ...]) -> None:
    replaced = Veil(b"k" * 64).path(path)
    assert [part for part in kept if part not in replaced] == []
    assert "acme" not in replaced
    assert ACCOUNT not in replaced


def test_what_is_no_figure_where_one_belongs_is_replaced() -> None:
    values = Values(Veil(b"k" * 64))
    assert values.text("BilledCost", "wile@acme.example") != "wile@acme.example"
    assert values.text("BilledCost", "-1.5E-9") == "-1.5E-9"
    assert values.text("BilledCost", "NULL") == "NULL"
    assert "acme" not in values.text("ServiceName", "=acme()")


@pytest.mark.parametrize("is_legacy", [False, True], ids=["2.0", "legacy"])
@pytest.mark.parametrize("seed", range(4))
def test_a_report_of_aws_adds_up_to_the_same_costs_after_it_was_sanitised(
    tmp_path: Path, seed: int, *, is_legacy: bool
) -> None:
    rows = cur_months.drawn(seed).rows
    given = cur_months.frame([cur_months.legacy(row) for row in rows] if is_legacy else rows)
    given.write_csv(tmp_path / "cur.csv")
    ran = Acme(folder=tmp_path).costd("sanitise", str(tmp_path / "cur.csv"), "--out", str(tmp_path / "out"))
    assert ran.status == 0, ran.err
    copy = pl.read_csv(tmp_path / "out" / "part-0001.csv", infer_schema=False)
    assert copy.height == len(rows)
    kinds = ["ChargeCategory", "CommitmentDiscountStatus", "x_LineItemType", "ServiceName"]
    costs = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"]
    sums = []
    for frame in (given, copy.with_columns(pl.all().fill_null(""))):
        renamed = cur2_names(frame.columns)
        charges = to_focus(frame.select(list(renamed)).rename(renamed), Memory()).charges
        sums.append(charges.group_by(kinds).agg(pl.len(), pl.col(costs).sum()).sort(kinds))
    assert sums[0].height > 1
    assert_frame_equal(*sums)
    text = content_of(tmp_path / "out")
    assert [word for word in ("payments", "search", "Zeile", "calc", "two lines") if word in text] == []
