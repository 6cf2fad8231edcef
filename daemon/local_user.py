"""Who runs this process, as the kernel says; `$USER` can say anything."""

from __future__ import annotations

import os

from domain.audit import Actor, Surface


def local_user() -> str:
    """Name the user of this process for an audit: `os:lee`, or `os:1000` where the id has no name."""
    uid = os.geteuid()
    try:
        import pwd

        return f"os:{pwd.getpwuid(uid).pw_name}"
    except (ImportError, KeyError):
        return f"os:{uid}"


def local_actor() -> Actor:
    """Give the user of this process as the audit log names who works on the command line."""
    return Actor(name=local_user(), surface=Surface.CLI)
