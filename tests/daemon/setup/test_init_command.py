"""`costd init`: what it writes is what the loader takes, whatever it meets."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from acme import Ran
from exports import a_row, write

from config.settings import Mode, Settings
from daemon.assemble import load_settings
from daemon.cli import run

TAGGED = [
    a_row(Tags='{"team": "web", "env": "prod"}', EffectiveCost="6"),
    a_row(Tags='{"Owner": "ml"}', EffectiveCost="3"),
    a_row(Tags="", EffectiveCost="1"),
]


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("SLACK_BOT_TOKEN", "KUBECONFIG", "COSTD_CONFIG", "PROMETHEUS_URL", "CLOUDSDK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "work"


def init(*args: str, typed: str | None = None) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "stdin", io.StringIO() if typed is None else Terminal(typed))
        status = run(["init", *args])
    return Ran(status=status, out=out.getvalue(), err=err.getvalue())


def settings(file: str = "costd.yaml") -> Settings:
    loaded = load_settings(file)
    assert loaded.errors == ()
    return loaded.usable()


def test_an_empty_folder_gives_a_file_that_can_be_checked_and_filled(place: Path) -> None:
    ran = init("--yes")
    assert ran.status == 0, ran.err
    assert settings().mode is Mode.OBSERVE
    assert settings().sources == ()
    assert "No FOCUS files were found" in ran.out
    for following in ("costd doctor", "costd collect", "costd run"):
        assert following in ran.out
    assert run(["config", "check"]) == 0
    assert [file.name for file in place.iterdir()] == ["costd.yaml"]


def test_files_become_a_source_and_their_tags_the_keys(place: Path) -> None:
    write(place / "exports" / "june.csv", TAGGED)
    ran = init("--yes")
    (source,) = settings().sources
    assert (source.type, source.name) == ("focus_files", "exports")
    assert source.model_dump()["path"] == str(place / "exports")
    keys = settings().ownership.keys
    assert (keys.team, keys.environment) == (("team", "Owner"), ("env",))
    assert "team from team, Owner: 90.0 % of the cost" in ran.out
    assert " 60.0 %  env" in ran.out
    assert " 30.0 %  Owner" in (place / "costd.yaml").read_text()
    assert "Found 1 FOCUS file in ./exports\n" in ran.out


def test_what_was_written_collects_and_is_well(place: Path) -> None:
    write(place / "exports" / "june.csv", TAGGED)
    init("--yes")
    assert run(["collect"]) == 0
    assert run(["doctor"]) == 0


def test_folders_of_providers_become_a_source_each(place: Path) -> None:
    for provider in ("aws", "azure"):
        write(place / "exports" / provider / "june.csv", TAGGED)
    init("--yes")
    assert [source.name for source in settings().sources] == ["aws", "azure"]


def test_other_folders_stay_one_source(place: Path) -> None:
    for month in ("2026-05", "2026-06"):
        write(place / "exports" / month / "bill.csv", TAGGED)
    init("--yes")
    assert [source.name for source in settings().sources] == ["exports"]


def test_a_single_file_here_is_named_itself(place: Path) -> None:
    write(place / "june.csv", TAGGED)
    init("--yes")
    assert [source.model_dump()["path"] for source in settings().sources] == [str(place / "june.csv")]


def test_files_in_the_folder_itself_do_not_meet_costds_own(place: Path) -> None:
    for month in ("may", "june"):
        write(place / f"{month}.csv", TAGGED)
    init("--yes")
    assert settings().ledger.path == str(place / ".costd" / "ledger")
    assert run(["collect"]) == 0
    assert run(["doctor"]) == 0
    assert run(["collect"]) == 0
    assert [path.name for path in place.iterdir() if path.suffix != ".csv"] == ["costd.yaml", ".costd"]


def test_a_file_elsewhere_names_its_bills_wholly(place: Path) -> None:
    write(place / "exports" / "june.csv", TAGGED)
    (place.parent / "etc").mkdir()
    ran = init("--yes", "--output", "../etc/mine.yaml")
    assert ran.status == 0
    (source,) = settings("../etc/mine.yaml").sources
    assert source.model_dump()["path"] == str(place / "exports")
    assert "costd -c ../etc/mine.yaml doctor" in ran.out


def test_an_existing_file_is_only_replaced_by_force(place: Path) -> None:
    (place / "costd.yaml").write_text("mine")
    ran = init("--yes")
    assert (ran.status, "--force" in ran.err) == (2, True)
    assert (place / "costd.yaml").read_text() == "mine"
    assert init("--yes", "--force").status == 0
    assert settings().mode is Mode.OBSERVE


def test_without_a_terminal_nobody_is_asked(place: Path) -> None:
    ran = init()
    assert (ran.status, "--yes" in ran.err) == (2, True)
    assert list(place.iterdir()) == []


def test_at_most_six_questions_are_asked(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "exports" / "june.csv", TAGGED)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary-1")
    ran = init(typed="\nOwner, team\nEurope/Berlin\n#Cloud-Costs\n07:30\n")
    assert ran.status == 0, ran.err + ran.out
    asked = ran.out + ran.err
    assert asked.count("]: ") + asked.count("none): ") == 5
    found = settings()
    assert found.ownership.keys.team == ("Owner", "team")
    assert str(found.timezone) == "Europe/Berlin"
    assert (found.digests[0].channel, found.digests[0].at) == ("#cloud-costs", "07:30")
    assert "groups:read" in ran.out
    assert "canary" not in asked + (place / "costd.yaml").read_text()


def test_an_answer_that_cannot_be_taken_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary-1")
    ran = init(typed="gs://bucket\n\nMars\nUTC\ngeneral\n#general\n25:00\n09:15\n")
    assert ran.status == 0, ran.err + ran.out
    asked = ran.out + ran.err
    for advice in (
        "only folders, files and s3://",
        "write a name like",
        'write "#general"',
        "hours and minutes",
    ):
        assert advice in asked
    assert settings().digests[0].at == "09:15"


def test_ctrl_c_and_the_end_of_input_write_nothing(place: Path) -> None:
    assert init(typed="").status == 130
    assert list(place.iterdir()) == []


def test_a_bucket_is_written_with_the_permissions_it_needs() -> None:
    ran = init("--yes", "--files", "s3://acme-billing/exports/focus/")
    (source,) = settings().sources
    assert (source.name, source.model_dump()["path"]) == ("acme-billing", "s3://acme-billing/exports/focus")
    text = ran.out[ran.out.index("{") : ran.out.rindex("}") + 1]
    listing, reading = json.loads(text)["Statement"]
    assert listing == {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": "arn:aws:s3:::acme-billing",
        "Condition": {"StringLike": {"s3:prefix": ["exports/focus", "exports/focus/*"]}},
    }
    assert reading["Action"] == "s3:GetObject"
    assert reading["Resource"] == [
        "arn:aws:s3:::acme-billing/exports/focus",
        "arn:aws:s3:::acme-billing/exports/focus/*",
    ]


def test_what_cannot_be_collected_yet_is_said_and_not_written(place: Path) -> None:
    gcloud = place.parent / "home" / ".config" / "gcloud" / "configurations"
    gcloud.mkdir(parents=True)
    (gcloud / "config_acme").write_text("[core]\nproject = acme-finops\n")
    ran = init("--yes")
    assert "this version cannot collect it, so it is not written" in ran.out
    assert "Google Cloud configurations: acme (acme-finops)" in ran.out
    assert "acme-finops" not in (place / "costd.yaml").read_text()


def test_contexts_of_the_kubeconfig_are_proposed_as_sources_to_choose_from(place: Path) -> None:
    kube = place.parent / "home" / ".kube"
    kube.mkdir()
    arn = "arn:aws:eks:eu-central-1:123456789012:cluster/Prod"
    names = [arn, "admin@prod", "all", "\u65e5", "x\ny"]
    contexts = [{"name": name} for name in names]
    (kube / "config").write_text(json.dumps({"contexts": contexts}))
    write(place / "prod" / "june.csv", TAGGED)
    ran = init("--yes")
    assert "Kubernetes contexts: arn:aws:eks" in ran.out
    assert [source.type for source in settings().sources] == ["focus_files"]  # nothing is read unasked
    path = place / "costd.yaml"
    text = path.read_text()
    path.write_text(text.replace("#   - {type: kubernetes", "  - {type: kubernetes"))
    _, *clusters = settings().sources
    assert [source.name for source in clusters] == ["prod-2", "prod-3", "all-2", "cluster"]
    assert [source.model_dump()["context"] for source in clusters] == names[:-1]


def test_a_prometheus_of_the_environment_becomes_a_source(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube = place.parent / "home" / ".kube"
    kube.mkdir()
    (kube / "config").write_text("contexts: [{name: prod-cluster}]")
    write(place / "metrics" / "june.csv", TAGGED)
    monkeypatch.setenv("PROMETHEUS_URL", "https://me:CANARY@prom.example.com/prometheus/")
    ran = init("--yes")
    assert ran.status == 0, ran.err
    assert "Prometheus: https://prom.example.com/prometheus (from the environment)" in ran.out
    assert "2 sources" in ran.out
    _, metrics = settings().sources
    assert (metrics.type, metrics.name) == ("prometheus", "prometheus")  # a bill is called metrics already
    assert metrics.model_dump()["url"] == "https://prom.example.com/prometheus"
    assert metrics.model_dump()["cluster"] == "prod-cluster"
    assert "CANARY" not in ran.out + (place / "costd.yaml").read_text()


def test_an_address_that_cannot_be_configured_is_left_out(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", "http://prom\u00e9theus:9090")
    assert init("--yes").status == 0
    assert settings().sources == ()
    assert "type: prometheus" in (place / "costd.yaml").read_text()  # as an example


@pytest.mark.parametrize("name", ['a"b', "c: d", "#e", "f\ng", "x\x1b[31m", "\u202ey", "{}"])
def test_hostile_folders_and_tags_change_no_meaning(place: Path, name: str) -> None:
    tags = json.dumps({name: "v", f"team{name}": f"w\nmode: act\x1b[0m\u202e{name}"})
    write(place / name / "june.csv", [a_row(Tags=tags)])
    ran = init("--yes")
    assert ran.status == 0, ran.err
    assert settings().mode is Mode.OBSERVE
    (source,) = settings().sources
    assert source.model_dump()["path"] == str(place / name)
    shown = ran.out + ran.err + (place / "costd.yaml").read_text()
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_name_that_the_configuration_refuses_is_an_error_and_nothing_is_written(place: Path) -> None:
    write(place / "${env:HOME}" / "june.csv", TAGGED)
    ran = init("--yes")
    assert (ran.status, "sources[0].path" in ran.err) == (2, True)
    assert not (place / "costd.yaml").exists()


def test_a_folder_that_is_not_there_yet_is_written_all_the_same(place: Path) -> None:
    ran = init("--yes", "--files", "./later")
    assert ran.status == 0
    assert settings().sources[0].model_dump()["path"] == str(place / "later")
    assert "no FOCUS file was seen there yet" in (place / "costd.yaml").read_text()


def test_two_places_of_one_name_get_two(place: Path) -> None:
    for side in ("a", "b"):
        write(place / side / "focus" / "june.csv", TAGGED)
    init("--yes", "--files", "a/focus", "--files", "b/focus")
    assert len({source.name for source in settings().sources}) == 2


def test_bills_near_by_are_found_among_heaps_of_other_files(place: Path) -> None:
    deep = place / "a" / "deep"
    deep.mkdir(parents=True)
    for number in range(400):
        (deep / f"{number}.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (place / "loop").symlink_to("loop")
    (place / "round").symlink_to(place)
    write(place / "z-exports" / "june.csv", TAGGED)
    ran = init("--yes")
    assert ran.status == 0, ran.err
    (source,) = settings().sources
    assert source.model_dump()["path"] == str(place / "z-exports")


def test_a_folder_too_large_to_look_at_wholly_is_said_to_be(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.setup.exports._MOST_GLANCES", 5)
    for number in range(10):
        (place / f"{number}.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    write(place / "exports" / "june.csv", TAGGED)
    ran = init("--yes")
    assert "No FOCUS files were found" in ran.out
    assert "It is large, so only what lies near was looked at" in ran.out
    assert "It is large" not in init("--yes", "--force", "--files", "exports").out
