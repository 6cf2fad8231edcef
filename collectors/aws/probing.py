"""What `costd doctor` says of an AWS bill: identity, bucket, manifests, options, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from collectors.aws.access import Access
from collectors.aws.bucket import ExportBucket
from collectors.aws.delivery import deliver
from collectors.aws.executions import Executions, Run
from collectors.aws.layouts import Candidate, Chosen, candidates, choose
from collectors.aws.manifests import ManifestError
from collectors.aws.settings import AwsBillingSettings
from collectors.aws.watching import LATE, Watch
from domain.errors import CostdError, SourceError
from domain.probe import Health, Probe
from domain.show import age_text, count_text
from domain.text import shortened

WANTED_OPTIONS = (
    ("TIME_GRANULARITY", "HOURLY", "idle machines and working hours cannot be seen by the hour"),
    ("INCLUDE_RESOURCES", "TRUE", "no charge names its resource: nothing can be traced or switched off"),
    (
        "INCLUDE_SPLIT_COST_ALLOCATION_DATA",
        "TRUE",
        "nodes of EKS and ECS are not split among pods and tasks by AWS",
    ),
    (
        "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY",
        "FALSE",
        "discounts come as rows of their own and the discount map is missing",
    ),
)
"""Options of the table COST_AND_USAGE_REPORT, what they should be, and what is lost else."""

_WAIT = "wait for the first delivery, up to a day, or follow docs/connect-aws.md"


def probes(settings: AwsBillingSettings, access: Access, bucket: ExportBucket, now: datetime) -> list[Probe]:
    """Look at everything that a fetch needs; asks nothing that costs money."""
    found = access.probe()
    if any(probe.health is Health.FAIL for probe in found):
        return found
    watch = Watch(bucket, settings.prefix, settings.export)
    try:
        exports = watch.exports()
        chosen = choose(
            one for export in exports for one in candidates(bucket.look, bucket.below, export, lambda _: True)
        )
    except CostdError as error:
        return [*found, _failed(f"s3:ListBucket on {bucket.root}", error)]
    names = ", ".join(sorted({f"{one.name} ({one.form})" for one in exports})) or "none"
    found.append(
        Probe(
            subject=f"s3:ListBucket on {bucket.root}: exports {names}",
            health=Health.OK,
            server_time=bucket.server_time,
        )
        if exports
        else Probe(
            subject=f"s3:ListBucket on {bucket.root}",
            health=Health.WARN,
            breaks="no cost export is below the prefix: there is no bill to read",
            fix=_WAIT,
        )
    )
    found += _manifests(bucket, chosen, now)
    found += _executions(settings, access, {one.export.name for one in chosen.manifests.values()})
    found.append(_explorer(settings, access))
    return found


def _manifests(bucket: ExportBucket, chosen: Chosen, now: datetime) -> Iterator[Probe]:
    if not chosen.manifests:
        yield Probe(
            subject=f"manifests below {bucket.root}",
            health=Health.WARN,
            breaks="there is none yet: nothing is read before AWS has written it",
            fix=_WAIT,
        )
        return
    newest = max(chosen.manifests.values(), key=lambda one: one.file.modified)
    age = max(now - newest.file.modified, timedelta())
    months = count_text(len(chosen.manifests), "month")
    subject = f"{months}; the newest manifest, of {newest.period}, {age_text(age)} old"
    late = age > LATE
    yield Probe(
        subject=subject,
        health=Health.WARN if late else Health.OK,
        breaks="AWS refreshes daily, so the export has stopped" if late else "",
        fix="look at the export in the console under Billing, Data Exports" if late else "",
    )
    yield from _reading(bucket, newest)


def _reading(bucket: ExportBucket, newest: Candidate) -> Iterator[Probe]:
    """Read the manifest, look at its files and at the first byte of one: what a fetch would do."""
    subject = f"s3:GetObject on {bucket.path_of(newest.file.key)}"
    try:
        delivered = deliver(bucket, newest)
        if delivered.files:
            bucket.touch(delivered.files[0].file)
    except ManifestError as error:
        yield Probe(
            subject=subject,
            health=Health.WARN,
            breaks=f"{newest.period} is not read: its manifest {error}",
            fix="wait for the next refresh, within a day",
        )
        return
    except CostdError as error:
        yield _failed(subject, error)
        return
    size = sum(file.file.size for file in delivered.files)
    yield Probe(
        subject=f"{subject} and its {count_text(len(delivered.files), 'file')}, {size:,} bytes",
        health=Health.OK,
    )


def _executions(settings: AwsBillingSettings, access: Access, names: set[str]) -> Iterator[Probe]:
    if not settings.execution_status or not names:
        return
    asked = Executions(access)
    try:
        statuses = asked.statuses(names)
    except SourceError as error:
        yield Probe(
            subject="bcm-data-exports:ListExports and ListExecutions",
            health=Health.WARN,
            breaks=f"only the manifest tells whether a delivery is whole: {error}",
            fix=error.hint or "allow both, or set `execution_status: false`",
        )
        return
    for status in statuses:
        failed = status.run is Run.FAILED
        yield Probe(
            subject=f"export {status.name}: its latest run is {status.run}",
            health=Health.FAIL if failed else Health.OK,
            breaks=status.reason,
            fix="correct the export or the policy of its bucket; docs/connect-aws.md has both"
            if failed
            else "",
        )
        yield from _options(asked, status.arn, status.name)


def _options(asked: Executions, arn: str, name: str) -> Iterator[Probe]:
    try:
        query = asked.definition(arn).get("DataQuery", {})
    except SourceError as error:
        yield Probe(
            subject=f"bcm-data-exports:GetExport on {name}",
            health=Health.WARN,
            breaks=f"the options of the export cannot be checked: {error}",
            fix=error.hint or "allow bcm-data-exports:GetExport",
        )
        return
    options = query.get("TableConfigurations", {}).get("COST_AND_USAGE_REPORT")
    if options is None:
        return
    wrong = [
        (f"{option}={value}", breaks, shortened(str(options.get(option, "not set")), 40))
        for option, value, breaks in WANTED_OPTIONS
        if str(options.get(option, "FALSE")).upper() != value
    ]
    for wanted, breaks, found in wrong:
        yield Probe(
            subject=f"option {wanted.partition('=')[0]} of {name} is {found}",
            health=Health.WARN,
            breaks=breaks,
            fix=f"set {wanted} in the export's TableConfigurations; months from then on have it",
        )
    if not wrong:
        yield Probe(subject=f"options of {name}: hourly, resource ids, split cost", health=Health.OK)


def _explorer(settings: AwsBillingSettings, access: Access) -> Probe:
    """Say what Cost Explorer may be asked; asking it would cost money, so it is not."""
    block = settings.cost_explorer
    if access.billing_region is None:
        return Probe(
            subject=f"Cost Explorer does not exist in the partition {access.partition}",
            health=Health.OK,
        )
    uses = [word for word, on in (("bootstrap", block.bootstrap), ("reconcile", block.reconcile)) if on]
    if not uses or not block.requests_per_day:
        return Probe(subject="Cost Explorer is not asked", health=Health.OK)
    return Probe(
        subject=f"ce:GetCostAndUsage for {' and '.join(uses)}, at most {block.requests_per_day} requests "
        "a day; not tried, because each costs 0.01 USD",
        health=Health.OK,
    )


def _failed(subject: str, error: CostdError) -> Probe:
    fix = error.hint or "read the message, and docs/connect-aws.md"
    return Probe(subject=subject, health=Health.FAIL, breaks=str(error), fix=fix)
