"""What costd has to be allowed for what was written, and no more. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from daemon.setup.exports import Place


def iam_policy(places: Iterable[Place]) -> dict[str, Any] | None:
    """Give the IAM policy that lets costd list and read just these prefixes, None without buckets."""
    buckets = [place.path.removeprefix("s3://").partition("/")[::2] for place in places if place.is_bucket]
    if not buckets:
        return None
    listing = [_listing(bucket, prefix) for bucket, prefix in buckets]
    objects = [
        f"arn:aws:s3:::{bucket}/{end}"
        for bucket, prefix in buckets
        for end in ([prefix, f"{prefix}/*"] if prefix else ["*"])  # the path may be one object
    ]
    reading = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": objects}
    return {"Version": "2012-10-17", "Statement": [*listing, reading]}


def _listing(bucket: str, prefix: str) -> dict[str, Any]:
    allowed: dict[str, Any] = {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    if prefix:
        allowed["Condition"] = {"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}}
    return allowed


def permission_lines(places: Sequence[Place], *, slack: bool) -> Iterator[str]:
    """Say what has to be allowed, for people."""
    policy = iam_policy(places)
    if policy is not None:
        yield "AWS: this IAM policy, for the user or role costd runs as"
        yield from json.dumps(policy, indent=2).splitlines()
        yield "  and kms:Decrypt on the key, if the bucket is encrypted with a key of yours"
    if any(not place.is_bucket for place in places):
        yield "Files: the user who runs costd may read them; nothing is ever written there"
    if slack:
        yield "Slack: scopes chat:write, channels:read, channels:history, groups:read, groups:history;"
        yield "  then /invite @costd in the channel (docs/connect-slack.md)"
