"""``AnyThreadEventLoopPolicy``, made when it is first asked for.

asyncio's event-loop policies are deprecated from Python 3.14 on, where merely naming their classes warns. Waterspout
neither sets nor needs one; the name is for programs that set this one themselves.
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from functools import cache
from typing import Any

NAME = "AnyThreadEventLoopPolicy"


@cache
def any_thread_policy() -> type[Any]:
    """The policy class: a loop for each thread that asks for one, not only for the main thread."""
    if sys.platform == "win32":
        base: Any = asyncio.WindowsSelectorEventLoopPolicy
    else:
        base = asyncio.DefaultEventLoopPolicy

    class AnyThreadEventLoopPolicy(base):  # type: ignore[misc, valid-type]  # its base is known at run time only
        """Makes an event loop for any thread that asks for one. Deprecated: use ``asyncio.run``."""

        __module__ = "waterspout.platform.asyncio"
        __qualname__ = NAME

        def __init__(self) -> None:
            super().__init__()
            warnings.warn(
                f"{NAME} is deprecated, use asyncio.run or asyncio.new_event_loop instead",
                DeprecationWarning,
                stacklevel=2,
            )

        def get_event_loop(self) -> asyncio.AbstractEventLoop:
            """This thread's loop; a new one is made and set if there is none."""
            try:
                loop: asyncio.AbstractEventLoop = super().get_event_loop()
            except RuntimeError:
                loop = self.new_event_loop()
                self.set_event_loop(loop)
            return loop

    return AnyThreadEventLoopPolicy


def __getattr__(name: str) -> Any:
    if name == NAME:
        return any_thread_policy()
    raise AttributeError(f"module 'waterspout.platform.asyncio' has no attribute {name!r}")
