"""The same bodies read by another implementation (the ``multipart`` package)."""

import io

import multipart
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.httputil import HTTPFile, HTTPInputError, MultipartStream, PartData, PartHead, parse_multipart_form_data

names = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters='"\\'), min_size=1, max_size=6)
bodies = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--B", b"--", b"x", b"\0\xff"]), max_size=8).map(b"".join)
parts = st.tuples(names, st.none() | names, bodies.filter(lambda body: b"\r\n--B" not in b"\r\n" + body))


def build(fields: list[tuple[str, str | None, bytes]]) -> bytes:
    data = b""
    for name, filename, body in fields:
        head = f'--B\r\nContent-Disposition: form-data; name="{name}"'
        if filename is not None:
            head += f'; filename="{filename}"'
        data += head.encode() + b"\r\n\r\n" + body + b"\r\n"
    return data + b"--B--\r\n"


def read_by_peer(data: bytes) -> list[tuple[str, str | None, bytes]]:
    parser = multipart.MultipartParser(io.BytesIO(data), b"B", strict=True)
    return [(part.name, part.filename, part.raw) for part in parser]


def read_streamed(data: bytes) -> list[tuple[str, str | None, bytes]]:
    found: list[tuple[str, str | None, bytes]] = []
    stream = MultipartStream(b"B")
    for byte in data:
        for event in stream.receive(bytes((byte,))):
            if isinstance(event, PartHead):
                found.append((event.name, event.filename, b""))
            elif isinstance(event, PartData):
                name, filename, body = found[-1]
                found[-1] = (name, filename, body + event.data)
    stream.receive_eof()
    return found


@given(st.lists(parts, max_size=4))
def test_well_formed_bodies_are_read_as_the_peer_reads_them(fields: list[tuple[str, str | None, bytes]]) -> None:
    data = build(fields)
    assert read_by_peer(data) == read_streamed(data) == fields
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    parse_multipart_form_data(b"B", data, arguments, files)
    values = [(name, None, body) for name, bodies in arguments.items() for body in bodies]
    uploads = [(name, file.filename, file.body) for name, found in files.items() for file in found]
    assert sorted(values + uploads, key=repr) == sorted(fields, key=repr)


@pytest.mark.parametrize(
    "data",
    [
        build([("a", None, b"v")])[:-6],
        b"--B\r\nContent-Disposition: form-data\r\n\r\nv\r\n--B--\r\n",
        b"--B\r\nno colon\r\n\r\nv\r\n--B--\r\n",
        b"",
    ],
)
def test_malformed_bodies_are_refused_by_both(data: bytes) -> None:
    with pytest.raises(multipart.MultipartError):
        read_by_peer(data)
    with pytest.raises(HTTPInputError):
        parse_multipart_form_data(b"B", data, {}, {})
