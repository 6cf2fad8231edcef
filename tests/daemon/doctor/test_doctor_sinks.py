"""`costd doctor` against real peers: Slack, S3, PostgreSQL, and a server that never answers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acme import Acme
from builders import a_charge
from exports import a_row, write
from s3 import S3Server
from slack_peer import TOKEN, Fault, SlackPeer, missing, serving

from config import secrets

PASSWORD = "canary-pw-7f3a9e0q"  # noqa: S105  # what must not be shown


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackPeer]:
    if why := missing():
        pytest.skip(why)
    with serving(tmp_path_factory.mktemp("slack")) as running:
        yield running


def rows(acme: Acme, area: str, *args: str) -> list[dict[str, Any]]:
    found = acme.costd("doctor", *args, "--output", "json").json["rows"]
    return [row for row in found if row["check"] == area]


@pytest.mark.peer
def test_slack_channels_by_name_and_id_are_found_and_nothing_is_posted(
    peer: SlackPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_struck", set())
    monkeypatch.setenv("T_BOT", TOKEN)
    place = peer.channel("doctor-costs")
    acme = Acme(folder=tmp_path)
    acme.configure(
        more=f'slack: {{bot_token: "${{env:T_BOT}}", base_url: "{peer.base_url}"}}\n'
        f'digests: [{{channel: "#doctor-costs"}}, {{channel: {place}}}, {{channel: "#doctor-cost"}}]\n'
    )
    peer.calls.clear()
    token, by_name, by_id, unknown = rows(acme, "slack")
    assert [row["health"] for row in (token, by_name, by_id, unknown)] == ["ok", "ok", "ok", "fail"]
    assert f"`channel: {place}`" in by_name["fix"]
    assert by_id["subject"] == f"channel {place} (#doctor-costs), and the app is in it"
    assert 'did you mean "#doctor-costs"?' in unknown["fix"]
    assert "chat.postMessage" not in peer.calls
    (clock,) = [row for row in rows(acme, "clock") if "this machine" in row["subject"]]
    assert clock["subject"].endswith("as slack says")
    peer.faults = [Fault(method="auth.test", error="token_revoked", times=9)]
    assert {row["health"] for row in rows(acme, "slack")} == {"fail"}
    peer.faults.clear()


@pytest.mark.peer
def test_a_digest_goes_to_the_channel_of_that_name(
    peer: SlackPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_struck", set())
    monkeypatch.setenv("T_BOT", TOKEN)
    place = peer.channel("named-costs")
    more = f'slack: {{bot_token: "${{env:T_BOT}}", base_url: "{peer.base_url}"}}\n'
    acme = Acme(folder=tmp_path).collected(
        a_charge(start="2026-06-19", hours=24), more=more + 'digests: [{channel: "#Named-Costs"}]\n'
    )
    ran = acme.costd("digest", "--send")
    assert (ran.status, ran.out) == (0, "sent to #named-costs\n")
    assert len(peer.messages(place)) == 1
    acme.configure("aws", more=more + 'digests: [{channel: "#named-cots"}]\n')
    ran = acme.costd("digest", "--send")
    assert ran.status == 1
    assert 'did you mean "#named-costs"?' in ran.out


def test_a_bucket_is_listed_read_and_compared_with_the_clock(s3_server: S3Server, tmp_path: Path) -> None:
    bucket = s3_server.bucket()
    write(tmp_path / "june.csv", [a_row()])
    s3_server.client().upload_file(str(tmp_path / "june.csv"), bucket, "focus/june.csv")
    acme = Acme(folder=tmp_path)
    acme.configure()
    config = tmp_path / "costd.yaml"
    (tmp_path / "key").write_text("testing\n")
    (tmp_path / "key").chmod(0o600)
    s3 = f'{{endpoint_url: "{s3_server.url}", region: eu-central-1, '
    s3 += 'access_key_id: "${file:key}", secret_access_key: "${file:key}"}'
    config.write_text(
        f"sources: [{{type: focus_files, name: aws, path: 's3://{bucket}/focus', s3: {s3}}},\n"
        f"  {{type: focus_files, name: gone, path: 's3://{bucket}-gone/focus', s3: {s3}}}]\n"
    )
    found = rows(acme, "source aws")
    assert [row["health"] for row in found] == ["ok"] * 3
    assert "s3:ListBucket" in found[0]["subject"]
    assert "s3:GetObject" in found[1]["subject"]
    (gone,) = rows(acme, "source gone")
    assert (gone["health"], gone["fix"]) == ("fail", "correct `path` of this source")
    (clock,) = [row for row in rows(acme, "clock") if "this machine" in row["subject"]]
    assert "as source " in clock["subject"]


def test_a_database_that_is_down_fails_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_struck", set())
    monkeypatch.setenv("T_STATE", f"postgresql+psycopg://u:{PASSWORD}@127.0.0.1:1/x?connect_timeout=1")
    acme = Acme(folder=tmp_path)
    acme.configure(more='state: {url: "${env:T_STATE}"}\n')
    ran = acme.costd("doctor")
    assert ran.status == 1
    assert "FAIL  state" in ran.out
    assert "`state.url`" in ran.out
    assert PASSWORD not in ran.out + ran.err


def test_postgresql_is_named_with_its_schema(postgres_url: str, tmp_path: Path) -> None:
    acme = Acme(folder=tmp_path)
    acme.configure(more=f'state: {{url: "{postgres_url}"}}\n')
    (row,) = rows(acme, "state")
    assert (row["health"], row["subject"].startswith("PostgreSQL postgresql")) == ("ok", True)
    assert row["subject"].endswith(" ms, empty")


def test_a_server_that_never_answers_does_not_keep_the_program(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        config = tmp_path / "costd.yaml"
        config.write_text(
            f"sources: [{{type: focus_files, name: aws, path: 's3://b/x', "
            f"s3: {{endpoint_url: 'http://127.0.0.1:{port}', region: x}}}}]\n"
        )
        environ = {**os.environ, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
        began = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "daemon", "-c", str(config), "doctor", "--timeout", "3"],
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
            env=environ,
        )
    assert time.monotonic() - began < 25  # one try of the SDK waits a minute
    assert ran.returncode == 1
    assert "no answer within 3 s" in ran.stdout
    assert "ok    ledger" in ran.stdout
