"""IOLoops on asyncio loops, and asyncio loops for IOLoops, under the names that Tornado has for them.

Every IOLoop runs on asyncio: the classes live in `waterspout.ioloop`.
"""

from waterspout.ioloop import AddThreadSelectorEventLoop, AsyncIOLoop, AsyncIOMainLoop, BaseAsyncIOLoop, SelectorThread
from waterspout.platform.asyncio._futures import to_asyncio_future, to_tornado_future
from waterspout.platform.asyncio._policy import __getattr__ as __getattr__

__all__ = [
    "AddThreadSelectorEventLoop",
    "AsyncIOLoop",
    "AsyncIOMainLoop",
    "BaseAsyncIOLoop",
    "SelectorThread",
    "to_asyncio_future",
    "to_tornado_future",
]
