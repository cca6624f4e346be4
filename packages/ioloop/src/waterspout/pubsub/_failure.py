"""What the failures of an engine mean to whoever runs it: one line that says what happened, to what, and what to do."""

from __future__ import annotations

import os
import socket
from typing import Final
from urllib.parse import unquote, urlsplit

from waterspout.util._errors import ExplainedError

__all__ = ["HubImportError", "HubRefused", "HubUnavailable", "address", "advice", "reason", "refused", "unanswered"]


class HubUnavailable(ExplainedError):
    """The engine of a hub did not answer in time, or (`HubRefused`) does not do what it is asked.

    The text says what was tried, where, for how long, and what to do. Out of `publish`: the message may have been
    accepted or not. Publish it again with the same `key`, and it is there once, unless the text says that nothing shows
    whether it was accepted.
    """

    __module__ = "waterspout.pubsub"

    def __init__(self, what: str, key: str | None = None) -> None:
        super().__init__(what)
        self.key = key


class HubRefused(HubUnavailable):
    """The engine answered, and refuses: a password, a right, its role, its set-up.

    It stays so until somebody changes what the text names: nothing was tried again.
    """

    __module__ = "waterspout.pubsub"


class HubImportError(ExplainedError, ImportError):
    """The client library of an engine, which is an extra, is not installed."""


#: What a server says when it refuses, and what its operator or ours does about it. The first that fits counts.
ADVICE: Final = (
    # Redis
    ("already authenticated", "it asks for a password: give it in the URL, redis://:PASSWORD@HOST"),
    ("authentication required", "it asks for a password: give it in the URL, redis://:PASSWORD@HOST"),
    ("username-password pair", "correct the user or the password in the URL, redis://USER:PASSWORD@HOST"),
    ("without any password configured", "it has no password: leave it out of the URL"),
    ("no permissions", "let that user do it with `ACL SETUSER`, or give another one in the URL"),
    ("db index is out of range", "correct the number at the end of the URL"),
    ("wrong kind of value", "a key of that name is not the hub's: give the hub another prefix=, or delete the key"),
    ("read only replica", "it is a replica, and takes no messages: give the URL of its primary"),
    ("maxmemory", "its memory is full: raise its `maxmemory`, or let the hub keep= fewer messages"),
    ("misconf", "it cannot write to its disk: see its log"),
    ("moved ", "it is one of a Redis Cluster, which this does not follow: give the URL of a Redis on its own"),
    # NATS
    ("authorization violation", "correct the user, password or token in the URL, nats://USER:PASSWORD@HOST"),
    ("has no jetstream", "start it with JetStream: nats-server -js -sd FOLDER"),
    ("insufficient resources", "its storage is full: raise its `max_file_store`, or let the hub keep= fewer messages"),
    ("overlap with an existing stream", "another stream takes the subjects of the hub: give the hub another name="),
    ("replicas > 1 not supported", "it is a server on its own: leave replicas= out, or make it one of a cluster"),
    ("no suitable peers", "it has fewer servers with room than replicas= asks for: start them, or ask for fewer"),
    ("authentication expired", "its credentials have expired: give new ones in the URL"),
)


def advice(said: object) -> str | None:
    """What is to be done about what the server said; None if it is not known for a refusal."""
    text = str(said).lower()
    return next((what for words, what in ADVICE if words in text), None)


def refused(what: str, engine: str, place: str, said: object, key: str | None = None) -> HubRefused:
    answer = str(said).rstrip(".")
    done = advice(answer)
    return HubRefused(f"could not {what} {engine} at {place}: {f'{done} ({answer})' if done else answer}", key)


def address(url: str, port: int) -> str:
    """Where *url* leads, without user, password and options: for messages. *port*: where it names none."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return unquote(parts.path)
    host = parts.netloc.rpartition("@")[2]
    return host if ":" in host.rpartition("]")[2] else f"{host}:{port}"


def reason(error: BaseException) -> str:
    """Why a server could not be reached, as the system says it; client libraries wrap that in texts of their own."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and at.errno is not None:
            known = not isinstance(at, socket.gaierror) and at.errno > 0
            return os.strerror(at.errno) if known else str(at.strerror)
        at = at.__cause__ or at.__context__
    return str(error) or ("timed out" if isinstance(error, TimeoutError) else type(error).__name__)


def unanswered(what: str, engine: str, patience: float, place: str, why: str, key: str | None = None) -> HubUnavailable:
    return HubUnavailable(
        f"could not {what} {engine} in {patience:g} s: no answer from {place} ({why});"
        " start it, or give the hub the URL where it is",
        key,
    )
