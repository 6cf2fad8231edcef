"""`costd gpu-exporter`: what the GPUs of this machine do, as Prometheus metrics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.invocation import Invocation

if TYPE_CHECKING:
    from config.http import HttpSettings
    from daemon.gpu.activity import Activity
    from daemon.gpu.facts import Facts, Reader
    from daemon.gpu.nvml import Nvml

DEFAULT_LISTEN = "127.0.0.1:9400"
_SHORTEST_TOKEN = 16
_BETWEEN_SECONDS = 1.1
"""Between the two readings of `--once`: how active a GPU is takes two."""

_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 5.0


@click.command()
@click.option(
    "--listen",
    default=DEFAULT_LISTEN,
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; port 0 for any.",
)
@click.option("--once", is_flag=True, help="Print the metrics once and end.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the token that Prometheus must send. Needed beyond this machine.",
)
@click.pass_obj
def command(run: Invocation, /, listen: str, once: bool, token_file: Path | None) -> int:  # noqa: FBT001  # click's form
    """Serve what the GPUs of this machine do, for Prometheus.

    Names and labels are those of NVIDIA's DCGM exporter, for machines that do not run it. A
    figure that the GPU or its driver does not give is absent, never 0, and
    `costd_gpu_field_missing` says why. It needs no costd.yaml and stores nothing. Ctrl-C or
    SIGTERM ends it. See docs/gpu-exporter.md.
    """
    from daemon import logs
    from daemon.gpu.library import open_nvml

    logs.configure(run.log_level)
    http, token = address(listen, token_file), token_of(token_file)
    nvml = open_nvml()
    try:
        return _print_once(nvml) if once else _serve(nvml, http, token)
    finally:
        nvml.close()


def address(listen: str, token_file: Path | None) -> HttpSettings:
    """Read where to listen.

    Raises:
        UsageError: it is no address, or one beyond this machine without a token.
    """
    from pydantic import ValidationError

    from config.http import Auth, HttpSettings
    from domain.errors import UsageError

    host, _, port = listen.rpartition(":")
    auth = Auth.TOKEN if token_file is not None else Auth.NONE
    try:
        http = HttpSettings.model_validate({"host": host or "127.0.0.1", "port": port, "auth": auth})
    except ValidationError:
        raise UsageError(
            f"--listen {listen!r} is no address", hint=f"write it like {DEFAULT_LISTEN} or [::1]:9400"
        ) from None
    if not http.is_loopback and token_file is None:
        raise UsageError(
            f"--listen {listen} can be reached from other machines, and nobody is asked for a token",
            hint="add `--token-file FILE`, a random text that Prometheus sends too; or listen on 127.0.0.1",
        )
    return http


def token_of(file: Path | None) -> str:
    """Read the token that requests must carry; "" without a file.

    Raises:
        UsageError: the file cannot be read, or what it holds is too short to be a secret or cannot be sent.
    """
    from config.secrets import Secret
    from domain.errors import UsageError

    if file is None:
        return ""
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the token file {file} cannot be read: {error}", hint="`--token-file` names it"
        ) from None
    if len(token) < _SHORTEST_TOKEN:
        raise UsageError(
            f"the token in {file} is shorter than {_SHORTEST_TOKEN} characters",
            hint=f"make one: python3 -c 'import secrets; print(secrets.token_urlsafe())' > {file}",
        )
    if not token.isascii() or not token.isprintable():
        raise UsageError(
            f"the token in {file} cannot be sent in a header", hint="it must be one line of plain characters"
        )
    if exposed := Secret("file", str(file)).exposed():
        click.echo(f"warning: {exposed}; `chmod o-r` mends it", err=True)
    return token


def reader_of(nvml: Nvml, *, watch: bool) -> tuple[Reader, Activity]:
    """Give what reads the GPUs of this machine, and what keeps its samples."""
    import os
    import socket
    import time

    from daemon.gpu.activity import Activity
    from daemon.gpu.facts import Reader
    from daemon.gpu.host import sees_processes

    activity = Activity(nvml, time.monotonic)
    host = os.environ.get("NODE_NAME") or socket.gethostname()
    return Reader(nvml, host=host, activity=activity, sees_processes=sees_processes(), watch=watch), activity


def _print_once(nvml: Nvml) -> int:
    """Print what is known; what is missing goes to stderr. 1 where nothing could be read."""
    import time

    from daemon.gpu.exporter import text_of

    reader, activity = reader_of(nvml, watch=False)
    reader.read()
    time.sleep(_BETWEEN_SECONDS)
    found = reader.read()
    activity.close()
    click.echo(text_of(found), nl=False)
    for line in gaps(found):
        click.echo(line, err=True)
    return 0 if any(facts.values for facts in found) else 1


def gaps(found: list[Facts]) -> list[str]:
    """Say of each GPU what it does not give, one line per reason."""
    from daemon.logs import safe

    lines = []
    for facts in found:
        instance = facts.labels["GPU_I_ID"]
        name = f"GPU {facts.labels['gpu']}" + (f" instance {instance}" if instance else "")
        by_reason: dict[str, list[str]] = {}
        for field, reason in facts.missing.items():
            by_reason.setdefault(reason, []).append(field)
        lines += [safe(f"{name}: no {', '.join(fields)}: {reason}") for reason, fields in by_reason.items()]
    return lines


def counted(gpus: int) -> str:
    """Give a number of GPUs in words; a MIG instance counts as one."""
    return f"{gpus} GPU{'' if gpus == 1 else 's'}"


def _serve(nvml: Nvml, http: HttpSettings, token: str) -> int:
    """Serve until told to stop."""
    import signal
    from threading import Event

    from daemon.gpu.exporter import create_exporter
    from daemon.serve import Serving, address_of
    from daemon.serve import listen as listening_at

    stop = Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda _number, _frame: stop.set())
    reader, activity = reader_of(nvml, watch=True)
    found = reader.read()  # so that the first scrape has something to compare with
    listening = listening_at(http, move_on=False)
    serving = Serving(create_exporter(reader, http, token=token), http, listening)
    serving.start()
    models = ", ".join(sorted({facts.labels["modelName"] or "unknown" for facts in found}))
    click.echo(f"{counted(len(found))} ({models}): {address_of(listening, http)}/metrics")
    while not stop.wait(_LOOK_SECONDS) and serving.lives:
        pass
    failed = not serving.lives
    serving.stop(_PATIENCE_SECONDS)
    activity.close()
    return int(failed)
