"""Compressed responses."""

import gzip
import zlib
from collections.abc import Callable

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.httputil import HTTPHeaders
from waterspout.util import set_compat_default
from waterspout.web import Application, RequestHandler
from waterspout.web._coders import available_codings, compress_whole, new_coder
from waterspout.web._compress import GZipContentEncoding, NegotiatedContentEncoding, accepted_coding
from waterspout.web._transform import OutputTransform
from waterspout.web._xsrf import decode_token, encode_token

BIG = b"<p>hello</p>" * 200


class Request:
    def __init__(self, **headers: str) -> None:
        self.headers = HTTPHeaders({name.replace("_", "-"): value for name, value in headers.items()})


def decoder(coding: str) -> Callable[[bytes], bytes]:
    if coding == "gzip":
        return gzip.decompress
    if coding == "br":
        return pytest.importorskip("brotli").decompress
    module = "compression.zstd" if __import__("sys").version_info >= (3, 14) else "backports.zstd"
    return pytest.importorskip(module).decompress


def transformed(
    chunk: bytes = BIG,
    *,
    status: int = 200,
    finishing: bool = True,
    accept: str = "gzip",
    kind: str = "text/html; charset=UTF-8",
    **headers: str,
) -> tuple[HTTPHeaders, bytes]:
    fields = HTTPHeaders({"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}})
    transform = GZipContentEncoding(Request(Accept_Encoding=accept))
    found, result, body = transform.transform_first_chunk(status, fields, chunk, finishing)
    assert found == status
    return result, body


def test_the_plain_transform_changes_nothing() -> None:
    transform, headers = OutputTransform(Request()), HTTPHeaders({"A": "b"})
    assert transform.transform_first_chunk(201, headers, b"x", False) == (201, headers, b"x")
    assert transform.transform_chunk(b"y", True) == b"y"


def test_a_whole_body_is_compressed_and_its_length_corrected() -> None:
    headers, body = transformed(Content_Length=str(len(BIG)))
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Length"] == str(len(body))
    assert gzip.decompress(body) == BIG
    assert len(body) < len(BIG) / 4


def test_a_body_without_a_length_gets_none() -> None:
    assert "Content-Length" not in transformed()[0]


@pytest.mark.parametrize("accept", ["", "gzip;q=0", "*;q=0", "br", "identity", "gzip;q=0.5, identity;q=1", "deflate"])
def test_SF21_a_coding_the_client_does_not_want_is_not_used_but_vary_is_sent(accept: str) -> None:
    headers, body = transformed(accept=accept)
    assert body == BIG
    assert "Content-Encoding" not in headers
    assert headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "accept", ["gzip", "GZIP", "*", "deflate, gzip;q=1.0, *;q=0.5", "x-gzip", "gzip, identity;q=0.5"]
)
def test_SF21_a_coding_the_client_wants_is_used(accept: str) -> None:
    assert transformed(accept=accept)[0]["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "image/png"},
        {"kind": ""},
        {"Content_Encoding": "br"},
        {"Cache_Control": "public, No-Transform"},
        {"status": 206},
        {"status": 204},
        {"status": 304},
        {"chunk": b"x" * 1023},
        {"chunk": b""},
    ],
)
def test_DB5_what_must_or_need_not_be_compressed_is_left_alone(options: dict[str, object]) -> None:
    chunk = options.get("chunk", BIG)
    headers, body = transformed(**options)  # type: ignore[arg-type]
    assert body == chunk
    assert headers.get("Content-Encoding") == options.get("Content_Encoding")
    assert headers["Vary"] == "Accept-Encoding"


def test_DB5_a_body_of_the_least_length_is_compressed() -> None:
    assert transformed(b"x" * 1024)[0]["Content-Encoding"] == "gzip"


def test_RW12_a_page_with_a_secret_can_stay_uncompressed_and_the_tokens_of_others_are_masked() -> None:
    masked = {encode_token(b"x" * 16) for _ in range(20)}
    assert len(masked) == 20, "the same secret looks different in each response, so its length tells nothing"
    assert {decode_token(token)[1] for token in masked} == {b"x" * 16}
    headers, body = transformed(Content_Encoding="identity")
    assert body == BIG and "Content-Encoding" not in headers


def test_DB5_identity_opts_a_response_out_and_is_not_sent() -> None:
    headers, body = transformed(Content_Encoding="identity")
    assert body == BIG
    assert "Content-Encoding" not in headers


