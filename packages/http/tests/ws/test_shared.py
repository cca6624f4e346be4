"""`SharedMessage`: one message for many clients."""

from __future__ import annotations

import pytest

from waterspout.ws import Connection, DeflateOptions, Opcode, PerMessageDeflate, Role, SharedMessage, TextMessage


def extension(*, takeover: bool = False, bits: int = 15, options: DeflateOptions | None = None) -> PerMessageDeflate:
    return PerMessageDeflate(deflate_takeover=takeover, deflate_bits=bits, options=options)


def received(frame: bytes) -> list[object]:
    """What a client that has agreed to compression, without the server's context, reads."""
    client = Connection(Role.CLIENT, extension=PerMessageDeflate(inflate_takeover=False))
    return list(client.receive(frame))


def test_the_plain_frame_is_one_for_all_that_do_not_compress():
    message = SharedMessage(Opcode.BINARY, b"\xff\x00")
    assert message.plain == b"\x82\x02\xff\x00"


def test_connections_without_context_share_one_compressed_frame():
    message = SharedMessage(Opcode.TEXT, b"news " * 40)
    frame = message.for_extension(extension())
    assert message.for_extension(extension()) is frame
    assert len(frame) < 30
    assert received(frame) == [TextMessage("news " * 40)]


@pytest.mark.parametrize(
    "other",
    [extension(bits=9), extension(options=DeflateOptions(level=1)), extension(options=DeflateOptions(mem_level=9))],
)
def test_other_parameters_get_a_frame_of_their_own(other: PerMessageDeflate):
    message = SharedMessage(Opcode.TEXT, b"news " * 40)
    frame = message.for_extension(other)
    assert frame is not message.for_extension(extension())
    assert received(frame) == [TextMessage("news " * 40)]


def test_a_connection_that_keeps_its_context_gets_the_plain_frame_and_its_context_is_not_touched():
    keeps = extension(takeover=True)
    client = Connection(Role.CLIENT, extension=PerMessageDeflate())
    server = Connection(Role.SERVER, extension=keeps)
    message = SharedMessage(Opcode.TEXT, b"news " * 40)
    for frame in (server.send_text("before"), message.for_extension(keeps), server.send_text("before")):
        (event,) = client.receive(frame)
        assert isinstance(event, TextMessage)
    assert message.for_extension(keeps) is message.plain


def test_a_message_below_the_threshold_stays_plain():
    message = SharedMessage(Opcode.TEXT, b"x" * 99)
    assert message.for_extension(extension(options=DeflateOptions(threshold=100))) is message.plain
    assert message.for_extension(extension(options=DeflateOptions(threshold=99))) is not message.plain


def test_an_empty_message_stays_plain():
    message = SharedMessage(Opcode.TEXT, b"")
    assert message.for_extension(extension()) is message.plain
