"""What AWS says of the runs of an export: a second sign, beside the manifest, that a delivery is whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from collectors.aws.access import Access
from collectors.aws.refusals import Asked, sdk_errors, told
from domain.errors import SourceError
from domain.text import printable

_MOST_PAGES = 20
_REASONS = {
    "INSUFFICIENT_PERMISSION": "AWS may no longer write to the bucket: allow bcm-data-exports.amazonaws.com "
    "and billingreports.amazonaws.com to s3:PutObject in the bucket's policy",
    "BILL_OWNER_CHANGED": "the account is billed by another payer now: make the export anew in that account",
    "INTERNAL_FAILURE": "AWS failed and tries again at its next refresh",
    "DEPRECATED": "the export uses a table that AWS no longer offers: make it anew",
}


class Run(StrEnum):
    """How the latest run of an export goes."""

    DELIVERED = "delivered"
    RUNNING = "under way"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportStatus:
    """An export as AWS describes it.

    Attributes:
        name: its name.
        arn: its ARN.
        run: how its latest run goes.
        at: when that began, None if AWS does not say.
        reason: what failed and what to do, or "".
    """

    name: str
    arn: str
    run: Run
    at: datetime | None = None
    reason: str = ""


class Executions:
    """Asks Data Exports about exports, by name."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def statuses(self, names: Iterable[str]) -> list[ExportStatus]:
        """Give how the latest runs of the named exports go; one that AWS does not know is left out.

        Raises:
            DeniedError: it is not allowed.
            SourceError: Data Exports does not answer.
        """
        wanted = set(names)
        found = [one for one in self.exports() if one["ExportName"] in wanted]
        return [self._status(export) for export in found]

    def exports(self) -> list[dict[str, Any]]:
        """List every export of the account."""
        return self._all("list_exports", "Exports", "bcm-data-exports:ListExports")

    def definition(self, arn: str) -> Mapping[str, Any]:
        """Give how an export is defined: its query, its options, where it delivers."""
        answer = self._call("get_export", "bcm-data-exports:GetExport", arn, ExportArn=arn)
        export: Mapping[str, Any] = answer["Export"]
        return export

    def _status(self, export: Mapping[str, Any]) -> ExportStatus:
        arn, name = str(export["ExportArn"]), printable(str(export["ExportName"]))
        health = export.get("ExportStatus", {})
        if health.get("StatusCode") == "UNHEALTHY":
            why = _reason(health)
            return ExportStatus(name=name, arn=arn, run=Run.FAILED, reason=f"the export is unhealthy: {why}")
        runs = self._all("list_executions", "Executions", "bcm-data-exports:ListExecutions", arn)
        if not runs:
            return ExportStatus(name=name, arn=arn, run=Run.UNKNOWN)
        latest = max((run["ExecutionStatus"] for run in runs), key=_began)
        code = str(latest.get("StatusCode"))
        at = latest.get("CreatedAt")
        return ExportStatus(
            name=name,
            arn=arn,
            run=_run(code),
            at=at.astimezone(UTC) if at is not None else None,
            reason=f"its latest run ended in {code}: {_reason(latest)}" if _run(code) is Run.FAILED else "",
        )

    def _all(self, operation: str, field: str, permission: str, arn: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token: dict[str, str] = {"ExportArn": arn} if arn else {}
        for _ in range(_MOST_PAGES):
            answer = self._call(operation, permission, arn or "*", **token)
            found += answer.get(field, [])
            if not answer.get("NextToken"):
                break
            token["NextToken"] = answer["NextToken"]
        return found

    def _call(self, operation: str, permission: str, resource: str, **arguments: str) -> Mapping[str, Any]:
        region = self._access.billing_region
        if region is None:
            raise SourceError(f"Data Exports does not exist in the partition {self._access.partition}")
        try:
            client = self._access.client("bcm-data-exports", region)
            answer: Mapping[str, Any] = getattr(client, operation)(**arguments)
        except sdk_errors() as error:
            what = "AWS Data Exports cannot be asked how the export goes"
            asked = Asked(what=what, permission=permission, resource=resource, assumed=self._access.role)
            raise told(error, asked) from error
        return answer


def _run(code: str) -> Run:
    if code == "DELIVERY_SUCCESS":
        return Run.DELIVERED
    if code.endswith("_FAILURE"):
        return Run.FAILED
    return Run.RUNNING if code.endswith(("_IN_PROCESS", "_QUEUED")) else Run.UNKNOWN


def _began(status: Mapping[str, Any]) -> datetime:
    return status.get("CreatedAt") or datetime.min.replace(tzinfo=UTC)


def _reason(status: Mapping[str, Any]) -> str:
    code = printable(str(status.get("StatusReason") or ""))
    return _REASONS.get(code, code or "AWS does not say why")
