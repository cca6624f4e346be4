"""Names that programs written for Tornado use without any documentation's word for it, through the alias.

Each was found in the packages that the tests are named for; most begin with an underscore.
"""

import os
import subprocess
import sys
import textwrap

INSTALL = "import waterspout.tornado as alias; alias.install()\n"

#: An application on a free port, and one request to it; `use(handler)` looks at the handler while it answers.
SERVE = """
import asyncio
from tornado import httpserver, web
from tornado.httpclient import AsyncHTTPClient
from tornado.testing import bind_unused_port

async def serve(application, path="/", **options):
    server = httpserver.HTTPServer(application)
    sock, port = bind_unused_port()
    server.add_sockets([sock])
    response = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}{path}", **options)
    server.stop()
    return response
"""


def aliased(code: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "WATERSPOUT_TORNADO"}
    program = INSTALL + SERVE + textwrap.dedent(code)
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr


def test_every_name_that_tornados_modules_only_import_leads_somewhere():
    aliased(
        """
        import importlib
        from waterspout.tornado._incidental import NAMES
        for module, names in NAMES.items():
            for name in names:
                assert getattr(importlib.import_module("tornado." + module), name) is not None, (module, name)
        """
    )


def test_bokeh_and_pytest_jupyter_read_the_servers_sockets():
    aliased(
        """
        async def main():
            server = httpserver.HTTPServer(web.Application())
            server.listen(0, "127.0.0.1")
            (sock,) = server._sockets.values()
            assert sock.getsockname()[1] > 0
            server.stop()
        asyncio.run(main())
        """
    )


def test_distributed_fills_the_write_buffer_of_a_stream():
    aliased(
        """
        import socket
        from tornado.iostream import IOStream
        async def main():
            ours, theirs = socket.socketpair()
            stream = IOStream(ours)
            stream._write_buffer.append(b"direct")
            stream._total_write_index += 6
            await stream.write(b"")
            assert theirs.recv(100) == b"direct"
            stream.close()
            assert stream._write_buffer is None
        asyncio.run(main())
        """
    )


def test_jupyter_server_and_livereload_use_the_lock_and_hashes_of_static_files():
    aliased(
        """
        from tornado.web import RequestHandler, StaticFileHandler
        with StaticFileHandler._lock:
            assert isinstance(StaticFileHandler._static_hashes, dict)
        assert callable(StaticFileHandler._get_cached_version)
        assert RequestHandler.get == RequestHandler._unimplemented_method
        """
    )


def test_jupyterhub_flower_panel_and_opentelemetry_look_into_a_handler():
    aliased(
        """
        class Handler(web.RequestHandler):
            def get(self):
                assert not hasattr(self, "_current_user")
                self.current_user = "you"
                assert self._current_user == "you"
                self._xsrf_token = b"fixed"
                assert self.xsrf_token == b"fixed"
                self.set_header("Location", "/there")
                assert self._headers.get("Location") == "/there"
                self.set_status(299, "Odd")
                assert self._reason == "Odd" and self._finished is False and self._auto_finish is True
                assert isinstance(self._transforms, list) or self._transforms is None
                self.write(type(self.request.connection.context).__name__)

        response = asyncio.run(serve(web.Application([("/", Handler)])))
        assert (response.code, response.reason) == (299, "Odd"), response
        """
    )


def test_sentry_replaces_execute_and_sockjs_overrides_it():
    aliased(
        """
        import inspect
        seen = []

        class Handler(web.RequestHandler):
            def get(self, name):
                self.write(f"hello {name}")

            async def _execute(self, transforms, *args, **kwargs):
                seen.append(("override", args))
                return await super()._execute(transforms, *args, **kwargs)

        assert inspect.iscoroutinefunction(web.RequestHandler._execute)
        original = web.RequestHandler._execute

        async def traced(self, *args, **kwargs):
            seen.append("traced")
            return await original(self, *args, **kwargs)

        web.RequestHandler._execute = traced
        response = asyncio.run(serve(web.Application([("/(.*)", Handler)]), "/you"))
        assert response.body == b"hello you"
        assert [entry if isinstance(entry, str) else entry[0] for entry in seen] == ["override", "traced"], seen
        """
    )


