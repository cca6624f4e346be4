"""`Connection` in wire bytes, both roles."""

import random
import sys
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waterspout.ws import (
    BinaryMessage,
    Close,
    ClosedError,
    Connection,
    DeflateOptions,
    Event,
    PerMessageDeflate,
    Ping,
    Pong,
    ProtocolError,
    Role,
    State,
    TextMessage,
)
from waterspout.ws._frames import head
from waterspout.ws._masking import apply_mask

KEY = b"\x12\x34\xab\xff"


def client_frame(first: int, payload: bytes = b"") -> bytes:
    return head(first, len(payload), 0x80) + KEY + apply_mask(payload, KEY)


def server_frame(first: int, payload: bytes = b"") -> bytes:
    return head(first, len(payload), 0) + payload


ROLES = pytest.mark.parametrize(("role", "frame"), [(Role.SERVER, client_frame), (Role.CLIENT, server_frame)])


def server(**options) -> Connection:
    return Connection(Role.SERVER, **options)


def failure(events: list[Event]) -> int:
    """The code of the `ProtocolError` that *events* are."""
    (event,) = events
    assert isinstance(event, ProtocolError)
    assert event.reason
    return event.code


def every_way(data: bytes, make=server) -> list[Event]:
    """The events for *data*, asserted to be the same whole, byte by byte and split everywhere (or at random places)."""
    whole = make().receive(data)
    connection = make()
    if len(data) <= 20_000:
        single = [event for i in range(len(data)) for event in connection.receive(data[i : i + 1])]
        assert single == whole
    places = range(len(data) + 1) if len(data) <= 2048 else [random.randrange(len(data)) for _ in range(200)]
    for at in places:
        connection = make()
        assert connection.receive(data[:at]) + connection.receive(data[at:]) == whole
    return whole


# Messages.


@ROLES
@pytest.mark.parametrize("size", [0, 1, 4, 125, 126, 127, 65535, 65536])
def test_whole_messages_of_every_length_form(role: Role, frame, size: int) -> None:
    payload = bytes(i % 128 for i in range(size))
    data = frame(0x81, payload) + frame(0x82, payload)
    events = every_way(data, lambda: Connection(role))
    assert events == [TextMessage(payload.decode()), BinaryMessage(payload)]
    assert [type(event.data) for event in events] == [str, bytes]


@ROLES
def test_many_messages_and_control_frames_in_one_piece(role: Role, frame) -> None:
    data = (
        frame(0x81, "é€𝄞".encode()) + frame(0x89, b"p") + frame(0x82, b"\xff") + frame(0x8A) + frame(0x88, b"\x03\xe8x")
    )
    assert every_way(data, lambda: Connection(role)) == [
        TextMessage("é€𝄞"),
        Ping(b"p"),
        BinaryMessage(b"\xff"),
        Pong(b""),
        Close(1000, "x"),
    ]


@ROLES
def test_fragments_are_joined_with_control_frames_between_them(role: Role, frame) -> None:
    text = "é€𝄞 ".encode() * 3
    data = b"".join(frame(0x01 if i == 0 else 0x00, text[i : i + 1]) + frame(0x89, b"%d" % i) for i in range(len(text)))
    data += frame(0x80) + frame(0x02) + frame(0x00, b"a") + frame(0x80, b"b") + frame(0x81, b"next")
    events = every_way(data, lambda: Connection(role))
    pings: list[Event] = [Ping(b"%d" % i) for i in range(len(text))]
    assert events == [*pings, TextMessage(text.decode()), BinaryMessage(b"ab"), TextMessage("next")]


@settings(deadline=None)
@given(st.lists(st.text(max_size=300) | st.binary(max_size=300), max_size=6), st.booleans(), st.integers(0, 2**32))
def test_what_one_end_sends_the_other_receives(messages: list[str | bytes], compressed: bool, seed: int) -> None:
    for role, other in ((Role.SERVER, Role.CLIENT), (Role.CLIENT, Role.SERVER)):
        sender = Connection(role, extension=PerMessageDeflate() if compressed else None)
        receiver = Connection(other, extension=PerMessageDeflate() if compressed else None)
        data = b"".join(sender.send_text(m) if isinstance(m, str) else sender.send_binary(m) for m in messages)
        rng = random.Random(seed)
        events: list[Event] = []
        while data:
            size = rng.randrange(1, 200)
            events += receiver.receive(data[:size])
            data = data[size:]
        assert events == [TextMessage(m) if isinstance(m, str) else BinaryMessage(m) for m in messages]


