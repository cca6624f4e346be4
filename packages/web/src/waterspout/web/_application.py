"""Application: routes, settings and what all requests share.

What it does is in the files of its parts: how requests are served in ``_applicationserving.py``, how it listens, starts
and ends in ``_applicationlife.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waterspout.routing import AnyMatches, DefaultHostMatches, HostMatches, ReversibleRouter, Rule
from waterspout.util import is_tornado_compat
from waterspout.web._applicationfields import ApplicationFields, default_server_name
from waterspout.web._applicationfiles import ApplicationFiles
from waterspout.web._applicationlife import ApplicationLife
from waterspout.web._applicationlog import ApplicationLog
from waterspout.web._applicationserving import ApplicationServing, finds_by_rules
from waterspout.web._background import BackgroundTasks
from waterspout.web._fieldsource import FieldSource, cors_policy
from waterspout.web._handlerrouter import HandlerRouter
from waterspout.web._lifespan import lifespan_of
from waterspout.web._middleware import middleware_of
from waterspout.web._ondemand import OnDemand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waterspout.http1connection import ServerObserver
    from waterspout.web._handler import RequestHandler
    from waterspout.web._knownfiles import KnownFile
    from waterspout.web._middleware import Middleware
    from waterspout.web._transform import OutputTransform
    from waterspout.web._ui import UINamespace
    from waterspout.web._uimodules import UIModule

__all__ = ["Application"]


class Application(
    ApplicationServing, ApplicationLife, ApplicationFields, ApplicationFiles, ApplicationLog, ReversibleRouter
):
    """A collection of request handlers: a web application.

    *handlers* are rules in order: `URLSpec` objects or their arguments as tuples. *default_host* is the host whose
    handlers serve requests that name no known one; *transforms* are `OutputTransform` classes. Everything else is a
    setting. Serve it with `listen`, or give it to an `HTTPServer` or `waterspout.httpserver.run`. ``async with`` it is
    `startup` and `shutdown`.
    """

    __module__ = "waterspout.web"

    ui_modules: dict[str, type[UIModule]] = OnDemand(lambda: _ui_modules_of(None))  # type: ignore[assignment]
    ui_methods: dict[str, Any] = OnDemand(dict)  # type: ignore[assignment]

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
        self.compat_tornado: bool = is_tornado_compat(self.compat)
        self.transforms: list[type[OutputTransform]] = list(transforms or ())
        if transforms is None and settings.get("compress_response", settings.get("gzip")):
            # zlib: only where it is asked for
            from waterspout.web._compress import GZipContentEncoding, NegotiatedContentEncoding

            self.transforms.append(GZipContentEncoding if self.compat_tornado else NegotiatedContentEncoding)
        self._template_loaders: dict[str, Any] = {}
        self._context = None
        self._head_second = 0.0
        self._tasks = BackgroundTasks()
        self._lifespan = lifespan_of(self, settings, self._tasks)
        self.middleware: tuple[Middleware, ...] = middleware_of(settings)
        self._finds_by_rules = finds_by_rules(type(self))
        self._routes = {}
        self._plans = {}
        self._known_files: dict[tuple[str, str, str | None], KnownFile] = {}  # by root, path and default file
        self._server_name = settings.get("server_name") or default_server_name(self.compat_tornado)
        #: Seconds after which a handler that still waits is cancelled, and 503 answered; None: never. Under
        #: `stream_request_body` they begin when the body is whole; who reads a body at a pace of its own has no limit.
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
        rules = [*status_rules, *self._static_rules(), *(handlers or ())]
        self.wildcard_router: HandlerRouter = HandlerRouter(self, rules)
        self.default_router: HandlerRouter = HandlerRouter(self, [Rule(AnyMatches(), self.wildcard_router)])
        if settings.get("autoreload"):
            _start_autoreload()

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
