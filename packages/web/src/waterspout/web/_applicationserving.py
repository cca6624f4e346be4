"""How requests reach an application's handlers: see DESIGN.md, section 2, step 5."""

from __future__ import annotations

from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, cast

from waterspout.httputil import HTTPInputError
from waterspout.routing import PathMatches
from waterspout.web._delegate import HandlerDelegate
from waterspout.web._gate import make_gate
from waterspout.web._handler import RequestHandler, plain_init
from waterspout.web._handlers import ErrorHandler
from waterspout.web._plan import CallPlan, plan_for

if TYPE_CHECKING:
    from waterspout.http1connection import HTTP1ServerConnection
    from waterspout.httputil import HTTPMessageDelegate, HTTPServerRequest
    from waterspout.routing import Rule
    from waterspout.web._cors import CORSPolicy
    from waterspout.web._gate import Gate
    from waterspout.web._handlerrouter import HandlerRouter
    from waterspout.web._hosts import AllowedHosts
    from waterspout.web._middleware import Middleware
    from waterspout.web._transform import OutputTransform

__all__ = ["ApplicationServing", "finds_by_rules"]

_new = object.__new__
_NO_ARGS: tuple[Any, ...] = ()
_NO_KWARGS: dict[str, Any] = {}
_plain_execute = RequestHandler._execute
#: Content types whose bodies hold arguments; whether the rest of the value is well-formed is seen when they are read.
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")


def is_form(content_type: bytes) -> bool:
    """Whether a body of *content_type* is taken apart into arguments and files."""
    return content_type.lower().startswith(_FORMS)


class ApplicationServing:
    """A part of `Application`; see there."""

    settings: dict[str, Any]
    compat_tornado: bool
    transforms: list[type[OutputTransform]]
    middleware: tuple[Middleware, ...]
    wildcard_router: HandlerRouter
    default_router: HandlerRouter

    # What every request's context is a copy of. A pipelined request is read where the one before it was finished:
    # in that one's context, whose variables must not leak.
    _context: Context | None
    # How requests reach their handlers: by rule for the straight way, by class for delegates. A subclass that overrides
    # how they are found is asked for each.
    _finds_by_rules: bool
    _routes: dict[Rule, CallPlan]
    _plans: dict[type[RequestHandler], CallPlan]
    _gate: Gate | None
    _cors: CORSPolicy | None

    #: Under ``waterspout dev``: which start this is. Error pages reload when it is another one.
    _started_as: str | None = None

    def serve_request(self, request: HTTPServerRequest) -> None:
        """Answer a whole request (`waterspout.http1connection.HTTPApplication`)."""
        if self._gate is not None and (answer := self._gate(request)) is not None:
            self._run_delegate(request, self.get_handler_delegate(request, *answer))
            return
        if self._finds_by_rules and len(self.default_router.rules) == 1:
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
                context.copy().run(_run, self, plan, rule.target_kwargs, request, args, kwargs)
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
            cast("HTTP1ServerConnection", request.connection).deliver(request, delegate)

    def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate | None:
        """Say who takes a request whose body is still on its way (`waterspout.http1connection.HTTPApplication`)."""
        if self._gate is not None and self._gate(request) is not None:
            return None  # refused when it is whole
        if self._finds_by_rules and len(self.default_router.rules) == 1:
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
            handler = cls(self, request, **init)  # type: ignore[arg-type]  # the whole application
        else:  # the same with half the instructions
            handler = _new(cls)
            handler._set_up(self, request)  # type: ignore[arg-type]  # the whole application
            handler.initialize()
        if request.content_type is not None and is_form(request.content_type):
            try:
                request.parse_body()
            except HTTPInputError as error:
                handler._handle_request_exception(error)
                return
        if cls._execute is _plain_execute:
            run = plan.start
            run(handler, plan, args, kwargs)
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
        whole: Any = self
        return HandlerDelegate(whole, request, target_class, target_kwargs, path_args, path_kwargs)

    def __call__(self, request: HTTPServerRequest) -> Any:
        """Serve *request*, as a callback for requests made by hand."""
        delegate = self.find_handler(request)
        assert isinstance(delegate, HandlerDelegate)
        return delegate.execute()

    def _make_transforms(self, request: HTTPServerRequest) -> list[OutputTransform]:
        return [transform(request) for transform in self.transforms]


_run = ApplicationServing._run


def finds_by_rules(cls: type[ApplicationServing]) -> bool:
    """Whether an application of this class finds handlers by its rules alone."""
    return (
        cls.find_handler is ApplicationServing.find_handler
        and cls.get_handler_delegate is ApplicationServing.get_handler_delegate
    )
