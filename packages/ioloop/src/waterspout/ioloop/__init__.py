"""The event loop: Tornado's `IOLoop` on asyncio, periodic callbacks, and what our parts share for each loop."""

from typing import TYPE_CHECKING

from waterspout.ioloop._asyncio_loop import AsyncIOLoop, AsyncIOMainLoop, BaseAsyncIOLoop
from waterspout.ioloop._loop import IOLoop
from waterspout.ioloop._selector import new_event_loop
from waterspout.ioloop._turn import Turn
from waterspout.util import Configurable, TimeoutError, import_object
from waterspout.util._exports import exports

if TYPE_CHECKING:
    from waterspout.ioloop._deadlines import Deadlines
    from waterspout.ioloop._lag import Lag, LagMonitor
    from waterspout.ioloop._periodic import PeriodicCallback
    from waterspout.ioloop._selector_thread import AddThreadSelectorEventLoop, SelectorThread

__all__ = [
    "AddThreadSelectorEventLoop",
    "AsyncIOLoop",
    "AsyncIOMainLoop",
    "BaseAsyncIOLoop",
    "Configurable",
    "Deadlines",
    "IOLoop",
    "Lag",
    "LagMonitor",
    "PeriodicCallback",
    "SelectorThread",
    "TimeoutError",
    "Turn",
    "import_object",
    "new_event_loop",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _deadlines="Deadlines",
        _lag="Lag LagMonitor",
        _periodic="PeriodicCallback",
        _selector_thread="AddThreadSelectorEventLoop SelectorThread",
    )
