"""What becomes of one value, flat or nested, under the treatment of its column. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from collectors.focus.texts import NULL_TEXTS
from daemon.sanitise.columns import Treatment, treatment_of
from daemon.sanitise.veil import Veil

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
_TIME = r"\d{1,4}[-/]\d{1,2}[-/]\d{1,4}[0-9T:Z+\-. /UTC]*"
_FIGURE = re.compile(rf"\s*(?:{_NUMBER}|{_TIME})\s*", re.ASCII)
_OPENINGS = re.compile(
    r"(?:Refund for one-time fee|Sign up charge for subscription|Refund|Commitment|Tax for product"
    r"|Savings Plan|ComputeSavingsPlans|Credit|Enterprise Program Discount)\b"
)
_ISSUERS = re.compile(
    r"(?:Amazon Web Services|AWS|Amazon|Microsoft|Google|Oracle|Databricks|Snowflake|MongoDB|Red Hat)"
    r"(?:,? ?(?:Inc\.?|LLC|Ltd\.?|Limited|Corporation|EMEA SARL|Cloud|Azure|Ireland|America|Asia|Operations"
    r"|India|Private|Pvt\.?|Pty\.?|Japan G\.K\.|Australia|Canada|Korea|Singapore|UK|Marketplace))*"
)
_TAG_HOME = re.compile(r"(aws:|aws_|user:|user_|goog-|goog:)(.+)", re.DOTALL)
_RAW = re.compile(r'"\\u0000([0-9eE+.\-]+)\\u0000"')
_CALL_AGAIN_AFTER = 200_000


class Values:
    """Changes values; each distinct text of a column is thought about once."""

    def __init__(self, veil: Veil) -> None:
        self._veil = veil
        self._seen: dict[str, dict[str, str]] = {}
        self._ways: dict[Treatment, Callable[[str], str]] = {
            Treatment.FIGURE: lambda text: text if _FIGURE.fullmatch(text) else veil.word(text),
            Treatment.WORD: veil.inside,
            Treatment.ID: veil.path,
            Treatment.NAME: veil.word,
            Treatment.TEXT: self._prose,
            Treatment.ISSUER: lambda text: text if _ISSUERS.fullmatch(text.strip()) else veil.word(text),
        }

    def text(self, path: str, text: str) -> str:
        """Give the replacement of a value that a file has as text; absent values stay absent."""
        if text.strip() in NULL_TEXTS:
            return text
        seen = self._seen.setdefault(path, {})
        found = seen.get(text)
        if found is None:
            if len(seen) >= _CALL_AGAIN_AFTER:
                seen.clear()
            found = seen[text] = self._text(path, text)
        return found

    def value(self, path: str, value: Any) -> Any:
        """Give the replacement of a typed value: of a record part by part, of a map pair by pair."""
        treatment = treatment_of(path)
        if value is None or treatment is Treatment.DROP:
            return None
        if treatment in {Treatment.TAGS, Treatment.DETAILS}:
            return (self._tags if treatment is Treatment.TAGS else self._details)(path, value)
        if isinstance(value, Mapping):
            return {key: self.value(f"{path}.{key}", one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(path, one) for one in value]
        return self._leaf(treatment, path, value)

    def key(self, key: str) -> str:
        """Give the replacement of a tag key; whose tag it is stays (`aws:`, `user:`)."""
        home = _TAG_HOME.fullmatch(key)
        return home[1] + self._veil.word(home[2]) if home else self._veil.word(key)

    def _text(self, path: str, text: str) -> str:
        treatment = treatment_of(path)
        way = self._ways.get(treatment)
        if way is not None:
            return way(text)
        try:
            held = json.loads(text, parse_float=_raw, parse_int=_raw)
        except (ValueError, RecursionError):
            return "" if treatment in {Treatment.NESTED, Treatment.DETAILS} else self._veil.word(text)
        if not isinstance(held, dict | list):
            return "" if treatment is not Treatment.TAGS else self._veil.word(text)
        return _RAW.sub(r"\1", json.dumps(self.value(path, held), separators=(",", ":")))

    def _prose(self, text: str) -> str:
        opening = _OPENINGS.match(text)
        return f"{opening[0]} {self._veil.word(text)}" if opening else self._veil.word(text)

    def _leaf(self, treatment: Treatment, path: str, value: Any) -> Any:
        """Replace a text, or a number or time that identifies; a flag cannot."""
        if treatment is Treatment.NESTED:
            return None
        if isinstance(value, str):
            return self.text(path, value)
        if treatment in {Treatment.FIGURE, Treatment.WORD} or isinstance(value, bool):
            return value
        replaced = self._ways[treatment](_plain(value))
        return int(replaced) if isinstance(value, int) and replaced.isdigit() else replaced

    def _tags(self, path: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {self.key(key): self._tag(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._pair(path, one) for one in value]
        return None if value is None else self._veil.word(_plain(value))

    def _pair(self, path: str, one: Any) -> Any:
        """Replace one pair of a map (a tuple), or one `{key, value, …}` of a list."""
        if isinstance(one, Mapping):
            return {
                name: part
                if isinstance(part, bool)
                else (self.key(part) if name == "key" and isinstance(part, str) else self._tag(part))
                for name, part in one.items()
            }
        if isinstance(one, tuple) and len(one) == 2:
            return (self.key(str(one[0])), self._tag(one[1]))
        return self._tags(path, one)

    def _tag(self, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Mapping | list):
            return self._veil.word(json.dumps(value, sort_keys=True, default=str))
        text = _plain(value)
        return text if text.strip() in {*NULL_TEXTS, "true", "false"} else self._veil.word(text)

    def _details(self, path: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: self.value(f"{path}.{k}", one) for k, one in value.items() if _is_detail(path, k)}
        if isinstance(value, list | tuple):
            pairs = (one for one in value if isinstance(one, tuple) and len(one) == 2)
            return [(k, self.value(f"{path}.{k}", one)) for k, one in pairs if _is_detail(path, k)]
        return None


def _is_detail(path: str, key: object) -> bool:
    return treatment_of(f"{path}.{key}") not in {Treatment.DROP, Treatment.NESTED}


def _raw(number: str) -> str:
    """Mark a JSON number, so that it is written again digit by digit."""
    return f"\0{number}\0"


def _plain(value: Any) -> str:
    return str(value).strip("\0")
