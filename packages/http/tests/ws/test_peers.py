"""The ``websockets`` library's sans-I/O protocol at the other end."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from waterspout import ws

SETTINGS = [
    None,
    {},
    {"server_no_context_takeover": True, "client_no_context_takeover": True},
    {"server_max_window_bits": 9, "client_max_window_bits": 9},
    {"server_max_window_bits": 12, "client_no_context_takeover": True},
]
messages = st.lists(st.text(max_size=200) | st.binary(max_size=200), max_size=5)


def pair(role: ws.Role, settings: dict[str, int] | None) -> tuple[ws.Connection, Protocol]:
    """Our end, and theirs, with compression by *settings* of `DeflateOptions` unless None."""
    theirs = Protocol(Side.CLIENT if role is ws.Role.SERVER else Side.SERVER, state=OPEN)
    extension = None
    if settings is not None:
        client_options, server_options = ws.DeflateOptions(**settings), ws.DeflateOptions()  # type: ignore[arg-type]
        agreed = ws.negotiate(ws.parse_offers(ws.offer_extensions(client_options)), server_options)
        assert agreed is not None
        client = ws.accept_extensions(agreed[1], client_options)
        assert client is not None
        extension, other = (agreed[0], client) if role is ws.Role.SERVER else (client, agreed[0])
        theirs.extensions = [
            PerMessageDeflate(
                remote_no_context_takeover=not other.inflate_takeover,
                local_no_context_takeover=not other.deflate_takeover,
                remote_max_window_bits=other.inflate_bits,
                local_max_window_bits=other.deflate_bits,
            )
        ]
    return ws.Connection(role, extension=extension), theirs


def frames(protocol: Protocol) -> list[tuple[Opcode, bytes]]:
    return [(f.opcode, bytes(f.data)) for f in protocol.events_received() if isinstance(f, Frame)]


@pytest.mark.parametrize("role", ws.Role)
@pytest.mark.parametrize("settings", SETTINGS)
@hypothesis_settings(deadline=None)
@given(sent=messages)
def test_messages_go_both_ways(role: ws.Role, settings: dict[str, int] | None, sent: list[str | bytes]) -> None:
    ours, theirs = pair(role, settings)
    for message in sent:
        text = isinstance(message, str)
        theirs.receive_data(ours.send_text(message) if isinstance(message, str) else ours.send_binary(message))
        payload = message.encode() if isinstance(message, str) else message
        assert frames(theirs) == [(Opcode.TEXT if text else Opcode.BINARY, payload)]
        (theirs.send_text if text else theirs.send_binary)(payload)
        events = [event for data in theirs.data_to_send() for event in ours.receive(data)]
        assert events == [ws.TextMessage(message) if isinstance(message, str) else ws.BinaryMessage(message)]


@pytest.mark.parametrize("role", ws.Role)
@pytest.mark.parametrize("settings", SETTINGS)
def test_fragments_and_control_frames(role: ws.Role, settings: dict[str, int] | None) -> None:
    ours, theirs = pair(role, settings)
    theirs.send_text(b"a" * 1000, fin=False)
    theirs.send_ping(b"p")
    theirs.send_continuation(b"b" * 1000, fin=True)
    events = [event for data in theirs.data_to_send() for event in ours.receive(data)]
    assert events == [ws.Ping(b"p"), ws.TextMessage("a" * 1000 + "b" * 1000)]
    theirs.receive_data(ours.pong(b"p") + ours.send_fragment(b"x", final=False) + ours.send_fragment(b"y", final=True))
    assert frames(theirs) == [(Opcode.PONG, b"p"), (Opcode.BINARY, b"x"), (Opcode.CONT, b"y")]


@pytest.mark.parametrize("role", ws.Role)
def test_closing_handshake_begun_by_either(role: ws.Role) -> None:
    ours, theirs = pair(role, None)
    theirs.receive_data(ours.close(3000, "bye é"))
    assert theirs.close_rcvd is not None
    assert (theirs.close_rcvd.code, theirs.close_rcvd.reason) == (3000, "bye é")
    assert [event for data in theirs.data_to_send() for event in ours.receive(data)] == [ws.Close(3000, "bye é")]
    assert ours.state is ws.State.CLOSED

    ours, theirs = pair(role, None)
    theirs.send_close(1001, "away")
    assert [event for data in theirs.data_to_send() for event in ours.receive(data)] == [ws.Close(1001, "away")]
    theirs.receive_data(ours.close(1001))
    assert theirs.close_rcvd is not None and theirs.close_rcvd.code == 1001


@pytest.mark.parametrize("role", ws.Role)
def test_peer_answers_with_the_code_that_we_would(role: ws.Role) -> None:
    ours, theirs = pair(role, None)
    for data, code in ((b"\x83\x00", 1002), (b"\x80\x00", 1002), (b"\x09\x00", 1002), (b"\xc1\x00", 1002)):
        if role is ws.Role.SERVER:
            data = data[:1] + b"\x80" + b"\0\0\0\0"
        ours, _ = pair(role, None)
        (event,) = ours.receive(data)
        assert isinstance(event, ws.ProtocolError) and event.code == code
        other = Protocol(Side.SERVER if role is ws.Role.SERVER else Side.CLIENT, state=OPEN)
        other.receive_data(data)
        assert other.close_sent is not None and other.close_sent.code == code


@pytest.mark.parametrize("settings", [s for s in SETTINGS if s is not None])
def test_extension_headers_are_understood_by_the_peer(settings: dict[str, int]) -> None:
    options = ws.DeflateOptions(**settings)  # type: ignore[arg-type]
    factory = ServerPerMessageDeflateFactory()
    (offer,) = ws.parse_offers(ws.offer_extensions(options))
    answer, _ = factory.process_request_params([(name, value) for name, value in offer.parameters], [])
    header = "; ".join(["permessage-deflate", *(n if v is None else f"{n}={v}" for n, v in answer)])
    assert ws.accept_extensions(header, options) is not None

    theirs = ClientPerMessageDeflateFactory(client_max_window_bits=True, **settings_for_client(settings))
    header = "; ".join(
        ["permessage-deflate", *(n if v is None else f"{n}={v}" for n, v in theirs.get_request_params())]
    )
    agreed = ws.negotiate(ws.parse_offers(header))
    assert agreed is not None
    (answered,) = ws.parse_offers(agreed[1])
    assert theirs.process_response_params([(n, v) for n, v in answered.parameters], []) is not None


def settings_for_client(settings: dict[str, int]) -> dict[str, int]:
    return {name: value for name, value in settings.items() if name != "client_max_window_bits"}


def test_key_is_accepted_by_the_peer() -> None:
    from websockets.uri import parse_uri

    client = ClientProtocol(parse_uri("ws://127.0.0.1/"))
    assert ws.check_key(client.key)
    request = client.connect()
    client.send_request(request)
    client.data_to_send()
    client.receive_data(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + f"Sec-WebSocket-Accept: {ws.accept_key(client.key)}\r\n\r\n".encode()
    )
    assert client.handshake_exc is None
    assert client.state is OPEN