@settings(deadline=None)
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_give_events_and_never_an_exception(data: bytes, compressed: bool) -> None:
    for role in Role:
        connection = Connection(role, extension=PerMessageDeflate() if compressed else None)
        events = connection.receive(data)
        single = Connection(role, extension=PerMessageDeflate() if compressed else None)
        apart = [event for byte in data for event in single.receive(bytes((byte,)))]
        assert apart == events
        if connection.state is not State.OPEN:
            assert isinstance(events[-1], Close | ProtocolError)
            assert connection.receive(client_frame(0x81, b"x")) == []


# Rows of the input table. The server answers each violation with the code that the event carries.


def test_WS1_unmasked_client_frame() -> None:
    assert failure(every_way(server_frame(0x81, b"hi"))) == 1002
    assert failure(every_way(server_frame(0x89, b""))) == 1002


def test_WS23_masked_server_frame() -> None:
    assert failure(every_way(client_frame(0x81, b"hi"), lambda: Connection(Role.CLIENT))) == 1002


@ROLES
@pytest.mark.parametrize("rsv", [0x10, 0x20, 0x40, 0x70])
@pytest.mark.parametrize("opcode", [0x1, 0x2, 0x8, 0x9, 0xA])
def test_WS2_rsv_bits_without_extension(role: Role, frame, rsv: int, opcode: int) -> None:
    assert failure(every_way(frame(0x80 | rsv | opcode), lambda: Connection(role))) == 1002


@pytest.mark.parametrize("rsv", [0x10, 0x20, 0x30])
def test_WS2_other_rsv_bits_with_the_extension(rsv: int) -> None:
    assert failure(every_way(client_frame(0x81 | rsv), lambda: server(extension=PerMessageDeflate()))) == 1002


@ROLES
@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF])
def test_WS2_undefined_opcodes(role: Role, frame, opcode: int) -> None:
    assert failure(every_way(frame(0x80 | opcode, b"x"), lambda: Connection(role))) == 1002


@ROLES
@pytest.mark.parametrize("opcode", [8, 9, 0xA])
def test_WS3_long_or_fragmented_control_frame(role: Role, frame, opcode: int) -> None:
    assert failure(every_way(frame(0x80 | opcode, b"x" * 126), lambda: Connection(role))) == 1002
    assert failure(every_way(frame(opcode, b"x"), lambda: Connection(role))) == 1002
    if opcode != 8:
        (event,) = every_way(frame(0x80 | opcode, b"x" * 125), lambda: Connection(role))
        assert event == (Ping if opcode == 9 else Pong)(b"x" * 125)


@pytest.mark.parametrize("opcode", [8, 9, 0xA])
def test_WS4_compressed_control_frame(opcode: int) -> None:
    assert failure(every_way(client_frame(0xC0 | opcode), lambda: server(extension=PerMessageDeflate()))) == 1002


@ROLES
def test_WS5_fragments_out_of_order(role: Role, frame) -> None:
    for data in (frame(0x80, b"x"), frame(0x00, b"x"), frame(0x01, b"x") + frame(0x81, b"y")):
        assert failure(every_way(data, lambda: Connection(role))) == 1002
    for data in (frame(0x01, b"x") + frame(0x02, b"y"), frame(0x01, b"x") + frame(0xC0, b"y")):
        make = lambda: Connection(role, extension=PerMessageDeflate())  # noqa: E731
        assert failure(every_way(data, make)) == 1002
    assert every_way(frame(0x01) + frame(0x80) + frame(0x80), lambda: Connection(role))[0] == TextMessage("")


