"""Pydantic's findings in the words of a person who edits `costd.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from config.shape import Loc
from domain.text import shortened

_SAYS = {
    "missing": "is missing",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "model_type": "must be keys with values",
    "model_attributes_type": "must be keys with values",
    "mapping_type": "must be keys with values",
    "dict_type": "must be keys with values",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "source": "must be keys with values, `type` and `name` among them",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "needs at least {min_length} of them",
    "too_long": "has more than {max_length} of them",
    "string_too_short": "is shorter than {min_length} characters",
    "string_too_long": "is longer than {max_length} characters",
    "string_pattern_mismatch": "does not have the form {pattern}",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
}


def message_of(detail: ErrorDetails, loc: Loc, known: Sequence[str], is_null: bool) -> tuple[str, str]:  # noqa: FBT001  # a fact about the value, told where it is known
    """Give what is wrong, and what to do about it; never the value, which may be a misplaced secret.

    `known` are the keys that may stand beside the last one of `loc`.
    """
    kind, ctx = detail["type"], detail.get("ctx") or {}
    match kind:
        case "extra_forbidden":
            return "unknown key", _suggestion(str(loc[-1]) if loc else "", known)
        case "value_error":
            return str(ctx.get("error", detail["msg"])), ""
        case "source_type":
            got, types = str(ctx["got"]), ctx["known"]
            return f"unknown source type `{shortened(got, 40)}`", _suggestion(got, types)
        case "source_without_type":
            return "has no `type`", f"known types: {', '.join(ctx['known'])}"
    if is_null:
        return "is empty", "give a value, or remove the key"
    said = _SAYS.get(kind)
    message = said.format_map(_Plain(ctx)) if said else _as_said(detail["msg"])
    return message, str(ctx.get("hint", ""))


class _Plain(dict[str, Any]):
    """Context of a finding; a number or list is written as people write it."""

    def __init__(self, ctx: Mapping[str, Any]) -> None:
        super().__init__({key: str(value) for key, value in ctx.items()})

    def __missing__(self, key: str) -> str:
        return f"the allowed {key}"


def _suggestion(word: str, known: Sequence[str]) -> str:
    folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold().replace("-", "_"), folded, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{folded[close[0]]}"?'
    return f"known: {', '.join(sorted(known))}" if known else ""


def _as_said(message: str) -> str:
    return message.replace("Input should be", "must be", 1)