def test_sockjs_wraps_the_running_of_a_websocket_and_aborts_its_connection():
    aliased(
        """
        from tornado.websocket import WebSocketHandler, websocket_connect
        seen = []

        class Talk(WebSocketHandler):
            async def _execute(self, transforms, *args, **kwargs):
                seen.append("execute")
                return await super()._execute(transforms, *args, **kwargs)

            def open(self):
                seen.append(self.ws_connection.client_terminated)  # jupyter_server asks, too

            def on_message(self, message):
                if message == "end":
                    self.ws_connection._abort()
                else:
                    self.write_message(message)

            def on_close(self):
                ended.set()

        ended = asyncio.Event()

        async def main():
            server = httpserver.HTTPServer(web.Application([("/", Talk)]))
            sock, port = bind_unused_port()
            server.add_sockets([sock])
            ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
            await ws.write_message("hello")
            assert await ws.read_message() == "hello"
            await ws.write_message("end")
            assert await ws.read_message() is None
            await ended.wait()
            assert seen == ["execute", False], seen
            server.stop()
        asyncio.run(main())
        """
    )


def test_livereload_gives_versions_of_static_files_by_an_override():
    aliased(
        """
        import pathlib, tempfile

        class Versions(web.StaticFileHandler):
            @classmethod
            def _get_cached_version(cls, abs_path):
                return "mine"

        class Page(web.RequestHandler):
            def get(self):
                self.write(self.static_url("a.txt"))

        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "a.txt").write_text("a")
            settings = {"static_path": folder, "static_handler_class": Versions}
            response = asyncio.run(serve(web.Application([("/", Page)], **settings)))
        assert response.body == b"/static/a.txt?v=mine", response.body
        """
    )


def test_jupyterhub_keeps_its_xsrf_token_where_ours_is_and_panel_ends_a_request_by_hand():
    aliased(
        """
        class Page(web.RequestHandler):
            made = 0

            @property
            def xsrf_token(self):
                if not hasattr(self, "_xsrf_token"):
                    self.made += 1
                    self._xsrf_token = b"theirs"
                return self._xsrf_token

            def get(self):
                form = self.xsrf_form_html()
                assert b"theirs" in self.xsrf_token and "theirs" in form and self.made == 1, form
                self.finish("done")
                self._finished = True

        assert asyncio.run(serve(web.Application([("/", Page)]))).body == b"done"
        """
    )


def test_opentelemetry_asks_for_the_address_that_a_proxy_hides():
    aliased(
        """
        class Page(web.RequestHandler):
            def get(self):
                self.write(f"{self.request.connection.context._orig_remote_ip} {self.request.remote_ip}")

        async def main():
            server = httpserver.HTTPServer(web.Application([("/", Page)]), xheaders=True)
            sock, port = bind_unused_port()
            server.add_sockets([sock])
            url, headers = f"http://127.0.0.1:{port}/", {"X-Real-Ip": "192.0.2.7"}
            response = await AsyncHTTPClient().fetch(url, headers=headers)
            server.stop()
            assert response.body == b"127.0.0.1 192.0.2.7", response.body
        asyncio.run(main())
        """
    )


def test_panel_and_dask_ask_the_loop_for_its_map_and_its_asyncio_loop():
    aliased(
        """
        from tornado.ioloop import IOLoop
        async def main():
            loop = IOLoop.current()
            assert loop.asyncio_loop is asyncio.get_running_loop()
            assert IOLoop._ioloop_for_asyncio[loop.asyncio_loop] is loop
        asyncio.run(main())
        made = asyncio.new_event_loop()
        assert IOLoop(make_current=False, asyncio_loop=made).asyncio_loop is made
        """
    )


def test_the_compiled_module_that_masks_websocket_frames_is_there():
    aliased(
        """
        import os, tornado
        from tornado import speedups
        from tornado.speedups import websocket_mask
        assert speedups.websocket_mask is websocket_mask is tornado.speedups.websocket_mask
        for size in (0, 1, 3, 4, 5, 125, 126, 4096, 70_001):
            data, mask = os.urandom(size), os.urandom(4)
            masked = websocket_mask(mask, data)
            assert masked == bytes(byte ^ mask[place % 4] for place, byte in enumerate(data)), size
            assert websocket_mask(mask, masked) == data
        for mask in (b"", b"abc", b"abcde"):
            try:
                websocket_mask(mask, b"data")
            except ValueError as error:
                assert f"not {len(mask)}" in str(error)
            else:
                raise AssertionError(mask)
        assert "speedups" not in tornado.__all__
        """
    )


