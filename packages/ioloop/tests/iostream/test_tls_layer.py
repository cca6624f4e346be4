"""TLS between two memory BIOs, without any I/O."""

import os
import ssl

import pytest

from waterspout.iostream._tls_layer import MemoryLayer, Outcome


@pytest.fixture
def layers(client_tls, server_tls):
    """Client and server, the handshake complete."""
    client, server = MemoryLayer(client_tls, False, "localhost"), MemoryLayer(server_tls, True, None)
    assert not client.handshake()
    server.feed(client.output())
    assert not server.handshake()
    client.feed(server.output())
    assert client.handshake()
    server.feed(client.output())
    assert server.handshake()
    client.feed(server.output())  # session tickets
    return client, server


@pytest.fixture
def view():
    return memoryview(bytearray(65536))


def test_text_goes_through(layers, view):
    client, server = layers
    assert client.encrypt(b"hello") == 5
    server.feed(client.output())
    filled, outcome = server.decrypt(view)
    assert view[:filled] == b"hello"
    assert outcome is Outcome.WANTS_MORE
    assert server.decrypt(view) == (0, Outcome.WANTS_MORE)


def test_session_tickets_are_no_data(layers, view):
    client, _ = layers
    assert client.decrypt(view) == (0, Outcome.WANTS_MORE)


@pytest.mark.parametrize("step", [1, 7, 1000, 20_000])
def test_ciphertext_may_come_in_any_pieces(layers, view, step):
    client, server = layers
    data = os.urandom(30_000)
    client.encrypt(data)
    cipher = client.output()
    got = bytearray()
    for start in range(0, len(cipher), step):
        server.feed(cipher[start : start + step])
        filled, outcome = server.decrypt(view)
        assert outcome is Outcome.WANTS_MORE
        got += view[:filled]
    assert got == data


def test_more_than_the_buffer_takes_is_said(layers, view):
    client, server = layers
    data = os.urandom(200_000)
    client.encrypt(data)
    server.feed(client.output())
    got = bytearray()
    outcome = Outcome.FULL
    while outcome is Outcome.FULL:
        assert server.has_input()
        filled, outcome = server.decrypt(view)
        got += view[:filled]
    assert got == data
    assert outcome is Outcome.WANTS_MORE
    assert not server.has_input()


def test_close_notify_is_an_end_after_the_data(layers, view):
    client, server = layers
    client.encrypt(b"last")
    server.feed(client.output() + client.close())
    filled, outcome = server.decrypt(view)
    assert view[:filled] == b"last"
    assert outcome is Outcome.END


def test_end_of_the_connection_without_close_notify_is_an_error_after_the_data(layers, view):
    client, server = layers
    client.encrypt(b"last")
    server.feed(client.output())
    server.feed(b"")
    filled, outcome = server.decrypt(view)
    assert view[:filled] == b"last"
    assert isinstance(outcome, ssl.SSLEOFError)


def test_manipulated_record_is_an_error(layers, view):
    client, server = layers
    client.encrypt(b"data")
    cipher = bytearray(client.output())
    cipher[-1] ^= 1
    server.feed(cipher)
    filled, outcome = server.decrypt(view)
    assert filled == 0
    assert isinstance(outcome, ssl.SSLError)
