"""How the requests of a route reach their handler: decided once, when the route is made.

What a handler class, or its application, asks for besides the plain way (middleware, a user that is waited for) is
looked up here and never again, so that what is not used costs nothing. The functions of a `CallPlan` stand where the
way of a request calls them; a plan with others can bind captures and methods otherwise, for example to typed
parameters, without a further step for the rest.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from waterspout.web._execution import method_of, start, start_in_task
from waterspout.web._handlerusers import HandlerUsers

if TYPE_CHECKING:
    from waterspout.web._handler import RequestHandler

__all__ = ["CallPlan", "plan_for"]


class CallPlan:
    """*handler_class* is run by ``start(handler, plan, args, kwargs)``.

    ``bind(handler, args, kwargs)`` makes of the route's captures, which are bytes, the arguments of the method;
    ``method(handler, plan)`` gives the bound method for the request's verb, or raises; ``verbs`` are those that the
    class supports, each with the name of its method. ``user`` says that ``get_current_user`` must be awaited before
    ``prepare``; not in a class whose ``current_user`` is its own, as it knows when to ask (JupyterHub's does in
    ``prepare``).
    """

    __slots__ = ("bind", "gets", "handler_class", "method", "start", "user", "verbs")

    handler_class: type[RequestHandler]
    start: Callable[[RequestHandler, CallPlan, Any, Any], None]
    bind: Callable[[RequestHandler, Any, Any], tuple[Any, Any]]
    method: Callable[[RequestHandler, CallPlan], Any]
    verbs: dict[str, str]
    gets: bool  #: whether GET is among them, which is asked for most
    user: bool

    def __init__(self, handler_class: type[RequestHandler], *, in_task: bool = False) -> None:
        self.handler_class = handler_class
        asks = handler_class.current_user is HandlerUsers.current_user
        self.user = asks and inspect.iscoroutinefunction(handler_class.get_current_user)
        self.start = start_in_task if in_task or self.user else getattr(handler_class, "_straight_start", start)
        self.bind = handler_class._decode_path
        self.method = method_of
        self.verbs = {verb: verb.lower() for verb in handler_class.SUPPORTED_METHODS}
        self.gets = "GET" in self.verbs


def plan_for(handler_class: type[RequestHandler], middleware: object) -> CallPlan:
    """The plan for *handler_class* in an application with this *middleware*."""
    return CallPlan(handler_class, in_task=bool(middleware))
