"""YAML 1.2 read safely into plain values, with the line of every key and value.

Scalars stay the text that was written (`NO`, `012345678901`, `1.10`, `5%`); what a text
means is decided by the field that takes it. Only an empty value, `~` and `null` are None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.fault import Fault, YamlError, refuse
from config.yaml_events import events
from domain.text import shortened

MAX_BYTES = 1024 * 1024
"""Longest configuration read; a long hand-written one is a hundredth of it."""

MAX_DEPTH = 32
"""Deepest nesting; the configuration itself needs about eight levels."""

MAX_VALUES = 50_000
"""Most values, each use of an alias counting whole: what stops a YAML bomb."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
Plain = str | list[Any] | dict[str, Any] | None


@dataclass(slots=True, kw_only=True)
class Node:
    """A value with its place: text, None, a list or a mapping of nodes.

    Attributes:
        line: line of the value, from 1.
        value: text or None for a scalar; nodes for a list; nodes by key for a mapping.
        key_lines: line of each key of a mapping.
        size: values in it, each use of an alias counting whole.
        depth: levels in it, 1 for a scalar.
    """

    line: int
    value: str | list[Node] | dict[str, Node] | None
    key_lines: dict[str, int] = field(default_factory=dict)
    size: int = 1
    depth: int = 1

    def plain(self) -> Plain:
        """Give the value without places."""
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        return self.value

    def grow(self, child: Node) -> None:
        """Count a finished child in, and refuse what has become too much."""
        self.size += child.size
        self.depth = max(self.depth, child.depth + 1)
        if self.size > MAX_VALUES:
            raise refuse(
                child.line, f"more than {MAX_VALUES} values, aliases counted each time they are used"
            )
        if self.depth > MAX_DEPTH:
            raise refuse(child.line, f"nested more than {MAX_DEPTH} levels deep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that was read to its end.

    Attributes:
        root: its value.
        doubles: keys written twice; the values are those of the last.
    """

    root: Node
    doubles: tuple[Fault, ...] = ()


def read(text: str) -> Document:
    """Read one YAML 1.2 document.

    Raises:
        YamlError: not YAML, or more than the limits allow, or a form we refuse.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise refuse(0, "the configuration is larger than 1 MiB")
    return _Builder().build(text.removeprefix("\ufeff"))


def decode(content: bytes) -> str:
    """Give the text of a file, which must be UTF-8 (a byte order mark is fine).

    Raises:
        YamlError: another encoding; the fault names the line.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlError(
            Fault(line=line, key="", message="is not UTF-8 text", hint="save the file as UTF-8")
        ) from None


class _Builder:
    """Builds nodes from parser events without recursion, so that depth cannot hurt."""

    def __init__(self) -> None:
        self._open: list[tuple[Node, str | None]] = []
        self._keys: list[tuple[str, int] | None] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None
        self._doubles: list[Fault] = []

    def build(self, text: str) -> Document:
        documents = 0
        for event in events(text):
            kind = type(event).__name__
            line = event.start_mark.line + 1
            if kind == "DocumentStartEvent":
                documents += 1
                self._check_document(event, documents, line)
            elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
                self._start(event, {} if kind.startswith("M") else [], line)
            elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
                self._end()
            elif kind == "ScalarEvent":
                self._scalar(event, line)
            elif kind == "AliasEvent":
                self._alias(event.anchor, line)
        return Document(root=self._root or Node(line=1, value=None), doubles=tuple(self._doubles))

    @staticmethod
    def _check_document(event: Any, documents: int, line: int) -> None:
        if documents > 1:
            raise refuse(line, "a second document starts here", "keep one document; remove the `---`")
        if event.version not in {None, (1, 2)}:
            raise refuse(line, "the file asks for another YAML version", "remove the `%YAML` line")

    def _start(self, event: Any, value: dict[str, Node] | list[Node], line: int) -> None:
        _refuse_tag(event, line)
        if len(self._open) >= MAX_DEPTH:
            raise refuse(line, f"nested more than {MAX_DEPTH} levels deep")
        if self._awaits_key():
            raise refuse(line, "a key must be plain text", "quote it if it starts with `{` or `[`")
        self._open.append((Node(line=line, value=value), event.anchor))
        self._keys.append(None)

    def _end(self) -> None:
        node, anchor = self._open.pop()
        self._keys.pop()
        self._take(node, anchor)

    def _scalar(self, event: Any, line: int) -> None:
        _refuse_tag(event, line)
        is_null = event.implicit[0] and event.value in _NULLS
        if self._awaits_key():
            if is_null:
                raise refuse(line, "a key is empty", "quote it if the word is meant")
            self._key(event.value, line)
            return
        self._take(Node(line=line, value=None if is_null else event.value), event.anchor)

    def _key(self, key: str, line: int) -> None:
        node = self._open[-1][0]
        if key in node.key_lines:
            first = node.key_lines[key]
            message = f"key `{shortened(key, 60)}` is written twice, on lines {first} and {line}"
            self._doubles.append(Fault(line=line, key="", message=message, hint="keep one of them"))
        if key == "<<":
            raise refuse(line, "merge keys (`<<`) are not part of YAML 1.2", "write the values out")
        node.key_lines[key] = line
        self._keys[-1] = (key, line)

    def _alias(self, anchor: str, line: int) -> None:
        if self._awaits_key():
            raise refuse(line, "an alias cannot be a key")
        if any(anchor == name for _, name in self._open):
            raise refuse(line, f"`*{shortened(anchor, 60)}` refers to itself")
        if anchor not in self._anchors:
            raise refuse(line, f"`*{shortened(anchor, 60)}` refers to nothing that is named above it")
        self._take(self._anchors[anchor], None)

    def _take(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self._root = node
            return
        parent = self._open[-1][0]
        parent.grow(node)
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif isinstance(parent.value, dict) and self._keys[-1] is not None:
            parent.value[self._keys[-1][0]] = node
            self._keys[-1] = None

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0].value, Mapping) and self._keys[-1] is None


def _refuse_tag(event: Any, line: int) -> None:
    if event.tag not in {None, "!"}:
        raise refuse(line, f"the tag `{shortened(str(event.tag), 60)}` is not read", "remove it")