BAD_TEXT = [b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x82", b"\xf0\x9d\x84"]


@ROLES
@pytest.mark.parametrize("bad", BAD_TEXT)
@pytest.mark.parametrize("prefix", [b"", b"\xce\xba", b"x" * 200])
def test_WS6_text_that_is_not_utf8(role: Role, frame, bad: bytes, prefix: bytes) -> None:
    text = prefix + bad
    assert failure(every_way(frame(0x81, text), lambda: Connection(role))) == 1007
    for at in range(len(text) + 1):
        events = Connection(role).receive(frame(0x01, text[:at]) + frame(0x80, text[at:]))
        assert failure(events) == 1007


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0", b"\xed\xa0", b"\xf4\x90", b"\xe2\x28", b"\x80"])
def test_WS6_bad_text_is_refused_at_its_first_wrong_byte(bad: bytes) -> None:
    frame = client_frame(0x81, b"ok" + bad + b"x" * 100)
    connection = server()
    assert connection.receive(frame[: 6 + 2 + len(bad) - 1]) == []
    assert failure(connection.receive(frame[6 + 2 + len(bad) - 1 :][:1])) == 1007
    fragmented = server()
    assert failure(fragmented.receive(client_frame(0x01, b"ok" + bad))) == 1007


def test_WS6_close_reason_that_is_not_utf8() -> None:
    assert failure(every_way(client_frame(0x88, b"\x03\xe8\xff"))) == 1007


@ROLES
@pytest.mark.parametrize(
    "payload", [b"\x03", *(code.to_bytes(2) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535))]
)
def test_WS7_malformed_close_payload(role: Role, frame, payload: bytes) -> None:
    connection = Connection(role)
    assert failure(connection.receive(frame(0x88, payload))) == 1002
    answer = connection.close(1002)
    assert payload.hex() not in answer.hex() or payload == b"\x03"
    assert failure(every_way(frame(0x88, payload), lambda: Connection(role))) == 1002


def test_WS8_huge_or_long_form_lengths_are_refused_at_once() -> None:
    tracemalloc.start()
    for size, code in ((2**63, 1002), (2**64 - 1, 1002), (2**62, 1009), (2**40, 1009)):
        assert failure(every_way(b"\x82\xff" + size.to_bytes(8) + KEY)) == code
    for data in (b"\x82\xfe\x00\x7d" + KEY, b"\x82\xff" + (65535).to_bytes(8) + KEY, b"\x82\xfe\x00\x00" + KEY):
        assert failure(every_way(data)) == 1002
    assert tracemalloc.get_traced_memory()[1] < 200_000
    tracemalloc.stop()


@ROLES
def test_WS9_message_over_the_limit(role: Role, frame) -> None:
    def make() -> Connection:
        return Connection(role, max_message_size=1000)

    assert every_way(frame(0x82, b"x" * 1000), make) == [BinaryMessage(b"x" * 1000)]
    assert failure(every_way(frame(0x82, b"x" * 1001)[:14], make)) == 1009
    fragments = frame(0x02, b"x" * 500) + frame(0x00, b"x" * 500)
    assert every_way(fragments + frame(0x80), make) == [BinaryMessage(b"x" * 1000)]
    assert failure(every_way(fragments + frame(0x80, b"x"), make)) == 1009
    tiny = Connection(role, max_message_size=5)
    assert failure(tiny.receive(frame(0x81, b"123456"))) == 1009


def test_WS9_fragments_are_counted() -> None:
    connection = server(max_fragments=10)
    data = client_frame(0x01) + client_frame(0x00) * 9
    assert connection.receive(data) == []
    assert failure(connection.receive(client_frame(0x80))) == 1009
    connection = server(max_fragments=10)
    assert connection.receive(data[: -len(client_frame(0x00))] + client_frame(0x80)) == [TextMessage("")]
    start = time.process_time()
    assert failure(server().receive(client_frame(0x01) + client_frame(0x00) * 1_000_000)) == 1009
    assert time.process_time() - start < 5


