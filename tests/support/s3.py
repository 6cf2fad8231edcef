"""A real S3 over HTTP for tests: moto in its own process, with fresh buckets."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

REGION = "eu-central-1"
_KEY = "testing"
_SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where the server listens and how to talk to it."""

    url: str

    @property
    def storage_options(self) -> dict[str, str]:
        """Give the options that deltalake and polars take."""
        return {
            "aws_endpoint_url": self.url,
            "aws_access_key_id": _KEY,
            "aws_secret_access_key": _KEY,
            "aws_region": REGION,
            "aws_allow_http": "true",
        }

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables that point every AWS client at this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ALLOW_HTTP": "true",
        }

    def client(self) -> Any:
        """Give a boto3 S3 client."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=_KEY,
            aws_secret_access_key=_KEY,
        )

    def bucket(self) -> str:
        """Make an empty bucket that no other test has and give its name."""
        name = f"costd-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name


@contextmanager
def serving() -> Iterator[S3Server]:
    """Run the server until the block ends; it also ends when this process dies."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TZ": "UTC"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError("the moto server did not start; `make test` installs moto[server]")
        try:
            yield S3Server(url=f"http://127.0.0.1:{port}")
        finally:
            process.stdin.close()
            process.wait(timeout=10)
