"""What is set up on this machine: names only, never a key or token; nothing is connected to."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from config.fault import YamlError
from config.yaml import MAX_BYTES, decode, read

SLACK_TOKEN = "SLACK_BOT_TOKEN"  # noqa: S105  # the name of a variable
_PROMETHEUS = ("PROMETHEUS_URL", "PROMETHEUS_ADDR", "PROM_URL")
_UTC = dict.fromkeys(("Etc/UTC", "Etc/UCT", "Etc/Zulu", "Zulu", "UCT", "Universal", "Etc/Universal"), "UTC")
_LOCALTIME = Path("/etc/localtime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What was found; every name is hostile text.

    Attributes:
        aws_profiles: sections of `~/.aws/config` and `~/.aws/credentials`.
        gcloud: configurations of gcloud with their project.
        kube_contexts: contexts of the kubeconfig.
        prometheus: URL of a Prometheus from the environment, with its path but no credentials, or "".
        has_slack_token: the environment holds a bot token.
        timezone: IANA name of this machine's zone, `UTC` if unknown.
    """

    aws_profiles: tuple[str, ...] = ()
    gcloud: tuple[str, ...] = ()
    kube_contexts: tuple[str, ...] = ()
    prometheus: str = ""
    has_slack_token: bool = False
    timezone: str = "UTC"


def look_around(home: Path, environ: Mapping[str, str], localtime: Path = _LOCALTIME) -> Around:
    """Look into the usual places; what is missing or cannot be read is left out."""
    aws = [
        Path(environ.get("AWS_CONFIG_FILE") or home / ".aws" / "config"),
        Path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws" / "credentials"),
    ]
    gcloud = Path(environ.get("CLOUDSDK_CONFIG") or home / ".config" / "gcloud")
    kube = (environ.get("KUBECONFIG") or str(home / ".kube" / "config")).split(os.pathsep)
    return Around(
        aws_profiles=tuple(dict.fromkeys(name for file in aws for name in aws_profiles(_text(file)))),
        gcloud=tuple(
            gcloud_configuration(file.name.removeprefix("config_"), _text(file))
            for file in sorted((gcloud / "configurations").glob("config_*"))
        ),
        kube_contexts=tuple(
            dict.fromkeys(name for file in kube if file for name in kube_contexts(_text(Path(file))))
        ),
        prometheus=next(
            (url for name in _PROMETHEUS if (url := without_credentials(environ.get(name, "")))), ""
        ),
        has_slack_token=environ.get(SLACK_TOKEN, "").startswith("xoxb-"),
        timezone=_zone(environ, localtime),
    )


def aws_profiles(text: str) -> list[str]:
    """Give the profiles of an AWS configuration or credentials file; only their names are kept."""
    names = (section.removeprefix("profile ").strip() for section in _ini(text).sections())
    return [name for name in names if name and not name.startswith(("sso-session ", "services "))]


def gcloud_configuration(name: str, text: str) -> str:
    """Name a configuration of gcloud, with its project if it has one."""
    project = _ini(text).get("core", "project", fallback="")
    return f"{name} ({project})" if project else name


def kube_contexts(text: str) -> list[str]:
    """Give the contexts of a kubeconfig."""
    try:
        content: Any = read(text).root.plain() if text else None
    except YamlError:
        return []
    contexts = content.get("contexts") if isinstance(content, dict) else None
    entries = contexts if isinstance(contexts, list) else []
    return [
        entry["name"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    ]


def without_credentials(url: str) -> str:
    """Give an http address as it may be shown, "" if it is none."""
    try:
        parts = urlsplit(url if "://" in url or not url else f"http://{url}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return (
        f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"
        if parts.scheme in {"http", "https"} and parts.hostname
        else ""
    )


def _zone(environ: Mapping[str, str], localtime: Path) -> str:
    """Give the machine's zone by its name."""
    linked = str(localtime.resolve()).partition("zoneinfo/")[2]
    for name in (environ.get("TZ", "").removeprefix(":"), linked):
        if name and _is_zone(name):
            return _UTC.get(name, name)
    return "UTC"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return False
    return True


def _ini(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return configparser.RawConfigParser()
    return parser


def _text(file: Path) -> str:
    try:
        with file.open("rb") as handle:
            content = handle.read(MAX_BYTES)
        return decode(content)
    except (OSError, YamlError):
        return ""
