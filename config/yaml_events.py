"""The events of the YAML parser, its complaints in our words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from config.fault import refuse
from domain.text import shortened


def events(text: str) -> Iterator[Any]:
    """Give the parser's events, in order.

    Raises:
        YamlError: the text is not YAML from here on.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise refuse(line, f"holds a character YAML does not allow (code {error.character})") from None
    except MarkedYAMLError as error:
        problem = error.problem or "cannot be read"
        unclosed = "end of stream" in problem or "stream end" in problem
        mark = (unclosed and error.context_mark) or error.problem_mark or error.context_mark
        if "\\t" in problem:
            raise refuse(
                mark.line + 1 if mark else 0, "is indented with a tab", "indent with spaces"
            ) from None
        line = mark.line + 1 if mark else 0
        where = f" ({error.context})" if error.context else ""
        raise refuse(line, f"is not YAML: {problem}{where}", _quoting_hint(text, line)) from None
    except YAMLError as error:
        raise refuse(0, f"is not YAML: {shortened(str(error), 200)}") from None


def _quoting_hint(text: str, line: int) -> str:
    """Guess the commonest mistake: a reference that is not quoted inside `{…}`."""
    lines = text.splitlines()
    bare = 0 < line <= len(lines) and "${" in lines[line - 1].replace('"${', "").replace("'${", "")
    return 'put the reference in quotes: "${env:NAME}"' if bare else ""
