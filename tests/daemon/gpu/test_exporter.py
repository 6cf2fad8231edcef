"""The page that Prometheus scrapes, and who may read it."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from fake_nvml import LOST, NOT_SUPPORTED, FakeGpu, FakeNvml, mig_h100
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from config.http import Auth, HttpSettings
from daemon import cli
from daemon.commands import gpu_exporter
from daemon.gpu import library
from daemon.gpu.activity import Activity
from daemon.gpu.exporter import create_exporter, text_of
from daemon.gpu.facts import FIELDS, Reader
from daemon.gpu.host import sees_processes
from daemon.gpu.nvml import NoGpuError, Nvml
from domain.errors import UsageError

TOKEN = "a-long-enough-random-text"  # noqa: S105  # of this test only


def reader(nvml: Nvml) -> Reader:
    return Reader(nvml, host="gpu-7", activity=Activity(nvml, lambda: 0.0), sees_processes=True)


def client(nvml: Nvml, token: str = "", base_url: str = "http://127.0.0.1:9400") -> TestClient:
    http = HttpSettings(auth=Auth.TOKEN if token else Auth.NONE)
    return TestClient(create_exporter(reader(nvml), http, token=token), base_url=base_url)


def test_prometheus_reads_what_is_served() -> None:
    answer = client(FakeNvml(FakeGpu())).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    (sample,) = families["DCGM_FI_DEV_POWER_USAGE"].samples
    assert sample.value == 312.456
    assert sample.labels["modelName"] == "NVIDIA H100 80GB HBM3"
    assert families["DCGM_FI_DEV_POWER_USAGE"].type == "gauge"
    assert set(families) <= {*FIELDS, "costd_gpu_field_missing"}


def test_what_no_gpu_gives_is_no_metric_and_the_reason_is_one() -> None:
    text = text_of(reader(FakeNvml(mig_h100())).read())
    assert "DCGM_FI_DEV_GPU_UTIL{" not in text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    reasons = {
        (sample.labels["GPU_I_ID"], sample.labels["reason"])
        for sample in families["costd_gpu_field_missing"].samples
        if sample.labels["field"] == "DCGM_FI_DEV_GPU_UTIL"
    }
    assert reasons == {("1", NOT_SUPPORTED), ("9", NOT_SUPPORTED)}


def test_each_scrape_looks_anew() -> None:
    nvml = FakeNvml(FakeGpu())
    site = client(nvml)
    assert "DCGM_FI_DEV_GPU_TEMP{" in site.get("/metrics").text
    nvml.gpus[0].fails = {"*": LOST}
    assert "DCGM_FI_DEV_GPU_TEMP{" not in site.get("/metrics").text


def test_with_a_token_only_who_has_it_reads() -> None:
    site = client(FakeNvml(FakeGpu()), TOKEN)
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
        refused = site.get("/metrics", headers=headers)
        assert refused.status_code == 401
        assert "DCGM" not in refused.text
    assert site.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert site.get("/healthz").text == "ok\n"


def test_a_strangers_name_for_this_machine_is_refused() -> None:
    assert client(FakeNvml(FakeGpu()), base_url="http://evil.example").get("/metrics").status_code == 421
    named = client(FakeNvml(FakeGpu()), TOKEN, base_url="http://gpu-7.internal:9400")
    assert named.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_beyond_this_machine_somebody_must_be_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="other machines") as refused:
        gpu_exporter.address("0.0.0.0:9400", None)
    assert "--token-file" in refused.value.hint
    assert gpu_exporter.address("0.0.0.0:9400", tmp_path / "token").port == 9400
    assert gpu_exporter.address("[::1]:0", None).host == "::1"


@pytest.mark.parametrize("listen", ["9400:x", "a b:9400", "127.0.0.1:70000", ""])
def test_an_address_that_is_none_is_told(listen: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        gpu_exporter.address(listen, None)


def test_a_token_is_long_enough_to_be_one(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with pytest.raises(UsageError, match="cannot be read"):
        gpu_exporter.token_of(file)
    file.write_text("short\n", encoding="utf-8")
    with pytest.raises(UsageError, match="shorter than 16"):
        gpu_exporter.token_of(file)
    file.write_text(f"{TOKEN}\n", encoding="utf-8")
    assert gpu_exporter.token_of(file) == TOKEN


def test_once_prints_the_metrics_and_tells_the_gaps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nvml = FakeNvml(FakeGpu(fails={"power": NOT_SUPPORTED}))
    monkeypatch.setattr(library, "open_nvml", lambda: nvml)
    monkeypatch.setattr(gpu_exporter, "_BETWEEN_SECONDS", 0.0)
    monkeypatch.setenv("NODE_NAME", "node-3")
    assert cli.run(["gpu-exporter", "--once"]) == 0
    shown = capsys.readouterr()
    assert 'hostname="node-3"' in shown.out
    assert "GPU 0: no DCGM_FI_DEV_POWER_USAGE: not supported" in shown.err
    assert (nvml.closed, nvml.samples) == (True, [])


def test_once_fails_where_nothing_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "open_nvml", lambda: FakeNvml(FakeGpu(fails={"*": LOST})))
    monkeypatch.setattr(gpu_exporter, "_BETWEEN_SECONDS", 0.0)
    assert cli.run(["gpu-exporter", "--once"]) == 1


def test_without_a_gpu_it_says_so_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> Nvml:
        raise NoGpuError("no driver here", hint="install one")

    monkeypatch.setattr(library, "open_nvml", none)
    assert cli.run(["gpu-exporter", "--once"]) == 1
    assert capsys.readouterr().err == "error: no driver here\nhint: install one\n"


def test_the_namespace_of_processes_tells_a_container(tmp_path: Path) -> None:
    host, container = tmp_path / "host", tmp_path / "container"
    host.symlink_to("pid:[4026531836]")
    container.symlink_to("pid:[4026532201]")
    assert sees_processes(host)
    assert not sees_processes(container)
    assert not sees_processes(tmp_path / "nothing")


def test_it_serves_until_it_is_told_to_stop(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nvml = FakeNvml(FakeGpu())
    monkeypatch.setattr(library, "open_nvml", lambda: nvml)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answers: list[httpx2.Response] = []

    def scrape_and_stop() -> None:
        deadline = time.monotonic() + 20
        while not answers and time.monotonic() < deadline:
            with suppress(httpx2.TransportError):
                answers.append(httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=5))
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    before = [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)]
    scraper = threading.Thread(target=scrape_and_stop)
    scraper.start()
    try:
        assert cli.run(["gpu-exporter", "--listen", f"127.0.0.1:{port}"]) == 0
    finally:
        scraper.join()
        for kind, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(kind, handler)
    assert answers[0].status_code == 200
    assert "DCGM_FI_DEV_GPU_UTIL{" in answers[0].text
    told = capsys.readouterr().out
    assert told == f"1 GPU (NVIDIA H100 80GB HBM3): http://127.0.0.1:{port}/metrics\n"
    assert (nvml.closed, nvml.samples) == (True, [])


def test_a_token_that_everybody_may_read_is_told_and_one_of_two_lines_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN, encoding="utf-8")
    file.chmod(0o600)
    assert gpu_exporter.token_of(file) == TOKEN
    assert capsys.readouterr().err == ""
    file.chmod(0o644)
    assert gpu_exporter.token_of(file) == TOKEN
    assert "can be read by every user" in capsys.readouterr().err
    for text in (f"{TOKEN}\nsecond", f"{TOKEN}é"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match="cannot be sent"):
            gpu_exporter.token_of(file)
