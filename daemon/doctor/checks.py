"""What there is to look at: every source and sink of a configuration, the stores, the machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from daemon import assemble
from daemon.doctor.check import Check
from daemon.doctor.clusters import cluster_probes
from daemon.doctor.machine import disk_probes, heartbeat_probe, zone_probe
from daemon.doctor.owners import owner_probes
from daemon.doctor.stores import ledger_probes, state_probes
from daemon.doctor.tag_keys import tag_key_probes
from domain.probe import Health, Probe

if TYPE_CHECKING:
    from config.load import Loaded
    from config.messages import DigestSettings
    from config.settings import Settings
    from config.source import SourceEnvelope
    from daemon.rooms import Rooms


def source_checks(rooms: Rooms, names: Iterable[str]) -> list[Check]:
    """Give a check per named source, or per source.

    Raises:
        UsageError: a name that is not configured.
    """
    return [
        Check(area=f"source {source.name}", look=partial(_source, rooms, source))
        for source in assemble.chosen_sources(rooms.settings, names)
    ]


def all_checks(rooms: Rooms, loaded: Loaded) -> list[Check]:
    """Give every check there is for a configuration, in the order of a dollar's way."""
    settings = rooms.settings
    checks = [Check(area="configuration", look=lambda: config_probes(loaded)), *source_checks(rooms, ())]
    checks += [
        Check(area="ledger", look=lambda: ledger_probes(rooms)),
        Check(area="state", look=lambda: state_probes(settings)),
        Check(area="disk", look=lambda: disk_probes(_folders(settings))),
        Check(area="owners", look=lambda: owner_probes(rooms)),
        Check(area="clusters", look=lambda: cluster_probes(rooms)),
    ]
    checks += [
        Check(area="webhook" if digest.webhook else "slack", look=partial(_digest, settings, digest))
        for digest in settings.digests
    ]
    if settings.heartbeat is not None:
        checks.append(Check(area="heartbeat", look=lambda: _heartbeat(settings)))
    return [*checks, Check(area="clock", look=lambda: [zone_probe()])]


def config_probes(loaded: Loaded) -> Iterator[Probe]:
    """Give the warnings of `costd config check`."""
    from config.load import describe
    from daemon.config_check import examine
    from domain.text import printable

    name = printable(loaded.origin.name)
    examined = examine(loaded)
    for fault in examined.errors:
        yield Probe(
            subject=name, health=Health.FAIL, breaks=describe(loaded.origin, fault), fix="costd config check"
        )
    for fault in examined.warnings:
        fix = fault.hint or (f"set it, or correct line {fault.line} of {name}" if fault.line else "")
        yield Probe(
            subject=name,
            health=Health.WARN,
            breaks=describe(loaded.origin, fault),
            fix=fix or "costd config check",
        )
    if not examined.errors and not examined.warnings:
        yield Probe(subject=f"{name} is fine", health=Health.OK)


def _source(rooms: Rooms, source: SourceEnvelope) -> list[Probe]:
    (collector,) = assemble.build_collectors(rooms.settings, (source.name,), clock=rooms.clock)
    found = collector.probe()
    if source.type == "aws_billing" and not any(probe.health is Health.FAIL for probe in found):
        found += tag_key_probes(rooms, source.name)
    return found


def _digest(settings: Settings, digest: DigestSettings) -> list[Probe]:
    from daemon.digest_jobs import channel_of

    return channel_of(settings, digest).probe()


def _heartbeat(settings: Settings) -> Iterator[Probe]:
    if settings.heartbeat is not None:
        url = settings.heartbeat.url
        yield heartbeat_probe(str(url), url.reveal())


def _folders(settings: Settings) -> list[tuple[str, Path]]:
    """Give the local folders that grow, under the setting that moves each."""
    found = []
    if "://" not in settings.ledger.path:
        found.append(("ledger.path", Path(settings.ledger.path)))
    if (file := _state_file(settings)) is not None:
        found.append(("state.url", file.parent))
    for source in settings.sources:
        values: dict[str, object] = source.model_dump()
        if str(values.get("path", "")).startswith("s3://"):
            found.append(("scratch", Path(str(values.get("scratch") or tempfile.gettempdir()))))
    return found


def _state_file(settings: Settings) -> Path | None:
    url = settings.state.url
    if not isinstance(url, str) or not url.startswith("sqlite"):
        return None
    return Path(url.partition(":///")[2].partition("?")[0])
