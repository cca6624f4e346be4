"""Static files whose answer is known: asked for again, they cost a look at the file and no more.

The long way of `StaticFileHandler` decides what a file is and which fields describe it; what it found is kept here.
A later GET of the same path is answered from that in one go, without a task, if everything is still as it was:

* no folder between the root and the file, nor the file, is a symbolic link. They are looked at with each request, so
  that a link which appears later is judged by the long way;
* the file is the same one (device, inode) with the same times and size, and its version is still remembered;
* nothing was asked that needs thought (ranges, conditions other than an If-None-Match that fits), nothing is in the way
  of the response (transforms, headers of the handler's own), and no method is one of a subclass's own.

In every other case nothing has happened yet, and the long way goes on.
"""

from __future__ import annotations

import os
import time
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Any

from waterspout.httputil import format_timestamp
from waterspout.web._etag import matches_weakly
from waterspout.web._execution import start
from waterspout.web._filecontent import open_regular
from waterspout.web._filereader import PIECE, read_cached

if TYPE_CHECKING:
    from waterspout.httputil import HTTPServerRequest
    from waterspout.web._plan import CallPlan
    from waterspout.web._staticfiles import StaticFileHandler

__all__ = ["KnownFile", "mark_of", "methods_of", "remember", "start_static"]

#: Files of an application of which this is kept, some 2 KiB each; the one that was found first goes first.
MAX_KNOWN = 2000

_HTML_LINE = "\r\nContent-Type: text/html; charset=UTF-8\r\n"
#: Beginnings of fields that the long way has to read.
_CONDITIONS = (b"if-", b"range:")
Mark = tuple[int, ...]


class KnownFile:
    """What is known of the file at *path*.

    ``folders`` are those from the root to the file; ``fields`` are the lines that every answer has, ``type_line`` the
    one for content.
    """

    __slots__ = ("etag", "fields", "folders", "mark", "path", "size", "tag", "type_line", "version")

    def __init__(
        self, path: str, folders: tuple[str, ...], mark: Mark, size: int, version: str, fields: str, type_line: str
    ) -> None:
        self.path = path
        self.folders = folders
        self.mark = mark
        self.size = size
        self.version = version
        self.etag = f'"{version}"'
        self.tag = self.etag.encode()
        self.fields = fields
        self.type_line = type_line

    def is_as_it_was(self) -> bool:
        """Whether the file is the same and unchanged, and reached without a link. False where it cannot be seen."""
        try:
            for folder in self.folders:
                if not S_ISDIR(os.lstat(folder).st_mode):
                    return False
            return mark_of(os.lstat(self.path)) == self.mark
        except OSError:
            return False

    def read(self) -> bytearray | None:
        """The content, if it is small and in the page cache, and the file is the one that is known."""
        if self.size > PIECE:
            return None
        try:
            descriptor = open_regular(self.path)
        except OSError:
            return None
        try:
            if mark_of(os.fstat(descriptor)) != self.mark:
                return None
            content = read_cached(descriptor, 0, self.size)
        finally:
            os.close(descriptor)
        return content if content is not None and len(content) == self.size else None


def start_static(handler: StaticFileHandler, plan: CallPlan, args: Any, kwargs: Any) -> None:
    """Answer what is known at once; all else as `start` does."""
    if handler.request.method == "GET":
        captured = args[0] if args else kwargs.get("path")
        if captured is not None and len(args) + len(kwargs) == 1:
            try:
                if _answer(handler, captured if type(captured) is str else captured.decode()):
                    return
            except UnicodeDecodeError:
                pass  # the long way says what is wrong with it
            except Exception as error:
                handler._handle_request_exception(error)
                return
    start(handler, plan, args, kwargs)


