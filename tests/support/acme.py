"""A company in a folder: bills as FOCUS files, a costd.yaml, and `costd` run in it."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from builders import charges

from daemon.cli import run

NOW = "2026-06-20T06:00Z"
SOURCE = "- {{type: focus_files, name: {name}, path: ./{name}, every: 6h}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a call of `costd` ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Give what was printed as one JSON document."""
        return json.loads(self.out)

    @property
    def ndjson(self) -> list[dict[str, Any]]:
        """Give what was printed as one JSON object per line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def lines(self) -> list[str]:
        """Give what was printed, line by line."""
        return self.out.splitlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acme:
    """A folder with bills, and `costd` run in it."""

    folder: Path

    def configure(self, *sources: str, more: str = "") -> None:
        """Write costd.yaml with folders of FOCUS files as sources."""
        listed = "\n".join(f"  {SOURCE.format(name=name)}" for name in sources)
        text = f"mode: observe\nsources:\n{listed}\n{more}" if sources else f"mode: observe\n{more}"
        (self.folder / "costd.yaml").write_text(text, encoding="utf-8")

    def bill(self, source: str, *rows: dict[str, object], file: str = "bill.csv") -> Path:
        """Write the charges of a source as one CSV file, as providers do."""
        frame = charges(*rows)
        kept = [name for name in frame.columns if frame[name].null_count() < max(frame.height, 1)]
        path = self.folder / source / file
        path.parent.mkdir(exist_ok=True)
        frame.select(kept or frame.columns).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ")
        return path

    def costd(self, *args: str, now: str = NOW) -> Ran:
        """Run `costd` with this company's configuration."""
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = run(["-c", str(self.folder / "costd.yaml"), "--now", now, *args])
        return Ran(status=status, out=out.getvalue(), err=err.getvalue())

    def collected(self, *rows: dict[str, object], source: str = "aws", more: str = "") -> Acme:
        """Configure one source, bill it, and collect it."""
        self.configure(source, more=more)
        self.bill(source, *rows)
        ran = self.costd("collect")
        assert ran.status == 0, ran.err + ran.out
        return self


def generate(provider: str, version: str, out: Path, rows: int = 1500) -> Path:
    """Let focus-data-toolkit write a Cost and Usage file of a provider, and give it alone."""
    program = Path(sys.executable).with_name("focus-toolkit")
    asked = ["--provider", provider, "--focus-version", version, "--rows", str(rows), "--out", str(out)]
    subprocess.run([program, "generate", *asked], check=True, capture_output=True)
    for extra in [*out.glob("*contract*"), *out.glob("*.json")]:
        extra.unlink()
    (file,) = out.glob("*.csv")
    return file
