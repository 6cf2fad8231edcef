"""The files of deploy/aws: they parse, fit each other and the page, and allow reading and no more."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode

from collectors.aws import names
from collectors.aws.probing import WANTED_OPTIONS

NEWER = {
    *("capacity_reservation_capacity_reservation_arn", "capacity_reservation_capacity_reservation_status"),
    *("line_item_iam_principal", "line_item_user_identifier", "tags"),
}
"""Columns that only some exports have: a query that names them fails elsewhere."""

READING = re.compile(r"[a-z0-9-]+:(Get|List)[A-Za-z]+")


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "deploy" / "aws"


@pytest.fixture(scope="module")
def template(folder: Path) -> Any:
    yaml = YAML(typ="safe", pure=True)

    def plain(loader: Any, _tag: str, node: Any) -> Any:
        return (
            loader.construct_scalar(node) if isinstance(node, ScalarNode) else loader.construct_sequence(node)
        )

    yaml.constructor.add_multi_constructor("!", plain)
    return yaml.load(folder / "cloudformation.yaml")


@pytest.fixture(scope="module")
def terraform(folder: Path) -> str:
    return (folder / "main.tf").read_text(encoding="utf-8")


def policy(folder: Path) -> Any:
    return json.loads((folder / "policy.json").read_text(encoding="utf-8"))


def actions(document: Any) -> set[str]:
    found: set[str] = set()
    for statement in document["Statement"]:
        named = statement["Action"]
        found |= {named} if isinstance(named, str) else set(named)
    return found


def test_the_role_may_read_and_nothing_else(folder: Path) -> None:
    document = policy(folder)
    assert [action for action in actions(document) if not READING.fullmatch(action)] == []
    assert {statement["Effect"] for statement in document["Statement"]} == {"Allow"}
    s3 = [one for one in document["Statement"] if str(one["Action"]).startswith("s3:")]
    assert all("acme-billing" in one["Resource"] for one in s3)


def test_all_files_allow_the_same(folder: Path, template: Any, terraform: str) -> None:
    expected = actions(policy(folder))
    (inline,) = template["Resources"]["Role"]["Properties"]["Policies"]
    assert actions(inline["PolicyDocument"]) == expected
    reading = terraform[terraform.index('"reading"') : terraform.index('resource "aws_iam_role" "costd"')]
    assert set(re.findall(r'"((?:s3|ce|bcm-data-exports):[A-Z][A-Za-z]+)"', reading)) == expected


def test_the_page_shows_the_policy_as_it_is(root: Path, folder: Path) -> None:
    page = (root / "docs" / "connect-aws.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert json.loads(shown) == policy(folder)


def test_the_role_can_only_be_taken_with_the_external_id(folder: Path, template: Any, terraform: str) -> None:
    trust = json.loads((folder / "trust-policy.json").read_text(encoding="utf-8"))
    document = template["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]
    for statement in (*trust["Statement"], *document["Statement"]):
        assert "sts:ExternalId" in statement["Condition"]["StringEquals"]
    assert "sts:ExternalId" in terraform


def test_the_export_has_the_columns_and_options_that_costd_wants(template: Any, terraform: str) -> None:
    export = template["Resources"]["Export"]["Properties"]["Export"]
    query = export["DataQuery"]["QueryStatement"]
    columns = set(re.findall(r"[a-z_]+", query.removeprefix("SELECT").rpartition("FROM")[0]))
    wanted = (names.TEXTS | names.INSTANTS | names.COSTS | names.QUANTITIES | {*names.MAPS}) - NEWER
    assert wanted <= columns
    assert not columns & NEWER
    listed = terraform[terraform.index("<<-SQL") : terraform.index("\n  SQL")]
    assert set(re.findall(r"[a-z_]+", listed)) == columns
    options = export["DataQuery"]["TableConfigurations"]["COST_AND_USAGE_REPORT"]
    assert options == {name: value for name, value, _ in WANTED_OPTIONS}
    assert all(re.search(rf'{name} += "{value}"', terraform) for name, value in options.items())


def test_the_export_is_what_costd_reads(template: Any) -> None:
    export = template["Resources"]["Export"]["Properties"]["Export"]
    output = export["DestinationConfigurations"]["S3Destination"]["S3OutputConfigurations"]
    assert (output["Format"], output["Overwrite"]) == ("PARQUET", "OVERWRITE_REPORT")
    assert template["Resources"]["Bucket"]["DeletionPolicy"] == "Retain"


def test_the_shape_of_the_export_is_that_of_the_service_model(template: Any) -> None:
    import boto3

    model = (
        boto3.session.Session()
        .client("bcm-data-exports", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106 -- nothing is asked with it
        .meta.service_model
    )
    shape = model.operation_model("CreateExport").input_shape.members["Export"]

    def check(value: Any, shape: Any) -> None:
        if shape.type_name == "structure":
            assert set(value) <= set(shape.members)
            assert set(shape.required_members) <= set(value)
            for name, inner in value.items():
                check(inner, shape.members[name])
        elif getattr(shape, "enum", None):
            assert value in shape.enum

    check(template["Resources"]["Export"]["Properties"]["Export"], shape)


def test_cfn_lint_finds_nothing_in_the_template(folder: Path) -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    if not lint.exists():
        pytest.skip("cfn-lint is not installed: pip install cfn-lint")
    done = subprocess.run([lint, folder / "cloudformation.yaml"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_terraform_reads_its_file(folder: Path) -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not installed: see developer.hashicorp.com/terraform/install")
    done = subprocess.run(
        [terraform, "fmt", "-check", "-diff", folder], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
