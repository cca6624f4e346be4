"""Request bodies from what programs have: JSON, forms, files, iterators."""

from __future__ import annotations

import asyncio
import json as json_module
import os
import re
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

if TYPE_CHECKING:
    from waterspout.httpclient._request import BodyProducer, BodyWriter

    #: A file to upload: a path, or an open binary file, or bytes.
    FileLike = str | os.PathLike[str] | IO[bytes] | bytes
    #: A value of a multipart field: text, or a file as it is or as ``(name, file)`` or ``(name, file, content type)``.
    Part = str | FileLike | tuple[str, FileLike] | tuple[str, FileLike, str]
    Fields = Mapping[str, Any] | Iterable[tuple[str, Any]]

#: Bytes read from a file at a time.
CHUNK = 256 * 1024


class Content(NamedTuple):
    """A request's body with the headers that describe it."""

    body: bytes | None
    producer: BodyProducer | None
    headers: dict[str, str]


def content_of(json: Any, form: Any, files: Any, content: Any) -> Content:
    """The body for a request's ``json``, ``form``, ``files`` and ``content``. Raises ValueError for two at once."""
    if [json is not None, form is not None or files is not None, content is not None].count(True) != 1:
        raise ValueError("json, form (with files) and content exclude each other")
    if json is not None:
        return json_content(json)
    if files is not None:
        return multipart_content(form or {}, files)
    if form is not None:
        return form_content(form)
    if isinstance(content, str):
        return Content(content.encode("utf-8"), None, {"Content-Type": "text/plain; charset=utf-8"})
    if isinstance(content, (bytes, os.PathLike)) or hasattr(content, "read"):
        return file_content(content)
    return iterable_content(content)


def json_content(value: Any) -> Content:
    """*value* as JSON (RFC 8259), in UTF-8. Raises TypeError and ValueError for what JSON cannot hold."""
    body = json_module.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
    return Content(body, None, {"Content-Type": "application/json"})


def form_content(fields: Fields) -> Content:
    """*fields* as an HTML form sends them; a value that is a list makes several fields."""
    body = urlencode(fields if isinstance(fields, Mapping) else list(fields), doseq=True).encode("ascii")
    return Content(body, None, {"Content-Type": "application/x-www-form-urlencoded"})


def file_content(file: FileLike) -> Content:
    """A file's bytes, read while they are sent. A path also gives the content type that its name suggests."""
    if isinstance(file, bytes):
        return Content(file, None, {"Content-Type": "application/octet-stream"})
    size = _size_of(file)
    headers = {"Content-Type": _guess_type(file)}
    if size is not None:
        headers["Content-Length"] = str(size)

    async def produce(write: BodyWriter) -> None:
        await _send_file(file, write, size)

    return Content(None, produce, headers)


def iterable_content(pieces: AsyncIterable[bytes] | Iterable[bytes]) -> Content:
    """The pieces of an iterator, asynchronous or not, sent as they come."""

    async def produce(write: BodyWriter) -> None:
        if isinstance(pieces, AsyncIterable):
            async for piece in pieces:
                await write(piece)
        else:
            for piece in pieces:
                await write(piece)

    return Content(None, produce, {})


def multipart_content(fields: Fields, files: Mapping[str, Part] | Iterable[tuple[str, Part]]) -> Content:
    """A ``multipart/form-data`` body (RFC 7578) of text *fields* and *files*, which are read while they are sent.

    Raises ValueError for a file whose size cannot be told beforehand.
    """
    boundary = os.urandom(16).hex()
    parts: list[tuple[bytes, FileLike]] = []
    for name, value in _pairs(fields):
        for text in value if isinstance(value, (list, tuple)) else (value,):
            parts.append((_part_head(boundary, name), text if isinstance(text, bytes) else str(text).encode("utf-8")))
    for name, part in _pairs(files):
        filename, file, content_type = _unpacked(part)
        parts.append((_part_head(boundary, name, filename, content_type), file))
    end = f"--{boundary}--\r\n".encode("ascii")
    sizes = [_size_of(file) for _, file in parts]
    if None in sizes:
        raise ValueError("a part's size is unknown: give a path, bytes, or a file that can be sought")
    total = sum(size or 0 for size in sizes) + sum(len(head) + 2 for head, _ in parts) + len(end)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    if all(isinstance(file, bytes) for _, file in parts):
        return Content(b"".join(_flat(parts)) + end, None, headers)
    headers["Content-Length"] = str(total)

    async def produce(write: BodyWriter) -> None:
        for (head, file), size in zip(parts, sizes, strict=True):
            await write(head)
            if isinstance(file, bytes):
                await write(file)
            else:
                await _send_file(file, write, size)
            await write(b"\r\n")
        await write(end)

    return Content(None, produce, headers)


def _flat(parts: list[tuple[bytes, FileLike]]) -> Iterable[bytes]:
    for head, data in parts:
        assert isinstance(data, bytes)
        yield head
        yield data
        yield b"\r\n"


def _pairs(fields: Any) -> Iterable[tuple[str, Any]]:
    return fields.items() if isinstance(fields, Mapping) else fields


def _unpacked(part: Part) -> tuple[str, FileLike, str]:
    if isinstance(part, tuple):
        filename, file = part[0], part[1]
        return filename, file, part[2] if len(part) > 2 else _guess_type(filename)
    name = part if isinstance(part, (str, os.PathLike)) else getattr(part, "name", "file")
    return os.path.basename(name) if isinstance(name, (str, os.PathLike)) else "file", part, _guess_type(part)


def _part_head(boundary: str, name: str, filename: str | None = None, content_type: str | None = None) -> bytes:
    lines = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
    if filename is not None:
        lines += f'; filename="{_quoted(filename)}"'
    if content_type is not None:
        if re.fullmatch(r"[\x20-\x7e]+", content_type) is None:
            raise ValueError(f"{content_type!r} is no content type")
        lines += f"\r\nContent-Type: {content_type}"
    return f"{lines}\r\n\r\n".encode()


def _quoted(text: str) -> str:
    """As the HTML standard has browsers do it (4.10.21.8)."""
    return text.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")


def _guess_type(file: Any) -> str:
    name = file if isinstance(file, (str, os.PathLike)) else getattr(file, "name", None)
    if isinstance(name, (str, os.PathLike)):
        import mimetypes  # reads the system's tables when it is first used

        return mimetypes.guess_type(os.fspath(name))[0] or "application/octet-stream"
    return "application/octet-stream"


def _size_of(file: FileLike) -> int | None:
    if isinstance(file, bytes):
        return len(file)
    if isinstance(file, (str, os.PathLike)):
        return os.stat(file).st_size
    try:
        here = file.tell()
        end = file.seek(0, os.SEEK_END)
        file.seek(here)
    except (OSError, AttributeError):
        return None
    return end - here


async def _send_file(file: FileLike, write: BodyWriter, size: int | None) -> None:
    """Write what is left of *file*, reading in a thread, since disks and network file systems block."""
    assert not isinstance(file, bytes)
    loop = asyncio.get_running_loop()
    opened = open(file, "rb") if isinstance(file, (str, os.PathLike)) else file  # noqa: ASYNC230
    try:
        while size is None or size > 0:
            chunk = await loop.run_in_executor(None, opened.read, CHUNK if size is None else min(CHUNK, size))
            if not chunk:
                break
            if size is not None:
                size -= len(chunk)
            await write(chunk)
    finally:
        if opened is not file:
            opened.close()
