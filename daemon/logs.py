"""Logs: one event per fact, to stderr, without secrets and without tricks for terminals."""

from __future__ import annotations

import logging
import secrets
import sys
from typing import TYPE_CHECKING, Any

from config.secrets import redact
from domain.text import printable, printable_lines

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from structlog.typing import FilteringBoundLogger

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_FIRST = ("timestamp", "level", "event")
_settings: dict[str, Any] = {"level": 30, "run_id": "", "ready": False}


def configure(level: str) -> None:
    """Set the least level that is logged and begin a run; the first event does the rest.

    structlog is imported by the first event: most commands log nothing.
    """
    _settings.update(level=LEVELS[level], run_id=secrets.token_hex(4), ready=False)
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _Foreign)]:
        root.removeHandler(handler)
    root.addHandler(_Foreign())
    root.setLevel(max(LEVELS[level], logging.INFO))  # SDKs write whole requests at debug
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # our own events say what jobs do


def get_logger() -> FilteringBoundLogger:
    """Give the logger: `get_logger().info("source_collected", source=…, rows=…)`."""
    import structlog

    if not _settings["ready"]:
        structlog.configure(
            processors=_processors(),
            wrapper_class=structlog.make_filtering_bound_logger(_settings["level"]),
            logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # looked up late: tests swap it
            cache_logger_on_first_use=False,
        )
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(run_id=_settings["run_id"])
        _settings["ready"] = True
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def _processors() -> list[Any]:
    import structlog

    final = (
        structlog.processors.LogfmtRenderer(bool_as_flag=False)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    )
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _clean_values,
        final,
        _strike_line,
    ]


def _clean_values(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Strike secrets and escape control characters in every value; when and what come first."""
    ordered = sorted(event, key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST))
    return {key: _clean(event[key]) for key in ordered}


def _clean(value: Any) -> Any:
    return value if isinstance(value, int | float | None) else printable(redact(str(value)))


def _strike_line(_logger: Any, _method: str, line: str) -> str:
    return redact(line)


class _Foreign(logging.Handler):
    """What libraries log goes the same way as our own events."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a library's record as the event `library_log`."""
        facts: dict[str, Any] = {"library": record.name, "message": record.getMessage()}
        if record.exc_info:
            facts["exc_info"] = record.exc_info
        get_logger().log(record.levelno, "library_log", **facts)


def safe(text: str) -> str:
    """Give a message fit for a terminal: no secret, no control characters, lines kept."""
    return printable_lines(redact(text))
