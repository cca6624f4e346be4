"""One message on its way to JetStream, which is sent until it is known to be stored: once, however often it is sent."""

from __future__ import annotations

from waterspout.pubsub._failure import HubUnavailable
from waterspout.pubsub._subjects import Overtaken, Subjects

__all__ = ["Publication"]


class Publication:
    """A message with its *key* for *topic*, and what is known of the attempts to store it.

    The server forgets a key when it is started anew and its message is no longer kept. So what counts here is the
    chain: each attempt names its predecessor, which has one successor. Either that is this message, or this message
    was not stored by that attempt and never will be.
    """

    def __init__(self, topic: str, payload: bytes, key: str) -> None:
        self._topic = topic
        self._payload = payload
        self._key = key
        self._previous: int | None = None  # what the attempts since it was read expect
        self._is_doubtful = False  # one of these attempts has had no answer

    async def send(self, subjects: Subjects) -> int:
        """Store it, and return its cursor. After any failure but HubUnavailable it may be called again.

        Raises HubUnavailable if an earlier attempt had no answer, the server does not remember the key, and what would
        show whether it was stored is no longer kept.
        """
        while True:
            if self._previous is None:
                self._previous = await subjects.last(self._topic)
            was_doubtful, self._is_doubtful = self._is_doubtful, True  # until there is an answer
            try:
                return await subjects.append(self._topic, self._payload, self._key, self._previous)
            except Overtaken:
                if was_doubtful and (stored := await self._successor(subjects, self._previous)) is not None:
                    return stored
            self._previous, self._is_doubtful = None, False

    async def _successor(self, subjects: Subjects, previous: int) -> int | None:
        """The cursor of this message if it is the one behind *previous*."""
        found = await subjects.next(self._topic, previous)
        if found is None:
            return None  # the server has lost all that it had
        message, its_previous = found
        if its_previous > previous:
            raise HubUnavailable(
                f"could not find out whether a message on {self._topic!r} was stored: the connection was lost while it"
                f" was sent, the server has forgotten its key, and those behind {previous} are no longer kept;"
                " look whether it is there before you publish it again, and let the hub remember more keys=",
                self._key,
            )
        return message.cursor if message.key == self._key else None
