"""Identifiers replaced by others of the same shape, the same ones always by the same. Pure.

A keyed hash decides, and its key lives as long as one run: what was equal stays equal, what was
different stays different, and nobody can try out which original gives a replacement.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from importlib import resources

_DIGITS = re.compile(r"\d+", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{8,}|[0-9A-F]{8,}")
_GROUPS = re.compile(r"[0-9A-Fa-f]{4,12}(?:-[0-9A-Fa-f]{4,12})+")
_MAIL = re.compile(r"[^\s@:/]+@[^\s@:/]+\.[^\s@:/]+")
_PREFIXED = re.compile(
    r"(ami|cr|dopt|eipalloc|eipassoc|eni|fl|fs|i|igw|lt|mi|nat|pcx|r|rtb|sg|snap|subnet|tgw|vol|vpc|vpce)"
    r"-([0-9a-f]{8,17})"
)
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-?\d{1,2}(?:-?[a-z])?")
_ARN = re.compile(r"arn:aws[a-z-]*:")
_WORD_SPLIT = re.compile(r"([/:])")
_INSIDE = re.compile(
    r"arn:aws[a-z-]*:[^\s\"',;]+"
    r"|[^\s@\"',;:/]+@[^\s@\"',;:/]+\.[^\s@\"',;:/]+"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|\b[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}\b"
    r"|(?<!\d)\d{12}(?!\d)"
)
_FORMULA = ("=", "@", "\t", "\r")
_SURE_DIGITS = 18
_SURE_HEX = 16
_PLACES = frozenset({"zones", "regions", "locations"})
_KINDS = frozenset(
    word
    for line in resources.files("daemon.sanitise").joinpath("kinds.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
    for word in line.split()
)
"""Words that say of which kind the next part of an identifier is."""


class Veil:
    """Replaces texts under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._short: dict[str, dict[str, str]] = {}
        self._taken: dict[str, set[str]] = {}

    def word(self, text: str) -> str:
        """Replace a text as a whole; numbers stay numbers, GUIDs GUIDs, and `i-…` stays `i-…`."""
        core = text.strip()
        if not core:
            return text
        start = text.index(core)
        return text[:start] + self._shaped(core) + text[start + len(core) :]

    def path(self, text: str) -> str:
        """Replace the parts of an identifier that name something; ARNs and paths keep their shape."""
        if _ARN.match(text) and text.count(":") >= 5:
            return self._arn(text)
        return self._parts(text) if "/" in text or ":" in text else self.word(text)

    def inside(self, text: str) -> str:
        """Replace what looks like an account, an ARN, an address or a GUID within other text."""
        if text.startswith(_FORMULA):
            return self.word(text)
        return _INSIDE.sub(lambda found: self.path(found[0]), text)

    def _arn(self, text: str) -> str:
        arn, partition, service, region, account, resource = text.split(":", 5)
        service = service if re.fullmatch(r"[a-z0-9-]{2,32}", service) else self.word(service)
        region = region if not region or _REGION.fullmatch(region) else self.word(region)
        return ":".join((arn, partition, service, region, self.word(account), self._parts(resource)))

    def _parts(self, text: str) -> str:
        """Replace part by part; after a word that says a kind comes a name."""
        given, kind = [], ""
        pieces = _WORD_SPLIT.split(text)
        for at, piece in enumerate(pieces):
            lower, is_last = piece.lower(), at == len(pieces) - 1
            if piece in {"", "/", ":"}:
                given.append(piece)
            elif not kind and not is_last and lower in _KINDS:
                given.append(piece)
                kind = lower
            elif _is_vocabulary(kind, lower):
                given.append(piece)
                kind = ""
            else:
                given.append(self.word(piece))
                kind = ""
        return "".join(given)

    def _shaped(self, core: str) -> str:
        if _DIGITS.fullmatch(core):
            return self._distinct(core, "digits", len(core), sure=_SURE_DIGITS)
        if found := _PREFIXED.fullmatch(core):
            return f"{found[1]}-{self._distinct(core, 'hex', len(found[2]), sure=_SURE_HEX)}"
        if _HEX.fullmatch(core):
            return self._distinct(core, "hex", len(core), sure=_SURE_HEX, upper=core.isupper())
        if _GROUPS.fullmatch(core):
            flat = self._distinct(
                core, "hex", len(core.replace("-", "")), sure=_SURE_HEX, upper=core.isupper()
            )
            taken = iter(flat)
            return "".join("-" if sign == "-" else next(taken) for sign in core)
        if _MAIL.fullmatch(core):
            return f"x{self._hex(core, 16)}@example.invalid"
        return f"x{self._hex(core, 16)}"

    def _distinct(self, core: str, alphabet: str, length: int, *, sure: int, upper: bool = False) -> str:
        """Give a replacement of a length; short ones are remembered, for their hashes may collide."""
        if length >= sure:
            return self._of(core, alphabet, length, upper=upper)
        kind = f"{alphabet}{length}"
        known = self._short.setdefault(kind, {})
        if core not in known:
            taken = self._taken.setdefault(kind, set())
            tries = (
                self._of(f"{core}\0{n}" if n else core, alphabet, length, upper=upper) for n in range(64)
            )
            fresh = (one for one in tries if one not in taken and one != core)
            known[core] = next(fresh, f"x{self._hex(core, 16)}")
            taken.add(known[core])
        return known[core]

    def _of(self, text: str, alphabet: str, length: int, *, upper: bool) -> str:
        if alphabet == "hex":
            found = self._hex(text, length)
            return found.upper() if upper else found
        digits = str(int(self._hex(text, length + 8), 16)).rjust(length, "0")[-length:]
        if text[0] == "0":
            return "0" + digits[1:]
        return digits if digits[0] != "0" else "7" + digits[1:]

    def _hex(self, text: str, length: int) -> str:
        given = ""
        while len(given) < length:
            given += blake2b(
                f"{len(given)}:{text}".encode("utf-8", "surrogatepass"), key=self._key
            ).hexdigest()
        return given[:length]


def _is_vocabulary(kind: str, lower: str) -> bool:
    """Tell whether a part is a provider's own word at a place where one stands."""
    if kind == "providers" and re.fullmatch(r"microsoft\.[a-z]+", lower):
        return True
    if kind in _PLACES and _REGION.fullmatch(lower):
        return True
    return kind == "" and re.fullmatch(r"[a-z]+\.googleapis\.com", lower) is not None
