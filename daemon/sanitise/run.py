"""A whole export written again in a folder of its own, or nothing at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from collectors.focus.damage import DamagedError
from daemon.sanitise.files import Rewriting, Summary
from daemon.sanitise.values import Values
from daemon.sanitise.veil import Veil
from domain.errors import SourceError, StorageError, UsageError

if TYPE_CHECKING:
    from collectors.interface import Original
    from domain.ports import Progress

_KEY_BYTES = 64


def refuse_overwriting(out: Path, given: Path | None) -> None:
    """Refuse a folder that holds something, or that lies within what is read.

    Raises:
        UsageError: it does.
    """
    hint = "name a new folder with --out"
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists already, and nothing is ever written over", hint=hint)
    if given is None:
        return
    inside, target = given.resolve(), out.resolve()
    if target == inside or (inside.is_dir() and target.is_relative_to(inside)):
        raise UsageError(f"{out} lies within {given}, where the next collection would read it", hint=hint)


def sanitise(originals: Iterable[Original], out: Path, progress: Progress) -> Summary:
    """Write the files again under a new key, which nobody keeps.

    Raises:
        SourceError: a file cannot be read; then nothing is left behind.
        StorageError: the folder cannot be written.
    """
    rewriting = Rewriting(Values(Veil(secrets.token_bytes(_KEY_BYTES))))
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        draft.mkdir(parents=True)
        for number, original in enumerate(originals, start=1):
            _rewrite(rewriting, original, draft / f"part-{number:04d}", progress)
        if rewriting.summary.files:
            if out.exists():
                out.rmdir()
            draft.rename(out)
    except OSError as error:
        raise StorageError(
            f"{out} cannot be written: {error.strerror or error}", hint="name another folder with --out"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return rewriting.summary


def _rewrite(rewriting: Rewriting, original: Original, stem: Path, progress: Progress) -> None:
    progress.start(f"sanitise {Path(original.path).name}", None, "bytes")
    try:
        with original.opened() as handle:
            rewriting.rewrite(handle, original.size, stem)
    except DamagedError as error:
        raise SourceError(f"{original.path} {error}", hint=error.hint) from error
    finally:
        progress.finish()
