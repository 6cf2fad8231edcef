"""What every channel in the tuple has to be; a newcomer is tested by being listed."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

from alerts.channels import CHANNELS
from alerts.channels.interface import Channel


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
