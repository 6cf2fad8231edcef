"""What BigQuery is asked of a standard or detailed usage export. Pure.

Amounts are cast to NUMERIC before anything is added, because the table has them as floats. Credits are
summed by a subquery of their row: a join would repeat the cost once per credit (bigquery-utils#289).
Every query names the partitions it needs, and the columns: what is not named is not paid for.
"""

from __future__ import annotations

from collections.abc import Collection

from collectors.gcp.rows import (
    COMMITTED,
    LABELS,
    OFFSET,
    PROMOTION,
    QUANTITIES,
    ROW_SCHEMA,
    TEXTS,
)

_ALL = "TRUE"
_DISCOUNTS = f"IFNULL(c.type, '') != '{PROMOTION}'"
_COMMITTED = f"c.type IN ({', '.join(repr(kind) for kind in COMMITTED)})"
_DOLLARS = f"c.type = '{COMMITTED[1]}'"
_OFFSET = f"c.type = '{OFFSET}'"
_NAME = "COALESCE(NULLIF(c.full_name, ''), NULLIF(c.name, ''), c.id)"


def granted(which: str) -> str:
    """Give the sum of some of a row's credits; null where it has none of them."""
    return f"(SELECT SUM(CAST(c.amount AS NUMERIC)) FROM UNNEST(credits) AS c WHERE {which})"


COST = "CAST(cost AS NUMERIC)"
ALL_CREDITS = f"IFNULL({granted(_ALL)}, 0)"
APPLIED = granted(_DISCOUNTS)
FEE_OFFSET = granted(_OFFSET)
COMMITMENT = granted(_COMMITTED)


def _wide(path: str) -> str:
    """Give an amount with room for a product; rounded first, as everything else that is added."""
    return f"CAST(CAST({path} AS NUMERIC) AS BIGNUMERIC)"


def covered(paths: Collection[str]) -> str:
    """Give the list value of the usage that commitments paid for."""
    if "cost_at_list" not in paths:
        return f"-{COMMITMENT}"
    share = f"SAFE_DIVIDE({_wide('cost_at_list')} * -{COMMITMENT}, {_wide('cost')})"
    return f"IFNULL(CAST({share} AS NUMERIC), -{COMMITMENT})"


_INSTANT = "FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%E6SZ', {path})"
_PROMOTIONS = (
    f"NULLIF(TO_JSON_STRING(ARRAY(SELECT AS STRUCT {_NAME} AS name, c.id AS id, "
    "CAST(CAST(c.amount AS NUMERIC) AS STRING) AS amount "
    f"FROM UNNEST(credits) AS c WHERE c.type = '{PROMOTION}')), '[]')"
)


def _price(path: str, paths: Collection[str]) -> str:
    if "price.pricing_unit_quantity" not in paths:
        return f"CAST({path} AS NUMERIC)"
    return (
        f"CAST(IFNULL(SAFE_DIVIDE(CAST({path} AS BIGNUMERIC), "
        f"CAST(price.pricing_unit_quantity AS BIGNUMERIC)), CAST({path} AS BIGNUMERIC)) AS NUMERIC)"
    )


Column = tuple[str, str]
"""The path that a column needs, and the expression that gives it."""


def _texts() -> dict[str, Column]:
    return {name: (path, path) for name, path in TEXTS.items()}


def _amounts(paths: Collection[str]) -> dict[str, Column]:
    return {
        **{name: (name, f"CAST(CAST({name} AS NUMERIC) AS STRING)") for name in ("cost", "cost_at_list")},
        **{
            name: (f"price.{name}", f"CAST({_price(f'price.{name}', paths)} AS STRING)")
            for name in ("list_price", "effective_price")
        },
        # As text a float is its shortest decimal; cast to NUMERIC it would lose digits.
        **{name: (path, f"CAST({path} AS STRING)") for name, path in QUANTITIES.items()},
    }


def _credits(paths: Collection[str]) -> dict[str, Column]:
    types = (
        f"(SELECT STRING_AGG(DISTINCT c.type ORDER BY c.type) FROM UNNEST(credits) AS c WHERE {_DISCOUNTS})"
    )
    name = f"(SELECT MIN({_NAME}) FROM UNNEST(credits) AS c WHERE {_COMMITTED})"
    sums = {
        "credits_applied": APPLIED,
        "commitment_amount": COMMITMENT,
        "covered": covered(paths),
        "offset": FEE_OFFSET,
    }
    return {
        **{column: ("credits", f"CAST({expression} AS STRING)") for column, expression in sums.items()},
        "credit_types": ("credits", types),
        "promotions": ("credits", _PROMOTIONS),
        "commitment_name": ("credits", name),
    }


