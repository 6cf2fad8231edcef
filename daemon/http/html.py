"""The least page there is: for signing in, and for errors, whatever else is broken."""

from __future__ import annotations

from html import escape

STYLESHEET = "/static/costd.css"


def document(title: str, body: str) -> str:
    """Give a whole page; the title is escaped here, the body was by whoever wrote it."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)} · costd</title>\n<link rel="stylesheet" href="{STYLESHEET}">\n</head>\n'
        '<body class="plain">\n<main>\n'
        '<p><a class="brand" href="/" aria-label="costd, first page">costd</a></p>\n'
        f"{body}\n</main>\n</body>\n</html>\n"
    )
