"""What every channel in the tuple has to be; a newcomer is tested by being listed."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

from alerts.channels import CHANNELS
from alerts.channels.interface import Channel, Health
from alerts.channels.slack import SlackChannel
from alerts.channels.slack_webhook import SlackWebhook

NOWHERE = "http://127.0.0.1:1/api/"
SICK: dict[str, Channel] = {
    "alerts.channels.slack:SlackChannel": SlackChannel("#costs", "xoxb-canary", base_url=NOWHERE),
    "alerts.channels.slack_webhook:SlackWebhook": SlackWebhook("${env:HOOK}", "canary"),
}
"""Per channel one that takes no message; a newcomer needs its line."""


def load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("path", CHANNELS)
@pytest.mark.parametrize("method", ["post", "find", "probe"])
def test_a_channel_is_what_the_interface_says(path: str, method: str) -> None:
    ours = inspect.signature(getattr(load(path), method))
    theirs = inspect.signature(getattr(Channel, method))
    assert list(ours.parameters) == list(theirs.parameters)
    assert ours.return_annotation == theirs.return_annotation


@pytest.mark.parametrize("path", CHANNELS)
def test_a_channel_says_whether_it_can_be_searched(path: str) -> None:
    assert isinstance(load(path).can_look, bool)


@pytest.mark.parametrize("path", CHANNELS)
def test_a_sick_channel_is_said_with_what_breaks_and_the_fix(path: str) -> None:
    bad = [probe for probe in SICK[path].probe() if probe.health is not Health.OK]
    assert bad
    assert all(probe.subject and probe.breaks and probe.fix for probe in bad)
    assert "canary" not in repr(bad)