def test_names_without_underscore_that_are_easily_forgotten():
    aliased(
        """
        import tornado.concurrent, tornado.platform.asyncio, tornado.web, tornado.websocket, tornado.util
        assert tornado.web.GZipContentEncoding and tornado.web.OutputTransform
        assert tornado.web.ErrorHandler.__module__ == "waterspout.web" and tornado.util.ObjectDict
        assert asyncio.Future in tornado.concurrent.FUTURES
        assert tornado.platform.asyncio.AddThreadSelectorEventLoop
        assert isinstance(tornado.web.RequestHandler.path_kwargs, object)
        from tornado.routing import PathMatches
        assert PathMatches("/(a)/(b)")._find_groups() == ("/%s/%s", 2)
        import importlib.metadata
        assert importlib.metadata.version("tornado") == "6.6.1"
        """
    )


def test_webargs_webssh_and_handlers_import_functions_and_constants_with_an_underscore():
    aliased(
        """
        import errno, logging
        from tornado.escape import _unicode
        from tornado.iostream import _ERRNO_CONNRESET
        from tornado.log import _stderr_supports_color, _unicode as as_text
        from tornado.netutil import _DEFAULT_BACKLOG
        from tornado.web import _ARG_DEFAULT, _ArgDefaultMarker
        assert _unicode(b"\\xc3\\xa9") == as_text(b"\\xc3\\xa9") == "\\xe9" and _unicode(None) is None
        assert errno.ECONNRESET in _ERRNO_CONNRESET and errno.EPIPE in _ERRNO_CONNRESET
        assert _DEFAULT_BACKLOG > 0 and _stderr_supports_color() is False
        logging.getLogger("tornado.access").disabled = True

        class Lenient(web.RequestHandler):
            def get_argument(self, name, default=_ARG_DEFAULT, strip=True):
                if isinstance(default, _ArgDefaultMarker):
                    assert default is web._ARG_DEFAULT
                return super().get_argument(name, default, strip)
            def get(self):
                self.write(self.get_argument("there") + self.get_argument("other", "-"))
                self.get_argument("missing")

        async def main():
            answer = await serve(web.Application([("/", Lenient)]), "/?there=1&missing=2")
            assert answer.body == b"1-"
            assert (await serve(web.Application([("/", Lenient)]), "/?there=1", raise_error=False)).code == 400
        asyncio.run(main())
        """
    )


def test_elastics_agent_asks_whether_a_handler_streams_its_body():
    aliased(
        """
        @web.stream_request_body
        class Streaming(web.RequestHandler):
            pass
        class Below(Streaming):
            pass
        assert web._has_stream_request_body(Streaming) and web._has_stream_request_body(Below)
        assert not web._has_stream_request_body(web.RequestHandler)
        try:
            web._has_stream_request_body(dict)
        except TypeError as error:
            assert "RequestHandler" in str(error)
        else:
            raise AssertionError
        """
    )


def test_servers_of_media_and_readers_of_uploads_take_headers_apart():
    aliased(
        """
        from tornado.httputil import HTTPInputError, _get_content_range, _parse_header, _parse_request_range
        for header, expected in {
            "bytes=1-2": (1, 3), "bytes=6-": (6, None), "bytes=-6": (-6, None), "bytes=-0": (None, 0),
            "bytes=": (None, None), "bytes = 1 - 2 ": (1, 3), "foo=42": None, "bytes=1-2,6-10": None,
            "bytes=a-b": None, "bytes=+1-2": None, "bytes=\\u0661-2": None,
        }.items():
            assert _parse_request_range(header) == expected, (header, _parse_request_range(header))
        assert _get_content_range(None, None, 9) == "bytes 0-8/9" and _get_content_range(1, 4, 9) == "bytes 1-3/9"
        assert _parse_header('form-data; name="a"; filename="C:\\\\x y"; b=c') == (
            "form-data", {"name": "a", "filename": "C:\\\\x y", "b": "c"})
        assert _parse_header("attachment; filename=x; filename*=UTF-8''%e2%82%ac") == (
            "attachment", {"filename": "\\u20ac"})
        assert _parse_header("Text/Plain") == ("Text/Plain", {})
        try:
            _parse_header('form-data; name="a')
        except HTTPInputError:
            pass
        else:
            raise AssertionError
        """
    )


