"""When each phase of a fetch ended."""

from __future__ import annotations


class Timing:
    """Loop times (seconds, monotonic) of one request's phases; 0 for one that did not happen.

    A request on a kept connection has no name lookup, connect and TLS handshake of its own. The zeros are the
    class's, so that an object holds only what happened.
    """

    begun: float
    resolved: float
    connected: float
    secured: float
    sent: float
    first_byte: float
    ended: float

    #: fetch() was called.
    queued: float
    #: A slot was free.
    begun = 0.0
    resolved = 0.0
    connected = 0.0
    secured = 0.0
    #: The head was handed to the connection.
    sent = 0.0
    first_byte = 0.0
    ended = 0.0

    def __init__(self, queued: float) -> None:
        self.queued = queued

    def as_dict(self) -> dict[str, float]:
        """In Tornado's (curl's) names: all counted from `begun`, but ``queue``, which lies before it."""
        begun = self.begun or self.ended
        info = {"queue": begun - self.queued}
        for name, moment in (
            ("namelookup", self.resolved),
            ("connect", self.connected),
            ("appconnect", self.secured),
            ("pretransfer", self.sent),
            ("starttransfer", self.first_byte),
            ("total", self.ended),
        ):
            if moment:
                info[name] = max(0.0, moment - begun)
        return info
