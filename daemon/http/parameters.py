"""Query parameters of the API: the options of the commands, read with the same care."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from starlette.requests import Request

from daemon.output import Output
from domain.errors import UsageError
from domain.text import shortened

MEDIA_TYPES = {
    Output.JSON: "application/json",
    Output.NDJSON: "application/x-ndjson",
    Output.CSV: "text/csv; charset=utf-8",
}
"""What the API answers with; the first where nothing is asked for."""

_WORDS = {"": True, "1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_LONGEST_SHOWN = 60


class Parameters:
    """The query parameters of one request; each is asked for once, and none may be left over.

    Names are those of the command's options; `as-of` and `as_of` are the same.
    """

    def __init__(self, request: Request) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            self._values.setdefault(name.replace("-", "_"), []).append(value)
        self._known: set[str] = set()
        self._accept = request.headers.get("accept", "")

    def many(self, name: str) -> tuple[str, ...]:
        """Give every value of a parameter that may be repeated."""
        self._known.add(name)
        return tuple(self._values.pop(name, ()))

    def text(self, name: str, default: str | None = None) -> str | None:
        """Give a parameter, or the default.

        Raises:
            UsageError: it is there twice.
        """
        values = self.many(name)
        if len(values) > 1:
            raise UsageError(f"the parameter {name!r} is there {len(values)} times")
        return values[0] if values else default

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str | None:
        """Give a parameter that is one of some words.

        Raises:
            UsageError: it is another word, or there twice.
        """
        value = self.text(name, default)
        if value is not None and value != default and value not in choices:
            told = shortened(value, _LONGEST_SHOWN)
            raise UsageError(f"{name}={told!r} is none of its values", hint=f"one of: {' '.join(choices)}")
        return value

    def count(self, name: str, default: int | None = None, *, most: int = 1_000_000) -> int | None:
        """Give a parameter that is a whole number from 1.

        Raises:
            UsageError: it is none, or there twice.
        """
        value = self.text(name)
        if value is None:
            return default
        digits = value.isascii() and value.isdigit() and len(value) <= len(str(most))
        if not digits or not 1 <= int(value) <= most:
            told = shortened(value, _LONGEST_SHOWN)
            raise UsageError(f"{name}={told!r} is no whole number from 1 to {most}")
        return int(value)

    def flag(self, name: str) -> bool:
        """Tell whether a parameter is set: alone, or as 1, true, yes.

        Raises:
            UsageError: it says something else, or is there twice.
        """
        value = self.text(name)
        if value is None:
            return False
        if value.lower() not in _WORDS:
            told = shortened(value, _LONGEST_SHOWN)
            raise UsageError(f"{name}={told!r} is neither yes nor no", hint="write true or false")
        return _WORDS[value.lower()]

    def output(self) -> Output:
        """Give the form of the answer: as `output` says, else as `Accept` does, else JSON.

        Raises:
            UsageError: it is asked for in another form.
        """
        asked = self.choice("output", [output.value for output in MEDIA_TYPES])
        if asked is not None:
            return Output(asked)
        best = max(MEDIA_TYPES, key=lambda output: _quality(self._accept, MEDIA_TYPES[output]))
        return best if _quality(self._accept, MEDIA_TYPES[best]) > 0 else Output.JSON

    def end(self) -> None:
        """Refuse what nobody asked for: a misspelt filter must not answer another question.

        Raises:
            UsageError: a parameter that does not exist.
        """
        for name in self._values:
            close = get_close_matches(name, self._known, n=1)
            known = ", ".join(sorted(name.replace("_", "-") for name in self._known))
            listed = f"parameters: {known}" if known else "this address takes none"
            hint = f"did you mean {close[0]!r}?" if close else listed
            told = shortened(name, _LONGEST_SHOWN)
            raise UsageError(f"there is no parameter {told!r}", hint=hint)


def _quality(accept: str, media_type: str) -> float:
    """Give how much a client wants a type (RFC 9110, 12.5.1): 0 for not at all."""
    kind, _, subtype = media_type.partition(";")[0].partition("/")
    found: dict[int, float] = {}
    for part in accept.split(",") if accept.strip() else ["*/*"]:
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        rank = {f"{kind}/{subtype}": 3, f"{kind}/*": 2, "*/*": 1}.get(name, 0)
        if rank:
            weight = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
            found[rank] = _number(weight)
    return found[max(found)] if found else 0.0


def _number(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