def _columns(paths: Collection[str]) -> dict[str, Column]:
    times = {"usage_start": "usage_start_time", "usage_end": "usage_end_time"}
    return {
        **_texts(),
        **{name: (path, _INSTANT.format(path=path)) for name, path in times.items()},
        **_amounts(paths),
        **_credits(paths),
        **{name: (path, f"NULLIF(TO_JSON_STRING({path}), '[]')") for name, path in LABELS.items()},
    }


def rows(table: str, paths: Collection[str]) -> str:
    """Ask for the charges of an invoice month, one `ROW_SCHEMA` row each."""
    columns = _columns(paths)
    chosen = []
    for name in ROW_SCHEMA:
        path, expression = columns[name]
        chosen.append(f"  {expression if path in paths else 'CAST(NULL AS STRING)'} AS {name}")
    return _select("charges", chosen, f"FROM {table}", f"WHERE {_WITHIN}")


def summary(table: str, paths: Collection[str]) -> str:
    """Ask what an invoice month adds up to, per account, currency, place, SKU and commitment.

    These are few rows, and they answer three questions at once: what the month must sum to, which
    partitions hold it, and which commitments' fees are to be spread over which usage.
    """
    quantity = "CAST(usage.amount AS NUMERIC)"
    used = f"SAFE_DIVIDE({_wide('usage.amount')} * -{COMMITMENT}, {_wide('cost')})"
    keys = {
        "billing_account_id": "billing_account_id",
        "currency": "currency",
        "region": "location.region",
        "service_id": "service.id",
        "service": "service.description",
        "sku_id": "sku.id",
        "sku": "sku.description",
        "subscription": "subscription.instance_id",
        "usage_unit": "usage.unit",
        "cost_type": "cost_type",
    }
    chosen = [
        f"  {path if path in paths else 'CAST(NULL AS STRING)'} AS {name}" for name, path in keys.items()
    ]
    chosen += [
        f"  CAST({expression} AS STRING) AS {name}"
        for name, expression in {
            "count": "COUNT(*)",
            "cost": f"SUM({COST})",
            "credits": f"SUM({ALL_CREDITS})",
            "applied": f"SUM(IFNULL({APPLIED}, 0))",
            "offset": f"SUM(IFNULL({FEE_OFFSET}, 0))",
            "settled": f"SUM(IF(IFNULL({FEE_OFFSET}, 0) = 0, 0, {COST} + IFNULL({APPLIED}, 0)))",
            "dollars": f"SUM(IFNULL({granted(_DOLLARS)}, 0))",
            "covered": f"SUM(IFNULL({covered(paths)}, 0))",
            "quantity": f"SUM({quantity})",
            "covered_quantity": f"SUM(CAST(IFNULL({used}, 0) AS NUMERIC))",
            "first_project": "MIN(project.id)",
            "last_project": "MAX(project.id)",
            "first_partition": "MIN(UNIX_SECONDS(_PARTITIONTIME))",
            "last_partition": "MAX(UNIX_SECONDS(_PARTITIONTIME))",
        }.items()
    ]
    groups = ", ".join(str(number) for number in range(1, len(keys) + 1))
    return _select("summary", chosen, f"FROM {table}", f"WHERE {_WITHIN}", f"GROUP BY {groups}")


def _select(what: str, columns: list[str], *clauses: str) -> str:
    """Give a query whose first line says, also in Google's list of jobs, what costd asks."""
    return "\n".join((f"-- costd: {what}", "SELECT", ",\n".join(columns), *clauses))


def months(table: str) -> str:
    """Ask which invoice months have rows in the newest partitions, and how new the newest is."""
    return f"""-- costd: months
SELECT
  invoice.month AS month,
  {_INSTANT.format(path="MAX(export_time)")} AS exported,
  CAST(COUNT(*) AS STRING) AS count
FROM {table}
WHERE _PARTITIONTIME >= @first
GROUP BY month"""


_WITHIN = (
    "_PARTITIONTIME >= @first AND _PARTITIONTIME <= @last\n"
    "  AND export_time <= @exported\n  AND invoice.month = @month"
)
