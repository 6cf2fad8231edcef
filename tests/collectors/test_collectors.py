"""What every collector in the tuple has to be; a newcomer is tested by being listed."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, get_args

import pytest

from collectors import COLLECTORS
from collectors.interface import Collector
from config.source import SourceEnvelope


def load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("path", COLLECTORS)
def test_a_collector_is_what_the_interface_says(path: str) -> None:
    collector = load(path)
    for method in ("probe", "fetch"):
        ours, theirs = getattr(collector, method), getattr(Collector, method)
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
        assert inspect.signature(ours).return_annotation == inspect.signature(theirs).return_annotation


@pytest.mark.parametrize("path", COLLECTORS)
def test_its_settings_belong_to_a_source_of_its_own_type(path: str) -> None:
    settings = load(path).Settings
    module = path.partition(":")[0].rpartition(".")[2]
    assert issubclass(settings, SourceEnvelope)
    assert set(get_args(settings.model_fields["type"].annotation)) <= {module}
    assert [name for name, field in settings.model_fields.items() if not field.description] == []
