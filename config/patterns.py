"""What `when` compares with: exact text, globs and regexes, checked when they are read.

Regexes run on Rust's engine (through polars), whose time grows with the text alone: it has
no look-around and no back-references, and refuses a pattern that compiles too large.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

REGEX_PREFIX = "re:"
MAX_PATTERN = 2_000
"""Longest pattern, in characters; a longer one is a list of names and belongs in `accounts`."""

_GLOB_MARKS = frozenset("*?[")


def is_regex(pattern: str) -> bool:
    """Tell whether a pattern is a regex (`re:…`)."""
    return pattern.startswith(REGEX_PREFIX)


def is_glob(pattern: str) -> bool:
    """Tell whether a pattern is a glob: it has `*`, `?` or `[`."""
    return not is_regex(pattern) and not _GLOB_MARKS.isdisjoint(pattern)


def regex_of(pattern: str) -> str:
    """Give the regex of a `re:` pattern or a glob.

    A glob covers the whole text and ignores case: `*` is any text, `?` one character,
    `[abc]`, `[a-z]` and `[!abc]` one character of a set.
    """
    if is_regex(pattern):
        return pattern.removeprefix(REGEX_PREFIX)
    return f"(?is)^{_translate(pattern)}$"


def _translate(glob: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(glob):
        mark = glob[at]
        at += 1
        if mark == "*":
            if parts[-1:] != [".*"]:
                parts.append(".*")
        elif mark == "?":
            parts.append(".")
        elif mark == "[" and (end := glob.find("]", at + 2 if glob[at : at + 1] == "!" else at + 1)) > 0:
            parts.append(_set(glob[at:end]))
            at = end + 1
        else:
            parts.append(escape(mark))
    return "".join(parts)


def _set(body: str) -> str:
    negated = body.startswith("!")
    inner = body[1:] if negated else body
    kept = "".join(mark if mark.isalnum() or mark == "-" else escape(mark) for mark in inner)
    return f"[{'^' if negated else ''}{kept}]"


def escape(text: str) -> str:
    """Give the regex that matches exactly this text, in the syntax of Rust's engine."""
    return "".join(mark if mark.isalnum() or mark in "_ /" else f"\\x{{{ord(mark):X}}}" for mark in text)


def group_names(pattern: str) -> frozenset[str]:
    """Name the groups of a `re:` pattern (`(?P<name>…)`); exact text and globs have none.

    Raises:
        ValueError: the pattern does not compile; the message says where.
    """
    if not is_regex(pattern) and "[" not in pattern:
        return frozenset()  # without a set a glob always compiles
    import polars as pl

    regex = regex_of(pattern)
    try:
        pl.Series([""]).str.contains(regex, strict=True)
        fields = pl.Series([""]).str.extract_groups(regex).struct.fields if "(" in regex else []
    except pl.exceptions.ComputeError as error:
        raise ValueError(_why(pattern, str(error))) from None
    return frozenset(name for name in fields if not name.isdigit())


def _why(pattern: str, message: str) -> str:
    told = [line.removeprefix("error: ") for line in message.splitlines() if line.startswith("error: ")]
    reason = (told or message.splitlines()[:1])[-1].rstrip(".")
    if "size limit" in message:
        reason = "it compiles to more than 10 MB; lower its repetitions"
    elif "look-around" in message or "backreferences" in message:
        reason += "; patterns run on an engine whose time never explodes"
    return f"pattern {pattern[:80]!r} cannot be used: {reason}"


def _checked(pattern: str) -> str:
    text = pattern.strip()
    if not text.removeprefix(REGEX_PREFIX):
        raise ValueError("the pattern is empty; leave the line out to match everything")
    if len(text) > MAX_PATTERN:
        raise ValueError(f"the pattern has {len(text)} characters, at most {MAX_PATTERN} are allowed")
    group_names(text)
    return text


def text_only(value: Any) -> Any:
    """Refuse bare numbers and booleans where YAML would have changed what was written."""
    if isinstance(value, bool):
        word = "true" if value else "false"
        raise ValueError(f'write it in quotes: "{word}"')  # noqa: TRY004 - pydantic reports ValueError
    if isinstance(value, int | float):
        raise ValueError(  # noqa: TRY004 - pydantic reports ValueError
            f'write it in quotes: "{value}"; YAML drops the leading zeros of a bare number'
        )
    return value


def listed(value: Any) -> Any:
    """Give a list of texts also where one text was written."""
    if isinstance(value, list | tuple):
        return tuple(text_only(item) for item in value)
    if value is None or isinstance(value, dict):
        return value
    return (text_only(value),)


Pattern = Annotated[str, AfterValidator(_checked)]
"""Exact text, a glob or `re:` and a regex."""

Patterns = Annotated[
    tuple[Pattern, ...],
    BeforeValidator(listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One pattern or a list of them, of which any may match."""

Names = Annotated[
    tuple[Annotated[str, AfterValidator(str.strip)], ...],
    BeforeValidator(listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One plain text or an ordered list of them."""
