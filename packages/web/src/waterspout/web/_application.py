"""Application: routes, settings and what all requests share."""

from __future__ import annotations

import re
import socket
import time
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, cast

from waterspout.http1connection import HTTP1ServerConnection
from waterspout.httpserver import HTTPServer
from waterspout.httputil import HTTPHeaders, HTTPInputError, HTTPMessageDelegate, HTTPServerRequest, format_timestamp
from waterspout.ioloop import IOLoop
from waterspout.log import access_log, app_log
from waterspout.routing import (
    AnyMatches,
    DefaultHostMatches,
    HostMatches,
    PathMatches,
    ReversibleRouter,
    ReversibleRuleRouter,
    Rule,
)
from waterspout.util import ExplainedError, is_tornado_compat
from waterspout.web._background import BackgroundTasks
from waterspout.web._delegate import HandlerDelegate
from waterspout.web._fieldsource import FieldSource, cors_policy
from waterspout.web._gate import make_gate
from waterspout.web._handler import HTML_TYPE, RequestHandler, plain_init
from waterspout.web._handlers import ErrorHandler
from waterspout.web._installed import installed_version
from waterspout.web._lifespan import lifespan_of
from waterspout.web._middleware import middleware_of
from waterspout.web._ondemand import OnDemand
from waterspout.web._plan import CallPlan, plan_for

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Coroutine, Sequence
    from typing import Self

    from waterspout.http1connection import ServerObserver
    from waterspout.web._hosts import AllowedHosts
    from waterspout.web._knownfiles import KnownFile
    from waterspout.web._middleware import Middleware
    from waterspout.web._transform import OutputTransform
    from waterspout.web._ui import UINamespace
    from waterspout.web._uimodules import UIModule

__all__ = ["Application", "HandlerRouter"]

_new = object.__new__
_NO_ARGS: tuple[Any, ...] = ()
_NO_KWARGS: dict[str, Any] = {}
_plain_execute = RequestHandler._execute
#: Content types whose bodies hold arguments; whether the rest of the value is well-formed is seen when they are read.
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")


def is_form(content_type: bytes) -> bool:
    """Whether a body of *content_type* is taken apart into arguments and files."""
    return content_type.lower().startswith(_FORMS)


class HandlerRouter(ReversibleRuleRouter):
    """A router whose targets may be handler classes and lists of further rules."""

    def __init__(self, application: Application, rules: Sequence[Any] | None = None) -> None:
        self._application = application
        super().__init__(rules)

    def process_rule(self, rule: Rule) -> Rule:
        rule = super().process_rule(rule)
        if isinstance(rule.target, list | tuple):
            rule.target = HandlerRouter(self._application, rule.target)
        self._application._route_added(rule)
        return rule

    def get_target_delegate(
        self, target: Any, request: HTTPServerRequest, **target_params: Any
    ) -> HTTPMessageDelegate | None:
        if isinstance(target, type) and issubclass(target, RequestHandler):
            return self._application.get_handler_delegate(request, target, **target_params)
        return super().get_target_delegate(target, request, **target_params)


