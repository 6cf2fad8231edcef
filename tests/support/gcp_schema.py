"""The columns of Google's exports as its pages list them, in the form in which BigQuery's API gives them."""

from __future__ import annotations

from typing import Any

Field = dict[str, Any]

_PRICES = "list_price NUMERIC, effective_price NUMERIC"
_LABEL = "key STRING, value STRING"

DETAILED = f"""
billing_account_id STRING
service RECORD(id STRING, description STRING)
sku RECORD(id STRING, description STRING)
usage_start_time TIMESTAMP
usage_end_time TIMESTAMP
project RECORD(id STRING, number STRING, name STRING, labels REPEATED({_LABEL}), ancestry_numbers STRING)
labels REPEATED({_LABEL})
system_labels REPEATED({_LABEL})
location RECORD(location STRING, country STRING, region STRING, zone STRING)
tags REPEATED({_LABEL}, inherited BOOLEAN, namespace STRING)
resource RECORD(name STRING, global_name STRING)
price RECORD({_PRICES}, tier_start_amount NUMERIC, unit STRING, pricing_unit_quantity NUMERIC)
subscription RECORD(instance_id STRING)
transaction_type STRING
seller_name STRING
export_time TIMESTAMP
cost FLOAT
currency STRING
currency_conversion_rate FLOAT
usage RECORD(amount FLOAT, unit STRING, amount_in_pricing_units FLOAT, pricing_unit STRING)
credits REPEATED(name STRING, amount FLOAT, full_name STRING, id STRING, type STRING)
invoice RECORD(month STRING, publisher_type STRING)
cost_type STRING
adjustment_info RECORD(id STRING, description STRING, mode STRING, type STRING)
cost_at_list FLOAT
consumption_model RECORD(id STRING, description STRING)
"""

STANDARD = "\n".join(
    line
    for line in DETAILED.splitlines()
    if not line.startswith(("resource ", "price ", "consumption_model "))
)
"""What accounts have had since before resources and prices were exported."""

FOCUS = """
AvailabilityZone STRING
BilledCost NUMERIC
BillingAccountId STRING
BillingCurrency STRING
BillingPeriodStart TIMESTAMP
BillingPeriodEnd TIMESTAMP
ChargeCategory STRING
ChargeClass STRING
ChargeDescription STRING
ChargePeriodStart TIMESTAMP
ChargePeriodEnd TIMESTAMP
ConsumedQuantity NUMERIC
ConsumedUnit STRING
ContractedCost NUMERIC
ListCost NUMERIC
EffectiveCost NUMERIC
PricingCategory STRING
ProviderName STRING
PublisherName STRING
RegionId STRING
RegionName STRING
ResourceId STRING
ResourceName STRING
ServiceName STRING
SkuId STRING
SkuPriceId STRING
SubAccountId STRING
SubAccountName STRING
BillingAccountType STRING
x_Credits REPEATED(Name STRING, Amount NUMERIC, FullName STRING, Id STRING, Type STRING)
x_CostType STRING
x_ExportTime TIMESTAMP
x_ServiceId STRING
x_SystemLabels REPEATED(Key STRING, Value STRING)
x_Labels REPEATED(Key STRING, Value STRING)
x_ProjectLabels REPEATED(Key STRING, Value STRING)
x_Tags REPEATED(Key STRING, Value STRING, x_Inherited BOOLEAN, x_Namespace STRING)
x_SubscriptionInstanceId STRING
x_ConsumptionModelId STRING
"""


def fields(text: str) -> list[Field]:
    """Give the fields of a table as the API does."""
    return [_field(line) for line in text.strip().splitlines()]


def _field(text: str) -> Field:
    name, _, kind = text.strip().partition(" ")
    if not kind.startswith(("RECORD(", "REPEATED(")):
        return {"name": name, "type": kind, "mode": "NULLABLE"}
    mode, _, inside = kind.partition("(")
    return {
        "name": name,
        "type": "RECORD",
        "mode": "REPEATED" if mode == "REPEATED" else "NULLABLE",
        "fields": [_field(part) for part in _parts(inside.removesuffix(")"))],
    }


def _parts(text: str) -> list[str]:
    """Split at the commas that are not in brackets."""
    found, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            found.append(text[start:at])
            start = at + 1
    return [*found, text[start:]]
