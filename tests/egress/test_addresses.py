"""Which addresses may be called."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from sage_studio.egress import EgressPolicy

PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]
PRIVATE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.1.1", "172.31.0.1", "192.168.1.1",
    "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:a00:1", "::7f00:1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001::1", "2002:7f00:1::", "fc00::1", "fd12::1",
    "fe80::1", "fec0::1", "ff02::1", "2001:db8::1",
]  # fmt: skip
METADATA = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "100.100.100.200",
    "fd00:ec2::254",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert EgressPolicy().allows(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_everything_else_is_not(address: str) -> None:
    assert not EgressPolicy().allows(ip_address(address))


def test_an_operator_can_open_a_range_in_both_spellings() -> None:
    policy = EgressPolicy(networks=(ip_network("10.0.0.0/8"),))
    assert policy.allows(ip_address("10.2.3.4"))
    assert policy.allows(ip_address("::ffff:10.2.3.4"))
    assert not policy.allows(ip_address("192.168.1.1"))


@pytest.mark.parametrize("address", METADATA)
def test_metadata_services_stay_closed_whatever_is_opened(address: str) -> None:
    everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    assert not EgressPolicy(networks=everything).allows(ip_address(address))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8080/healthz", True),
        ("http://127.0.0.1:8080/healthz?x=1", True),
        ("http://127.0.0.1:8080/healthz/", False),
        ("http://127.0.0.1:8080/healthz/../admin", False),
        ("http://127.0.0.1:8081/healthz", False),
        ("https://127.0.0.1:8080/healthz", False),
        ("http://localhost:8080/healthz", False),
    ],
)
def test_an_own_address_is_allowed_exactly(url: str, allowed: bool) -> None:
    policy = EgressPolicy(urls=frozenset({"http://127.0.0.1:8080/healthz"}))
    assert policy.allows_anyway(url) is allowed
