"""Columns of the Cost and Usage Report under one name, whichever of its forms a file has. Pure.

CUR 2.0 calls a column `line_item_unblended_cost`, legacy CSV `lineItem/UnblendedCost`, legacy
Parquet `line_item_unblended_cost`. Legacy files have a column per tag, cost category and product
attribute where CUR 2.0 has maps; such a column is called `<map>/<key>` here, and `convert` folds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from domain.text import shortened


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ESSENTIAL = (
    *("bill_billing_period_start_date", "bill_payer_account_id", "line_item_currency_code"),
    *("line_item_unblended_cost", "line_item_usage_end_date", "line_item_usage_start_date"),
)
"""Columns without which no line can be booked."""

TEXTS = _words("""
bill_bill_type bill_billing_entity bill_invoice_id bill_invoicing_entity bill_payer_account_id
bill_payer_account_name capacity_reservation_capacity_reservation_arn
capacity_reservation_capacity_reservation_status line_item_availability_zone line_item_currency_code
line_item_iam_principal line_item_legal_entity line_item_line_item_description line_item_line_item_type
line_item_operation line_item_product_code line_item_resource_id line_item_usage_account_id
line_item_usage_account_name line_item_usage_type line_item_user_identifier pricing_currency
pricing_rate_code pricing_unit product_instance_type product_location product_product_family
product_region_code product_servicecode product_sku reservation_reservation_a_r_n
savings_plan_savings_plan_a_r_n split_line_item_parent_resource_id
""")
"""Columns of text that are kept."""

INSTANTS = _words("""
bill_billing_period_end_date bill_billing_period_start_date line_item_usage_end_date
line_item_usage_start_date
""")

COSTS = _words("""
line_item_net_unblended_cost line_item_unblended_cost pricing_public_on_demand_cost
reservation_amortized_upfront_fee_for_billing_period reservation_effective_cost
reservation_net_effective_cost reservation_net_unused_amortized_upfront_fee_for_billing_period
reservation_net_unused_recurring_fee reservation_unused_amortized_upfront_fee_for_billing_period
reservation_unused_recurring_fee savings_plan_net_savings_plan_effective_cost
savings_plan_savings_plan_effective_cost savings_plan_total_commitment_to_date
savings_plan_used_commitment split_line_item_net_split_cost split_line_item_net_unused_cost
split_line_item_split_cost split_line_item_unused_cost
""")
"""Columns of money: parsed exactly, with what twelve digits do not hold."""

QUANTITIES = _words("""
line_item_net_unblended_rate line_item_normalized_usage_amount line_item_unblended_rate
line_item_usage_amount pricing_public_on_demand_rate reservation_unused_normalized_unit_quantity
reservation_unused_quantity split_line_item_actual_usage split_line_item_reserved_usage
split_line_item_split_usage
""")

MAPS = ("cost_category", "product", "resource_tags", "tags")
"""Columns of keys and values."""

PRODUCT_KEYS = _words("""
product_name operating_system vcpu memory tenancy gpu gpu_memory physical_processor
processor_architecture storage storage_class storage_media volume_type volume_api_name database_engine
database_edition deployment_option license_model cache_engine instance_family pre_installed_sw
max_iopsvolume max_throughputvolume region
""")
"""Keys of the product map that are kept."""

_KEPT = TEXTS | INSTANTS | COSTS | QUANTITIES | frozenset(MAPS)

_LEFT = _words("""
capacity_reservation_capacity_reservation_type discount discount_bundled_discount
discount_total_discount identity_line_item_id identity_time_interval line_item_blended_cost
line_item_blended_rate line_item_normalization_factor line_item_tax_type pricing_lease_contract_length
pricing_offering_class pricing_purchase_option pricing_rate_id pricing_term product_comment
product_fee_code product_fee_description product_from_location product_from_location_type
product_from_region_code product_instance_family product_instancesku product_location_type
product_operation product_pricing_unit product_to_location product_to_location_type
product_to_region_code product_usagetype reservation_amortized_upfront_cost_for_usage
reservation_availability_zone reservation_end_time reservation_modification_status
reservation_net_amortized_upfront_cost_for_usage reservation_net_amortized_upfront_fee_for_billing_period
reservation_net_recurring_fee_for_usage reservation_net_upfront_value
reservation_normalized_units_per_reservation reservation_number_of_reservations
reservation_recurring_fee_for_usage reservation_start_time reservation_subscription_id
reservation_total_reserved_normalized_units reservation_total_reserved_units
reservation_units_per_reservation reservation_upfront_value
savings_plan_amortized_upfront_commitment_for_billing_period savings_plan_end_time
savings_plan_instance_type_family savings_plan_net_amortized_upfront_commitment_for_billing_period
savings_plan_net_recurring_commitment_for_billing_period savings_plan_offering_type
savings_plan_payment_option savings_plan_purchase_term
savings_plan_recurring_commitment_for_billing_period savings_plan_region savings_plan_savings_plan_rate
savings_plan_start_time split_line_item_public_on_demand_split_cost
split_line_item_public_on_demand_unused_cost split_line_item_split_usage_ratio
""")
"""Columns that are known and not needed."""

_FAMILIES = {"resourcetags": "resource_tags", "costcategory": "cost_category"}
_LEFT_FAMILIES = ("product", "discount")
_SHOWN = 8
_TYPE = "line_item_line_item_type"
_TELLING = 3


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_BY_FOLD = {_folded(name): name for name in _KEPT}
_LEFT_FOLDS = frozenset(map(_folded, _LEFT))
_PRODUCT_BY_FOLD = {_folded(key): key for key in PRODUCT_KEYS}
_ALIASES = {"productregion": "product_region_code"}


def cur2_names(columns: Iterable[str]) -> dict[str, str]:
    """Give {column of the file: its CUR 2.0 name}; a column that is not needed is left out.

    A column per tag, cost category or product attribute becomes `resource_tags/user:team`,
    `cost_category/Team`, `product/vcpu`: the name of the map and the key as the file has it.
    Of two columns for one name the one that is spelt as in CUR 2.0 wins, else the first.
    """
    given = list(columns)
    exact = {name for name in given if name in _KEPT}
    taken: set[str] = set()
    found: dict[str, str] = {}
    late: list[tuple[str, str]] = []
    for name in given:
        target = name if name in exact else _target(name)
        if target is None:
            if alias := _ALIASES.get(_folded(name)):
                late.append((name, alias))
            continue
        if target in taken or (target in exact and name != target):
            continue
        taken.add(target)
        found[name] = target
    for name, alias in late:
        if alias not in taken:
            taken.add(alias)
            found[name] = alias
    return {name: found[name] for name in given if name in found}


def _target(name: str) -> str | None:
    fold = _folded(name)
    if fold in _BY_FOLD:
        return _BY_FOLD[fold]
    family, key = _family(name)
    if family in _FAMILIES and key:
        return f"{_FAMILIES[family]}/{key}"
    if family == "product":
        known = _PRODUCT_BY_FOLD.get(_folded(key))
        return f"product/{known}" if known and known != "region" else None
    return None


def _family(name: str) -> tuple[str, str]:
    """Split `resourceTags/user:team` or `resource_tags_user_team` into family and key."""
    head, slash, key = name.partition("/")
    if slash:
        return _folded(head), key
    lowered = name.lower()
    for prefix in ("resource_tags_", "cost_category_", "product_", "discount_"):
        if lowered.startswith(prefix):
            return _folded(prefix), name[len(prefix) :]
    return "", ""


def strangers(columns: Iterable[str]) -> tuple[str, ...]:
    """Give the columns that no description of the report knew when this was written."""
    given = list(columns)
    kept = cur2_names(given)
    return tuple(
        name
        for name in given
        if name not in kept
        and _folded(name) not in _LEFT_FOLDS
        and _folded(name) not in _BY_FOLD
        and _family(name)[0] not in _LEFT_FAMILIES
    )


def notes_about(columns: Iterable[str]) -> tuple[str, ...]:
    """Say which columns of a file are new; their values are not kept."""
    new = [shortened(name, 60) for name in strangers(columns)]
    if not new:
        return ()
    more = f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
    return (f"columns that costd does not know, not kept: {', '.join(new[:_SHOWN])}{more}",)


def is_cur(columns: Iterable[str]) -> bool:
    """Say whether a header is one of a Cost and Usage Report, whatever its form and whatever it lacks."""
    names = set(cur2_names(columns).values())
    return _TYPE in names or len(names.intersection(ESSENTIAL)) >= _TELLING


def lacking(columns: Iterable[str]) -> tuple[str, ...]:
    """Give the columns that a report must have and this header lacks."""
    names = set(cur2_names(columns).values())
    return tuple(name for name in (*ESSENTIAL, _TYPE) if name not in names)
