"""What `costd doctor` finds out about a billing table, read-only and for next to nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from collectors.gcp import native_sql, sql
from collectors.gcp.bigquery import Parameters, Warehouse
from collectors.gcp.meter import cost_of, shown
from collectors.gcp.months import bounds
from collectors.gcp.tables import Export, Table, recognised
from domain.errors import CostdError
from domain.probe import Health, Probe
from domain.text import printable
from domain.window import midnight, month_of

if TYPE_CHECKING:
    from collectors.gcp_catalog import GcpBudgets, GcpProjects

_STALE = timedelta(hours=36)
"""Google writes several times a day; after this long something has stopped."""

_LOOK_BACK = timedelta(days=3)


def probes_of(warehouse: Warehouse, now: datetime) -> list[Probe]:
    """Look at the table step by step; what fails ends the looking, for the rest hangs on it."""
    found: list[Probe] = []
    try:
        found.extend(_looked(warehouse, now, found))
    except CostdError as error:
        fix = error.hint or "see docs/connect-gcp.md"
        found.append(Probe(subject=warehouse.table, health=Health.FAIL, breaks=str(error), fix=fix))
    return found


def _looked(warehouse: Warehouse, now: datetime, done: list[Probe]) -> Iterator[Probe]:
    shape = warehouse.shape()
    table = recognised(shape)
    where = f", dataset in {shape.location}" if shape.location else ""
    done.append(Probe(subject=f"{warehouse.table}: {table.export} export{where}", health=Health.OK))
    if table.export is Export.STANDARD:
        yield Probe(
            subject="standard export: no resources",
            health=Health.WARN,
            breaks="charges have no resource ids, so nothing can be owned, idle or reaped by resource",
            fix="enable the detailed export as well and name its table (gcp_billing_export_resource_v1_…)",
        )
    if shape.partition_days is not None and table.export is not Export.FOCUS:
        yield Probe(
            subject=f"partitions expire after {shape.partition_days} days",
            health=Health.WARN,
            breaks="Google does not write deleted rows again; older months cannot be read any more",
            fix=f"bq update --time_partitioning_expiration 0 {shape.name.replace('.', ':', 1)}",
        )
    done.append(_priced(warehouse, table, now))
    yield _freshness(warehouse, table, now)


def _priced(warehouse: Warehouse, table: Table, now: datetime) -> Probe:
    """Price a collection as it is on most days: which months grew, and this month read whole."""
    period = month_of(now)
    first, last = bounds(period)
    month: Parameters = {"month": period.replace("-", ""), "first": first, "last": last, "exported": now}
    native = table.export is Export.FOCUS
    at = table.at("")
    recent: Parameters = {"first": midnight(now.date()) - _LOOK_BACK}
    asked = (
        ((native_sql.months if native else sql.months)(at), recent),
        (native_sql.summary(at) if native else sql.summary(at, table.paths), month),
        ((native_sql if native else sql).rows(at, table.paths), month),
    )
    sizes: list[int] = [warehouse.price(question, parameters) for question, parameters in asked]
    size = sum(sizes)
    return Probe(
        subject=f"a collection of {period} reads {shown(size)} in BigQuery, {cost_of(size)}",
        health=Health.OK,
    )


def _freshness(warehouse: Warehouse, table: Table, now: datetime) -> Probe:
    """Say how old the newest rows are; the clock of the server comes along with the answer."""
    asked = native_sql.months if table.export is Export.FOCUS else sql.months
    first = midnight(now.date()) - _LOOK_BACK
    pages = warehouse.ask(asked(table.at("")), {"first": first})
    exported = [row["exported"] for page in pages for row in page.iter_rows(named=True) if row["exported"]]
    if not exported:
        return Probe(
            subject=f"no rows since {first:%Y-%m-%d}",
            health=Health.WARN,
            breaks="Google has written nothing for three days; charges of these days are missing",
            fix="look whether the export is still enabled: console > Billing > Billing export",
            server_time=warehouse.server_time,
        )
    newest = datetime.fromisoformat(max(exported))
    age = now - newest
    hours = max(0, int(age.total_seconds() // 3600))
    return Probe(
        subject=f"newest rows exported {newest:%Y-%m-%d %H:%M} UTC, {hours} h ago",
        health=Health.WARN if age > _STALE else Health.OK,
        breaks="Google writes several times a day; charges since then are missing" if age > _STALE else "",
        fix="look whether the export is still enabled: console > Billing > Billing export"
        if age > _STALE
        else "",
        server_time=warehouse.server_time,
    )


_ACCOUNT = re.compile(r"_([0-9A-F]{6})_([0-9A-F]{6})_([0-9A-F]{6})$", re.ASCII)


def account_in(table: str) -> str:
    """Give the billing account that Google names a table after, "" if it names none."""
    match = _ACCOUNT.search(table)
    return "-".join(match.groups()) if match else ""


def account_probes(account: str, projects: GcpProjects, budgets: GcpBudgets) -> Iterator[Probe]:
    """Look at what beside the bill is read of a billing account; the bill does not depend on it."""
    try:
        billed = [one for one in projects.of_account(account) if one.is_billed]
    except CostdError as error:
        yield _unknown(f"projects of {account}", "which projects are still billed is unknown", error)
    else:
        yield Probe(subject=f"billing account {account} pays for {len(billed):,} projects", health=Health.OK)
    try:
        found = budgets.of_account(account)
    except CostdError as error:
        yield _unknown(f"budgets of {account}", "which budgets were set up at Google is unknown", error)
    else:
        names = ", ".join(printable(one.name) for one in found[:_SHOWN]) or "none"
        yield Probe(subject=f"budgets at Google: {len(found):,} ({names})", health=Health.OK)


_SHOWN = 3


def _unknown(subject: str, breaks: str, error: CostdError) -> Probe:
    return Probe(
        subject=subject,
        health=Health.WARN,
        breaks=f"{breaks}; the bill is read all the same: {error}",
        fix=error.hint or "grant roles/billing.viewer on the billing account",
    )
