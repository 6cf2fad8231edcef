"""The `metrics:` and `heartbeat:` sections: how others see that costd works."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from config.base import Model
from config.secrets import Secret
from config.units import PositiveDuration


class MetricsSettings(Model):
    """What `/metrics` tells Prometheus beside how costd itself does."""

    owners: bool = Field(
        default=True,
        description="Whether costs per team and environment are among the metrics; yes or no. Default "
        "`true`, because dashboards want them; switch off where everybody may scrape but not see costs.",
    )
    max_owners: int = Field(
        default=50,
        ge=1,
        le=1000,
        description="Most pairs of team and environment that get a series of their own; a count. The rest is "
        "summed as `other`. Default 50, because Prometheus pays for every series and people read few.",
    )


class HeartbeatSettings(Model):
    """An address that is called while everything works, so that silence raises the alarm."""

    url: Secret = Field(
        description="Address that is called with GET, from a dead man's switch such as an alerting service. "
        "Default none, because there is nobody to call until you name one. A secret: knowing it is enough "
        "to fake the call."
    )
    every: PositiveDuration = Field(
        default=timedelta(minutes=5),
        description="How often it is called; a length of time. Default `5m`, because most switches alarm "
        "after ten to fifteen silent minutes.",
    )
