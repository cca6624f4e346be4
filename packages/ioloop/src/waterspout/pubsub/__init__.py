"""Publish and subscribe, with enough memory that a reader who comes back misses nothing."""

from waterspout.pubsub._hub import Hub
from waterspout.pubsub._message import Lost, Message

__all__ = ["Hub", "Lost", "Message"]
