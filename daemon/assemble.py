"""Puts the rooms together: the only place that knows which classes stand behind the ports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from functools import cache, cached_property, partial
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors import COLLECTORS, type_of
from config.load import Loaded, Origin, load
from config.secrets import Secret
from config.settings import S3, Mode, Settings
from config.source import SourceEnvelope, SourceModels
from daemon.clock import FixedClock, SystemClock
from daemon.invocation import DEMO
from daemon.rule_files import read_sources
from domain.errors import UsageError

if TYPE_CHECKING:
    from attribution.ownership import Rules
    from collectors.interface import Collector, UsageCollector
    from daemon.demo.world import World
    from domain.ports import Clock, RequestBudget
    from ledger.charges import ChargeLedger
    from ledger.database import Database
    from ledger.state import State

DEMO_FOLDER = Path("var/demo")
"""Where the demo keeps its data, below the working directory; never mixed with real data."""


_SIMULATED = ("demo", "demo_cluster")
"""Types of sources that invent what they give."""


def source_types() -> dict[str, str]:
    """Give the import path of every collector by the `type` a source names it with."""
    return {type_of(path): path for path in COLLECTORS}


@cache
def collector_class(path: str) -> Any:
    """Import a collector."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def source_models() -> SourceModels:
    """Give per source type what loads its `Settings`, importing nothing yet."""
    return {kind: partial(_settings_of, path) for kind, path in source_types().items()}


def _settings_of(path: str) -> type[SourceEnvelope]:
    model: type[SourceEnvelope] = collector_class(path).Settings
    return model


def origin_of(config: str | Path) -> Origin:
    """Give where a configuration is: a file, or the built-in demo for the word `demo`."""
    if str(config) == DEMO:
        text = resources.files("config").joinpath("defaults/demo.yaml").read_text(encoding="utf-8")
        return Origin(name=DEMO, folder=DEMO_FOLDER.absolute(), text=text)
    return Origin(name=str(config), folder=Path(config).absolute().parent)


def load_settings(config: str | Path) -> Loaded:
    """Read a configuration with every fault and warning."""
    return load(origin_of(config), source_models())


def open_settings(config: str | Path) -> Settings:
    """Read a configuration.

    Raises:
        ConfigError: it cannot be used; the message lists every fault.
    """
    return load_settings(config).usable()


def is_demo(settings: Settings) -> bool:
    """Tell whether everything configured is simulated, so that acting harms nobody."""
    return bool(settings.sources) and all(source.type in _SIMULATED for source in settings.sources)


def build_clock(settings: Settings, *, now: datetime | None = None) -> Clock:
    """Give the machine's clock, or one that stands at `now`.

    Raises:
        UsageError: a replaced clock in mode `act`: guards and budgets count on the real one.
    """
    if now is None:
        return SystemClock()
    if settings.mode is Mode.ACT and not is_demo(settings):
        raise UsageError(
            "--now cannot be used in mode `act`",
            hint="set `mode: observe`, or leave --now out; only the demo may do both",
        )
    return FixedClock(at=now)


def chosen_sources(settings: Settings, names: Iterable[str] = ()) -> tuple[SourceEnvelope, ...]:
    """Give the named sources in the order of the configuration, or all of them.

    Raises:
        UsageError: a name that is not configured.
    """
    wanted = tuple(dict.fromkeys(names))
    known = [source.name for source in settings.sources]
    for name in wanted:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f'did you mean "{close[0]}"?' if close else f"configured: {', '.join(known) or 'none'}"
            raise UsageError(f"no source is called {name!r}", hint=hint)
    return tuple(s for s in settings.sources if not wanted or s.name in wanted)


def build_collectors(
    settings: Settings, names: Iterable[str] = (), *, clock: Clock
) -> list[Collector | UsageCollector]:
    """Build the collectors of the named sources, or of all.

    Raises:
        UsageError: a name that is not configured.
    """
    types = source_types()
    handed = _Handed(settings=settings, clock=clock)
    return [_collector(types[source.type], source, handed) for source in chosen_sources(settings, names)]


@dataclass(frozen=True, kw_only=True)
class _Handed:
    """What collectors are handed beside their settings, by the names in their `HANDED`."""

    settings: Settings
    clock: Clock
    worlds: dict[int, World] = field(default_factory=dict)

    def world(self, seed: int) -> World:
        """Give the simulated company of a seed."""
        from daemon.demo.world import World

        if seed not in self.worlds:
            folder = self.settings.folder / "world"
            self.worlds[seed] = World(seed=seed, folder=folder, clock=self.clock)
        return self.worlds[seed]

    @cached_property
    def requests(self) -> RequestBudget:
        """Give the count of paid requests; the state database is opened once something is to be paid."""
        from ledger.own_costs import OwnCosts

        @cache
        def opened() -> Database:
            state = build_state(self.settings)
            state.open()
            return state.database

        return OwnCosts(opened)


def _collector(path: str, source: SourceEnvelope, handed: _Handed) -> Collector | UsageCollector:
    build: Callable[..., Collector | UsageCollector] = collector_class(path)
    if source.type in _SIMULATED:
        return build(source, world=handed.world(source.model_dump()["seed"]), clock=handed.clock)
    return build(source, **{name: getattr(handed, name) for name in getattr(build, "HANDED", ())})


def storage_options(s3: S3) -> dict[str, str]:
    """Give the options by which delta-rs reaches a bucket; what is absent its own chain finds."""
    options: dict[str, str] = {}
    if s3.endpoint_url:
        options["AWS_ENDPOINT_URL"] = s3.endpoint_url
        options["AWS_ALLOW_HTTP"] = str(s3.endpoint_url.startswith("http://")).lower()
    if s3.region:
        options["AWS_REGION"] = s3.region
    keys = {
        "AWS_ACCESS_KEY_ID": s3.access_key_id,
        "AWS_SECRET_ACCESS_KEY": s3.secret_access_key,
        "AWS_SESSION_TOKEN": s3.session_token,
    }
    return options | {name: secret.reveal() for name, secret in keys.items() if secret is not None}


def build_ledger(settings: Settings, rules: Rules | None = None) -> ChargeLedger:
    """Build the ledger; nothing is read or written yet. Give the rules if you have them already."""
    from ledger.charges import ChargeLedger

    ledger = settings.ledger
    return ChargeLedger(
        ledger.path,
        storage_options=storage_options(ledger.s3) if ledger.path.startswith("s3://") else None,
        promote=(rules or build_rules(settings)).keys,
        retain=ledger.keep_versions,
        max_loss=ledger.max_loss,
    )


def build_state(settings: Settings) -> State:
    """Build the state database; `open()` connects and migrates."""
    from ledger.state import State

    url = settings.state.url
    return State(url.reveal() if isinstance(url, Secret) else url)


def build_rules(settings: Settings) -> Rules:
    """Compile the ownership rules with the files they name, and log what of those was left out.

    Raises:
        ConfigError: a catalogue or CODEOWNERS file cannot be read.
    """
    from attribution.ownership import compile_rules
    from daemon.logs import get_logger

    sources, faults = read_sources(settings)
    for fault in faults:
        get_logger().warning("rule_left_out", file=fault.file, line=fault.line, reason=fault.message)
    return compile_rules(settings.ownership, sources)
