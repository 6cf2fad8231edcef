"""`costd.yaml` read whole: either settings, or every fault at once with its line and key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.fault import Fault, YamlError
from config.faults import Faults, line_of
from config.settings import LATER_KEYS, Settings
from config.source import SourceModels
from config.yaml import MAX_BYTES, Document, Node, decode, read
from domain.errors import ConfigError
from domain.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a configuration comes from.

    Attributes:
        name: how messages call it: the path as the user wrote it, or `demo`.
        folder: where its relative paths start, absolute.
        text: its content, or None to read the file `name`.
    """

    name: str
    folder: Path
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of reading: settings unless there are errors, the warnings, and where all of it stands."""

    origin: Origin
    settings: Settings | None
    errors: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    root: Node | None = None

    def line_of(self, *keys: str | int) -> int:
        """Give the line of a key, or of the nearest one above it that is written; 0 for none."""
        return line_of(self.root, keys) if self.root is not None else 0

    def usable(self) -> Settings:
        """Give the settings.

        Raises:
            ConfigError: there are errors; the message lists all of them.
        """
        if self.settings is not None:
            return self.settings
        lines = [f"{self.origin.name} cannot be used", *(describe(self.origin, f) for f in self.errors)]
        raise ConfigError("\n".join(lines), hint="`costd config check` says the same with warnings")


def describe(origin: Origin, fault: Fault) -> str:
    """Write a fault in one line: `costd.yaml:7: sources[2].path: …; hint`."""
    place = f"{origin.name}:{fault.line}" if fault.line else origin.name
    key = f" {fault.key}:" if fault.key and not fault.message.startswith(f"`{fault.key}`") else ""
    hint = f" ({fault.hint})" if fault.hint else ""
    return printable(f"{place}:{key} {fault.message}{hint}")


def load(origin: Origin, models: SourceModels) -> Loaded:
    """Read a configuration, and say everything that is wrong with it at once.

    Raises:
        ConfigError: the file cannot be read at all.
    """
    text = origin.text
    try:
        document = read(decode(_content(origin)) if text is None else text)
    except YamlError as error:
        return Loaded(origin=origin, settings=None, errors=(error.fault,), warnings=())
    return _check(origin, document, models)


def _check(origin: Origin, document: Document, models: SourceModels) -> Loaded:
    node = document.root
    if not isinstance(node.value, dict):
        return Loaded(origin=origin, settings=None, errors=(_no_mapping(node),), warnings=())
    faults = Faults(node, models)
    plain: Any = node.plain()
    warnings, errors = faults.later(), [*document.doubles, *faults.misplaced(), *faults.twice()]
    settings = None
    try:
        settings = Settings.model_validate(
            _sections(plain), context={"folder": origin.folder, "sources": models}
        )
    except ValidationError as error:
        errors += faults.of_error(error)
    if settings is None or errors:
        by_key = {(fault.line, fault.key): fault for fault in reversed(errors)}
        ordered = tuple(by_key[place] for place in sorted(by_key))
        return Loaded(origin=origin, settings=None, errors=ordered, warnings=tuple(warnings))
    warnings += faults.about_secrets(settings)
    if not settings.sources:
        hint = "add one under `sources:`"
        warnings.append(Fault(line=0, key="sources", message="no source is configured", hint=hint))
    return Loaded(origin=origin, settings=settings, errors=(), warnings=tuple(warnings), root=node)


def _sections(plain: dict[str, Any]) -> dict[str, Any]:
    """Give what this version reads; a section whose lines are all comments counts as absent."""
    return {key: value for key, value in plain.items() if key not in LATER_KEYS and value is not None}


def _no_mapping(node: Node) -> Fault:
    hint = "start with `sources:`; docs/getting-started.md has a first file"
    if node.value is None:
        return Fault(line=0, key="", message="the file is empty", hint=hint)
    what = "a list" if isinstance(node.value, list) else "a text"
    return Fault(line=node.line, key="", message=f"the file holds {what}, not keys with values", hint=hint)


def _content(origin: Origin) -> bytes:
    try:
        with Path(origin.name).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        hint = "name the file in it, e.g. -c costd.yaml"
        raise ConfigError(f"configuration {origin.name} is a folder", hint=hint) from None
    except FileNotFoundError:
        tried = Path(origin.name).absolute()
        hint = (
            "`costd init` writes a first one; name another with -c FILE or COSTD_CONFIG, "
            "or see a made-up company with `costd demo`"
        )
        raise ConfigError(f"no configuration at {tried}", hint=hint) from None
    except OSError as error:
        hint = "check its permissions" if isinstance(error, PermissionError) else ""
        raise ConfigError(
            f"configuration {origin.name} cannot be read: {error.strerror}", hint=hint
        ) from None
