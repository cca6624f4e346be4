"""IP addresses as text."""

import socket

import pytest

from waterspout.netutil import is_valid_ip
from waterspout.netutil._addresses import literal_address


@pytest.mark.parametrize(
    "ip", ["127.0.0.1", "4.4.4.4", "::1", "2620:0:1cfe:face:b00c::3", "fe80::1%lo", "::ffff:1.2.3.4"]
)
def test_addresses_are_valid(ip):
    assert is_valid_ip(ip)


@pytest.mark.parametrize(
    "ip",
    ["", " ", "localhost", "www.google.com", "4.4.4.4<", " 127.0.0.1", "127.0.0.1\n", "\0", "127.0.0.1\0", "127.1"]
    + ["0x7f000001", "1", "256.1.1.1", "01.2.3.4", "[::1]", "::1%", "1:2", "\u0661.2.3.4", "a" * 100],
)
def test_other_text_is_not(ip):
    assert not is_valid_ip(ip)


def test_literals_become_addresses_without_asking():
    assert literal_address("127.0.0.1", 80) == [(socket.AF_INET, ("127.0.0.1", 80))]
    assert literal_address("::1", 80) == [(socket.AF_INET6, ("::1", 80, 0, 0))]
    assert literal_address("localhost", 80) is None
    [(family, address)] = literal_address("fe80::1%lo", 80)
    assert family == socket.AF_INET6
    assert address[3] == socket.if_nametoindex("lo")


def test_literal_of_another_family_is_an_error_that_names_it():
    with pytest.raises(socket.gaierror, match="::1"):
        literal_address("::1", 80, socket.AF_INET)
