"""FOCUS files from a folder or an S3 bucket, in the layouts in which providers write them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from collectors.focus.layouts import Layout, Selection, select
from collectors.interface import Health, Original, Probe
from collectors.stores.folder import FolderStore
from collectors.stores.interface import Store, Stored
from collectors.stores.s3 import S3Store
from config.settings import S3, SourceEnvelope
from config.units import LocalPath, Location, Percent
from domain.delivery import Coverage, Cursor, Fetch, Freshness, PeriodResult, Verdict
from domain.errors import SourceError
from domain.ports import Progress

if TYPE_CHECKING:
    from collectors.focus.plan import Plan
    from collectors.focus.survey import Survey

_SHOWN = 3


class FocusFilesSettings(SourceEnvelope):
    """Where the files are and how strict costd is with them."""

    type: Literal["focus_files"] = Field(default="focus_files", description="Always `focus_files`.")
    path: Location = Field(
        description="Folder, single file, or `s3://bucket/prefix` with the export files; folders are read "
        "with everything below them. Required: nothing can be guessed here.",
        examples=["./exports/azure", "s3://acme-billing/focus"],
    )
    layout: Layout = Field(
        default=Layout.AUTO,
        description="How the files are laid out: `azure` (run folders with a manifest), `oci` "
        "(`FOCUS Reports/YYYY/MM/DD/`), `plain` (every file is a part and all add up), or `auto`. Default "
        "`auto`, because the layouts are told apart by their paths; name one if that goes wrong.",
    )
    max_quarantined: Percent = Field(
        default=Decimal("0.01"),
        description="Share of the rows of one file that may be unreadable before the whole file is refused "
        "and its months keep what they had; a share like `1%`. `0%` allows none. Default `1%`, because a few "
        "odd rows must not hide a month, and many mean that the file is not what it seems.",
    )
    s3: S3 = Field(
        default_factory=S3,
        description="How to reach the bucket of an `s3://` path. Default empty, because the SDK's own "
        "credential chain is used.",
    )
    scratch: LocalPath | None = Field(
        default=None,
        description="Folder for temporary copies of S3 objects while they are read. Default none, because "
        "the system's temporary folder fits unless it is small or kept in memory.",
    )


class FocusFilesCollector:
    """Delivers every billing period whose files are not what they were."""

    Settings = FocusFilesSettings

    def __init__(self, settings: FocusFilesSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._manifests: dict[tuple[str, str], bytes] = {}

    def probe(self) -> list[Probe]:
        """Look at the place, and at whether its files are a layout that holds charges."""
        from collectors.focus.probing import probes_of

        store = self._store()
        probes = store.probe()
        if any(probe.health is Health.FAIL for probe in probes):
            return probes
        try:
            chosen = self._select(store, store.files())
        except SourceError as error:
            fix = error.hint or "correct `path` or `layout` of this source"
            return [*probes, Probe(subject=store.root, health=Health.FAIL, breaks=str(error), fix=fix)]
        return [*probes, *probes_of(store, chosen, look_inside=isinstance(store, FolderStore))]

    def fetch(self, cursors: Mapping[str, Cursor], *, progress: Progress) -> Fetch:
        """Look through the files that are new and offer the periods that changed."""
        from collectors.focus.batches import Batches
        from collectors.focus.looking import Looking
        from collectors.focus.memory import Remembered

        store, remembered = self._store(), Remembered(cursors)
        files = store.files()
        before = ", ".join(sorted(remembered.periods)[-_SHOWN:])
        if not files and before:
            raise SourceError(
                f"{store.root} is empty, but files of {before} were in it; what is stored stays",
                hint="mount or restore it, or correct `path` of this source",
            )
        chosen = self._select(store, files)
        looking = Looking(store, chosen, remembered, self._settings.max_quarantined)
        surveys = looking.surveys(self.name, progress)
        if before and not any(survey.is_good or survey.problem for survey in surveys) and not chosen.refused:
            raise SourceError(
                f"{store.root} holds no FOCUS file any more, but files of {before} were read from it before",
                hint="restore them, or correct `path` or `layout` of this source",
            )
        plan = looking.plan(surveys)
        batches = Batches(self.name, looking)
        return Fetch(
            batches=batches.of(plan),
            coverage=self._coverage(store, chosen, surveys, plan),
            refused=tuple(
                PeriodResult(
                    source=self.name,
                    billing_period=period,
                    verdict=Verdict.REFUSED,
                    gate="file",
                    reason=reason,
                )
                for period, reason in sorted(plan.refused.items())
            ),
            notes=(
                *chosen.notes,
                *plan.notes,
                *(f"{store.path_of(s.file.key)} {s.stranger}; left out" for s in surveys if s.stranger),
            ),
        )

    def originals(self, periods: Collection[str] | None = None) -> Iterator[Original]:
        """Give the files of the layout, of run folders only those that count."""
        store = self._store()
        for part in self._select(store, store.files()).parts:
            if periods is not None and part.period and part.period not in periods:
                continue
            opened = partial(store.opened, part.file)
            yield Original(path=store.path_of(part.file.key), size=part.file.size, opened=opened)

    def _coverage(self, store: Store, chosen: Selection, surveys: Sequence[Survey], plan: Plan) -> Coverage:
        faults = [f"{period}: {reason}" for period, reason in sorted(plan.refused.items(), reverse=True)]
        faults += [refusal.reason for refusal in chosen.refused if not refusal.period]
        told = "\n".join(faults)
        bad = (f"{store.path_of(s.file.key)} {s.problem}" for s in surveys if s.problem)
        faults += [fault for fault in bad if fault not in told]
        if faults:
            more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
            reason = "; ".join(faults[:_SHOWN]) + more
            if not plan.refused and not any(survey.is_good for survey in surveys):
                raise SourceError(reason, hint="nothing else was found to read; what was stored stays")
            return Coverage(source=self.name, freshness=Freshness.STALE, reason=reason)
        if not any(survey.is_good for survey in surveys):
            reason = f"no FOCUS export file was found in {store.root}"
            return Coverage(source=self.name, freshness=Freshness.NEVER, reason=reason)
        return Coverage(source=self.name, freshness=Freshness.FRESH)

    def _store(self) -> Store:
        settings = self._settings
        if settings.path.startswith("s3://"):
            return S3Store(settings.path, settings.s3, scratch=settings.scratch)
        return FolderStore(settings.path)

    def _select(self, store: Store, files: Sequence[Stored]) -> Selection:
        def read(file: Stored) -> bytes:
            mark = file.key, file.stamp
            if mark not in self._manifests:
                with store.opened(file) as handle:
                    self._manifests[mark] = handle.read()
            return self._manifests[mark]

        single = [file.key for file in files] == [self._settings.path.rstrip("/").rpartition("/")[2]]
        return select(files, self._settings.layout, read, single=single)
