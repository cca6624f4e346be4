"""From what the user asked for to a function that makes an asyncio loop."""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Callable

from waterspout.ioloop._selector import new_event_loop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def loop_factory(wanted: str | LoopFactory | None) -> LoopFactory:
    """The factory for ``wanted``: a callable, ``"uvloop"``, ``"asyncio"`` (`new_event_loop`), or None for the default.

    The default is `new_event_loop`, unless the application installed an event-loop policy of its own: then the loops
    are the policy's. Raises ImportError if uvloop is asked for and not installed, ValueError for any other word.
    """
    if wanted is None:
        return _default_factory()
    if callable(wanted):
        return wanted
    if wanted == "asyncio":
        return new_event_loop
    if wanted == "uvloop":
        try:
            import uvloop  # an optional extra, imported where it is asked for
        except ImportError as error:
            raise ImportError(
                "the loop factory 'uvloop' needs the package uvloop: pip install 'waterspout-ioloop[uvloop]'",
                name="uvloop",
            ) from error
        factory: LoopFactory = uvloop.new_event_loop
        return factory
    raise ValueError(f"unknown loop factory {wanted!r}: give 'asyncio', 'uvloop' or a callable that makes a loop")


def _default_factory() -> LoopFactory:
    if sys.version_info >= (3, 16):  # no policies any more
        return new_event_loop
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from 3.14 on, asking for the policy warns
        policy = asyncio.get_event_loop_policy()
        stock = type(policy).__module__.partition(".")[0] == "asyncio"
    return new_event_loop if stock else asyncio.new_event_loop
