"""StaticFileHandler: files below a folder, with the versions, conditions and ranges that browsers use.

What may be served is decided in ``_staticpaths.py``, which answer it gets in ``_conditional.py``; each step is a
method that a subclass can replace, for content from elsewhere than the file system.
"""

from __future__ import annotations

import datetime
import os
import stat
import threading
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar
from urllib.parse import quote

from waterspout.httputil import content_range
from waterspout.log import gen_log
from waterspout.web._byteranges import multipart_length, multipart_pieces, new_boundary
from waterspout.web._conditional import Answer, evaluate, is_unchanged
from waterspout.web._contenttype import guess_content_type
from waterspout.web._errors import HTTPError
from waterspout.web._filecontent import content_version, file_pieces
from waterspout.web._handler import RequestHandler
from waterspout.web._staticpaths import StaticPathError, check_relative_path, directory_redirect, joined, served_file
from waterspout.web._urls import VersionCache, versioned_url

__all__ = ["StaticFileHandler"]


class StaticFileHandler(RequestHandler):
    """Serves files below *path*; the route's one group is the path of the file.

    *default_filename* is served for a folder. *allowed_symlink_directory* (one or several) may be reached by links
    out of *path*. A request with the version in its query (``?v=``, see `RequestHandler.static_url`) may be cached
    for ten years.
    """

    __module__ = "waterspout.web"

    #: Seconds that a versioned file may be cached.
    CACHE_MAX_AGE = 86400 * 365 * 10
    #: Files whose versions are remembered.
    MAX_CACHED_VERSIONS = 10_000
    #: Bytes up to which a file is hashed for its version: hashing happens on the loop.
    MAX_VERSION_CONTENT_SIZE = 100 * 1024 * 1024

    _versions: ClassVar[VersionCache] = VersionCache()
    _lock = threading.Lock()

    absolute_path: str | None = None
    modified: datetime.datetime | None = None
    _stat: os.stat_result | None = None
    _answer = Answer(200)

    def initialize(
        self,
        path: str,
        default_filename: str | None = None,
        allowed_symlink_directory: str | Iterable[str] | None = None,
    ) -> None:
        """Take the folder from the route."""
        self.root = path
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
        self.modified = self.get_modified_time()
        self.set_headers()
        if self.should_return_304():
            self.set_status(304)
            return
        size = self.get_content_size()
        self._answer = answer = evaluate(
            self.request.headers,
            etag=self._headers.get("Etag"),
            modified=self.modified,
            size=size,
            method=self.request.method,
        )
        if answer.status in (412, 304):
            self.set_status(answer.status)
        elif answer.status == 416:
            self.set_status(416)
            self.set_header("Content-Type", "text/plain")
            self.set_header("Content-Range", content_range(None, None, size))
        else:
            await self._send(self.absolute_path, answer, size, include_body)

    async def _send(self, path: str, answer: Answer, size: int, include_body: bool) -> None:
        ranges = answer.ranges
        if len(ranges) == 1:
            (start, stop), length = ranges[0], ranges[0][1] - ranges[0][0]
            if length != size:  # a range that is the whole file is answered as the whole file
                self.set_status(206)
                self.set_header("Content-Range", content_range(start, stop, size))
            pieces = self._pieces(path, start, stop)
        elif ranges:
            boundary, kind = new_boundary(), self.get_content_type()
            self.set_status(206)
            self.set_header("Content-Type", f"multipart/byteranges; boundary={boundary}")
            length = multipart_length(ranges, size, kind, boundary)
            pieces = multipart_pieces(ranges, size, kind, boundary, lambda a, b: self._pieces(path, a, b))
        else:
            length = size
            pieces = self._pieces(path, None, None)
        self.set_header("Content-Length", str(length))
        if not include_body:
            return
        for piece in pieces:
            self.write(piece)
            await self.flush()

    def _pieces(self, path: str, start: int | None, stop: int | None) -> Iterable[bytes]:
        content = self.get_content(path, start, stop)
        return (content,) if isinstance(content, bytes) else content

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
            # The path as asked for is only ours to judge where a subclass has not put another in its place.
            if absolute_path == joined(root, self.path):
                check_relative_path(self.path, dotfiles=self.application.compat_tornado)
                if self.path.endswith("/") and not os.path.isdir(absolute_path):
                    raise StaticPathError(404, "slash after a file name")
            if self.default_filename is not None and os.path.isdir(absolute_path):
                served_root = os.path.abspath(root)
                if absolute_path != served_root and not absolute_path.startswith(served_root + os.sep):
                    raise StaticPathError(403, "path leads out of the root directory")
                if not self.request.path.endswith("/"):
                    self.redirect(directory_redirect(self.request.path), permanent=True)
                    return None
                absolute_path = os.path.join(absolute_path, self.default_filename)
            allowed = self.allowed_symlink_directory or ()
            self._stat = served_file(
                root,
                absolute_path,
                allowed_symlink_directories=[allowed] if isinstance(allowed, str) else list(allowed),
            )
        except StaticPathError as error:
            raise HTTPError(error.status_code, "%s: %s", self.path, error.reason) from None
        except ValueError:  # NUL in the path
            raise HTTPError(404) from None
        return absolute_path

    def get_content_version_etag(self) -> str | None:
        """The entity tag of the file: its version in quotes."""
        assert self.absolute_path is not None
        version = self._cached_version(self.absolute_path)
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
        return self.CACHE_MAX_AGE if "v" in self.request.query_arguments else 0

    def set_extra_headers(self, path: str) -> None:
        """For subclasses: set further headers."""

    def get_content_size(self) -> int:
        """Bytes of the whole content."""
        return self._status().st_size

    def get_modified_time(self) -> datetime.datetime | None:
        """When the content was changed last, in whole seconds (UTC); None if that is not known."""
        return datetime.datetime.fromtimestamp(int(self._status()[stat.ST_MTIME]), datetime.UTC)

    def get_content_type(self) -> str:
        """The media type of the content."""
        assert self.absolute_path is not None
        return guess_content_type(self.absolute_path)

    def _status(self) -> os.stat_result:
        if self._stat is None:
            assert self.absolute_path is not None
            self._stat = os.stat(self.absolute_path)
        return self._stat

    @classmethod
    def get_content(cls, abspath: str, start: int | None = None, end: int | None = None) -> bytes | Iterator[bytes]:
        """The bytes of a file from *start* up to *end*, whole or in pieces."""
        return file_pieces(abspath, start, end)

    @classmethod
    def get_content_version(cls, abspath: str) -> str:
        """The version of a file: a hash of its content."""
        return content_version(abspath, cls.MAX_VERSION_CONTENT_SIZE)

    @classmethod
    def _cached_version(cls, abspath: str) -> str | None:
        return cls._versions.get(abspath, cls._version_or_none)

    @classmethod
    def _version_or_none(cls, abspath: str) -> str | None:
        try:
            return cls.get_content_version(abspath)
        except (OSError, ValueError) as error:
            gen_log.error("Could not open static file %r: %s", abspath, error)
            return None

    @classmethod
    def get_version(cls, settings: dict[str, Any], path: str) -> str | None:
        """The version of *path* below the setting ``static_path``; None if there is no such file."""
        root = settings["static_path"]
        try:
            check_relative_path(path, dotfiles=True)
            absolute = cls.get_absolute_path(root, path)
            served_file(root, absolute, allowed_symlink_directories=settings.get("static_symlink_directories", ()))
        except StaticPathError as error:
            if error.status_code == 403 and "leads out" in error.reason:
                raise HTTPError(403, "%s: %s", path, error.reason) from None
            gen_log.error("Could not open static file %r: %s", path, error.reason)
            return None
        return cls._cached_version(absolute)

    @classmethod
    def make_static_url(cls, settings: dict[str, Any], path: str, include_version: bool = True) -> str:
        """The URL of *path*: the setting ``static_url_prefix`` (default ``/static/``), the path, its version."""
        prefix = settings.get("static_url_prefix", "/static/")
        if not include_version:
            return versioned_url(prefix, quote(path), None)
        return versioned_url(prefix, quote(path), cls.get_version(settings, path))
