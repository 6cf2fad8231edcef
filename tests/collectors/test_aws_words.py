"""What texts of a bill say: units, tokens, machines, services, tags, products."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from collectors.aws.machines import gpus_of, instance_type_of
from collectors.aws.product import product_of
from collectors.aws.services import category_of, name_of
from collectors.aws.tags import key_of, normalised
from collectors.aws.tokens import tokens_of
from collectors.aws.units import unit_of
from collectors.focus.texts import ALLOWED


@pytest.mark.parametrize(
    ("text", "priced", "consumed", "factor"),
    [
        ("Hrs", "Hours", "Hours", 1),
        ("GB-Mo", "GB-Months", "GB-Months", 1),
        ("GB", "GB", "GB", 1),
        ("Requests", "Requests", "Requests", 1),
        ("LCU-Hrs", "LCU-Hours", "LCU-Hours", 1),
        ("Lambda-GB-Second", "GB-Seconds", "GB-Seconds", 1),
        ("1K tokens", "1000 Tokens", "Tokens", 1000),
        ("1M tokens", "1000000 Tokens", "Tokens", 1_000_000),
        ("Million Tokens", "1000000 Tokens", "Tokens", 1_000_000),
        ("1MTokens", "1000000 Tokens", "Tokens", 1_000_000),
        ("1,000 tokens", "1000 Tokens", "Tokens", 1000),
        ("per 1K Requests", "1000 Requests", "Requests", 1000),
        ("tokens", "Tokens", "Tokens", 1),
        ("Units", "Units", "Units", 1),
        ("Messages", "Messages", "Messages", 1),
        ("0 tokens", "0 Tokens", "0 Tokens", 1),
    ],
)
def test_a_unit_says_how_many_it_is(text: str, priced: str, consumed: str, factor: int) -> None:
    assert unit_of(text) == (priced, consumed, Decimal(factor))


@pytest.mark.parametrize(
    ("meter", "model", "kind", "tier"),
    [
        ("USE1-NovaPro-input-tokens", "NovaPro", "input", "on-demand"),
        ("EUC1-Claude3.5Sonnet-output-tokens-batch", "Claude3.5Sonnet", "output", "batch"),
        ("USW2-Claude4Opus-cache-read-input-token-count", "Claude4Opus", "cache-read", "on-demand"),
        ("USE1-Claude4Opus-cache-write-input-token-count-flex", "Claude4Opus", "cache-write", "flex"),
        ("APN1-NovaLite-output-tokens-cross-region-global", "NovaLite", "output", "on-demand"),
        ("USE1-gpt-oss-120b-mantle-input-tokens-standard", "gpt-oss-120b", "input", "on-demand"),
        ("USE1-Qwen3-input-tokens-priority", "Qwen3", "input", "priority"),
        ("USE1-Claude4Sonnet_MillionInputTokens", "Claude4Sonnet", "input", "on-demand"),
        ("USE1-MP:USE1_InputTokenCount-Units", None, "input", "on-demand"),
        ("USE1-MP:USE1_CacheReadInputTokenCount-Units", None, "cache-read", "on-demand"),
        ("USE1-BoxUsage:m5.large", None, None, None),
        ("USE1-Guardrail-ContentPolicyUnitsConsumed", None, None, None),
        ("input-tokens", None, "input", "on-demand"),
    ],
)
def test_a_meter_says_model_tokens_and_tier(
    meter: str, model: str | None, kind: str | None, tier: str | None
) -> None:
    assert tuple(tokens_of(meter)) == (model, kind, tier)


@pytest.mark.parametrize(
    ("usage_type", "machine", "gpu", "count"),
    [
        ("USE1-Host:ml.g5.2xlarge", "ml.g5.2xlarge", "A10G", "1"),
        ("Train:ml.p4d.24xlarge", "ml.p4d.24xlarge", "A100", "8"),
        ("EU-Notebk:ml.g4dn.12xlarge", "ml.g4dn.12xlarge", "T4", "4"),
        ("USW2-BoxUsage:p5.48xlarge", "p5.48xlarge", "H100", "8"),
        ("SpotUsage:g6e.48xlarge", "g6e.48xlarge", "L40S", "8"),
        ("BoxUsage:p6-b200.48xlarge", "p6-b200.48xlarge", "B200", "8"),
        ("BoxUsage:m5.large", "m5.large", None, None),
        ("InstanceUsage:db.r5.xlarge", "db.r5.xlarge", None, None),
        ("USE1-Studio:ml.g5.xlarge", "ml.g5.xlarge", "A10G", "1"),
    ],
)
def test_a_machine_says_its_gpus(usage_type: str, machine: str, gpu: str | None, count: str | None) -> None:
    assert instance_type_of(usage_type) == machine
    assert gpus_of(machine) == (gpu, count)


@pytest.mark.parametrize(
    "usage_type", ["DataTransfer-Out-Bytes", "USE1-TimedStorage-ByteHrs", "EBS:VolumeUsage.gp3"]
)
def test_what_is_no_machine_names_none(usage_type: str) -> None:
    assert instance_type_of(usage_type) is None


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("AmazonEC2", "Compute"),
        ("AWSDataTransfer", "Networking"),
        ("AmazonBedrock", "AI and Machine Learning"),
        ("AmazonBedrockFoundationModels", "AI and Machine Learning"),
        ("AmazonRDS", "Databases"),
        ("AWSSupportEnterprise", "Management and Governance"),
        ("ComputeSavingsPlans", "Compute"),
        ("4qkv0j5yq1wzm8", "Other"),
    ],
)
def test_a_service_has_one_category(code: str, category: str) -> None:
    assert category_of(name_of(code))[0] == category
    assert category in ALLOWED["ServiceCategory"]


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("user_team", "team"),
        ("user:team", "team"),
        ("user:aws_thing", "aws_thing"),
        ("aws_eks_cluster_name", "aws:eks_cluster_name"),
        ("aws:createdBy", "aws:createdBy"),
        ("resourceTags/user_team", "team"),
        ("resourceTags/department", "department"),
        ("accountTag/department", "accountTag/department"),
        ("userAttribute/Department", "userAttribute/Department"),
        ("username", "username"),
        ("user_", "user_"),
        ("aws_", "aws_"),
    ],
)
def test_a_tag_gets_the_key_that_people_know(raw: str, key: str) -> None:
    assert key_of(raw) == key


def test_of_two_tags_for_one_key_none_is_lost() -> None:
    tags, raw, _ = normalised({"user_team": "a", "user:team": "b", "aws_x": "c"})
    assert json.loads(tags or "") == {"team": "b", "user_team": "a", "aws:x": "c"}
    assert json.loads(raw or "") == {"user_team": "a", "user:team": "b", "aws_x": "c"}


def test_cost_categories_within_tags_are_told_apart() -> None:
    tags, _, categories = normalised({"resourceTags/department": "a", "costCategory/department": "d"})
    assert json.loads(tags or "") == {"department": "a"}
    assert json.loads(categories or "") == {"department": "d"}


def test_properties_that_focus_names_come_first() -> None:
    content = {"product_name": "EC2", "vcpu": "8", "memory": "1,952.5 GiB", "tenancy": "Shared", "gpu": "NA"}
    name, details = product_of(json.dumps(content))
    assert name == "EC2"
    assert details == '{"CoreCount":8,"MemorySize":1952.5,"x_Tenancy":"Shared"}'


@pytest.mark.parametrize("text", ["", "[]", "no json", "{}"])
def test_a_product_map_that_says_nothing_says_nothing(text: str) -> None:
    assert product_of(text) == (None, None)
