import random
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.httputil import (
    HTTPInputError,
    MultipartStream,
    ParseMultipartConfig,
    PartData,
    PartEnd,
    PartHead,
    parse_multipart_form_data,
)

DISPOSITION = b'Content-Disposition: form-data; name="a"'
UPLOAD = (
    b"preamble --B\r\n--B \r\n"
    + DISPOSITION
    + b"\r\n\r\nv\r\n--B\r\n"
    + DISPOSITION
    + b'; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\n\r\r\n\r\n-\r\n--\r\n--A\r\n--B\r\n'
    + DISPOSITION
    + b"\r\n\r\n--B\r\n"
    + DISPOSITION
    + b"\r\nX: y\r\n\r\n\r\n--B--\r\nepilogue\r\n--B--"
)
Part = tuple[str, str | None, bytes]


def collect(pieces: list[bytes], stream: MultipartStream) -> list[Part]:
    """The whole parts that *stream* gives for *pieces*; asserts that events come in order."""
    parts: list[Part] = []
    head: PartHead | None = None
    body = b""
    for piece in pieces:
        for event in stream.receive(piece):
            if isinstance(event, PartHead):
                assert head is None
                head, body = event, b""
            elif isinstance(event, PartData):
                assert head is not None and event.data
                body += event.data
            else:
                assert isinstance(event, PartEnd) and head is not None
                parts.append((head.name, head.filename, body))
                head = None
    stream.receive_eof()
    assert head is None and stream.complete
    return parts


EXPECTED = [
    ("a", None, b"v"),
    ("a", "f.txt", b"\r\r\n\r\n-\r\n--\r\n--A"),
    ("a", None, b""),
    ("a", None, b""),
]


def test_whole_body_in_one_piece() -> None:
    events = MultipartStream(b"B").receive(UPLOAD)
    field, file, empty = [PartHead, PartData, PartEnd], [PartHead, PartData, PartEnd], [PartHead, PartEnd]
    assert [type(event) for event in events] == field + file + empty + empty
    assert events[1] == PartData(b"v")
    head = events[3]
    assert isinstance(head, PartHead)
    assert (head.name, head.filename, head.content_type) == ("a", "f.txt", "text/plain")
    assert head.headers["Content-Type"] == "text/plain"
    assert collect([UPLOAD], MultipartStream(b"B")) == EXPECTED


def test_byte_by_byte() -> None:
    assert collect([UPLOAD[i : i + 1] for i in range(len(UPLOAD))], MultipartStream(b"B")) == EXPECTED


def test_split_at_every_position() -> None:
    for at in range(len(UPLOAD) + 1):
        assert collect([UPLOAD[:at], UPLOAD[at:]], MultipartStream(b"B")) == EXPECTED


def test_empty_form() -> None:
    assert collect([b"--B--"], MultipartStream(b'"B"')) == []


def test_data_is_given_as_it_arrives() -> None:
    stream = MultipartStream(b"B")
    stream.receive(b"--B\r\n" + DISPOSITION + b"\r\n\r\n")
    assert stream.receive(b"abc")[-1] == PartData(b"abc")
    assert stream.receive(b"def\r") == [PartData(b"def")]
    assert stream.receive(b"\n--") == []
    assert stream.receive(b"Axyz\r\n--B") == [PartData(b"\r\n--Axyz"), PartEnd()]
    assert not stream.complete
    assert stream.receive(b"--") == []
    assert stream.complete
    assert stream.receive(b"anything") == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nothing",
        b"--B",
        b"--B-",
        b"--B\r\n" + DISPOSITION,
        b"--B\r\n" + DISPOSITION + b"\r\n\r\nv",
        b"--B\r\n" + DISPOSITION + b"\r\n\r\nv\r\n--B\r\n",
    ],
)
def test_MP4_end_before_the_final_delimiter_is_refused(data: bytes) -> None:
    stream = MultipartStream(b"B")
    stream.receive(data)
    with pytest.raises(HTTPInputError, match="final boundary") as caught:
        stream.receive_eof()
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "data",
    [
        b"--Bx\r\n",
        b"--B\n",
        b"--B -",
        b"--B" + b" " * 256,
        b"--B\r\n\r\nx\r\n--B--",
        b"--B\r\nx\r\n--B\r\n\r\n",
        b"--B\r\n" + b"y" * 10_500,
        b"--B\r\nContent-Disposition: attachment\r\n\r\nx",
        b"--B\r\n" + DISPOSITION + b"\r\nContent-Length: 2\r\n\r\nx\r\n--B",
    ],
)
def test_malformed_bodies_are_refused_as_they_arrive(data: bytes) -> None:
    for size in (1, len(data)):
        stream = MultipartStream(b"B")
        with pytest.raises(HTTPInputError) as caught:
            for i in range(0, len(data), size):
                stream.receive(data[i : i + size])
            stream.receive_eof()
        assert caught.value.status == 400


