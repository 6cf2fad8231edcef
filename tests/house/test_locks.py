"""What is installed is pinned by hash, and nothing committed says where it was fetched from."""

from __future__ import annotations

import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILES = ("base", "build", "dev", "extras", "focus", "venv")
# Put together here, because this file may not name them either.
HOSTS = ("py" + "pi.org", "python" + "hosted.org", "registry.np" + "mjs.org", "deb.deb" + "ian.org")
MACHINE = r"(^|[^A-Za-z0-9_.~/-])/(home|Users|root|work)/"


def pins(root: Path, name: str) -> dict[str, Requirement]:
    text = (root / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    lines = [line.removesuffix("\\").strip() for line in text.splitlines() if line[:1].isalnum()]
    found = [Requirement(line) for line in lines]
    return {f"{canonicalize_name(pin.name)} ; {pin.marker}": pin for pin in found}


def declared(root: Path) -> list[Requirement]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(line) for line in project["dependencies"]]


@pytest.mark.parametrize("name", FILES)
def test_a_lock_names_no_place_to_fetch_from(root: Path, name: str) -> None:
    text = (root / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert re.findall(r"://|^-|--index|--find-links| @ ", text, re.MULTILINE) == []


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_an_exact_version_and_a_hash(root: Path, name: str) -> None:
    text = (root / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert [e.splitlines()[0] for e in entries if "==" not in e or "--hash=sha256:" not in e] == []


def test_every_lock_file_is_tested(root: Path) -> None:
    assert {path.stem for path in (root / "requirements").glob("*")} == set(FILES)


@pytest.mark.parametrize("name", ["base", "build", "extras"])
def test_what_runs_is_what_is_tested(root: Path, name: str) -> None:
    dev = {str(pin) for pin in pins(root, "dev").values()}
    assert {str(pin) for pin in pins(root, name).values()} - dev == set()


def test_the_lock_satisfies_what_the_project_asks_for(root: Path) -> None:
    locked: dict[str, set[str]] = {}
    for pin in pins(root, "base").values():
        locked.setdefault(canonicalize_name(pin.name), set()).add(str(pin.specifier).removeprefix("=="))
    stale = [
        str(want)
        for want in declared(root)
        if not any(
            want.specifier.contains(v, prereleases=True) for v in locked.get(canonicalize_name(want.name), ())
        )
    ]
    assert stale == [], "run `make lock`"


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile", ".ci/peers"])
def test_every_install_from_a_lock_checks_its_hashes(root: Path, file: str) -> None:
    text = re.sub(r"\\\n\s*", " ", (root / file).read_text(encoding="utf-8"))
    text = text.replace("$(LOCKED)", "install --require-hashes --no-deps")
    installs = [line for line in text.splitlines() if re.search(r"\binstall\b.*-r\s", line)]
    assert installs
    assert [line for line in installs if not re.search(r"--require-hashes.*-r\s", line)] == []


def grep(root: Path, pattern: str) -> list[str]:
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    result = subprocess.run(
        ["git", "grep", "-nIE", pattern], cwd=root, check=False, capture_output=True, text=True
    )
    return result.stdout.splitlines()


def test_nothing_committed_names_a_registry(root: Path) -> None:
    assert grep(root, "|".join(host.replace(".", r"\.") for host in HOSTS)) == []


def test_nothing_committed_names_a_path_of_one_machine(root: Path) -> None:
    assert grep(root, MACHINE) == []
    if root.parent not in {Path("/"), Path(tempfile.gettempdir())}:  # names that any page may use
        assert grep(root, re.escape(str(root.parent)) + "/") == []
