"""What `costd config check` finds and how it is printed."""

from __future__ import annotations

import json
from collections.abc import Sized
from dataclasses import asdict, replace
from shlex import quote

from config.fault import Fault
from config.load import Loaded, describe
from config.secrets import redact
from config.settings import Settings
from config.units import format_duration
from daemon.http.binding import check_binding
from daemon.invocation import DEFAULT_CONFIG
from daemon.rule_files import read_sources
from domain.errors import ConfigError
from domain.text import printable

SCHEMA = "costd.config-check/1"


def examine(loaded: Loaded) -> Loaded:
    """Add what only shows when it is used: rule files that are read, an address that is listened on."""
    settings = loaded.settings
    if settings is None:
        return loaded
    errors, warnings = _open_binding(loaded, settings), []
    if settings.ownership.catalogs or settings.ownership.codeowners:
        try:
            _, left_out = read_sources(settings)
        except ConfigError as error:
            errors += [
                Fault(line=0, key="ownership", message=message, hint=error.hint)
                for message in str(error).splitlines()
            ]
        else:
            warnings = [
                Fault(line=0, key="ownership", message=f"{fault.place}: {fault.message}")
                for fault in left_out
            ]
    return replace(
        loaded,
        settings=None if errors else settings,
        errors=(*loaded.errors, *errors),
        warnings=(*loaded.warnings, *warnings),
    )


def _open_binding(loaded: Loaded, settings: Settings) -> list[Fault]:
    """Give the fault of an address that `costd run` will refuse to listen on."""
    try:
        check_binding(settings.http)
    except ConfigError as error:
        message = str(error).removeprefix("http.host ")
        line = loaded.line_of("http", "host")
        return [Fault(line=line, key="http.host", message=message, hint=error.hint)]
    return []


def as_json(loaded: Loaded) -> str:
    """Write the findings as one JSON object."""
    found = {
        "schema": SCHEMA,
        "file": loaded.origin.name,
        "ok": not loaded.errors,
        "errors": [asdict(fault) for fault in loaded.errors],
        "warnings": [asdict(fault) for fault in loaded.warnings],
        "summary": _summary(loaded.settings) if loaded.settings is not None else None,
    }
    return redact(json.dumps(found, indent=2, ensure_ascii=False))


def as_text(loaded: Loaded) -> str:
    """Write the findings for a person: faults by line, then a summary and what to do next."""
    lines = [describe(loaded.origin, fault) for fault in loaded.errors]
    lines += [f"warning: {describe(loaded.origin, fault)}" for fault in loaded.warnings]
    if lines:
        lines.append("")
    counts = f"{_count(loaded.errors, 'error')}, {_count(loaded.warnings, 'warning')}"
    name = printable(loaded.origin.name)
    if loaded.settings is None:
        lines += [f"{name}: {counts}", "next: correct the lines above and run it again"]
        return redact("\n".join(lines))
    lines.append(f"{name} is fine" + (f" ({_count(loaded.warnings, 'warning')})" if loaded.warnings else ""))
    lines += [f"  {key:<10} {printable(value)}" for key, value in _summary(loaded.settings).items()]
    option = "" if loaded.origin.name == DEFAULT_CONFIG else f"-c {quote(name)} "
    lines.append(f"next: costd {option}collect" if loaded.settings.sources else "next: add a source")
    return redact("\n".join(lines))


def _summary(settings: Settings) -> dict[str, str]:
    sources = [f"{s.name} ({s.type}, every {format_duration(s.every)})" for s in settings.sources]
    owners = settings.ownership
    return {
        "mode": settings.mode.value,
        "timezone": str(settings.timezone),
        "sources": ", ".join(sources) or "none",
        "ownership": f"{_count(owners.rules, 'rule')}, {_count(owners.accounts, 'account')}, "
        f"{_count(owners.shared, 'shared pool')}; team from tag {' or '.join(owners.keys.team)}",
        "ledger": settings.ledger.path,
        "state": str(settings.state.url),
    }


def _count(things: Sized, word: str) -> str:
    number = len(things)
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