def test_WS10_decompressed_message_over_the_limit() -> None:
    data = client_frame(0xC2, PerMessageDeflate().compress(bytes(20_000_000)))
    assert len(data) < 21_000
    for size in (len(data), 1000):
        connection = server(max_message_size=1 << 20, extension=PerMessageDeflate())
        tracemalloc.start()
        events = [event for i in range(0, len(data), size) for event in connection.receive(data[i : i + size])]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert failure(events) == 1009
        assert peak < 2 * (1 << 20) + 200_000


def test_compressed_message_of_exactly_the_limit_that_does_not_compress() -> None:
    message = random.Random(1).randbytes(100_000)
    data = client_frame(0xC2, PerMessageDeflate().compress(message))
    assert len(data) > 100_000
    make = lambda: server(max_message_size=100_000, extension=PerMessageDeflate())  # noqa: E731
    assert every_way(data, make) == [BinaryMessage(message)]


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", PerMessageDeflate().compress(b"Hello" * 50)[:-5]])
def test_WS11_malformed_compressed_message(data: bytes) -> None:
    assert failure(every_way(client_frame(0xC1, data), lambda: server(extension=PerMessageDeflate()))) == 1007


def test_WS11_block_after_the_final_one() -> None:
    compressor = zlib.compressobj(wbits=-15)
    data = compressor.compress(b"Hello") + compressor.flush(zlib.Z_FINISH) + PerMessageDeflate().compress(b"Hello")
    assert failure(every_way(client_frame(0xC1, data), lambda: server(extension=PerMessageDeflate()))) == 1007


def test_compressed_text_is_checked_after_decompression() -> None:
    data = PerMessageDeflate().compress(b"ok\xff")
    assert failure(every_way(client_frame(0xC1, data), lambda: server(extension=PerMessageDeflate()))) == 1007


def test_compressed_messages_may_be_fragmented_and_mixed_with_plain_ones() -> None:
    compressed = PerMessageDeflate().compress(b"Hello" * 100)
    data = (
        client_frame(0x41, compressed[:3])
        + client_frame(0x89)
        + client_frame(0x00)
        + client_frame(0x80, compressed[3:])
    )
    data += client_frame(0x81, b"plain")
    events = every_way(data, lambda: server(extension=PerMessageDeflate()))
    assert events == [Ping(b""), TextMessage("Hello" * 100), TextMessage("plain")]


def test_WS19_twenty_thousand_pings_are_read_in_linear_time() -> None:
    start = time.process_time()
    assert len(server().receive(client_frame(0x89, b"x" * 10) * 20_000)) == 20_000
    assert time.process_time() - start < 1


def test_large_message_in_small_pieces_takes_linear_time_and_memory() -> None:
    message = bytes(1_000_000)
    data = client_frame(0x82, message)
    connection = server()
    tracemalloc.start()
    start = time.process_time()
    events = [event for i in range(0, len(data), 100) for event in connection.receive(data[i : i + 100])]
    assert time.process_time() - start < 2
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
    assert events == [BinaryMessage(message)]


# Sending.


def test_server_frames_are_not_masked() -> None:
    connection = server()
    assert connection.send_text("Hello") == b"\x81\x05Hello"
    assert connection.send_binary(bytearray(b"Hello")) == b"\x82\x05Hello"
    assert connection.send_binary(memoryview(b"Hello")) == b"\x82\x05Hello"
    assert connection.send_text("é" * 100) == b"\x81\x7e\x00\xc8" + "é".encode() * 100
    assert connection.ping(b"p") == b"\x89\x01p"
    assert connection.pong() == b"\x8a\x00"
    assert connection.close(1001, "away") == b"\x88\x06\x03\xe9away"


def test_client_frames_are_masked_with_new_keys() -> None:
    connection = Connection(Role.CLIENT)
    one, two = connection.send_text("Hello"), connection.send_text("Hello")
    assert one[:2] == two[:2] == b"\x81\x85"
    assert one[2:6] != two[2:6]
    assert apply_mask(one[6:], one[2:6]) == b"Hello"
    assert connection.close()[:2] == b"\x88\x80"


def test_memoryview_of_wider_items_is_sent_as_its_bytes() -> None:
    from array import array

    assert server().send_binary(memoryview(array("I", [1, 2]))) == b"\x82\x08" + array("I", [1, 2]).tobytes()


