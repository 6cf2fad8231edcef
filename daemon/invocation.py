"""What the options before every command say: which configuration, which time, how loud."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.load import Loaded
    from config.settings import Settings
    from domain.ports import Clock

DEFAULT_CONFIG = "costd.yaml"
DEMO = "demo"
"""The word that means the built-in demo company instead of a file."""

DEMO_MARK = "DEMO: a simulated company, not your bill"
"""What every command says first that shows simulated figures."""


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One call of `costd`; a command gets it with `@click.pass_obj`.

    Attributes:
        config: path of the configuration, or `demo`.
        log_level: least level that is logged: debug, info, warning or error.
        now: the instant to take as the present, None for the real one.
    """

    config: str = DEFAULT_CONFIG
    log_level: str = "warning"
    now: datetime | None = None
    _loaded: Loaded | None = None

    @property
    def is_demo(self) -> bool:
        """Tell whether the built-in demo was asked for."""
        return self.config == DEMO

    def load(self) -> Loaded:
        """Give the configuration with everything that is wrong with it, read once."""
        from daemon import assemble, logs

        if self._loaded is None:
            logs.configure(self.log_level)
            self._loaded = assemble.load_settings(self.config)
        return self._loaded

    def settings(self) -> Settings:
        """Give the configuration, and log the keys of it that do nothing yet.

        Raises:
            ConfigError: it cannot be used; the message lists every fault.
        """
        import click

        from config.settings import LATER_KEYS
        from daemon import assemble, logs

        first = self._loaded is None
        loaded = self.load()
        settings = loaded.usable()
        for fault in loaded.warnings if first else ():
            if fault.key not in LATER_KEYS:
                continue  # a missing secret fails where it is used, and only there
            logs.get_logger().warning(
                "config_warning",
                file=loaded.origin.name,
                line=fault.line,
                key=fault.key,
                reason=fault.message,
            )
        if first and assemble.is_demo(settings):
            # On stderr, so that it marks every command and spoils no output that programs read.
            click.echo(DEMO_MARK, err=True)
        return settings

    def clock(self) -> Clock:
        """Give the clock that `--now` may have replaced.

        Raises:
            UsageError: `--now` in mode `act` outside the demo.
        """
        from daemon import assemble

        return assemble.build_clock(self.settings(), now=self.now)
