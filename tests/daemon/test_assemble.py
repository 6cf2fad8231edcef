from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors import COLLECTORS
from config.secrets import Secret
from config.settings import Mode, Settings
from config.storage import S3
from daemon import assemble
from daemon.clock import FixedClock, SystemClock
from daemon.invocation import Invocation
from daemon.rooms import Rooms
from domain.errors import ConfigError, UsageError
from domain.window import midnight

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
DEMO = "sources: [{type: demo, name: b, provider: aws}, {type: demo, name: a, provider: gcp}]\n"
COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {{name: {name}}}
spec: {{owner: web}}
"""


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str], Settings]:
    """Writes a costd.yaml and reads it."""

    def write(text: str) -> Settings:
        (tmp_path / "costd.yaml").write_text(text, encoding="utf-8")
        return assemble.open_settings(tmp_path / "costd.yaml")

    return write


def test_a_type_is_the_name_of_its_collectors_file() -> None:
    assert {"demo", "focus_files"} <= set(assemble.source_types())
    assert set(assemble.source_types().values()) == set(COLLECTORS)


@pytest.mark.parametrize("path", COLLECTORS)
def test_every_collector_says_its_settings(path: str) -> None:
    model = assemble.collector_class(path).Settings
    assert {"type", "name", "every"} <= set(model.model_fields)
    assert model.model_config["extra"] == "forbid"
    assert model.model_config["frozen"] is True


def test_the_demo_is_the_built_in_file_with_data_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = assemble.open_settings("demo")
    assert settings.mode is Mode.ACT
    assert assemble.is_demo(settings)
    assert settings.folder == tmp_path / "var" / "demo"
    assert settings.ledger.path == str(tmp_path / "var" / "demo" / "ledger")
    assert [source.name for source in settings.sources] == [
        "demo-aws",
        "demo-gcp",
        "demo-azure",
        "demo-prod-eu",
        "demo-ml-train",
    ]
    assert assemble.load_settings("demo").warnings == ()


def test_a_file_that_is_called_demo_is_reached_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mode: propose", encoding="utf-8")
    assert assemble.open_settings(tmp_path / "demo").mode is Mode.PROPOSE


def test_the_annotated_example_is_right(root: Path) -> None:
    loaded = assemble.load_settings(root / "config" / "defaults" / "costd.yaml")
    assert loaded.errors == ()
    assert loaded.warnings == ()


def test_a_real_source_makes_it_no_demo(configured: Callable[[str], Settings]) -> None:
    assert assemble.is_demo(configured(DEMO))
    assert not assemble.is_demo(configured("mode: observe"))
    mixed = DEMO.replace("]", ", {type: focus_files, name: real, path: ./x}]")
    assert not assemble.is_demo(configured(mixed))


def test_the_clock_is_the_machines_unless_now_is_given(configured: Callable[[str], Settings]) -> None:
    settings = configured("mode: observe")
    clock = assemble.build_clock(settings)
    assert isinstance(clock, SystemClock)
    assert clock.now().tzinfo is UTC
    assert assemble.build_clock(settings, now=NOW) == FixedClock(at=NOW)
    assert assemble.build_clock(settings, now=NOW).now() == NOW


def test_now_is_refused_in_mode_act_but_for_the_demo(configured: Callable[[str], Settings]) -> None:
    with pytest.raises(UsageError, match="--now cannot be used in mode `act`"):
        assemble.build_clock(configured("mode: act"), now=NOW)
    assert assemble.build_clock(configured("mode: propose"), now=NOW).now() == NOW
    assert assemble.build_clock(configured(f"mode: act\n{DEMO}"), now=NOW).now() == NOW
    assert isinstance(assemble.build_clock(configured("mode: act")), SystemClock)


def test_collectors_come_in_the_order_of_the_configuration(configured: Callable[[str], Settings]) -> None:
    settings = configured(DEMO)
    clock = FixedClock(at=NOW)
    assert [c.name for c in assemble.build_collectors(settings, clock=clock)] == ["b", "a"]
    assert [c.name for c in assemble.build_collectors(settings, ["a", "b", "a"], clock=clock)] == ["b", "a"]
    assert [c.name for c in assemble.build_collectors(settings, ["a"], clock=clock)] == ["a"]


def test_an_unknown_source_is_named_with_the_nearest(configured: Callable[[str], Settings]) -> None:
    settings = configured("sources: [{type: demo, name: azure, provider: azure}]")
    with pytest.raises(UsageError, match="no source is called 'azur'") as caught:
        assemble.chosen_sources(settings, ["azur"])
    assert caught.value.hint == 'did you mean "azure"?'
    with pytest.raises(UsageError) as caught:
        assemble.chosen_sources(settings, ["zzz"])
    assert caught.value.hint == "configured: azure"


def test_the_demo_collector_is_handed_a_world_that_bills(configured: Callable[[str], Settings]) -> None:
    (collector,) = assemble.build_collectors(configured(DEMO), ["a"], clock=FixedClock(at=NOW))
    assert {probe.health.value for probe in collector.probe()} == {"ok"}


def test_bucket_options_name_only_what_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert assemble.storage_options(S3()) == {}
    monkeypatch.setenv("KEY_ID", "AK")
    monkeypatch.setenv("KEY", "SK")
    options = assemble.storage_options(
        S3(
            endpoint_url="http://127.0.0.1:9000",
            region="eu-central-1",
            access_key_id=Secret("env", "KEY_ID"),
            secret_access_key=Secret("env", "KEY"),
        )
    )
    assert options == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AK",
        "AWS_SECRET_ACCESS_KEY": "SK",
    }
    assert assemble.storage_options(S3(endpoint_url="https://s3.example"))["AWS_ALLOW_HTTP"] == "false"


def test_the_ledger_and_the_state_lie_where_the_configuration_says(
    configured: Callable[[str], Settings], tmp_path: Path
) -> None:
    settings = configured("ledger: {path: ./here}\nstate: {url: 'sqlite:///./db/costd.db'}")
    assert assemble.build_ledger(settings).root == str(tmp_path / "here")
    assert not (tmp_path / "here").exists()
    state = assemble.build_state(settings)
    state.open()
    assert (tmp_path / "db" / "costd.db").exists()
    state.close()


def test_a_secret_state_url_is_read_when_the_state_is_built(
    configured: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = configured('state: {url: "${env:COSTD_TEST_STATE}"}')
    monkeypatch.delenv("COSTD_TEST_STATE", raising=False)
    with pytest.raises(ConfigError, match="COSTD_TEST_STATE is not set"):
        assemble.build_state(settings)


def test_rules_come_from_the_files_that_are_named(
    configured: Callable[[str], Settings], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "catalog" / "shop").mkdir(parents=True)
    (tmp_path / "catalog" / "shop" / "catalog-info.yaml").write_text(
        COMPONENT.format(name="shop"), encoding="utf-8"
    )
    (tmp_path / "CODEOWNERS").write_text("* @acme/web\n", encoding="utf-8")
    settings = configured(
        "ownership:\n  catalogs: ['catalog/**/catalog-info.yaml', 'nothing/*.yaml']\n"
        "  codeowners: [{repository: acme/shop, path: CODEOWNERS}]\n"
    )
    rules = assemble.build_rules(settings)
    assert [entity.name for entity in rules.sources.catalog.entities] == ["shop"]
    assert [file.repository for file in rules.sources.codeowners] == ["acme/shop"]
    assert "no catalogue file matches" in capsys.readouterr().err


def test_a_folder_whose_name_looks_like_a_pattern_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "team[a]"
    (folder / "catalog").mkdir(parents=True)
    for name in ("b", "a"):
        (folder / "catalog" / f"{name}.yaml").write_text(COMPONENT.format(name=name), encoding="utf-8")
    (folder / "costd.yaml").write_text("ownership: {catalogs: ['catalog/*.yaml']}", encoding="utf-8")
    rules = assemble.build_rules(assemble.open_settings(folder / "costd.yaml"))
    assert [entity.name for entity in rules.sources.catalog.entities] == ["a", "b"]


@pytest.mark.parametrize(
    ("ownership", "says"),
    [
        ("catalogs: [missing.yaml]", "catalogue file .*missing.yaml cannot be read"),
        ("codeowners: [{repository: a/b, path: nope}]", "CODEOWNERS file .*nope cannot be read"),
        ("catalogs: [latin.yaml]", "not UTF-8"),
        ("catalogs: [big.yaml]", "larger than 4 MiB"),
        ("catalogs: ['.']", "cannot be read"),
    ],
)
def test_a_rule_file_that_cannot_be_read_says_which(
    configured: Callable[[str], Settings], tmp_path: Path, ownership: str, says: str
) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe4")
    (tmp_path / "big.yaml").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    settings = configured(f"ownership: {{{ownership}}}")
    with pytest.raises(ConfigError, match=says):
        assemble.build_rules(settings)


def test_an_invocation_reads_its_configuration_once_and_logs_what_is_odd(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "costd.yaml"
    path.write_text(f"policies: []\n{DEMO}", encoding="utf-8")
    run = Invocation(config=str(path), now=midnight(NOW.date()))
    assert run.settings() is run.settings()
    assert run.clock().now() == midnight(NOW.date())
    err = capsys.readouterr().err
    assert err.count("config_warning") == 1
    assert "`policies` is read by a later version" in err


def test_rooms_read_the_files_of_rules_once(
    configured: Callable[[str], Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = configured("ownership: {catalogs: ['nothing/*.yaml']}")
    rooms = Rooms(settings=settings, clock=SystemClock())
    assert rooms.rules.keys
    assert rooms.ledger.root == settings.ledger.path
    assert capsys.readouterr().err.count("rule_left_out") == 1
