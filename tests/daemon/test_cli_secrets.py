"""No secret reaches a screen, a log, the ledger or the state: every command, at debug level."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest
import structlog
from s3 import REGION, S3Server

from config import secrets
from daemon import cli, logs

ENV_CANARY = "AKIACANARY7F3A9E0Q"
FILE_CANARY = "canary/Secret+7f3a9e0q=="
URL_CANARY = "canary-pw-7f3a9e0q"

CSV = """\
BilledCost,EffectiveCost,ListCost,ContractedCost,BillingAccountId,BillingCurrency,BillingPeriodStart,\
BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ProviderName,ServiceName,ResourceId,Tags
1.50,1.25,2.00,1.75,42,USD,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,2026-10-05T00:00:00Z,\
2026-10-06T00:00:00Z,Usage,AWS,Amazon S3,bucket-1,"{""team"": ""web""}"
"""

CALLS: dict[str, list[list[str]]] = {
    "config": [["check"], ["check", "--output", "json"], ["schema"]],
    "init": [["--yes"], ["--yes", "--output", "new.yaml"]],
    "doctor": [[], ["broken", "--output", "json"]],
    "demo": [["--help"]],
    "run": [["--port", "0"]],
    "collect": [[], ["nope"], ["--force"]],
    "gpu-exporter": [["--once"], ["--listen", "0.0.0.0:9400"]],
    "report": [["--by", "provider,billing_month", "--output", "json"]],
    "digest": [["--preview"]],
    "status": [[], ["--output", "json"]],
    "idle": [[], ["backtest", "gpu-idle"], ["rules"], ["gpus"]],
    "restatements": [[]],
    "export": [["focus", "--version", "1.2", "export"]],
    "sanitise": [["aws", "--out", "shared"]],
    "why-owner": [["bucket-1"], ["nothing-like-it"]],
    "reconcile": [[]],
    "token": [["create", "portal"], ["list"]],
    "backup": [["backup.tar"]],
    "restore": [["backup.tar"], ["backup.tar", "--force"]],
    "audit": [[], ["verify"]],
}
"""How every command is called here; a new command needs its line."""


@pytest.fixture
def configured(tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder whose source, ledger and keys are secrets of every kind."""
    bucket = s3_server.bucket()
    s3_server.client().put_object(Bucket=bucket, Key="focus/october.csv", Body=CSV.encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(secrets, "_struck", set())
    monkeypatch.setenv("COSTD_CANARY_ID", ENV_CANARY)
    (tmp_path / "key").write_text(f"{FILE_CANARY}\n", encoding="utf-8")
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "costd.yaml").write_text(
        f"""\
sources:
  - type: focus_files
    name: aws
    path: s3://{bucket}/focus
    s3: &s3
      endpoint_url: {s3_server.url}
      region: {REGION}
      access_key_id: "${{env:COSTD_CANARY_ID}}"
      secret_access_key: "${{file:key}}"
  - {{type: focus_files, name: broken, path: s3://no-such-bucket-here/x, s3: *s3}}
""",
        encoding="utf-8",
    )
    yield tmp_path
    logs.configure("warning")
    structlog.reset_defaults()


def test_every_command_is_called_here() -> None:
    assert {name for part in cli.COMMANDS.values() for name in part} - set(CALLS) == set()


def test_no_command_shows_or_stores_a_secret(configured: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shown = io.StringIO()
    for name, calls in CALLS.items():
        for args in calls:
            # `run` works until it is told to stop; everything else ends long before.
            alarm = Timer(6, os.kill, (os.getpid(), signal.SIGTERM)) if name == "run" else None
            if alarm is not None:
                alarm.start()
            cli.run(["--log-level", "debug", name, *args])
            captured = capfd.readouterr()
            shown.write(captured.out + captured.err)
    assert "1.5" in shown.getvalue(), "nothing was collected, so nothing was proven"
    leaks = [canary for canary in (ENV_CANARY, FILE_CANARY) if canary in shown.getvalue()]
    assert leaks == []
    stored = [path for path in configured.rglob("*") if path.is_file() and path.name != "key"]
    assert any("ledger" in path.parts for path in stored)
    for path in stored:
        content = path.read_bytes()
        assert ENV_CANARY.encode() not in content, path
        assert FILE_CANARY.encode() not in content, path


@pytest.mark.parametrize("command", ["status", "collect", "report"])
def test_a_database_that_refuses_never_repeats_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr(secrets, "_struck", set())
    monkeypatch.setenv(
        "COSTD_STATE_URL", f"postgresql+psycopg://u:{URL_CANARY}@127.0.0.1:1/x?connect_timeout=1"
    )
    path = tmp_path / "costd.yaml"
    path.write_text('state: {url: "${env:COSTD_STATE_URL}"}\n', encoding="utf-8")
    cli.run(["--log-level", "debug", "-c", str(path), command])
    captured = capfd.readouterr()
    assert captured.err.startswith("error: ")
    assert URL_CANARY not in captured.out + captured.err