def test_MP1_parts_are_limited() -> None:
    one = b"--B\r\n" + DISPOSITION + b"\r\n\r\nv\r\n"
    assert len(collect([one * 100 + b"--B--"], MultipartStream(b"B"))) == 100
    with pytest.raises(HTTPInputError, match="more than 100"):
        MultipartStream(b"B").receive(one * 101)


def test_MP5_boundary_is_checked() -> None:
    for boundary in (b"", b"b" * 71, b"a b"):
        with pytest.raises(HTTPInputError):
            MultipartStream(boundary)


def test_multipart_can_be_switched_off() -> None:
    with pytest.raises(HTTPInputError, match="disabled"):
        MultipartStream(b"B", config=ParseMultipartConfig(enabled=False))


def test_MP13_near_delimiters_take_linear_time_and_constant_memory() -> None:
    for piece in (b"\r", b"\n", b"\r\n--", b"\r\n--B"[:-1]):
        body = piece * (900_000 // len(piece))
        stream = MultipartStream(b"B", max_field_size=None)
        stream.receive(b"--B\r\n" + DISPOSITION + b"\r\n\r\n")
        start = time.process_time()
        taken = 0
        for i in range(0, len(body), 65536):
            taken += sum(
                len(event.data) for event in stream.receive(body[i : i + 65536]) if isinstance(event, PartData)
            )
        assert time.process_time() - start < 0.5
        assert len(body) - taken <= 5


def test_MP16_preamble_and_epilogue_are_not_held() -> None:
    stream = MultipartStream(b"B")
    tracemalloc.start()
    start = time.process_time()
    for _ in range(64):
        assert stream.receive(b"x\r" * 8192) == []
    head = stream.receive(b"\r\n--B\r\n" + DISPOSITION + b"\r\n\r\n--B--")
    assert [type(event) for event in head] == [PartHead, PartEnd]
    for _ in range(64):
        assert stream.receive(b"\r\n--B" * 4096) == []
    assert time.process_time() - start < 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000


def test_MP17_field_without_file_name_is_refused_once_it_is_too_long() -> None:
    stream = MultipartStream(b"B")
    stream.receive(b"--B\r\n" + DISPOSITION + b"\r\n\r\n")
    chunk = b"x" * 65536
    for _ in range(16):
        stream.receive(chunk)
    with pytest.raises(HTTPInputError, match="field exceeds 1048576 bytes") as caught:
        stream.receive(b"x")
    assert caught.value.status == 413


def test_MP17_files_have_a_limit_of_their_own() -> None:
    head = b"--B\r\n" + DISPOSITION + b'; filename="f"\r\n\r\n'
    stream = MultipartStream(b"B", max_field_size=2)
    assert stream.receive(head + b"x" * 5_000_000 + b"\r\n--B--")[1] == PartData(b"x" * 5_000_000)
    limited = MultipartStream(b"B", max_file_size=10)
    limited.receive(head + b"x" * 10)
    with pytest.raises(HTTPInputError, match="file exceeds 10 bytes"):
        limited.receive(b"x")


PIECES = [b"--B", b"--", b"-", b"\r\n", b"\r", b"\n", b" ", DISPOSITION, b"x", b"\r\n--B\r\n", b"\r\n\r\n", b"--B\r\n"]


@given(st.lists(st.sampled_from(PIECES), max_size=20), st.integers(0, 2**32))
def test_stream_agrees_with_the_parser_of_whole_bodies(pieces: list[bytes], seed: int) -> None:
    data = b"".join(pieces) + b"\r\n--B--"
    arguments: dict[str, list[bytes]] = {}
    try:
        parse_multipart_form_data(b"B", data, arguments, {})
    except HTTPInputError:
        expected = None
    else:
        expected = arguments.get("a", [])
    rng = random.Random(seed)
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(6)))
    split = [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    try:
        found = [body for _, _, body in collect(split, MultipartStream(b"B"))]
    except HTTPInputError:
        found = None
    assert found == expected
