"""The manifests of deploy/kubernetes fit each other, the image, and what costd really does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from acme import Acme
from door import site
from ruamel.yaml import YAML

from collectors.kubernetes.kinds import ALL
from daemon.cli import cli, run
from daemon.invocation import Invocation

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
NAMES = {"app.kubernetes.io/name": "costd"}
READING = {"get", "list", "watch"}
HARMLESS = {
    "": {
        *("namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "pods"),
        *("resourcequotas", "services"),
    },
    "apps": {"daemonsets", "deployments", "replicasets", "statefulsets"},
    "batch": {"cronjobs", "jobs"},
    "resource.k8s.io": {"resourceclaims"},
}


def documents() -> list[tuple[str, dict[str, Any]]]:
    reader = YAML(typ="safe", pure=True)
    return [
        (file.name, document)
        for file in sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("*.yaml.example")])
        for document in reader.load_all(file.read_text(encoding="utf-8"))
    ]


def one(kind: str) -> dict[str, Any]:
    (found,) = [document for _, document in documents() if document["kind"] == kind]
    return found


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = one("Deployment")["spec"]["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    (found,) = pod()["containers"]
    return dict(found)


def configured(folder: Path) -> Path:
    path = folder / "costd.yaml"
    path.write_text(one("ConfigMap")["data"]["costd.yaml"], encoding="utf-8")
    return path


def test_every_manifest_says_what_it_is_and_belongs_to_costd() -> None:
    for file, document in documents():
        assert {"apiVersion", "kind", "metadata"} <= set(document), file
        assert NAMES.items() <= document["metadata"]["labels"].items(), file
        inside = document["kind"] not in {"Namespace", "ClusterRole", "ClusterRoleBinding"}
        assert document["metadata"].get("namespace") == ("costd" if inside else None), file
    assert one("Namespace")["metadata"]["name"] == "costd"
    assert one("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_applying_the_folder_never_replaces_somebodys_secret() -> None:
    taken = {".yaml", ".yml", ".json"}  # what `kubectl apply -f FOLDER` reads
    assert [file for file, found in documents() if found["kind"] == "Secret"] == ["secret.yaml.example"]
    assert Path("secret.yaml.example").suffix not in taken


def test_the_role_only_reads_and_no_secrets() -> None:
    for rule in one("ClusterRole")["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}
        assert set(rule["verbs"]) == READING
        for group in rule["apiGroups"]:
            assert set(rule["resources"]) <= HARMLESS[group]
    assert not [document for _, document in documents() if document["kind"] in {"Role", "RoleBinding"}]


def test_the_role_grants_exactly_what_the_collector_reads() -> None:
    granted = {
        (group, resource)
        for rule in one("ClusterRole")["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert granted == {(kind.group, kind.plural) for kind in ALL}


def test_the_binding_gives_that_role_to_the_account_of_the_pod() -> None:
    binding, account = one("ClusterRoleBinding"), one("ServiceAccount")["metadata"]["name"]
    assert binding["roleRef"]["name"] == one("ClusterRole")["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "costd"}]
    assert pod()["serviceAccountName"] == account


def test_the_configuration_passes_the_real_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["-c", str(configured(tmp_path)), "config", "check", "--output", "json"])
    found = json.loads(capsys.readouterr().out)
    assert (status, found["errors"], found["warnings"]) == (0, [], [])


def test_the_configuration_with_its_examples_switched_on_passes_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configured(tmp_path)
    text = path.read_text(encoding="utf-8")
    more = re.sub(
        r"^( *)# (?=public_url|trusted_proxies|slack:|digests:|  - \{channel)",
        r"\1",
        text,
        flags=re.MULTILINE,
    )
    assert more.count("#") < text.count("#") - 4
    path.write_text(more, encoding="utf-8")
    status = run(["-c", str(path), "config", "check", "--output", "json"])
    found = json.loads(capsys.readouterr().out)
    assert (status, found["errors"]) == (0, [])
    assert [fault["key"] for fault in found["warnings"]] == ["slack.bot_token"]  # no such file here


def test_what_the_configuration_writes_lies_on_the_volume(tmp_path: Path) -> None:
    settings = Invocation(config=str(configured(tmp_path))).settings()
    (data,) = [mount["mountPath"] for mount in container()["volumeMounts"] if mount["name"] == "data"]
    assert str(settings.ledger.path).startswith(f"{data}/")
    assert str(settings.state.url).startswith(f"sqlite:///{data}/")


def test_selectors_and_labels_and_ports_agree() -> None:
    deployment = one("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"].items() <= labels.items()
    assert one("Service")["spec"]["selector"].items() <= labels.items()
    assert one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    ports = {port["name"] for port in container()["ports"]}
    assert {port["targetPort"] for port in one("Service")["spec"]["ports"]} <= ports
    assert {
        port["port"] for rule in one("NetworkPolicy")["spec"]["ingress"] for port in rule["ports"]
    } <= ports
    assert one("Service")["spec"]["type"] == "ClusterIP"


def test_the_port_is_the_one_that_is_configured(tmp_path: Path) -> None:
    http = Invocation(config=str(configured(tmp_path))).settings().http
    assert [port["containerPort"] for port in container()["ports"]] == [http.port]
    assert not http.is_loopback


def test_volumes_are_those_that_there_are() -> None:
    names = {volume["name"]: volume for volume in pod()["volumes"]}
    assert {mount["name"] for mount in container()["volumeMounts"]} == set(names)
    assert (
        names["data"]["persistentVolumeClaim"]["claimName"]
        == one("PersistentVolumeClaim")["metadata"]["name"]
    )
    assert names["config"]["configMap"]["name"] == one("ConfigMap")["metadata"]["name"]
    assert names["secrets"]["secret"]["secretName"] == one("Secret")["metadata"]["name"]
    (mount,) = [mount for mount in container()["volumeMounts"] if mount["name"] == "config"]
    (path,) = [entry["value"] for entry in container()["env"] if entry["name"] == "COSTD_CONFIG"]
    assert path == f"{mount['mountPath']}/costd.yaml"


def test_the_pod_may_do_as_little_as_a_pod_can() -> None:
    assert (pod()["securityContext"]["runAsNonRoot"], pod()["automountServiceAccountToken"]) == (True, True)
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= container()["resources"]["requests"].keys()
    assert "memory" in container()["resources"]["limits"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod().keys()
    assert one("Deployment")["spec"]["replicas"] == 1
    assert one("Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_the_pod_runs_the_program_of_the_image_as_its_user(root: Path) -> None:
    image = (root / "Dockerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["costd"]' in image
    assert f"USER {pod()['securityContext']['runAsUser']}\n" in image
    (data,) = [mount["mountPath"] for mount in container()["volumeMounts"] if mount["name"] == "data"]
    assert f"VOLUME {data}\n" in image
    assert "command" not in container()
    assert container()["args"] == ["run"]
    command, *options = container()["args"]
    with cli.make_context("costd", [], obj=Invocation(), resilient_parsing=True) as ctx:
        found = cli.get_command(ctx, command)
        assert found is not None
        assert found.make_context(command, options, parent=ctx).info_name == "run"


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_probes_are_answered_where_the_kubelet_asks(probe: str, tmp_path: Path) -> None:
    asked = container()[probe]["httpGet"]
    assert asked["port"] == "http"
    made = site(Acme(folder=tmp_path), http="{host: 0.0.0.0, auth: token, allowed_hosts: [costd]}")
    try:
        kubelet = made.client(peer="10.244.0.1", base_url="http://10.244.0.7:8080")
        assert kubelet.get(asked["path"]).status_code == 200
        assert kubelet.get("/v1/report").status_code == 401
    finally:
        made.services.close()


def test_the_names_of_the_service_may_be_asked_for(tmp_path: Path) -> None:
    names = Invocation(config=str(configured(tmp_path))).settings().http.allowed_hosts
    service, namespace = one("Service")["metadata"]["name"], one("Namespace")["metadata"]["name"]
    parts = [service, namespace, "svc", "cluster.local"]
    assert set(names) == {".".join(parts[:upto]) for upto in range(1, 5)}


def test_the_time_to_end_is_longer_than_costd_takes() -> None:
    from daemon.commands.run import _PATIENCE_SECONDS

    assert pod()["terminationGracePeriodSeconds"] > 2 * _PATIENCE_SECONDS


def test_the_pages_name_every_file(root: Path) -> None:
    told = (root / "deploy" / "README.md").read_text(encoding="utf-8")
    assert [file.name for file in FOLDER.glob("*") if f"`{file.name}`" not in told] == []
