"""The bill of AWS: exports that AWS delivers to an S3 bucket, and Cost Explorer until they come."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain

from collectors.aws.access import Access
from collectors.aws.batches import Batches
from collectors.aws.bucket import ExportBucket
from collectors.aws.convert import to_focus
from collectors.aws.copying import originals
from collectors.aws.delivery import EXPLORER, cursor_origin
from collectors.aws.executions import Executions, ExportStatus, Run
from collectors.aws.explorer import AccountSum, Explorer
from collectors.aws.invoice import invoice_of
from collectors.aws.layouts import Form, newest_refresh
from collectors.aws.overview import NOTE, overview, wanted
from collectors.aws.probing import probes
from collectors.aws.settings import AwsBillingSettings
from collectors.aws.watching import LATE, Watch, Watched
from collectors.interface import Original, Probe
from domain.delivery import Batch, Coverage, Cursor, Fetch, Freshness, PeriodResult, Verdict
from domain.errors import SourceError
from domain.invoice import Invoice, NoInvoice
from domain.ports import Clock, Progress, RequestBudget
from domain.show import age_text
from domain.window import midnight

__all__ = ["AwsBillingCollector", "AwsBillingSettings", "to_focus"]

_SHOWN = 3


class AwsBillingCollector:
    """Delivers every month that AWS refreshed."""

    Settings = AwsBillingSettings
    HANDED = ("clock", "requests")

    def __init__(self, settings: AwsBillingSettings, *, clock: Clock, requests: RequestBudget) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._requests = requests
        self._access = Access(settings.identity)

    def probe(self) -> list[Probe]:
        """Look at identity, bucket, manifests, options of the export, and what else is allowed."""
        return probes(self._settings, self._access, self._bucket(), self._clock.now())

    def fetch(self, cursors: Mapping[str, Cursor], *, progress: Progress) -> Fetch:
        """Look at the manifests of open months and offer those that AWS refreshed."""
        settings, now = self._settings, self._clock.now()
        bucket = self._bucket()
        watch = Watch(bucket, settings.prefix, settings.export)
        seen = watch.look(cursors, now, progress, self.name)
        statuses, notes = self._statuses(seen)
        batches = Batches(self.name, bucket, settings.max_quarantined, cursors)
        first, more = self._overviews(seen, cursors, now)
        of_explorer = _of_explorer(cursors, seen, first)
        return Fetch(
            batches=chain(batches.of(seen.due, watch.again), first),
            coverage=self._coverage(seen, statuses, now, has_overview=bool(of_explorer)),
            refused=tuple(
                PeriodResult(
                    source=self.name,
                    billing_period=period,
                    verdict=Verdict.REFUSED,
                    gate="manifest",
                    reason=reason,
                )
                for period, reason in sorted(seen.refused.items())
            ),
            notes=(*seen.chosen.notes, *notes, *more, *(f"{period} {NOTE}" for period in of_explorer)),
        )

    def originals(self, periods: Collection[str] | None = None) -> Iterator[Original]:
        """Give the files that the newest manifest of each month names."""
        bucket = self._bucket()
        return originals(bucket, Watch(bucket, self._settings.prefix, self._settings.export), periods)

    def invoice(self, period: str) -> list[AccountSum]:
        """Give what Cost Explorer says of a month by account and record type, for `costd reconcile`.

        Raises:
            SourceError: it is switched off, the day's requests are used up, or it does not answer.
        """
        if not self._settings.cost_explorer.reconcile:
            raise SourceError(
                f"{self.name} may not ask Cost Explorer what {period} costs",
                hint="set `cost_explorer: {reconcile: true}` of this source; it costs about 0.02 USD a month",
            )
        return self.explorer().month(period)

    def invoiced(self, period: str) -> Invoice | NoInvoice:
        """Give what Cost Explorer says a month cost, or that it may not be asked.

        Raises:
            SourceError: the day's requests are used up, or Cost Explorer does not answer.
        """
        if not self._settings.cost_explorer.reconcile:
            return NoInvoice(reason="no invoice to compare with: `cost_explorer.reconcile` is off")
        return invoice_of(self.name, period, self.invoice(period), self._clock.now())

    def explorer(self) -> Explorer:
        """Give Cost Explorer, with what it may still cost today."""
        limit = self._settings.cost_explorer.requests_per_day
        return Explorer(self.name, self._access, self._requests, limit, self._clock)

    def _bucket(self) -> ExportBucket:
        settings = self._settings
        return ExportBucket(settings.bucket, settings.prefix, self._access, scratch=settings.scratch)

    def _statuses(self, seen: Watched) -> tuple[list[ExportStatus], list[str]]:
        """Ask how the exports that count go; that it is not allowed is no fault of the bill."""
        names = {
            one.export.name for one in seen.chosen.manifests.values() if one.export.form is Form.DATA_EXPORT
        }
        if not names or not self._settings.execution_status:
            return [], []
        try:
            found = Executions(self._access).statuses(names)
        except SourceError as error:
            return [], [
                f"only the manifest tells whether a delivery is whole: {error}; {error.hint}".rstrip("; ")
            ]
        return found, [
            f"AWS is refreshing {one.name} since {one.at:%Y-%m-%d %H:%M} UTC; what is shown is the refresh "
            "before it"
            for one in found
            if one.run is Run.RUNNING and one.at is not None
        ]

    def _overviews(
        self, seen: Watched, cursors: Mapping[str, Cursor], now: datetime
    ) -> tuple[list[Batch], list[str]]:
        """Ask Cost Explorer for months that no export has delivered; that it fails is only a note."""
        asked = wanted({*seen.chosen.manifests, *seen.refused}, cursors, now)
        if asked is None or not self._settings.cost_explorer.bootstrap:
            return [], []
        try:
            return overview(self.name, self.explorer(), asked, self._access.account(), now), []
        except SourceError as error:
            months = " and ".join(asked.periods)
            return [], [f"no overview of {months} from Cost Explorer: {error}; {error.hint}".rstrip("; ")]

    def _coverage(
        self, seen: Watched, statuses: list[ExportStatus], now: datetime, *, has_overview: bool
    ) -> Coverage:
        faults = [f"{period}: {reason}" for period, reason in sorted(seen.refused.items(), reverse=True)]
        faults += [f"{one.name}: {one.reason}" for one in statuses if one.run is Run.FAILED]
        through = None
        if not seen.chosen.manifests:
            faults.append(self._not_yet(seen))
            if has_overview:
                faults[-1] += "; figures are of Cost Explorer until then"
                through = midnight(now.date() - timedelta(days=1))
        elif (age := now - newest_refresh(seen.chosen)) > LATE:
            faults.append(
                f"AWS has not refreshed any month in {self._place} for {age_text(age)}, and does so daily: "
                "look whether the export still exists and may write to the bucket"
            )
        if not faults:
            return Coverage(source=self.name, freshness=Freshness.FRESH)
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        reason = "; ".join(faults[:_SHOWN]) + more
        return Coverage(source=self.name, freshness=Freshness.STALE, delivered_through=through, reason=reason)

    def _not_yet(self, seen: Watched) -> str:
        if not seen.exports:
            return (
                f"no cost export was found in {self._place}: AWS takes up to a day to deliver the first one"
            )
        names = ", ".join(sorted({one.name for one in seen.exports}))
        return (
            f"{names} in {self._place} has no manifest yet: AWS writes it last, up to a day after its start"
        )

    @property
    def _place(self) -> str:
        return f"s3://{self._settings.bucket}/{self._settings.prefix}".rstrip("/")


def _of_explorer(cursors: Mapping[str, Cursor], seen: Watched, fresh: Iterable[Batch]) -> list[str]:
    """Give the months whose figures are of Cost Explorer once everything is stored."""
    months = {period for period, cursor in cursors.items() if cursor_origin(cursor) == EXPLORER}
    months |= {period for batch in fresh for period in batch.periods}
    return sorted(months - {one.period for one in seen.due})
