"""What every collector in the tuple has to be; a newcomer is tested by being listed."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, get_args

import pytest

from collectors import COLLECTORS, USAGE_TYPES, type_of
from collectors.interface import Collector, UsageCollector
from config.source import SourceEnvelope


def load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("path", COLLECTORS)
def test_a_collector_is_what_the_interface_says(path: str) -> None:
    collector = load(path)
    gives_usage = type_of(path) in USAGE_TYPES
    kind: type = UsageCollector if gives_usage else Collector
    for method in ("probe", "fetch_usage" if gives_usage else "fetch"):
        ours, theirs = getattr(collector, method), getattr(kind, method)
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
        assert inspect.signature(ours).return_annotation == inspect.signature(theirs).return_annotation


@pytest.mark.parametrize("path", COLLECTORS)
def test_its_settings_belong_to_a_source_of_its_own_type(path: str) -> None:
    settings = load(path).Settings
    assert issubclass(settings, SourceEnvelope)
    assert set(get_args(settings.model_fields["type"].annotation)) <= {type_of(path)}
    assert [name for name, field in settings.model_fields.items() if not field.description] == []
