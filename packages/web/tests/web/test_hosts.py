"""The names under which the application answers."""

import pytest

from waterspout.web._hosts import AllowedHosts, absolute_url, hosts_for_debug, is_loopback


def test_HR1_a_host_that_is_not_listed_is_refused() -> None:
    allowed = AllowedHosts(["a", "b.example"])
    assert "a" in allowed
    assert "B.example:8080" in allowed
    for host in ("evil.example", "x.a", "a.evil", "", "a b", "a/../b", "a@b", "a, b", "a:99999", "b.example:x", "\0"):
        assert host not in allowed
    assert 5 not in allowed


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8888", "127.0.0.1:80", "[::1]:80", "app.localhost", "localhost."]
)
def test_HR2_in_debug_mode_names_of_this_machine_are_allowed(host: str) -> None:
    assert host in hosts_for_debug()


@pytest.mark.parametrize(
    "host", ["attacker.test", "127.0.0.1.nip.io", "localhost.evil.test", "xlocalhost", "0.0.0.0", "192.168.1.1"]
)
def test_HR2_in_debug_mode_any_other_name_is_refused(host: str) -> None:
    assert host not in hosts_for_debug()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("evilexample.com", False),
        ("example.com.evil", False),
        ("EXAMPLE.com.", True),
        ("a.example.com:80", True),
        ("a.b.example.com", True),
        ("example.com", True),
        ("com", False),
        (".example.com", True),
        ("..", False),
    ],
)
def test_HR3_a_pattern_with_a_dot_is_the_domain_and_all_below(host: str, expected: bool) -> None:
    assert (host in AllowedHosts([".example.com"])) is expected


def test_a_star_is_any_host_that_is_one() -> None:
    assert "x.y" in AllowedHosts(["*"])
    assert "x y" not in AllowedHosts(["*"])


@pytest.mark.parametrize("patterns", [["a b"], ["*.example.com"], [""], ["."], ["http://a"], "example.com"])
def test_what_is_no_list_of_hosts_is_refused(patterns: object) -> None:
    with pytest.raises(ValueError, match="host"):
        AllowedHosts(patterns)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_RW9_loopback_addresses_are_known(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


@pytest.mark.parametrize("address", ["", "localhost", "unix", "127.0.0.1.evil", "0.0.0.0", "None"])
def test_RW9_what_is_no_loopback_address_is_not(address: str) -> None:
    assert not is_loopback(address)


def test_RD10_an_absolute_url_is_of_the_configured_origin_or_an_allowed_host() -> None:
    allowed = AllowedHosts(["a.example"])
    assert absolute_url("/x", "https", "a.example", allowed=allowed) == "https://a.example/x"
    assert absolute_url("/x", "https", "evil", allowed=allowed, origin="https://a.example/") == "https://a.example/x"
    for hosts in (allowed, None):
        with pytest.raises(ValueError, match="set allowed_hosts or an origin"):
            absolute_url("/x", "https", "evil", allowed=hosts)