def test_thumbor_and_jupyterhub_take_a_type_and_a_function_of_the_standard_library_from_tornado():
    aliased(
        """
        import typing, urllib.parse
        from tornado import httputil, web
        from tornado.httputil import parse_qsl, urlencode, urlparse, urlunparse
        from tornado.routing import Rule, _RuleList
        assert (web.urlencode, urlencode, urlunparse) == (urllib.parse.urlencode, urlencode, urllib.parse.urlunparse)
        assert parse_qsl(urlparse("http://a/b?c=d").query) == [("c", "d")]
        def add(rules: _RuleList) -> _RuleList: ...
        assert web._RuleList == typing.get_type_hints(add)["rules"] == _RuleList
        assert Rule in typing.get_args(typing.get_args(_RuleList)[0])
        """
    )


def test_none_of_them_exists_without_the_alias():
    aliased(
        """
        import subprocess, sys, os
        del os.environ["WATERSPOUT_TORNADO"]
        code = "from waterspout import escape, web, iostream; print([hasattr(escape, '_unicode')," \\
               " hasattr(web, '_ARG_DEFAULT'), hasattr(iostream, '_ERRNO_CONNRESET')])"
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert said.stdout == "[False, False, False]\\n", said
        """
    )


def test_error_pages_of_many_programs_write_the_reason_of_the_status():
    aliased(
        """
        import json, logging
        logging.getLogger("tornado.access").disabled = logging.getLogger("tornado.application").disabled = True

        class Failing(web.RequestHandler):
            def get(self, how):
                if how == "crash":
                    raise LookupError
                if how == "own":
                    raise web.HTTPError(404, reason="Gone Fishing")
                if how == "unknown":
                    raise web.HTTPError(599)
                if how == "assigned":
                    self._reason = "Odd"
                    assert self._reason == "Odd"
                self.set_status(403)
                assert self._reason == "Forbidden"
                self.set_status(200)
                self.send_error(503)
            def write_error(self, status_code, **kwargs):
                assert self._status_code == status_code
                self.finish({"code": status_code, "reason": self._reason})

        async def main():
            for how, code, reason in [
                ("crash", 500, "Internal Server Error"), ("own", 404, "Gone Fishing"), ("unknown", 599, "Unknown"),
                ("assigned", 503, "Service Unavailable"), ("sent", 503, "Service Unavailable"),
            ]:
                answer = await serve(web.Application([("/(.*)", Failing)]), "/" + how, raise_error=False)
                assert json.loads(answer.body) == {"code": code, "reason": reason}, answer.body
                assert (answer.code, answer.reason) == (code, reason)
        asyncio.run(main())
        """
    )


