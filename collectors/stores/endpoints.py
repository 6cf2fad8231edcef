"""Where requests may not go: addresses that only a machine's own cloud answers."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from domain.errors import SourceError

_METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}
)
_METADATA_ADDRESSES = frozenset({"fd00:ec2::254", "100.100.100.200"})


def refuse_link_local(url: str | None) -> None:
    """Refuse an endpoint that is, or resolves to, a link-local or metadata address.

    Raises:
        SourceError: it is such an address.
    """
    host = (urlsplit(url).hostname or "") if url else ""
    if host and (host.lower() in _METADATA_NAMES or any(_is_metadata(ip) for ip in _addresses(host))):
        raise SourceError(
            f"the endpoint {host} is a link-local or metadata address; costd sends nothing there",
            hint="correct `s3.endpoint_url` of this source",
        )


def _addresses(host: str) -> list[str]:
    try:
        return [str(info[4][0]) for info in socket.getaddrinfo(host, None)]
    except OSError:
        return []  # a name that does not resolve fails at the first request, with its own message


def _is_metadata(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_link_local or str(ip) in _METADATA_ADDRESSES
