"""One message that a server sends to many clients: encoded once, and compressed once for all that one can serve."""

from __future__ import annotations

from waterspout.ws._deflate import PerMessageDeflate
from waterspout.ws._frames import FIN, RSV1, Opcode, frame, head

__all__ = ["SharedMessage"]


class SharedMessage:
    """The frames of one message with *payload*; *opcode* says of which kind."""

    __module__ = "waterspout.ws"
    __slots__ = ("_compressed", "_opcode", "_payload", "plain")

    #: The frame without compression, which every client understands.
    plain: bytes

    def __init__(self, opcode: Opcode, payload: bytes) -> None:
        self.plain = frame(opcode, payload)
        self._opcode = opcode
        self._payload = payload
        self._compressed: dict[tuple[int, int, int], bytes] = {}

    def for_extension(self, extension: PerMessageDeflate) -> bytes:
        """The frame for a client with *extension*.

        It is compressed where the server keeps no context from message to message (``server_no_context_takeover``):
        then all clients with the same parameters get the same bytes. Where a context is kept, each would need its own
        compression, and the frame stays plain, as RFC 7692, 6 allows for any message.
        """
        if extension.deflate_takeover or len(self._payload) < extension.threshold:
            return self.plain
        key = extension.deflate_parameters
        found = self._compressed.get(key)
        if found is None:
            compressed = extension.compress(self._payload)
            found = self._compressed[key] = head(FIN | RSV1 | self._opcode, len(compressed), 0) + compressed
        return found