def _answer(handler: StaticFileHandler, captured: str) -> bool:
    """Whether the request was answered from what is known."""
    root = handler.root
    if type(root) is not str:  # a subclass with several roots, in a dict or list
        return False
    application = handler.application
    files = application._known_files
    known = files.get((root, captured, handler.default_filename))
    request = handler.request
    if (
        known is None
        or handler._precompressed
        or handler._header_map is not None  # what set_default_headers or initialize have set
        or handler._new_cookie
        or handler._write_buffer
        or handler._status_code != 200
        or application.transforms
        or application._more_fields is not None
        or not hasattr(request.connection, "respond")
        or not _is_plain(type(handler))
    ):
        return False
    if not known.is_as_it_was():
        del files[root, captured, handler.default_filename]
        return False
    if handler._static_hashes.get(known.path) != known.version:
        return False
    wanted = request.if_none_match
    if wanted is not None:
        if wanted != known.tag and not matches_weakly(wanted.decode("latin-1"), known.etag):
            return False
        status, content = 304, None
    else:
        if _is_conditional(request):
            return False
        status, content = 200, known.read()
        if content is None:
            return False
    handler.path, handler.absolute_path = captured, known.path
    fields = application._default_fields(request)
    if content is None:
        fields = fields.replace(_HTML_LINE, "\r\n", 1) + known.fields
    else:
        fields = fields.replace(_HTML_LINE, known.type_line, 1) + known.fields
    if request.query and (seconds := handler.get_cache_time(handler.path, None, "")) > 0:
        fields += f"Expires: {format_timestamp(time.time() + seconds)}\r\nCache-Control: max-age={seconds}\r\n"
    handler._status_code = status
    handler._send_ready(fields if content is None else f"{fields}Content-Length: {known.size}\r\n", content or b"")
    return True


def _is_conditional(request: HTTPServerRequest) -> bool:
    """Whether a field of the head makes the answer depend on more than the path."""
    lowered = request.field_block.lower()
    if not lowered:  # a request that did not come as text
        return any(name.lower().startswith(("if-", "range")) for name in request.headers)
    return lowered.startswith(_CONDITIONS) or b"\nif-" in lowered or b"\nrange:" in lowered


def remember(handler: StaticFileHandler) -> None:
    """Keep what the long way has found for the file of *handler*, whose headers are set, if it can be used again."""
    status, path, headers = handler._stat_result, handler.absolute_path, handler._headers
    etag = headers.get("Etag")
    if status is None or path is None or etag is None or handler._named is not None or not _is_plain(type(handler)):
        return
    folders = _folders(handler.root, path)
    mark = mark_of(status)
    version = etag[1:-1]
    if folders is None or etag != f'"{version}"' or handler._static_hashes.get(path) != version:
        return
    modified, kind = headers.get("Last-Modified"), headers.get("Content-Type")
    if modified is None or not kind:
        return
    fields = f"Accept-Ranges: bytes\r\nEtag: {etag}\r\nLast-Modified: {modified}\r\n"
    if "X-Content-Type-Options" in headers:
        fields += "X-Content-Type-Options: nosniff\r\n"
    type_line = f"\r\nContent-Type: {kind}\r\n"
    known = KnownFile(path, folders, mark, status.st_size, version, fields, type_line)
    if known.is_as_it_was():  # not so where there is a link on the way
        files = handler.application._known_files
        while len(files) >= MAX_KNOWN:
            del files[next(iter(files))]
        files[handler.root, handler.path, handler.default_filename] = known


def _folders(root: str, path: str) -> tuple[str, ...] | None:
    """The folders between *root* and *path*; None if it is not simply below."""
    root = os.path.abspath(root)
    prefix = root if root.endswith(os.sep) else root + os.sep
    if not path.startswith(prefix):
        return None
    segments = path[len(prefix) :].split(os.sep)[:-1]
    return tuple(prefix + os.sep.join(segments[: count + 1]) for count in range(len(segments)))


def mark_of(status: os.stat_result) -> Mark:
    """What changes when the file does; empty for what is no file."""
    if not S_ISREG(status.st_mode):
        return ()
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)


def _is_plain(cls: type[StaticFileHandler]) -> bool:
    """Whether *cls* has the methods of `StaticFileHandler`, now: they may be overridden and patched."""
    return methods_of(cls) == cls._plain_methods


def methods_of(cls: type[StaticFileHandler]) -> tuple[Any, ...]:
    """The methods that decide what is answered."""
    return (
        cls.get, cls.parse_url_path, cls.validate_absolute_path, cls.get_content_version_etag, cls.compute_etag,
        cls.set_headers, cls.should_return_304, cls.get_cache_time, cls.set_extra_headers, cls.get_content_size,
        cls.get_modified_time, cls.get_content_type, cls.decode_argument, cls.prepare, cls.set_etag_header,
        cls.set_header, cls.set_status, cls.write, cls.flush, cls.finish,
        # A subclass may have put methods for instances in the place of these class methods.
        getattr(cls.get_absolute_path, "__func__", None), getattr(cls.get_content, "__func__", None),
        getattr(cls.get_content_version, "__func__", None),
    )  # fmt: skip
