"""The topics of a hub over JetStream, each a subject of one stream: what one request each finds out or stores."""

from __future__ import annotations

import base64
from typing import Any

from waterspout.escape import json_decode
from waterspout.pubsub._message import Message

__all__ = ["Overtaken", "Subjects"]

#: The cursor of the message before, within its topic: shows whether anything is missing between two.
PREVIOUS = "Waterspout-Previous"
KEY = "Waterspout-Key"

#: JetStream's number for "the last message of this subject is another one than you expect".
WRONG_LAST_SEQUENCE = 10071


class Overtaken(Exception):
    """The last message of the topic is not the one that was expected: nothing was stored."""


class Subjects:
    """The topics in the stream *name* of *jetstream*, a context of the client library whose errors are *errors*.

    These are what is raised if the server refuses, or does not answer.
    """

    def __init__(self, jetstream: Any, name: str, errors: Any) -> None:
        self.jetstream = jetstream
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
            found = await self.jetstream.get_msg(self._name, max(after, 0) + 1, self._subject(topic), next=True)
        except self._errors.NotFoundError:
            return None
        return Message(topic, found.seq, json_decode(found.data), found.headers[KEY]), int(found.headers[PREVIOUS])

    async def append(self, topic: str, payload: bytes, key: str, previous: int) -> int:
        """Store a message behind *previous*, and return its cursor; that of the first if the server knows the *key*.

        Raises `Overtaken` if another message is the last.
        """
        headers = {
            KEY: key,
            PREVIOUS: str(previous),
            "Nats-Msg-Id": f"{_token(topic)} {key}",
            "Nats-Expected-Last-Subject-Sequence": str(previous),
        }
        try:
            return int((await self.jetstream.publish(self._subject(topic), payload, headers=headers)).seq)
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
        return f"{self._name}.{_token(topic)}"


def _token(topic: str) -> str:
    """*topic* as one token of a subject, whatever it is made of."""
    return base64.urlsafe_b64encode(topic.encode()).decode().rstrip("=") or "-"
