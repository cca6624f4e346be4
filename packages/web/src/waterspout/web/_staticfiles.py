"""StaticFileHandler: files below a folder, with the versions, conditions and ranges that browsers use.

What may be served is decided in ``_staticpaths.py``, which answer it gets in ``_conditional.py``; each step is a
method that a subclass can replace, for content from elsewhere than the file system.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar
from urllib.parse import quote

from waterspout.httputil import content_range
from waterspout.log import gen_log
from waterspout.web._byteranges import multipart_length, multipart_pieces, new_boundary
from waterspout.web._compress import add_vary
from waterspout.web._conditional import Answer, evaluate, is_unchanged
from waterspout.web._contenttype import guess_content_type
from waterspout.web._errors import HTTPError
from waterspout.web._filecontent import content_version, file_pieces
from waterspout.web._filesending import send_file
from waterspout.web._handler import RequestHandler
from waterspout.web._knownfiles import mark_of, methods_of, remember, start_static
from waterspout.web._precompressed import find_sibling
from waterspout.web._staticpaths import (
    NO_SUCH_FILE,
    StaticPathError,
    check_below,
    check_relative_path,
    directory_redirect,
    joined,
    regular_file,
    served_file,
)
from waterspout.web._urls import VersionCache, versioned_url

__all__ = ["StaticFileHandler"]

#: Bytes up to which the content is sent in one piece with its head.
_AT_ONCE = 64 * 1024
#: Bytes up to which a file is hashed on the loop; a larger one is hashed in a thread.
_HASHED_AT_ONCE = 1024 * 1024
#: Whether it is worth while to take a query apart: most have no version. (Percent-encoded it would be one, too.)
_MAY_HAVE_VERSION = re.compile("v|%76").search
#: Tornado answers 416 to this where RFC 9110, 14.1.1 calls the header invalid, so that it has to be ignored.
_BACKWARDS = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})")


class StaticFileHandler(RequestHandler):
    """Serves files below *path*; the route's one group is the path of the file.

    *default_filename* is served for a folder. *allowed_symlink_directory* (one or several) may be reached by links
    out of *path*. A request with the version in its query (``?v=``, see `RequestHandler.static_url`) may be cached
    for ten years. With *precompressed* a file's sibling with the ending ``.br``, ``.zst`` or ``.gz`` is sent in its
    place to clients that accept that coding.
    """

    __module__ = "waterspout.web"

    path: str
    root: str

    #: Seconds that a versioned file may be cached.
    CACHE_MAX_AGE = 86400 * 365 * 10
    #: Files whose versions are remembered.
    MAX_CACHED_VERSIONS = 10_000
    #: Bytes up to which a file is hashed for its version.
    MAX_VERSION_CONTENT_SIZE = 100 * 1024 * 1024

    _versions: ClassVar[VersionCache] = VersionCache()
    # Subclasses in use read and fill the cache themselves, under its lock.
    _static_hashes: ClassVar[dict[str, str | None]] = _versions._versions
    _lock = _versions._lock

    # A subclass may have an `initialize` of its own.
    root = ""
    path = ""
    default_filename: str | None = None
    allowed_symlink_directory: str | Iterable[str] | None = None
    absolute_path: str | None = None
    modified: datetime.datetime | None = None
    _precompressed = False
    _straight_start = staticmethod(start_static)
    _plain_methods: ClassVar[tuple[Any, ...]]
    _named: str | None = None
    _stat_result: os.stat_result | None = None

    def initialize(
        self,
        path: str,
        default_filename: str | None = None,
        allowed_symlink_directory: str | Iterable[str] | None = None,
        *,
        precompressed: bool = False,
    ) -> None:
        """Take the folder from the route."""
        self.root = path
        self._precompressed = precompressed
        self.default_filename = default_filename
        self.allowed_symlink_directory = allowed_symlink_directory

    @classmethod
    def reset(cls) -> None:
        """Forget the versions of all files."""
        cls._versions.reset()

    async def head(self, path: str) -> None:
        """Answer as `get` does, without the content."""
        await self.get(path, include_body=False)

    async def get(self, path: str, include_body: bool = True) -> None:
        """Serve the file."""
        self.path = self.parse_url_path(path)
        absolute = self.get_absolute_path(self.root, self.path)
        self.absolute_path = self.validate_absolute_path(self.root, absolute)
        if self.absolute_path is None:
            return
        if self._precompressed:
            self._choose_coding()
        self.modified = self.get_modified_time()
        if self._stat_result is not None:  # a changed file has another tag
            self._versions.check(self.absolute_path, mark_of(self._stat_result), self.MAX_CACHED_VERSIONS)
        if self._is_long_to_hash():
            await asyncio.get_running_loop().run_in_executor(None, self._get_cached_version, self.absolute_path)
        self.set_headers()
        remember(self)
        if self.should_return_304():
            self.set_status(304)
            return
        self._asks_conditions = False
        size = self.get_content_size()
        answer = self._evaluate(size)
        if answer.status in (412, 304):
            self.set_status(answer.status)
        elif answer.status == 416:
            self.set_status(416)
            self.set_header("Content-Type", "text/plain")
            self.set_header("Content-Range", content_range(None, None, size))
        else:
            await self._send(self.absolute_path, answer, size, include_body)

    def _send_ready(self, fields: str, content: bytes | bytearray) -> None:
        """Send a whole response whose head is ready, and count the request as finished."""
        connection: Any = self.request.connection
        self._headers_written = True
        connection.respond(self._status_code, None, fields, content)
        self._sent()

    def _choose_coding(self) -> None:
        """Put the compressed sibling that the client wants in the file's place."""
        assert self.absolute_path is not None
        add_vary(self._headers)
        accepted = self.request.headers.get("Accept-Encoding", "")
        found = find_sibling(self.root, self.absolute_path, accepted, self._allowed())
        if found is not None:
            self._named = self.absolute_path
            coding, self.absolute_path, self._stat_result = found
            self.set_header("Content-Encoding", coding)

    def _evaluate(self, size: int) -> Answer:
        headers, method = self.request.headers, self.request.method
        if self.application.compat_tornado:
            backwards = _BACKWARDS.fullmatch(headers.get("Range", ""))
            if backwards is not None and int(backwards[1]) > int(backwards[2]):
                return Answer(416)
            method = "GET"  # HEAD is told what GET would be, ranges too, which RFC 9110, 14.2 leaves to GET alone
        return evaluate(
            headers, etag=self._headers.get("Etag"), modified=self.modified, size=size, method=method,
            unchanged=False,  # `should_return_304` has said so
        )  # fmt: skip

    async def _send(self, path: str, answer: Answer, size: int, include_body: bool) -> None:
        ranges = answer.ranges
        boundary = kind = ""
        if len(ranges) > 1:
            boundary, kind = new_boundary(), self.get_content_type()
            length = multipart_length(ranges, size, kind, boundary)
            self.set_status(206)
            self.set_header("Content-Type", f"multipart/byteranges; boundary={boundary}")
        else:
            start, stop = ranges[0] if ranges else (0, size)
            length = stop - start
            if length != size:  # a range that is the whole file is answered as the whole file
                self.set_status(206)
                self.set_header("Content-Range", content_range(start, stop, size))
        self.set_header("Content-Length", str(length))
        if not include_body:
            return
        if length > _AT_ONCE and len(ranges) < 2 and self._reads_files():
            await send_file(self, path, start, stop)
            return
        if boundary:
            pieces: Iterable[bytes] = multipart_pieces(
                ranges, size, kind, boundary, lambda a, b: self._pieces(path, a, b)
            )
        else:
            pieces = self._pieces(path, start if length != size else None, stop if length != size else None)
        # As Tornado does it, transforms are told of content that may go on, so that short files are compressed too.
        flushed = length > _AT_ONCE or (self.application.compat_tornado and bool(self.application.transforms))
        for piece in pieces:
            self.write(piece)
            if flushed:
                await self.flush()

    def _pieces(self, path: str, start: int | None, stop: int | None) -> Iterable[bytes]:
        content = self.get_content(path, start, stop)
        return (content,) if isinstance(content, bytes) else content

    @classmethod
    def _reads_files(cls) -> bool:
        """Whether the content is that of the file, not what a subclass has in its place."""
        function = getattr(cls.get_content, "__func__", None)
        return function is _get_content

    def _allowed(self) -> list[str]:
        allowed = self.allowed_symlink_directory or ()
        return [allowed] if isinstance(allowed, str) else list(allowed)

    def _is_long_to_hash(self) -> bool:
        return (
            self._stat_result is not None
            and self._stat_result.st_size > _HASHED_AT_ONCE
            and self._stat_result.st_size <= self.MAX_VERSION_CONTENT_SIZE
            and self.absolute_path not in self._static_hashes
            and self._reads_files()
        )

    def parse_url_path(self, url_path: str) -> str:
        """The file path that the URL's path means on this system."""
        return url_path.replace("/", os.path.sep) if os.path.sep != "/" else url_path

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        """The absolute path of *path* below *root*; `validate_absolute_path` decides whether it may be served."""
        return joined(root, path)

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        """The path to serve, or None if this has answered the request. Raises `HTTPError` 403 or 404 otherwise."""
        try:
            if self.default_filename is not None:
                self._check_slashes(absolute_path)
            # The path as asked for is only ours to judge where a subclass has not put another in its place.
            if absolute_path == joined(root, self.path):
                check_relative_path(self.path, dotfiles=self.application.compat_tornado)
                if self.path.endswith("/") and not os.path.isdir(absolute_path):
                    raise StaticPathError(404, "slash after a file name")
            if self.default_filename is not None and os.path.isdir(absolute_path):
                # Before anything is said about a folder: is it one of ours?
                check_below(root, absolute_path, self._allowed())
                if not self.request.path.endswith("/"):
                    self.redirect(directory_redirect(self.request.path), permanent=True)
                    return None
                absolute_path = os.path.join(absolute_path, self.default_filename)
            self._stat_result = served_file(root, absolute_path, allowed_symlink_directories=self._allowed())
        except StaticPathError as error:
            if error.reason == NO_SUCH_FILE:  # every browser asks for some: the access log has them
                raise HTTPError(404) from None
            raise HTTPError(error.status_code, "%s: %s", self.path, error.reason) from None
        except ValueError:  # NUL in the path
            raise HTTPError(404) from None
        return absolute_path

    def _check_slashes(self, absolute_path: str) -> None:
        """Refuse to think about a redirect for a path that browsers would take for a host."""
        asked = self.request.path
        if asked[1:2] in ("/", "\\") and not asked.endswith("/") and not os.path.isfile(absolute_path):
            raise StaticPathError(403, "cannot redirect path with two initial slashes")

    def get_content_version_etag(self) -> str | None:
        """The entity tag of the file: its version in quotes."""
        assert self.absolute_path is not None
        version = self._get_cached_version(self.absolute_path)
        return f'"{version}"' if version else None

    def compute_etag(self) -> str | None:
        """See `RequestHandler.compute_etag`: the file's version."""
        return self.get_content_version_etag()

    def set_headers(self) -> None:
        """Set what describes the content: Accept-Ranges, Etag, Last-Modified, Content-Type, caching."""
        self.set_header("Accept-Ranges", "bytes")
        self.set_etag_header()
        if self.modified is not None:
            self.set_header("Last-Modified", self.modified)
        kind = self.get_content_type()
        if kind:
            self.set_header("Content-Type", kind)
        if not self.application.compat_tornado:
            self.set_header("X-Content-Type-Options", "nosniff")
        seconds = self.get_cache_time(self.path, self.modified, kind)
        if seconds > 0:
            now = datetime.datetime.now(datetime.UTC)
            self.set_header("Expires", now + datetime.timedelta(seconds=seconds))
            self.set_header("Cache-Control", f"max-age={seconds}")
        self.set_extra_headers(self.path)

    def should_return_304(self) -> bool:
        """Whether the client has this version already."""
        return is_unchanged(self.request.headers, self._headers.get("Etag"), self.modified)

    def get_cache_time(self, path: str, modified: datetime.datetime | None, mime_type: str) -> int:
        """Seconds that the answer may be cached: long where the URL holds the version, else 0 (no field is sent)."""
        query = self.request.query
        return self.CACHE_MAX_AGE if query and _MAY_HAVE_VERSION(query) and "v" in self.request.query_arguments else 0

    def set_extra_headers(self, path: str) -> None:
        """For subclasses: set further headers."""

    def get_content_size(self) -> int:
        """Bytes of the whole content."""
        return self._stat().st_size

    def get_modified_time(self) -> datetime.datetime | None:
        """When the content was changed last, in whole seconds (UTC); None if that is not known."""
        return datetime.datetime.fromtimestamp(int(self._stat()[stat.ST_MTIME]), datetime.UTC)

    def get_content_type(self) -> str:
        """The media type of the content."""
        named = self._named or self.absolute_path
        assert named is not None
        return guess_content_type(named)

    def _stat(self) -> os.stat_result:
        if self._stat_result is None:
            assert self.absolute_path is not None
            self._stat_result = os.stat(self.absolute_path)
        return self._stat_result

    @classmethod
    def get_content(cls, abspath: str, start: int | None = None, end: int | None = None) -> bytes | Iterator[bytes]:
        """The bytes of a file from *start* up to *end*, whole or in pieces."""
        return file_pieces(abspath, start, end)

    @classmethod
    def get_content_version(cls, abspath: str) -> str:
        """The version of a file: a hash of its content, as `get_content` gives it."""
        if cls._reads_files():
            return content_version(abspath, cls.MAX_VERSION_CONTENT_SIZE)
        content = cls.get_content(abspath)
        digest = hashlib.sha512()
        for piece in (content,) if isinstance(content, bytes) else content:
            digest.update(piece)
        return digest.hexdigest()

    @classmethod
    def _get_cached_version(cls, abspath: str) -> str | None:
        return cls._versions.get(abspath, cls._version_or_none, cls.MAX_CACHED_VERSIONS)

    @classmethod
    def _version_or_none(cls, abspath: str) -> str | None:
        try:
            return cls.get_content_version(abspath)
        except (OSError, ValueError) as error:
            gen_log.error("Could not open static file %r: %s", abspath, error)
            return None

    @classmethod
    def get_version(cls, settings: dict[str, Any], path: str) -> str | None:
        """The version of *path* below the setting ``static_path``; None, and a line in the log, if it cannot be served.

        Raises `HTTPError` 403 for a path that leads out of it: that is a mistake in the page.
        """
        root = settings["static_path"]
        try:
            check_relative_path(path, dotfiles=True)
        except StaticPathError as error:
            if error.status_code == 403:
                raise HTTPError(403, "%s: %s", path, error.reason) from None
            gen_log.error("Could not open static file %r: %s", path, error.reason)
            return None
        absolute = cls.get_absolute_path(root, path)
        if cls._reads_files():
            try:
                status = regular_file(absolute)
            except StaticPathError as error:
                gen_log.error("Could not open static file %r: %s", path, error.reason)
                return None
            cls._versions.note(absolute, mark_of(status), cls.MAX_CACHED_VERSIONS)
        return cls._get_cached_version(absolute)

    @classmethod
    def make_static_url(cls, settings: dict[str, Any], path: str, include_version: bool = True) -> str:
        """The URL of *path*: the setting ``static_url_prefix`` (default ``/static/``), the path, its version."""
        prefix = settings.get("static_url_prefix", "/static/")
        if not include_version:
            return versioned_url(prefix, quote(path), None)
        return versioned_url(prefix, quote(path), cls.get_version(settings, path))


StaticFileHandler._plain_methods = methods_of(StaticFileHandler)
_get_content = StaticFileHandler.get_content.__func__  # type: ignore[attr-defined]  # a classmethod's function
