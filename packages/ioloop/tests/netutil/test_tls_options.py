"""From options to an SSLContext."""

import socket
import ssl

import pytest

from waterspout.netutil import ssl_options_to_context, ssl_wrap_socket
from waterspout.netutil._tls_options import context_for


def test_context_is_returned_as_it_is():
    context = ssl.create_default_context()
    assert ssl_options_to_context(context) is context
    assert context_for(context, True) is context


def test_client_verifies_by_default():
    for context in (ssl_options_to_context({}, server_side=False), context_for(None, False)):
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("server_side", [False, True, None])
def test_end_without_close_notify_is_not_ignored(certificate, server_side, monkeypatch):
    # As Python up to 3.11.2 makes them, with OpenSSL 3.
    ignore = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0x80)
    plain, default = ssl.SSLContext, ssl.create_default_context

    def lax(context):
        context.options |= ignore
        return context

    monkeypatch.setattr(ssl, "create_default_context", lambda purpose: lax(default(purpose)))
    monkeypatch.setattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", ignore, raising=False)
    monkeypatch.setattr("waterspout.netutil._tls_options._plain_context", lambda _: lax(plain(ssl.PROTOCOL_TLS_SERVER)))
    assert not ssl_options_to_context({}, server_side=server_side).options & ignore
    assert not context_for(None, bool(server_side)).options & ignore


def test_server_asks_for_no_certificate_by_default(certificate):
    options = {"certfile": certificate[0], "keyfile": certificate[1]}
    context = ssl_options_to_context(options, server_side=True)
    assert context.verify_mode == ssl.CERT_NONE
    assert context.protocol == ssl.PROTOCOL_TLS_SERVER
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION


def test_keys_have_their_effect(certificate):
    context = ssl_options_to_context(
        {"cert_reqs": ssl.CERT_NONE, "ca_certs": certificate[0], "ciphers": "ECDHE+AESGCM"}, server_side=False
    )
    assert context.verify_mode == ssl.CERT_NONE
    assert not context.check_hostname
    assert context.get_ca_certs()
    assert all("GCM" in cipher["name"] or cipher["protocol"] == "TLSv1.3" for cipher in context.get_ciphers())
    required = ssl_options_to_context({"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": certificate[0]}, server_side=True)
    assert required.verify_mode == ssl.CERT_REQUIRED
    assert ssl_options_to_context({"ssl_version": ssl.PROTOCOL_TLS_CLIENT}).protocol == ssl.PROTOCOL_TLS_CLIENT


def test_context_for_both_ends_needs_no_side():
    context = ssl_options_to_context({})
    assert context.protocol == ssl.PROTOCOL_TLS
    assert context.verify_mode == ssl.CERT_NONE


def test_unknown_key_is_named():
    with pytest.raises(ValueError, match="cert_file"):
        ssl_options_to_context({"cert_file": "x"})


def test_wrapped_socket_is_an_ssl_socket(certificate):
    one, other = socket.socketpair()
    options = {"certfile": certificate[0], "keyfile": certificate[1]}
    wrapped = ssl_wrap_socket(one, options, server_side=True, do_handshake_on_connect=False)
    assert isinstance(wrapped, ssl.SSLSocket)
    assert wrapped.server_side
    wrapped.close()
    other.close()
    client = ssl_wrap_socket(socket.socket(), {"cert_reqs": ssl.CERT_NONE}, server_hostname="example.com")
    assert client.server_hostname == "example.com"
    client.close()
