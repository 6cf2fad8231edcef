"""A rule beside itself with other thresholds and times: how much the rule alone moves the answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from config.idle import GpuIdle, Rule
from config.units import format_duration
from domain.money import plain
from domain.usage import HOUR

AS_IT_IS = "as it is"

_VARIED = {
    "gpu_idle": {"gpu_active_below": "active below", "lasting": "for"},
    "gpu_free": {"lasting": "for"},
    "abandoned": {"traffic_below": "traffic below", "over": "over"},
    "cpu_memory_slack": {"cpu_headroom": "CPU headroom", "memory_headroom": "memory headroom"},
    "gpu_wrong_class": {"memory_headroom": "memory headroom", "busy_at_most": "busy at most"},
}
"""Per kind of rule the settings that decide most, and how they are called."""


def variants(rule: Rule) -> list[tuple[str, Rule]]:
    """Give a rule as it is, then with each of its main settings lower and higher."""
    found = [(AS_IT_IS, rule)]
    for name, word in _VARIED[rule.kind].items():
        for value, text in _around(getattr(rule, name)):
            found.append((f"{word} {text}", rule.model_copy(update={name: value})))
    if isinstance(rule, GpuIdle):
        other = "average" if rule.signal == "highest" else "highest"
        found.append((f"signal: {other}", rule.model_copy(update={"signal": other})))
    return found


def _around(value: Decimal | timedelta | int) -> Iterator[tuple[Decimal | timedelta | int, str]]:
    """Give half and double of a share or size, and half and four times of a length, as far as they differ."""
    if isinstance(value, timedelta):
        for time in (max(value / HOUR // 2, 1) * HOUR, value * 4):
            if time != value:
                yield time, format_duration(time)
    elif isinstance(value, Decimal):
        for share in (value / 2, min(value * 2, Decimal(1))):
            if share != value:
                yield share, f"{plain(share * 100)} %"
    elif value:
        for size in (value // 2, value * 2):
            yield size, f"{size / 2**20:g} MiB"
