"""The files that a bill of AWS consists of now, for copies that somebody may share."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedReader

from collectors.aws.archive import MAGIC, unpack
from collectors.aws.bucket import ExportBucket
from collectors.aws.delivery import deliver
from collectors.aws.layouts import candidates, choose
from collectors.aws.watching import Watch
from collectors.interface import Original
from collectors.stores.interface import Stored


def originals(bucket: ExportBucket, watch: Watch, periods: Collection[str] | None) -> Iterator[Original]:
    """Give the files that the newest manifest of each wanted month names; None wants all months.

    Raises:
        SourceError: the bucket cannot be listed, or a month is not whole.
    """

    def is_wanted(period: str) -> bool:
        return periods is None or period in periods

    found = choose(
        one for export in watch.exports() for one in candidates(bucket.look, bucket.below, export, is_wanted)
    )
    for period, candidate in sorted(found.manifests.items()):
        if is_wanted(period):
            for headed in deliver(bucket, candidate).files:
                opened = partial(_plain, bucket, headed.file)
                path = bucket.path_of(headed.file.key)
                yield Original(path=path, size=headed.file.size, opened=opened)


@contextmanager
def _plain(bucket: ExportBucket, file: Stored) -> Iterator[BufferedReader]:
    """Open a file, or what a ZIP archive holds."""
    with bucket.opened(file) as handle:
        if handle.read(len(MAGIC)) != MAGIC:
            handle.seek(0)
            yield handle
        else:
            handle.seek(0)
            path = bucket.derived(file, lambda target: unpack(handle, file.size, target))
            try:
                with path.open("rb") as plain:
                    yield plain
            finally:
                bucket.undo(file)
    bucket.done(file)
