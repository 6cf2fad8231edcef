"""One thing wrong with a configuration, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong (or worth a warning) in a configuration.

    Attributes:
        line: line in the file, from 1; 0 if it belongs to no line.
        key: path of the key, e.g. `sources[2].path`, "" for the file as a whole.
        message: what is wrong, one sentence.
        hint: what to do about it, or "".
    """

    line: int
    key: str
    message: str
    hint: str = ""


class YamlError(ConfigError):
    """A text that is not YAML we read; carries the one fault that stopped reading."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"line {fault.line}: {fault.message}", hint=fault.hint)
        self.fault = fault


def refuse(line: int, message: str, hint: str = "") -> YamlError:
    """Give the error for something that stops reading."""
    return YamlError(Fault(line=line, key="", message=message, hint=hint))