class Application(ReversibleRouter):
    """A collection of request handlers: a web application.

    *handlers* are rules in order: `URLSpec` objects or their arguments as tuples. *default_host* is the host whose
    handlers serve requests that name no known one; *transforms* are `OutputTransform` classes. Everything else is a
    setting. Serve it with `listen`, or give it to an `HTTPServer` or `waterspout.httpserver.run`. ``async with`` it is
    `startup` and `shutdown`.
    """

    __module__ = "waterspout.web"

    ui_modules: dict[str, type[UIModule]] = OnDemand(lambda: _ui_modules_of(None))  # type: ignore[assignment]
    ui_methods: dict[str, Any] = OnDemand(dict)  # type: ignore[assignment]
    wildcard_router: HandlerRouter
    default_router: HandlerRouter
    compat_tornado: bool
    transforms: list[type[OutputTransform]]
    middleware: tuple[Middleware, ...]

    def __init__(
        self,
        handlers: Sequence[Any] | None = None,
        default_host: str | None = None,
        transforms: list[type[OutputTransform]] | None = None,
        **settings: Any,
    ) -> None:
        self.settings = settings
        self.default_host = default_host
        self.compat: str | None = settings.get("compat")
        self.compat_tornado = is_tornado_compat(self.compat)
        self.transforms = list(transforms or ())
        if transforms is None and settings.get("compress_response", settings.get("gzip")):
            # zlib: only where it is asked for
            from waterspout.web._compress import GZipContentEncoding, NegotiatedContentEncoding

            self.transforms.append(GZipContentEncoding if self.compat_tornado else NegotiatedContentEncoding)
        self._template_loaders: dict[str, Any] = {}
        # What every request's context is a copy of. A pipelined request is read where the one before it was finished:
        # in that one's context, whose variables must not leak.
        self._context: Context | None = None
        self._head_second = 0
        self._head_fields = ""
        self._date = ""
        self._tasks = BackgroundTasks()
        self._lifespan = lifespan_of(self, settings, self._tasks)
        self.middleware = middleware_of(settings)
        # How requests reach their handlers: by rule for the straight way, by class for delegates.
        self._routes: dict[Rule, CallPlan] = {}
        self._plans: dict[type[RequestHandler], CallPlan] = {}
        self._known_files: dict[tuple[str, str], KnownFile] = {}
        self._server_name = settings.get("server_name") or _server_name(self.compat_tornado)
        #: Seconds after which a handler that still waits is cancelled, and 503 answered; None: never.
        self.handler_timeout: float | None = settings.get("handler_timeout")
        if settings.get("ui_modules"):
            self.ui_modules = _ui_modules_of(settings["ui_modules"])
        if settings.get("ui_methods"):
            from waterspout.web._ui import load_methods

            self.ui_methods = load_methods(settings["ui_methods"])
        if settings.get("debug"):
            settings.setdefault("autoreload", True)
            settings.setdefault("compiled_template_cache", False)
            settings.setdefault("static_hash_cache", False)
            settings.setdefault("serve_traceback", True)
        cors = cors_policy(settings.get("cors"))
        self._cors = cors
        self._make_gate()
        self._more_fields = FieldSource.of(settings, cors)
        status_page = settings.get("status_page")  # a `waterspout.web.status.StatusPage`
        status_rules = [] if status_page is None else status_page.routes()
        #: Told by every `HTTPServer` of this application what it does, beside the server's own observer.
        self.server_observer: ServerObserver | None = status_page
        self.wildcard_router = HandlerRouter(self, [*status_rules, *self._static_rules(), *(handlers or ())])
        self.default_router = HandlerRouter(self, [Rule(AnyMatches(), self.wildcard_router)])
        if settings.get("autoreload"):
            _start_autoreload()

    # Serving.

    def listen(
        self,
        port: int,
        address: str | None = None,
        *,
        family: socket.AddressFamily = socket.AF_UNSPEC,
        backlog: int = 4096,
        flags: int | None = None,
        reuse_port: bool = False,
        **kwargs: Any,
    ) -> HTTPServer:
        """Start an `HTTPServer` for this application on *port* (0: any free one) and return it.

        *kwargs* are `HTTPServer`'s. The loop must be run by the caller. Raises `OSError` that names the port if it
        is in use.
        """
        kwargs.setdefault("compat", self.compat)
        self._context = copy_context()
        server = HTTPServer(self, **kwargs)
        options: Any = {"family": family, "backlog": backlog, "flags": flags, "reuse_port": reuse_port}
        if self._lifespan:
            server.bind(port, address=address, **options)  # clients that come now wait
            loop = IOLoop.current().asyncio_loop
            self._tasks.hold(loop.create_task(self._start_server(server), name=f"start of the server on port {port}"))
        else:
            server.listen(port, address=address, **options)
        return server

    async def _start_server(self, server: HTTPServer) -> None:
        try:
            await self.startup()
        except Exception as error:
            if isinstance(error, ExplainedError):
                app_log.critical("The application cannot start: %s", error)
            else:
                app_log.critical("The application cannot start: a startup hook has failed", exc_info=True)
            server.stop()
            raise SystemExit(1) from None
        server.start()

    # Before the first request, and after the last.

    async def startup(self) -> None:
        """Enter the contexts of the setting ``lifespan`` and call the functions of ``on_startup``, in order.

        Each is given the application. `listen` does it before the server accepts, unless it is done already; raises
        what one of them raises. Once only.
        """
        await self._lifespan.startup()

    async def shutdown(self) -> None:
        """The reverse: let background tasks end, call the functions of ``on_shutdown``, leave the contexts.

        Tasks have ``shutdown_grace`` seconds (10), then they are cancelled. Stop the server first. Also done when
        `asyncio.run` ends.
        """
        await self._lifespan.shutdown()

    async def __aenter__(self) -> Self:
        await self.startup()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.shutdown()

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str | None = None) -> Task[Any]:
        """Run *coroutine* in the background: its task is held until it is done, logged if it raises, and waited for
        by `shutdown`.
        """
        return self._tasks.spawn(coroutine, name)

    def add_handlers(self, host_pattern: str, host_handlers: Sequence[Any]) -> None:
        """Add rules for the hosts that *host_pattern* (a regular expression) matches.

        They are tried before the rules for all hosts, and after those added before.
        """
        matcher = HostMatches(host_pattern)
        rule = Rule(matcher, HandlerRouter(self, host_handlers))
        self.default_router.rules.insert(-1, rule)
        self.default_router.process_rule(rule)
        if self.default_host is not None:
            self.wildcard_router.add_rules([(DefaultHostMatches(self, matcher.host_pattern), host_handlers)])

    def add_transform(self, transform_class: type[OutputTransform]) -> None:
        """Have every response go through *transform_class*."""
        self.transforms.append(transform_class)

    def reverse_url(self, name: str, *args: Any) -> str:
        """The path of the route called *name*, *args* percent-encoded in its groups; `KeyError` if there is none."""
        url = self.default_router.reverse_url(name, *args)
        if url is None:
            raise KeyError(f"{name} not found in named urls")
        return url

    # The way of a request: see DESIGN.md, section 2.

    def serve_request(self, request: HTTPServerRequest) -> None:
        """Answer a whole request (`waterspout.http1connection.HTTPApplication`)."""
        if self._gate is not None and (answer := self._gate(request)) is not None:
            self._run_delegate(request, self.get_handler_delegate(request, *answer))
            return
        if len(self.default_router.rules) == 1:
            path = request.path
            index = self.wildcard_router.current_index()
            rule = index.first_exact.get(path)
            args, kwargs = _NO_ARGS, _NO_KWARGS
            if rule is None:
                for rule in index.candidates(path):
                    matcher = rule.matcher
                    if type(matcher) is PathMatches and matcher.is_positional and "%" not in path:
                        # As `match` would find it, without the dictionary, and still text.
                        groups = matcher.regex.match(path)
                        if groups is not None:
                            args = groups.groups()
                            break
                        continue
                    found = matcher.match(request)
                    if found is not None:
                        args, kwargs = found.get("path_args", _NO_ARGS), found.get("path_kwargs", _NO_KWARGS)
                        break
                else:
                    self._run_delegate(request, self.get_handler_delegate(request, *self._not_found()))
                    return
            request.route = rule
            plan = self._routes.get(rule)
            if plan is not None:
                context = self._context
                if context is None:
                    context = self._context = copy_context()
                context.copy().run(self._run, plan, rule.target_kwargs, request, args, kwargs)
                return
        delegate = self.find_handler(request)
        self._run_delegate(request, delegate)

    def serve_in_context(self, context: Context, request: HTTPServerRequest) -> None:
        """`serve_request` with *context* (from `request_context`) as what the handler's own is a copy of."""
        before, self._context = self._context, context
        try:
            self.serve_request(request)
        finally:
            self._context = before

    def request_context(self) -> Context:
        """A context for one request: a copy of that in which the application was told to listen."""
        if self._context is None:
            self._context = copy_context()
        return self._context.copy()

    def _context_of(self, request: HTTPServerRequest) -> Context:
        """`request_context`, unless an observer of the server has made one for *request*."""
        observed = getattr(request.connection, "observed", None)
        context: Context | None = None if observed is None else observed.context
        return self.request_context() if context is None else context.copy()

    def _run_delegate(self, request: HTTPServerRequest, delegate: HTTPMessageDelegate) -> None:
        if isinstance(delegate, HandlerDelegate) and not delegate.streams:
            delegate.execute()
        else:
            cast(HTTP1ServerConnection, request.connection).deliver(request, delegate)

    def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate | None:
        """Say who takes a request whose body is still on its way (`waterspout.http1connection.HTTPApplication`)."""
        if self._gate is not None and self._gate(request) is not None:
            return None  # refused when it is whole
        if len(self.default_router.rules) == 1:
            rule = self.wildcard_router.current_index().first_exact.get(request.path)
            if rule is not None and rule in self._routes:
                return None  # a handler that takes the body as a whole
        delegate = self.find_handler(request)
        if isinstance(delegate, HandlerDelegate) and not delegate.streams:
            return None
        return delegate

    def _run(
        self,
        plan: CallPlan,
        init: dict[str, Any],
        request: HTTPServerRequest,
        args: Any,
        kwargs: Any,
    ) -> None:
        """Make a handler and run it; to be called in the request's own context."""
        cls = plan.handler_class
        if init or cls.__init__ is not plain_init:
            handler = cls(self, request, **init)
        else:  # the same with half the instructions
            handler = _new(cls)
            handler._set_up(self, request)
            handler.initialize()
        if request.content_type is not None and request.body and is_form(request.content_type):
            try:
                request.parse_body()
            except HTTPInputError as error:
                handler._handle_request_exception(error)
                return
        if cls._execute is _plain_execute:
            plan.start(handler, plan, args, kwargs)
        else:
            handler._execute_in_task(args, kwargs)

    def _route_added(self, rule: Rule) -> None:
        """Decide how the requests of *rule* reach its handler, where they do so in one piece."""
        target = rule.target
        if isinstance(target, type) and issubclass(target, RequestHandler) and not target._streams_body:
            self._routes[rule] = self._plan_of(target)

    def _plan_of(self, handler_class: type[RequestHandler]) -> CallPlan:
        plan = self._plans.get(handler_class)
        if plan is None:
            plan = self._plans[handler_class] = plan_for(handler_class, self.middleware)
        return plan

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate:
        """The delegate for *request*; one that answers 404, or the default handler, if no rule fits."""
        found = self.default_router.find_handler(request)
        return found if found is not None else self.get_handler_delegate(request, *self._not_found())

    def _make_gate(self) -> None:
        """Decide which requests are answered before any route sees them, by the settings as they are now."""
        self._gate = make_gate(self._allowed_hosts(), self.settings.get("https_redirect"), self._cors)

    def _allowed_hosts(self) -> AllowedHosts | None:
        """The setting ``allowed_hosts``; in debug mode, by default, this machine's own names: others may be rebound."""
        hosts = self.settings.get("allowed_hosts")
        if hosts is None and (self.compat_tornado or not self.settings.get("debug")):
            return None
        from waterspout.web._hosts import LOCAL_HOSTS, AllowedHosts  # ipaddress: only where hosts are checked

        return AllowedHosts(LOCAL_HOSTS if hosts is None else hosts)

    def _not_found(self) -> tuple[type[RequestHandler], dict[str, Any]]:
        default = self.settings.get("default_handler_class")
        if default:
            return default, self.settings.get("default_handler_args", {})
        return ErrorHandler, {"status_code": 404}

    def get_handler_delegate(
        self,
        request: HTTPServerRequest,
        target_class: type[RequestHandler],
        target_kwargs: dict[str, Any] | None = None,
        path_args: list[bytes] | None = None,
        path_kwargs: dict[str, bytes] | None = None,
    ) -> HandlerDelegate:
        """A delegate that serves *request* with *target_class*."""
        return HandlerDelegate(self, request, target_class, target_kwargs, path_args, path_kwargs)

    def __call__(self, request: HTTPServerRequest) -> Any:
        """Serve *request*, as a callback for requests made by hand."""
        delegate = self.find_handler(request)
        assert isinstance(delegate, HandlerDelegate)
        return delegate.execute()

    def _make_transforms(self, request: HTTPServerRequest) -> list[OutputTransform]:
        return [transform(request) for transform in self.transforms]

    # What every response has.

    def _default_fields(self, request: HTTPServerRequest) -> str:
        """Server, Content-Type and Date as text, made once a second, and what the settings want besides."""
        second = int(time.time())
        if second != self._head_second:
            self._date = format_timestamp(second)
            self._head_fields = (
                f"Server: {self._server_name}\r\nContent-Type: {HTML_TYPE}\r\nDate: {self._date}\r\n"
            )
            self._head_second = second
        if self._more_fields is not None:
            return self._head_fields + self._more_fields.text(request)
        return self._head_fields

    def _default_headers(self, request: HTTPServerRequest) -> HTTPHeaders:
        """The same as headers."""
        self._default_fields(request)
        pairs: tuple[tuple[str, str], ...] = (
            ("Server", self._server_name), ("Content-Type", HTML_TYPE), ("Date", self._date),
        )  # fmt: skip
        if self._more_fields is not None:
            pairs += self._more_fields.pairs(request)
        return HTTPHeaders.from_pairs(pairs, trusted=True)

    # Logging.

    def log_request(self, handler: RequestHandler) -> None:
        """Write the access log's line for a finished request, or call the setting ``log_function``."""
        function = self.settings.get("log_function")
        if function is not None:
            function(handler)
            return
        observer = getattr(handler.request.connection, "observer", None)
        if observer is not None and observer.writes_access_log:
            return  # with more than we know: one line for each request is enough
        status = handler.get_status()
        if status < 400:
            write = access_log.info
        elif status < 500:
            write = access_log.warning
        else:
            write = access_log.error
        milliseconds = 1000.0 * handler.request.request_time()
        write("%d %s %.2fms", status, handler._request_summary(), milliseconds)

    #: To be compared with what a subclass has.
    _plain_log_request = log_request

    # Static files and UI.

    def _static_rules(self) -> list[Any]:
        """Rules for the setting ``static_path``: below ``static_url_prefix``, and the two files that robots ask for."""
        path = self.settings.get("static_path")
        if not path:
            return []
        prefix = re.escape(self.settings.get("static_url_prefix", "/static/"))
        handler = self._static_handler()
        arguments = {**self.settings.get("static_handler_args", {}), "path": path}
        patterns = (rf"{prefix}(.*)", r"/(favicon\.ico)", r"/(robots\.txt)")
        return [(pattern, handler, arguments) for pattern in patterns]

    def _static_handler(self) -> Any:
        handler = self.settings.get("static_handler_class")
        if handler is None:
            from waterspout.web._staticfiles import StaticFileHandler  # only where files are served

            handler = StaticFileHandler
        return handler

    def make_static_url(self, path: str, **kwargs: Any) -> str:
        """The versioned URL of a file below ``static_path``; see `RequestHandler.static_url`."""
        handler = self._static_handler()
        if not self.settings.get("static_hash_cache", True):
            handler.reset()
        return cast(str, handler.make_static_url(self.settings, path, **kwargs))

    def _ui_of(self, handler: RequestHandler) -> UINamespace:
        from waterspout.web._ui import UINamespace  # only where there are templates

        return UINamespace(handler, self.ui_modules, self.ui_methods)


def _ui_modules_of(sources: Any) -> dict[str, type[UIModule]]:
    from waterspout.web._ui import load_modules  # only where there are templates

    return load_modules(sources)


def _start_autoreload() -> None:
    from waterspout import autoreload  # only where it is asked for
    from waterspout.process import task_id

    if task_id() is not None:
        raise RuntimeError(
            "autoreload cannot work in one of several processes, because it would start that one again as the whole"
            " program: set autoreload=False (debug=True turns it on), or serve from a single process"
        )
    autoreload.start()


def _server_name(tornado: bool) -> str:
    if tornado:
        return "TornadoServer/6.6.1"
    version = installed_version("waterspout-web")
    return "Waterspout" if version is None else f"Waterspout/{version}"
