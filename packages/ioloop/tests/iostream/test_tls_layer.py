"""TLS between two memory BIOs, without any I/O."""

import os
import ssl
import sys

import pytest

from waterspout.iostream._tls_layer import MemoryLayer, Outcome


@pytest.fixture
def layers(client_tls, server_tls):
    """Client and server, the handshake complete."""
    return handshaken(client_tls, server_tls)


def handshaken(client_tls, server_tls):
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


def test_text_goes_through(layers):
    client, server = layers
    assert client.encrypt(b"hello") == 5
    server.feed(client.output())
    pieces, size, outcome = server.decrypt()
    assert size == len(b"".join(pieces))
    assert b"".join(pieces) == b"hello"
    assert outcome is Outcome.WANTS_MORE
    assert server.decrypt() == ([], 0, Outcome.WANTS_MORE)


def test_session_tickets_are_no_data(layers):
    client, _ = layers
    assert client.decrypt() == ([], 0, Outcome.WANTS_MORE)


@pytest.mark.parametrize("step", [1, 7, 1000, 20_000])
def test_ciphertext_may_come_in_any_pieces(layers, step):
    client, server = layers
    data = os.urandom(30_000)
    client.encrypt(data)
    cipher = client.output()
    got = bytearray()
    for start in range(0, len(cipher), step):
        server.feed(cipher[start : start + step])
        pieces, size, outcome = server.decrypt()
        assert size == len(b"".join(pieces))
        assert outcome is Outcome.WANTS_MORE
        got += b"".join(pieces)
    assert got == data


def test_more_than_is_decrypted_at_once_is_said(layers):
    client, server = layers
    data = os.urandom(200_000)
    client.encrypt(data)
    server.feed(client.output())
    got = bytearray()
    outcome = Outcome.FULL
    while outcome is Outcome.FULL:
        assert server.has_input()
        pieces, size, outcome = server.decrypt()
        assert size == len(b"".join(pieces))
        got += b"".join(pieces)
    assert got == data
    assert outcome is Outcome.WANTS_MORE
    assert not server.has_input()


def test_close_notify_is_an_end_after_the_data(layers):
    client, server = layers
    client.encrypt(b"last")
    server.feed(client.output() + client.close())
    pieces, size, outcome = server.decrypt()
    assert size == len(b"".join(pieces))
    assert b"".join(pieces) == b"last"
    assert outcome is Outcome.END


def test_end_of_the_connection_without_close_notify_is_an_error_after_the_data(layers):
    client, server = layers
    client.encrypt(b"last")
    server.feed(client.output())
    server.feed(b"")
    pieces, size, outcome = server.decrypt()
    assert size == len(b"".join(pieces))
    assert b"".join(pieces) == b"last"
    assert isinstance(outcome, ssl.SSLEOFError)


@pytest.mark.parametrize("wanted", [False, True])
def test_a_context_may_say_that_an_end_without_close_notify_is_good_where_python_does_not_say_so_itself(
    server_tls, client_tls, wanted
):
    by_python = sys.version_info < (3, 11, 3)
    option = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    server_tls.options = server_tls.options | option if wanted else server_tls.options & ~option
    client, server = handshaken(client_tls, server_tls)
    client.encrypt(b"last")
    server.feed(client.output())
    server.feed(b"")
    pieces, size, outcome = server.decrypt()
    assert pieces == [b"last"]
    assert size == 4
    buffer = bytearray(10)
    if wanted and option and not by_python:
        assert outcome is Outcome.END
        assert server.read_into(buffer) == 0
    else:
        assert isinstance(outcome, ssl.SSLEOFError)
        assert (outcome.library, outcome.reason) == ("SSL", "UNEXPECTED_EOF_WHILE_READING")  # as the ssl module's own
        with pytest.raises(ssl.SSLEOFError, match="without close_notify"):
            server.read_into(buffer)


def test_end_of_the_connection_during_the_handshake_is_an_error(server_tls):
    server = MemoryLayer(server_tls, True, None)
    assert not server.handshake()
    server.feed(b"")
    with pytest.raises(ssl.SSLEOFError, match="during the handshake") as caught:
        server.handshake()
    assert (caught.value.library, caught.value.reason) == ("SSL", "UNEXPECTED_EOF_WHILE_READING")


def test_manipulated_record_is_an_error(layers):
    client, server = layers
    client.encrypt(b"data")
    cipher = bytearray(client.output())
    cipher[-1] ^= 1
    server.feed(cipher)
    pieces, size, outcome = server.decrypt()
    assert size == len(b"".join(pieces))
    assert not pieces
    assert isinstance(outcome, ssl.SSLError)


def test_one_record_is_read_into_a_buffer_of_any_size(layers):
    client, server = layers
    client.encrypt(b"hello")
    server.feed(client.output())
    small = bytearray(3)
    assert [server.read_into(small), bytes(small)] == [3, b"hel"]
    assert [server.read_into(small), bytes(small)] == [2, b"lol"]
    assert server.read_into(small) is None
    server.feed(client.close())
    assert server.read_into(small) == 0