@pytest.mark.parametrize(
    ("vary", "expected"),
    [
        ("Cookie", "Cookie, Accept-Encoding"),
        ("accept-encoding", "accept-encoding"),
        ("*", "*"),
        ("Origin, Accept-Encoding", "Origin, Accept-Encoding"),
    ],
)
def test_vary_is_added_once(vary: str, expected: str) -> None:
    assert transformed(Vary=vary)[0]["Vary"] == expected


def test_a_strong_etag_becomes_weak_when_the_bytes_change() -> None:
    assert transformed(Etag='"x"')[0]["Etag"] == 'W/"x"'
    assert transformed(Etag='W/"x"')[0]["Etag"] == 'W/"x"'
    assert transformed(Etag='"x"', accept="br")[0]["Etag"] == '"x"'


def test_where_tornado_is_the_default_the_etag_stays() -> None:
    set_compat_default("tornado")
    try:
        assert transformed(Etag='"x"')[0]["Etag"] == '"x"'
    finally:
        set_compat_default("waterspout")


def test_DB5_each_piece_of_a_stream_can_be_decoded_when_it_arrives() -> None:
    transform = GZipContentEncoding(Request(Accept_Encoding="gzip"))
    headers = HTTPHeaders({"Content-Type": "text/event-stream", "Content-Length": "99"})
    _, headers, piece = transform.transform_first_chunk(200, headers, b"data: 1\n\n", False)
    assert "Content-Length" not in headers
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert inflate.decompress(piece) == b"data: 1\n\n"
    assert inflate.decompress(transform.transform_chunk(b"data: 2\n\n", False)) == b"data: 2\n\n"
    assert inflate.decompress(transform.transform_chunk(b"", True)) == b""
    assert inflate.eof


def test_a_stream_that_is_not_compressed_passes_through() -> None:
    transform = GZipContentEncoding(Request())
    transform.transform_first_chunk(200, HTTPHeaders({"Content-Type": "text/html"}), b"a", False)
    assert transform.transform_chunk(b"b", True) == b"b"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("gzip;q=1, br;q=0.9", "gzip"),
        ("*", "zstd"),
        ("*, zstd;q=0", "br"),
        ("zstd;q=0, br;q=0, *;q=0.1", "gzip"),
        ("identity;q=1, *;q=0", None),
        ("br;q=0.5, identity;q=0.6", None),
        ("", None),
    ],
)
def test_the_clients_wish_goes_before_our_order(header: str, expected: str | None) -> None:
    assert accepted_coding(header, ("zstd", "br", "gzip")) == expected


@pytest.mark.parametrize("coding", available_codings())
def test_every_coding_that_is_installed_can_be_decoded(coding: str) -> None:
    assert decoder(coding)(compress_whole(coding, 6, BIG)) == BIG
    coder = new_coder(coding, 6)
    pieces = [coder.add(b"one"), coder.flush(), coder.add(b"two"), coder.finish()]
    assert pieces[1] or pieces[0]
    assert decoder(coding)(b"".join(pieces)) == b"onetwo"


def test_the_best_installed_coding_is_negotiated() -> None:
    best = available_codings()[0]
    transform = NegotiatedContentEncoding(Request(Accept_Encoding="gzip, br, zstd"))
    _, headers, body = transform.transform_first_chunk(200, HTTPHeaders({"Content-Type": "text/html"}), BIG, True)
    assert headers["Content-Encoding"] == best
    assert decoder(best)(body) == BIG


def test_gzip_is_always_there_and_the_worst() -> None:
    assert available_codings()[-1] == "gzip"


@pytest.mark.parametrize("compat", [None, "tornado"])
def test_the_setting_negotiates_among_all_that_is_installed_but_tornados_is_gzip(
    fetch: Callable[..., HTTPResponse], compat: str | None
) -> None:
    class Page(RequestHandler):
        def get(self) -> None:
            self.write(BIG)

    app = Application([("/", Page)], compress_response=True, compat=compat)
    accept = {"Accept-Encoding": "gzip;q=0.5, zstd, br"}
    response = fetch(app, headers=accept, decompress_response=False)
    best = available_codings()[0] if compat is None else "gzip"
    assert response.headers["Content-Encoding"] == best and response.headers["Vary"] == "Accept-Encoding"
    assert decoder(best)(response.body) == BIG