def test_other_types_are_refused() -> None:
    for wrong in (5, "text", None):
        with pytest.raises(TypeError, match="binary message must be bytes"):
            server().send_binary(wrong)  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        server().send_text("\ud800")


def test_messages_are_compressed_from_the_threshold_on() -> None:
    connection = server(extension=PerMessageDeflate(options=DeflateOptions(threshold=10)))
    assert connection.send_text("x" * 9) == b"\x81\x09xxxxxxxxx"
    assert connection.send_text("x" * 10)[0] == 0xC1
    assert connection.send_binary(b"x" * 500)[0] == 0xC2
    assert server(extension=PerMessageDeflate()).send_text("") == b"\x81\x00"


def test_message_in_fragments() -> None:
    connection = server()
    assert connection.send_fragment("a", final=False) == b"\x01\x01a"
    assert connection.ping() == b"\x89\x00"
    with pytest.raises(RuntimeError, match="fragmented message"):
        connection.send_text("x")
    with pytest.raises(RuntimeError):
        connection.send_binary(b"x")
    with pytest.raises(TypeError, match="all fragments"):
        connection.send_fragment(b"x", final=True)
    assert connection.send_fragment("b", final=False) == b"\x00\x01b"
    assert connection.send_fragment("", final=True) == b"\x80\x00"
    assert connection.send_fragment(b"a", final=True) == b"\x82\x01a"
    assert connection.send_text("x") == b"\x81\x01x"


def test_control_frames_have_at_most_125_bytes() -> None:
    assert len(server().ping(b"x" * 125)) == 127
    with pytest.raises(ValueError, match="ping has 126 bytes"):
        server().ping(b"x" * 126)
    with pytest.raises(ValueError, match="pong has 126 bytes"):
        server().pong(b"x" * 126)
    with pytest.raises(ValueError, match="close reason"):
        server().close(1000, "x" * 124)


# Closing.


def refuses_everything(connection: Connection) -> None:
    for send in (
        lambda: connection.send_text("x"),
        lambda: connection.send_binary(b"x"),
        lambda: connection.send_fragment(b"x", final=True),
        connection.ping,
        connection.pong,
    ):
        with pytest.raises(ClosedError, match="nothing can be sent"):
            send()


@ROLES
def test_peer_closes_first(role: Role, frame) -> None:
    connection = Connection(role)
    assert connection.receive(frame(0x88, b"\x03\xe9bye")) == [Close(1001, "bye")]
    assert connection.state is State.PEER_CLOSED
    refuses_everything(connection)
    assert connection.close(1001)[0] == 0x88
    assert connection.state is State.CLOSED
    refuses_everything(connection)
    with pytest.raises(ClosedError):
        connection.close()


@ROLES
def test_we_close_first_and_messages_may_still_come(role: Role, frame) -> None:
    connection = Connection(role)
    connection.close(1000)
    assert connection.state is State.CLOSING
    refuses_everything(connection)
    with pytest.raises(ClosedError):
        connection.close()
    data = frame(0x81, b"late") + frame(0x88) + frame(0x81, b"ignored")
    assert connection.receive(data) == [TextMessage("late"), Close(None, "")]
    assert connection.state is State.CLOSED


@ROLES
def test_peer_breaks_the_protocol(role: Role, frame) -> None:
    connection = Connection(role)
    assert connection.receive(frame(0x81, b"x") + frame(0x83) + frame(0x81, b"y"))[0] == TextMessage("x")
    assert connection.state is State.FAILED
    refuses_everything(connection)
    assert connection.receive(frame(0x81, b"z")) == []
    assert connection.close(1002, "opcode 3 is not defined")
    assert connection.state is State.CLOSED


def test_peer_breaks_the_protocol_after_our_close() -> None:
    connection = server()
    connection.close()
    assert failure(connection.receive(b"\xff\xff")) == 1002
    assert connection.state is State.CLOSED


def test_WS24_data_after_close_is_ignored() -> None:
    connection = server()
    assert connection.receive(client_frame(0x88) + client_frame(0x81, b"x") * 10) == [Close(None, "")]
    assert connection.receive(client_frame(0x81, b"x")) == []


