"""Media types."""

import pytest

from waterspout.web._contenttype import guess_content_type, is_compressible


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/x/a.html", "text/html"),
        ("a.txt", "text/plain"),
        ("a.JS", "text/javascript"),
        ("a.mjs", "text/javascript"),
        ("a.woff2", "font/woff2"),
        ("a.wasm", "application/wasm"),
        ("a.webp", "image/webp"),
        ("a.svg", "image/svg+xml"),
        ("a.tar.gz", "application/gzip"),
        ("a.css.gz", "application/gzip"),
        ("a.txt.bz2", "application/octet-stream"),
        ("a.unknown-ending", "application/octet-stream"),
        ("README", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_SF25_a_type_is_known_or_octet_stream(path: str, expected: str) -> None:
    assert guess_content_type(path) == expected


@pytest.mark.parametrize(
    "kind", ["text/html; charset=UTF-8", "TEXT/plain", "application/json", "application/problem+json", "image/svg+xml"]
)
def test_DB5_text_is_worth_compressing(kind: str) -> None:
    assert is_compressible(kind)


@pytest.mark.parametrize(
    "kind", ["image/png", "video/mp4", "font/woff2", "application/zip", "application/octet-stream", ""]
)
def test_DB5_what_is_compressed_already_is_not(kind: str) -> None:
    assert not is_compressible(kind)
