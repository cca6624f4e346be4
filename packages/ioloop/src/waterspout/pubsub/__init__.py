"""Publish and subscribe, with enough memory that a reader who comes back misses nothing."""

from typing import TYPE_CHECKING

from waterspout.pubsub._hub import Hub
from waterspout.pubsub._message import Lost, Message
from waterspout.util._exports import exports

if TYPE_CHECKING:
    from waterspout.pubsub._failure import HubRefused, HubUnavailable
    from waterspout.pubsub._local import LocalHub, connect
    from waterspout.pubsub._nats import NatsHub
    from waterspout.pubsub._redis import RedisHub
    from waterspout.pubsub._shared import SharedHub

__all__ = [
    "Hub",
    "HubRefused",
    "HubUnavailable",
    "LocalHub",
    "Lost",
    "Message",
    "NatsHub",
    "RedisHub",
    "SharedHub",
    "connect",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _failure="HubRefused HubUnavailable",
        _local="LocalHub connect",
        _nats="NatsHub",
        _redis="RedisHub",
        _shared="SharedHub",
    )
