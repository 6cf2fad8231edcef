"""The app that docs/connect-slack.md makes: link and manifest agree, with the scopes that are used."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


def test_the_one_click_link_makes_the_app_of_the_manifest(root: Path) -> None:
    page = (root / "docs" / "connect-slack.md").read_text(encoding="utf-8")
    (link,) = re.findall(r"\((https://api\.slack\.com/apps\?[^)]+)\)", page)
    (text,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    manifest = json.loads(text)
    assert json.loads(parse_qs(urlsplit(link).query)["manifest_json"][0]) == manifest
    scopes = manifest["oauth_config"]["scopes"]["bot"]
    assert all(f"`{scope}`" in page for scope in scopes)
    assert {"chat:write", "channels:history", "groups:history", "channels:read"} <= set(scopes)
