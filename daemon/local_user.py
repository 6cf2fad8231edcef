"""Who runs this process, as the kernel says; `$USER` can say anything."""

from __future__ import annotations

import os


def local_user() -> str:
    """Name the user of this process for an audit: `os:lee`, or `os:1000` where the id has no name."""
    uid = os.geteuid()
    try:
        import pwd

        return f"os:{pwd.getpwuid(uid).pw_name}"
    except (ImportError, KeyError):
        return f"os:{uid}"
