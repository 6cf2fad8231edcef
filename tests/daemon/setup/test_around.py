"""What is set up on a machine is found by its names, and no secret is ever kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.setup.around import Around, look_around, without_credentials

KUBE = """\
apiVersion: v1
contexts: [{name: prod, context: {cluster: c}}, {name: dev}]
users: [{name: u, user: {token: CANARY}}]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\n[profile prod]\nregion = x\n[sso-session corp]\n")
    (tmp_path / ".aws" / "credentials").write_text("[ci]\naws_secret_access_key = CANARY\n")
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(KUBE)
    gcloud = tmp_path / ".config" / "gcloud" / "configurations"
    gcloud.mkdir(parents=True)
    (gcloud / "config_default").write_text("[core]\nproject = acme-prod\naccount = me@acme\n")
    return tmp_path


def test_the_usual_places_are_looked_into(home: Path) -> None:
    environ = {"PROMETHEUS_URL": "http://me:CANARY@prom:9090/x", "SLACK_BOT_TOKEN": "xoxb-CANARY"}
    found = look_around(home, environ, localtime=home / "none")
    assert found == Around(
        aws_profiles=("default", "prod", "ci"),
        gcloud=("default (acme-prod)",),
        kube_contexts=("prod", "dev"),
        prometheus="http://prom:9090/x",
        has_slack_token=True,
        timezone="UTC",
    )
    assert "CANARY" not in repr(found)


def test_the_environment_moves_the_places(home: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("contexts: [{name: moved}]")
    environ = {
        "KUBECONFIG": f"{tmp_path / 'other'}:{tmp_path / 'missing'}",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "CLOUDSDK_CONFIG": str(tmp_path / "nowhere"),
    }
    found = look_around(home, environ)
    assert (found.kube_contexts, found.aws_profiles, found.gcloud) == (("moved",), (), ())


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"[", b"contexts: 7", b"contexts: [1, {name: [x]}]", b"a: &a [*a]"]
)
def test_what_cannot_be_read_is_left_out(home: Path, content: bytes) -> None:
    (home / ".kube" / "config").write_bytes(content)
    (home / ".aws" / "config").write_bytes(content)
    found = look_around(home, {})
    assert found.kube_contexts == ()
    assert found.aws_profiles == ("ci",)


def test_an_empty_machine_has_nothing(tmp_path: Path) -> None:
    assert look_around(tmp_path, {}, localtime=tmp_path / "none") == Around()


@pytest.mark.parametrize(
    ("tz", "linked", "zone"),
    [
        ("Europe/Berlin", "", "Europe/Berlin"),
        (":Asia/Tokyo", "", "Asia/Tokyo"),
        ("CET-1CEST", "Asia/Tokyo", "Asia/Tokyo"),
        ("", "Etc/UTC", "UTC"),
        ("../../etc/passwd", "", "UTC"),
    ],
)
def test_the_zone_is_that_of_the_machine(tmp_path: Path, tz: str, linked: str, zone: str) -> None:
    target = tmp_path / "zoneinfo" / linked if linked else tmp_path / "file"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch()
    (tmp_path / "localtime").symlink_to(target)
    assert look_around(tmp_path, {"TZ": tz}, localtime=tmp_path / "localtime").timezone == zone


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("prom:9090", "http://prom:9090"),
        ("https://prom/x?token=1", "https://prom/x"),
        ("http://prom:port", ""),
        ("ftp://prom", ""),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
