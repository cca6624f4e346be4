"""Conversions from the days when Tornado's futures were not asyncio's."""

from __future__ import annotations

import asyncio
from typing import Any

from waterspout.concurrent import convert_yielded


def to_tornado_future(asyncio_future: asyncio.Future[Any]) -> asyncio.Future[Any]:
    """The future itself: there is one kind of future."""
    return asyncio_future


def to_asyncio_future(tornado_future: Any) -> asyncio.Future[Any]:
    """The future of anything that a coroutine may yield; ``gen.BadYieldError`` if it is none of that."""
    future: asyncio.Future[Any] = convert_yielded(tornado_future)
    return future


to_tornado_future.__module__ = to_asyncio_future.__module__ = "waterspout.platform.asyncio"
