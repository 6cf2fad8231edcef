"""Debian's Prometheus over a history that `promtool` made, on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 60


def is_installed() -> bool:
    """Say whether both programs are there."""
    return shutil.which("prometheus") is not None and shutil.which("promtool") is not None


@contextmanager
def serving(lines: Iterable[str], folder: Path) -> Iterator[str]:
    """Serve a history until the block ends; gives the URL.

    Samples lie on whole minutes. The look-back is a second less than one, because a backfilled series cannot
    say that it ended (it has no staleness markers) and would seem to go on for five minutes.
    """
    text, data, config = folder / "history.om", folder / "data", folder / "prometheus.yml"
    with text.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    make = ("promtool", "tsdb", "create-blocks-from", "--max-block-duration=360h", "--quiet", "openmetrics")
    subprocess.run([*make, str(text), str(data)], check=True, stdout=subprocess.DEVNULL)
    text.unlink()
    config.write_text("global: {scrape_interval: 1m}\nscrape_configs: []\n", encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        "--query.lookback-delta=59s",
        f"--web.listen-address={address}",
        "--log.level=error",
    ]
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        _wait(f"http://{address}", server)
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError(f"prometheus ended with status {server.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=2):  # noqa: S310  # an address of our own
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("prometheus did not become ready")