def test_bokeh_serves_static_files_in_threads_by_a_get_of_its_own():
    aliased(
        """
        import os, pathlib, tempfile
        from datetime import UTC, datetime
        from tornado import httputil
        from tornado.ioloop import IOLoop
        folder = pathlib.Path(tempfile.mkdtemp())
        (folder / "a.txt").write_bytes(b"0123456789")
        asked = []

        class InThreads(web.StaticFileHandler):
            async def get(self, path, include_body=True):
                self.path = self.parse_url_path(path)
                self.absolute_path = self.get_absolute_path(self.root, self.path)
                in_thread = lambda function, *args: IOLoop.current().run_in_executor(None, function, *args)
                self._stat_result = await in_thread(os.stat, self.absolute_path)
                self.modified = await in_thread(self.get_modified_time)
                self._computed_etag = await in_thread(self.compute_etag)
                self.set_headers()
                if self.should_return_304():
                    self.set_status(304)
                    return
                start, end = httputil._parse_request_range(self.request.headers.get("Range", "bytes=0-"))
                size = await in_thread(self.get_content_size)
                self.set_header("Content-Range", httputil._get_content_range(start, end, size))
                for chunk in await in_thread(lambda: list(self.get_content(self.absolute_path, start, end))):
                    self.write(chunk)
                    await self.flush()

            def compute_etag(self):
                return getattr(self, "_computed_etag", None) or super().compute_etag()

            def get_modified_time(self):
                asked.append(self._stat() is self._stat_result)
                return datetime.fromtimestamp(int(self._stat().st_mtime), UTC)

        async def main():
            application = web.Application([("/(.*)", InThreads, {"path": str(folder)})])
            answer = await serve(application, "/a.txt", headers={"Range": "bytes=2-4"})
            assert (answer.body, answer.headers["Content-Range"]) == (b"234", "bytes 2-4/10"), answer.body
            answer = await serve(application, "/a.txt", headers={"If-None-Match": answer.headers["Etag"]},
                                 raise_error=False)
            assert answer.code == 304, answer
            assert asked == [True, True]
            plain = web.Application([("/(.*)", web.StaticFileHandler, {"path": str(folder)})])
            assert (await serve(plain, "/a.txt")).body == b"0123456789"
        asyncio.run(main())
        """
    )


def test_bokeh_jupyter_and_voila_serve_static_files_from_several_roots():
    aliased(
        """
        import os, pathlib, tempfile
        folder = pathlib.Path(tempfile.mkdtemp())
        for name in ("a", "b"):
            (folder / name).mkdir()
            (folder / name / "x.txt").write_text(name)

        class ByName(web.StaticFileHandler):  # Bokeh's
            def initialize(self, root):
                self.root = root
                self.default_filename = None

            @classmethod
            def get_absolute_path(cls, root, path):
                name, _, below = path.partition("/")
                if name not in root:
                    raise web.HTTPError(404)
                return super().get_absolute_path(root[name], below)

            def validate_absolute_path(self, root, absolute_path):
                for each in root.values():
                    if absolute_path.startswith(each):
                        return super().validate_absolute_path(each, absolute_path)
                raise web.HTTPError(403)

        class InOrder(web.StaticFileHandler):  # Jupyter's
            def initialize(self, path):
                self.root = path
                self.default_filename = None

            @classmethod
            def get_absolute_path(cls, roots, path):
                for root in roots:
                    if os.path.exists(os.path.join(root, path)):
                        return os.path.join(root, path)
                raise web.HTTPError(404)

            def validate_absolute_path(self, root, absolute_path):
                return absolute_path

        class OfInstances(web.StaticFileHandler):  # Voila's: no class methods
            def initialize(self, paths):
                self.roots = paths
                super().initialize(path=paths[0])

            def get_absolute_path(self, root, path):
                self.root = self.roots[-1]
                return os.path.join(self.root, path)

            def get_content(self, abspath, start=None, end=None):
                return web.StaticFileHandler.get_content(abspath, start, end)

            def get_content_version(self, abspath):
                return "1"

        async def main():
            roots = {name: str(folder / name) for name in ("a", "b")}
            application = web.Application([
                ("/named/(.*)", ByName, {"root": roots}),
                ("/list/(.*)", InOrder, {"path": [roots["b"], roots["a"]]}),
                ("/instances/(.*)", OfInstances, {"paths": [roots["a"], roots["b"]]}),
                ("/tuple/(.*)", InOrder, {"path": (roots["a"], roots["b"])}),
            ])
            for _ in range(2):
                assert (await serve(application, "/named/a/x.txt")).body == b"a"
                assert (await serve(application, "/named/b/x.txt")).body == b"b"
                assert (await serve(application, "/list/x.txt")).body == b"b"
                assert (await serve(application, "/tuple/x.txt")).body == b"a"
                assert (await serve(application, "/instances/x.txt")).body == b"b"
            import logging
            logging.getLogger("tornado.access").disabled = True
            assert (await serve(application, "/named/c/x.txt", raise_error=False)).code == 404
        asyncio.run(main())
        """
    )
