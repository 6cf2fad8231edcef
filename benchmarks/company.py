"""The resources and prices that a generated month is drawn from, in realistic numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import polars as pl

ACCOUNTS = 200
SERVICES = 60
SKUS_PER_SERVICE = 50  # 3,000 in all
REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "us-west-2", "ap-south-1", "ap-northeast-1")
CATEGORIES = ("Compute", "Storage", "Databases", "Networking", "AI and Machine Learning", "Analytics")
TEAMS = tuple(
    f"team-{name}" for name in ("web", "ml", "data", "search", "billing", "mobile", "core", "growth")
)
MISSPELT = {team: (team.upper(), team.replace("-", "_"), team + "s", team[:-1]) for team in TEAMS}
ENVIRONMENTS = (
    ("prod", "production", "Prod", "prd"),
    ("dev", "development", "Dev"),
    ("stage", "staging", "stg"),
)
MODELS = ("llama-70b", "qwen-32b", "mistral-7b", "embed-v3")


@dataclass(frozen=True, slots=True)
class Company:
    """What exists: one row per resource and one per price.

    Attributes:
        resources: FOCUS columns that describe a resource, plus `service` (its number) and the
            raw tags `tag_team`, `tag_service`, `tag_model` that a bare group-by would use.
        prices: FOCUS columns that describe a price, plus `picos`, its unit price in 1E-12 USD.
    """

    resources: pl.DataFrame
    prices: pl.DataFrame


def found(seed: int, resources: int) -> Company:
    """Give the company of a seed: the same every time, for every month."""
    dice = np.random.default_rng([seed, 0])
    return Company(resources=_resources(dice, resources), prices=_prices(dice))


def _resources(dice: np.random.Generator, count: int) -> pl.DataFrame:
    account = (ACCOUNTS * dice.random(count) ** 2).astype(np.int64)
    service = (SERVICES * dice.random(count) ** 2).astype(np.int64)
    region = dice.integers(0, len(REGIONS), count)
    covered = dice.random(count) < 0.1
    tags = [_tags(dice, number) for number in range(count)]
    numbers = np.arange(count)
    names = {
        "BillingAccountId": np.char.add("9000000000", (account // 50).astype(str)),
        "BillingAccountName": np.char.add("payer-", (account // 50).astype(str)),
        "SubAccountId": np.char.add("1000000000", np.char.zfill(account.astype(str), 3)),
        "SubAccountName": np.char.add("account-", account.astype(str)),
        "ServiceName": np.char.add("Service ", service.astype(str)),
        "ServiceSubcategory": np.char.add("Part ", (service % 12).astype(str)),
        "ResourceId": np.char.add("arn:acme:resource/", np.char.zfill(numbers.astype(str), 17)),
        "ResourceName": np.char.add(np.char.add("svc-", (numbers % 4000).astype(str)), "-node"),
        "ResourceType": np.char.add("Type ", (service % 25).astype(str)),
    }
    frame = pl.DataFrame({name: values.astype(object).tolist() for name, values in names.items()})
    regions = pl.Series(REGIONS).gather(region)
    return frame.with_columns(
        service=pl.Series(service),
        ServiceCategory=pl.Series(CATEGORIES).gather(service % len(CATEGORIES)),
        RegionId=regions,
        RegionName="Region " + regions,
        AvailabilityZone=regions + pl.Series(("a", "b", "c")).gather(dice.integers(0, 3, count)),
        CommitmentDiscountStatus=pl.Series(np.where(covered, "Used", "")).replace("", None),
        Tags=pl.Series([json.dumps(tag) for tag in tags]),
        tag_team=pl.Series([tag.get("team") for tag in tags], dtype=pl.String),
        tag_service=pl.Series([tag.get("service") for tag in tags], dtype=pl.String),
        tag_model=pl.Series([tag.get("model") for tag in tags], dtype=pl.String),
    )


def _tags(dice: np.random.Generator, number: int) -> dict[str, str]:
    """Give tags as people write them: up to nine keys, some missing, 15 % of teams misspelt."""
    roll = dice.random(9)
    team = TEAMS[number % len(TEAMS)]
    if roll[0] < 0.15:
        team = MISSPELT[team][number % len(MISSPELT[team])]
    environment = ENVIRONMENTS[number % len(ENVIRONMENTS)]
    every = {
        "team" if roll[1] < 0.7 else "Team": (roll[2] < 0.75, team),
        "owner": (roll[2] > 0.7, team),
        "service": (roll[3] < 0.8, f"svc-{number % 400}"),
        "env": (roll[4] < 0.85, environment[int(roll[5] * len(environment))]),
        "pr": (roll[6] < 0.03, str(1000 + number % 300)),
        "model": (roll[7] < 0.05, MODELS[number % len(MODELS)]),
        "cost-center": (roll[8] < 0.5, f"cc-{number % 40}"),
        "managed-by": (roll[3] < 0.6, "terraform"),
    }
    return {key: value for key, (present, value) in every.items() if present}


def _prices(dice: np.random.Generator) -> pl.DataFrame:
    count = SERVICES * SKUS_PER_SERVICE
    number = np.arange(count)
    unit = number % 4
    text = number.astype(str).astype(object)
    return pl.DataFrame(
        {
            "SkuId": ("SKU" + text).tolist(),
            "SkuPriceId": ("SKU" + text + ".P1").tolist(),
            "SkuMeter": ("meter " + (number % 200).astype(str).astype(object)).tolist(),
            "ChargeDescription": ("Usage of sku " + text + ", per unit and hour").tolist(),
            "PricingUnit": [("Hours", "GB", "Requests", "GB-Hours")[kind] for kind in unit],
            "ConsumedUnit": [("Hours", "GB", "Requests", "GB-Hours")[kind] for kind in unit],
            "picos": (10.0 ** dice.uniform(3, 9.3, count)).astype(np.int64),
        }
    )
