"""The topics of a hub over JetStream, each a subject of one stream: what one request each finds out or stores."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote, unquote

from waterspout.escape import json_decode
from waterspout.pubsub._message import Message

__all__ = ["Overtaken", "Subjects", "TooLarge"]

#: The cursor of the message before, within its topic: shows whether anything is missing between two.
PREVIOUS = "Waterspout-Previous"
KEY = "Waterspout-Key"

#: Bytes of a topic. Its subject is part of a line of at most 4096 bytes: a server closes the connection for more.
LONGEST_TOPIC = 2000

#: JetStream's number for "the last message of this subject is another one than you expect".
WRONG_LAST_SEQUENCE = 10071


class Overtaken(Exception):
    """The last message of the topic is not the one that was expected: nothing was stored."""


class TooLarge(Exception):
    """The server would close the connection for what was to be sent: it was not."""


class Subjects:
    """The topics in the stream *name*, over a *connection* of the client library whose JetStream errors are *errors*.

    These are what is raised if the server refuses, or does not answer within *timeout* seconds.
    """

    def __init__(self, connection: Any, timeout: float, name: str, errors: Any) -> None:
        self._connection = connection
        self.jetstream: Any = connection.jetstream(timeout=timeout)
        self._name = name
        self._errors = errors

    async def last(self, topic: str) -> int:
        """The cursor of the last message, 0 if there is none."""
        try:
            return int((await self.jetstream.get_last_msg(self._name, self._subject(topic))).seq)
        except self._errors.NotFoundError:
            return 0

    async def next(self, topic: str, after: int) -> tuple[Message, int] | None:
        """The first message behind the cursor *after*, and the cursor of the one that stood before it."""
        try:
            first = min(max(after, 0) + 1, 2**63)  # no cursor is as high; higher ones are none to the server
            found = await self.jetstream.get_msg(self._name, first, self._subject(topic), next=True)
        except self._errors.NotFoundError:
            return None
        headers = found.headers
        key = unquote(headers.get(KEY, ""))
        return Message(topic, found.seq, json_decode(found.data), key), int(headers[PREVIOUS])

    async def append(self, topic: str, payload: bytes, key: str, previous: int) -> int:
        """Store a message behind *previous*, and return its cursor; that of the first if the server knows the *key*.

        Raises `Overtaken` if another message is the last, `TooLarge` if the server takes none of that size.
        """
        # A header has no ends of lines and no blanks around it. The server looks for the name of one in all that stands
        # before it, too: so what it looks for comes before what may hold anything.
        subject, plain = self._subject(topic), quote(key, safe="")
        headers = {
            "Nats-Expected-Last-Subject-Sequence": str(previous),
            "Nats-Msg-Id": f"{_token(topic)} {plain}",
            PREVIOUS: str(previous),
            KEY: plain,
        }
        size = len(payload) + len("NATS/1.0\r\n\r\n") + sum(len(f"{name}: {headers[name]}\r\n") for name in headers)
        if size > self._connection.max_payload:
            limit = self._connection.max_payload
            raise TooLarge(f"with its key it has {size} bytes, more than the server's `max_payload` of {limit}")
        try:
            return int((await self.jetstream.publish(subject, payload, headers=headers)).seq)
        except self._errors.APIError as error:
            if error.err_code != WRONG_LAST_SEQUENCE:
                raise
            raise Overtaken from None

    @staticmethod
    def topic(subject: str) -> str:
        """The topic whose subject that is."""
        token = subject.rpartition(".")[2]
        return "" if token == "-" else base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()

    def _subject(self, topic: str) -> str:
        if len(topic.encode()) > LONGEST_TOPIC:
            raise TooLarge(f"the topic is longer than the {LONGEST_TOPIC} bytes that NATS has room for")
        return f"{self._name}.{_token(topic)}"


def _token(topic: str) -> str:
    """*topic* as one token of a subject, whatever it is made of."""
    return base64.urlsafe_b64encode(topic.encode()).decode().rstrip("=") or "-"
