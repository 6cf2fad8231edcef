"""What every test may use: builders, the shared sample files, a real S3 over HTTP."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bigquery_peer import BigQuery
from bigquery_peer import serving as serving_bigquery
from hypothesis import HealthCheck, settings
from metrics_world import HOURS, OUTAGE, START, world
from postgres import PostgresServer, binaries
from postgres import serving as serving_postgres
from prometheus_server import is_installed as prometheus_is_installed
from prometheus_server import serving as serving_prometheus
from s3 import S3Server, serving

ROOT = Path(__file__).resolve().parent.parent

# A zone that is never whole hours from UTC: local time taken for UTC shows at once.
os.environ["TZ"] = "Asia/Kathmandu"
time.tzset()

# Nothing here may reach a real account by way of what the machine is set up with.
for _name in [name for name in os.environ if name.startswith(("AWS_", "COSTD_CONFIG", "GOOGLE_"))]:
    del os.environ[_name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.devnull
os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("dev", deadline=None, max_examples=50, suppress_health_check=_SLOW)
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.register_profile("soak", parent=settings.get_profile("dev"), max_examples=2000)
settings.load_profile(os.environ.get("COSTD_HYPOTHESIS", "dev"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of sample files that are not part of this repository."""
    folder = ROOT.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    message = "no ../shared/data beside the checkout: its sample files may not be committed"
    if os.environ.get("COSTD_REQUIRE_SHARED") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A real S3 over HTTP, one per session; take a bucket per test."""
    pytest.importorskip("moto", reason="moto is not installed: pip install 'moto[server]'")
    with serving() as server:
        yield server


@pytest.fixture
def s3_env(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The same server, with the environment of every AWS client pointing at it."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def bigquery(monkeypatch: pytest.MonkeyPatch) -> Iterator[BigQuery]:
    """An empty BigQuery over HTTP, with the environment of the client pointing at it."""
    pytest.importorskip("google.cloud.bigquery", reason="install the extra: pip install 'costd[gcp]'")
    with serving_bigquery() as server:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", server.url)
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A throwaway PostgreSQL, one per session; take a database per test."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: `make peers` installs it")
    with serving_postgres(programs) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The SQLAlchemy URL of an empty database."""
    return postgres_server.database()


@pytest.fixture(scope="session")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real Prometheus that holds the history of `metrics_world`."""
    if not prometheus_is_installed():
        pytest.skip("Prometheus and promtool are not installed: `make peers` installs them")
    history = world().open_metrics(START, HOURS, OUTAGE)
    with serving_prometheus(history, tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.fixture(scope="session")
def focus_validator() -> Path:
    """The Python of the environment that holds focus-validator."""
    python = ROOT / ".venv-focus" / "bin" / "python"
    if not python.exists():
        pytest.skip("focus-validator is not installed: `make peers` installs it where there is a Python 3.12")
    return python


@pytest.fixture(scope="session")
def rounds() -> Callable[[int, int], int]:
    """Chooses between the few rounds of every run and the many of `make soak`."""
    return lambda few, many: many if os.environ.get("COSTD_SOAK") == "1" else few
