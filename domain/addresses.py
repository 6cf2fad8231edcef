"""Which network addresses nothing of ours may be sent to, whoever names them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

_REFUSED: tuple[tuple[IPv4Network | IPv6Network, str], ...] = tuple(
    (ip_network(network), what)
    for network, what in (
        ("169.254.0.0/16", "a link-local address, where clouds keep their metadata"),
        ("fe80::/10", "a link-local address"),
        ("fd00:ec2::/32", "the metadata service of AWS"),
        ("fd20:ce::/32", "the metadata service of Google Cloud"),
        ("100.100.100.200/32", "the metadata service of Alibaba Cloud"),
        ("168.63.129.16/32", "the platform service of Azure"),
        ("192.0.0.192/32", "the metadata service of Oracle Cloud"),
        ("0.0.0.0/8", "no address of a machine"),
        ("::/128", "no address of a machine"),
        ("224.0.0.0/4", "a multicast address"),
        ("ff00::/8", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
)
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ip_network("::/96")


def refusal(text: str) -> str:
    """Say why nothing may be sent to an address, "" if it may; what is no address may not.

    An IPv4 address inside of an IPv6 one is judged as well, in every form that a network
    stack or gateway takes out again.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return "no address"
    for one in _meant(address):
        for network, what in _REFUSED:
            if one.version == network.version and one in network:
                return what
    return ""


def _meant(address: Address) -> Iterator[Address]:
    """Give an address and every one that is packed into it."""
    if not isinstance(address, IPv6Address):
        yield address
        return
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _COMPATIBLE and int(address) > 0xFFFF:
        yield low  # ::169.254.169.254
    else:
        yield address
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in network for network in _NAT64):
        yield low
