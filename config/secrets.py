"""Secrets named in the configuration, read late, and never shown.

A secret is written `${env:NAME}` or `${file:PATH}`. The value is read when it is needed,
by `Secret.reveal()`, which also remembers it so that `redact` can strike it out of
anything on its way to a log or a terminal.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from domain.errors import ConfigError

REFERENCE = re.compile(r"\$\{(env|file):([^{}]+)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_LONGEST_FILE = 64 * 1024
_SHORTEST_LINE = 8
_HINT = "write `${env:NAME}` or `${file:PATH}`; a secret never stands in the configuration itself"
_struck: set[str] = set()


class Secret:
    """The name of a secret; its value is only had by `reveal()`.

    Attributes:
        kind: `env` or `file`.
        name: the environment variable, or the path of the file.
    """

    __slots__ = ("kind", "name")

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name

    def __repr__(self) -> str:
        """Show where the secret is, not what it is."""
        return f"Secret({self})"

    def __str__(self) -> str:
        """Write the reference as the configuration does."""
        return f"${{{self.kind}:{self.name}}}"

    def __eq__(self, other: object) -> bool:
        """Compare references; two secrets in different places differ."""
        return isinstance(other, Secret) and (self.kind, self.name) == (other.kind, other.name)

    def __hash__(self) -> int:
        """Hash the reference."""
        return hash((self.kind, self.name))

    def missing(self) -> str:
        """Say why the value could not be read right now, or "" if it can be; never the value."""
        if self.kind == "env":
            return "" if os.environ.get(self.name) else f"environment variable {self.name} is not set"
        path = Path(self.name)
        if not path.is_file():
            return f"secret file {self.name} does not exist"
        return "" if os.access(path, os.R_OK) else f"secret file {self.name} cannot be read"

    def exposed(self) -> str:
        """Say that users other than owner and group may read the file, or ""."""
        if self.kind != "file" or not Path(self.name).is_file():
            return ""
        readable = Path(self.name).stat().st_mode & stat.S_IROTH
        return f"secret file {self.name} can be read by every user of this machine" if readable else ""

    def reveal(self) -> str:
        """Give the value and have it struck out of logs and messages from now on.

        Raises:
            ConfigError: the variable or file is missing, empty or too large.
        """
        value = os.environ.get(self.name, "") if self.kind == "env" else self._read()
        if not value:
            raise ConfigError(
                self.missing() or f"the secret at {self} is empty",
                hint=f"set it before starting costd; the configuration names it as {self}",
            )
        strike(value)
        return value

    def _read(self) -> str:
        try:
            with Path(self.name).open("rb") as file:
                content = file.read(_LONGEST_FILE + 1)
            text = content.decode()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise ConfigError(f"secret file {self.name} cannot be read: {reason}") from None
        if len(content) > _LONGEST_FILE:
            raise ConfigError(f"secret file {self.name} is larger than 64 KiB")
        return text.strip("\r\n")

    @classmethod
    def parse(cls, value: Any, info: ValidationInfo) -> Secret:
        """Read a reference; anything else is refused without repeating it."""
        if isinstance(value, Secret):
            return value
        match = REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise PydanticCustomError("secret", "must name a secret, not hold it", {"hint": _HINT})
        kind, name = match[1], match[2].strip()
        if kind == "env" and not _NAME.fullmatch(name):
            raise PydanticCustomError("secret", "names no environment variable", {"hint": _HINT})
        if kind == "file":
            folder = (info.context or {}).get("folder")
            path = Path(name).expanduser()
            name = str(Path(folder, path) if folder is not None else path)
        return cls(kind, name)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Tell pydantic to read with `parse` and to write the reference."""
        return core_schema.with_info_plain_validator_function(
            cls.parse, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the reference for editors."""
        return {"type": "string", "pattern": r"^\$\{(env|file):[^{}]+\}$", "examples": ["${env:NAME}"]}


def strike(value: str) -> None:
    """Have a secret value, and the forms it takes in URLs, JSON and `repr`, struck out by `redact`."""
    forms = {value, *(line.strip() for line in value.splitlines() if len(line.strip()) >= _SHORTEST_LINE)}
    try:
        password = urlsplit(value).password if "://" in value else None
    except ValueError:
        password = None
    if password:
        forms |= {password, unquote(password)}
    for form in tuple(forms):
        forms |= {quote(form), quote(form, safe=""), json.dumps(form)[1:-1], repr(form)[1:-1]}
    _struck.update(form for form in forms if form)


def redact(text: str) -> str:
    """Give the text with every revealed secret replaced by `***`."""
    for value in sorted(_struck, key=len, reverse=True):
        text = text.replace(value, "***")
    return text
