"""Pages as people read them, and names that hurt."""

from __future__ import annotations

import re
from html import unescape

HTML = {"accept": "text/html"}
HOSTILE = (
    "<script>alert(1)</script>",
    "\"quoted\" & 'single' <b>",
    "right\u202eto left",
    "long " + "x" * 300,
    "a,b *? re:",
)
"""Names as bills may hold them."""


def words(page: str) -> str:
    """Give what people read of a page, drawings left out."""
    text = re.sub(r"<svg.*?</svg>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(text).split())
