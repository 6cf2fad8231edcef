"""What BigQuery is asked of Google's own FOCUS export (Preview). Pure."""

from __future__ import annotations

from collections.abc import Collection

from domain.charge import FOCUS, Kind

LABELS = {
    "x_Labels": "labels",
    "x_ProjectLabels": "project_labels",
    "x_Tags": "tags",
    "x_SystemLabels": "system_labels",
}
"""Google's four kinds of labels, under the names that `labels.py` knows them by."""

OWN = (*("x_ConsumptionModelId", "x_CostType", "x_ServiceId", "x_SubscriptionInstanceId"),)

# Google may cut months at midnight in California: half a day later it is the month's first day anyway.
MONTH = "FORMAT_TIMESTAMP('%Y%m', TIMESTAMP_ADD(BillingPeriodStart, INTERVAL 12 HOUR))"
_INSTANT = "FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%E6SZ', {path})"
_WITHIN = (
    "_PARTITIONTIME >= @first AND _PARTITIONTIME <= @last\n"
    f"  AND x_ExportTime <= @exported\n  AND {MONTH} = @month"
)


def _expression(name: str, kind: Kind) -> str:
    match kind:
        case Kind.INSTANT:
            return _INSTANT.format(path=name)
        case Kind.JSON:
            return f"TO_JSON_STRING({name})"
        case _:
            return f"CAST({name} AS STRING)"


def rows(table: str, paths: Collection[str]) -> str:
    """Ask for the charges of a month, with the columns that the table has."""
    chosen = [f"  {MONTH} AS x_InvoiceMonth"]
    chosen += [
        f"  {_expression(column.name, column.kind)} AS {column.name}"
        for column in FOCUS
        if column.name in paths and not column.name.startswith("BillingPeriod")
    ]
    chosen += [f"  CAST({name} AS STRING) AS {name}" for name in OWN if name in paths]
    chosen += [f"  NULLIF(TO_JSON_STRING({name}), '[]') AS {name}" for name in LABELS if name in paths]
    columns = ",\n".join(chosen)
    return f"-- costd: charges\nSELECT\n{columns}\nFROM {table}\nWHERE {_WITHIN}"


def summary(table: str) -> str:
    """Ask what a month must sum to, and which partitions hold it."""
    return f"""-- costd: summary
SELECT
  BillingAccountId AS billing_account_id,
  BillingCurrency AS currency,
  CAST(COUNT(*) AS STRING) AS count,
  CAST(SUM(CAST(BilledCost AS NUMERIC)) AS STRING) AS cost,
  CAST(MIN(UNIX_SECONDS(_PARTITIONTIME)) AS STRING) AS first_partition,
  CAST(MAX(UNIX_SECONDS(_PARTITIONTIME)) AS STRING) AS last_partition
FROM {table}
WHERE {_WITHIN}
GROUP BY 1, 2"""


def months(table: str) -> str:
    """Ask which months have rows in the newest partitions, and how new the newest is."""
    return f"""-- costd: months
SELECT
  {MONTH} AS month,
  {_INSTANT.format(path="MAX(x_ExportTime)")} AS exported,
  CAST(COUNT(*) AS STRING) AS count
FROM {table}
WHERE _PARTITIONTIME >= @first
GROUP BY month"""
