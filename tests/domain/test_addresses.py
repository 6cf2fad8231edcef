"""What leads to metadata or nowhere is refused, however it is written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.addresses import refusal


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.170.2", "169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1"),
        *("::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::169.254.169.254", "64:ff9b::169.254.169.254"),
        "64:ff9b:1::169.254.169.254",
        *("2002:a9fe:a9fe::1", "2001:0:a9fe:a9fe::1", "fd00:ec2::254", "fd20:ce::254"),
        *("100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0", "0.1.2.3", "::", "224.0.0.1"),  # noqa: S104
        *("ff02::1", "255.255.255.255", "240.0.0.1", "::ffff:0.0.0.0", "", "localhost", "1.2.3"),
        *("2130706433", "0x7f000001", "017700000001", "169.254.169.254 ", "\uff11.1.1.1"),
    ],
)
def test_refuses(address: str) -> None:
    assert refusal(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "::1", "10.0.0.7", "192.168.1.1", "172.16.0.1", "fd00::1", "93.184.216.34"),
        *("2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::93.184.216.34", "100.100.100.201", "169.253.0.1"),
    ],
)
def test_allows_what_a_company_has_inside_and_outside(address: str) -> None:
    assert refusal(address) == ""


@given(st.integers(0, 2**16 - 1))
def test_no_way_of_packing_a_link_local_address_gets_through(low: int) -> None:
    inner = IPv4Address((169 << 24) | (254 << 16) | low)
    number = int(inner)
    for packed in (
        inner,
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address(number),
        IPv6Address((0x64FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address((0x20010000 << 96) | (number << 64)),
        IPv6Address((0x20010000 << 96) | (number ^ 0xFFFF_FFFF)),
    ):
        assert refusal(str(packed)), packed