def test_close_in_the_middle_of_a_fragmented_message() -> None:
    assert every_way(client_frame(0x01, b"x") + client_frame(0x88, b"\x03\xe8")) == [Close(1000, "")]
    connection = server()
    connection.send_fragment("x", final=False)
    assert connection.close(1000)[0] == 0x88


def test_wrong_close_code_leaves_the_connection_open() -> None:
    connection = server()
    with pytest.raises(ValueError, match="1005"):
        connection.close(1005)
    assert connection.state is State.OPEN
    assert connection.send_text("x") == b"\x81\x01x"


# Cost.


def test_small_message_takes_one_python_call_to_receive_and_one_to_send() -> None:
    connection = server()
    data = client_frame(0x81, b"x" * 125)
    calls: list[str] = []

    def count(frame, event: str, _: object) -> None:
        if event == "call":
            calls.append(frame.f_code.co_name)

    sys.setprofile(count)
    try:
        (message,) = connection.receive(data)
        connection.send_text(message.data)
    finally:
        sys.setprofile(None)
    assert [name for name in calls if name != "count"] == ["receive", "send_text"]


def test_idle_connection_is_small() -> None:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    connections = [server() for _ in range(1000)]
    each = (tracemalloc.get_traced_memory()[0] - before) / len(connections)
    tracemalloc.stop()
    assert each < 300


# One short message at a time.


@ROLES
@pytest.mark.parametrize("size", [0, 1, 4, 124, 125])
def test_a_short_message_that_comes_alone_is_read_without_events(role, frame, size):
    connection = Connection(role)
    assert connection.receive_message(frame(0x81, b"x" * size)) == "x" * size
    assert connection.receive_message(frame(0x82, bytes(range(size)))) == bytes(range(size))
    assert connection.receive(frame(0x81, b"on")) == [TextMessage("on")]


@ROLES
def test_anything_else_is_left_to_receive_and_nothing_of_it_is_read(role, frame):
    for data in (
        frame(0x81, b"one") + frame(0x81, b"two"),
        frame(0x81, b"cut")[:-1],
        frame(0x81, b"cut")[:1],
        frame(0x01, b"fragment"),
        frame(0x89, b"ping"),
        frame(0x88, b""),
        frame(0xC1, b"compressed"),
        frame(0x81, b"\xff"),
        frame(0x81, b"x" * 126),
        head(0x81, 3, 0 if role is Role.SERVER else 0x80) + b"wrong mask"[: 7 if role is Role.SERVER else 3],
    ):
        connection, twin = Connection(role), Connection(role)
        assert connection.receive_message(data) is None
        assert connection.receive(data) == twin.receive(data)


def test_a_short_message_over_the_limit_is_left_to_receive():
    connection = server(max_message_size=3)
    assert connection.receive_message(client_frame(0x81, b"123")) == "123"
    assert connection.receive_message(client_frame(0x81, b"1234")) is None
    assert failure(connection.receive(client_frame(0x81, b"1234"))) == 1009


def test_no_message_is_read_inside_another_nor_in_the_middle_of_a_frame_nor_after_the_end():
    whole = client_frame(0x81, b"x")
    for before in (client_frame(0x01, b"first"), whole[:3], client_frame(0x81, b"12345678")[:8], client_frame(0x88)):
        connection = server()
        connection.receive(before)
        assert connection.receive_message(whole) is None


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=140) | st.builds(
    lambda first, payload: client_frame(first, payload), st.sampled_from([0x81, 0x82, 0x01, 0x80, 0x89, 0x88, 0xC1]),
    st.binary(max_size=130),
), max_size=6))  # fmt: skip
def test_the_short_way_gives_what_receive_gives(pieces):
    connection, twin = server(), server()
    for piece in pieces:
        message = connection.receive_message(piece)
        expected = twin.receive(piece)
        if message is None:
            assert connection.receive(piece) == expected
        else:
            (event,) = expected
            assert isinstance(event, TextMessage | BinaryMessage)
            assert event.data == message
            assert type(event.data) is type(message)
