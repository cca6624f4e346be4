"""How connections behave: limits and deadlines, chosen once for a server or client."""

from __future__ import annotations

from dataclasses import dataclass, field

from waterspout.http1 import TORNADO_LIMITS, Limits
from waterspout.httputil import LogLimit
from waterspout.util import is_tornado_compat

__all__ = ["HTTP1ConnectionParameters"]

#: Seconds for the whole of a request's head: a phone on a bad line needs few, a slow-loris needs many.
HEADER_TIMEOUT = 30.0
#: Seconds that a kept-alive connection may stay idle; above the 60 s of common load balancers.
IDLE_TIMEOUT = 75.0
#: A body must come at this rate (bytes a second) once the grace (seconds) is over.
BODY_RATE, BODY_GRACE = 500, 10.0
#: Seconds without the peer taking a single byte of what waits for it.
WRITE_TIMEOUT = 60.0
#: After an error: how long (seconds) and how much (bytes) of what the peer still sends is thrown away, so that the
#: answer is not lost to a reset (RFC 9112, 9.6).
LINGER_TIMEOUT, LINGER_BYTES = 2.0, 256 * 1024


@dataclass(slots=True)
class HTTP1ConnectionParameters:
    """Parameters for `HTTP1Connection` and `HTTP1ServerConnection`, with Tornado's names.

    `no_keep_alive` closes after one request. `chunk_size` is the largest piece (bytes) that a delegate gets.
    `max_header_size` (a quarter of it, but 8 KiB at least, may be the request line), `max_body_size` are bytes;
    `header_timeout` (seconds) bounds the wait for a head,
    `idle_timeout` that between requests, `body_timeout` the whole of a body (None: only its rate is bounded).
    `decompress` undoes ``Content-Encoding: gzip``. `compat` is ``"tornado"`` for its leniency. None takes the default.
    """

    no_keep_alive: bool = False
    chunk_size: int | None = None
    max_header_size: int | None = None
    header_timeout: float | None = None
    max_body_size: int | None = None
    body_timeout: float | None = None
    decompress: bool = False
    idle_timeout: float | None = None
    compat: str | None = None
    #: What peers that send nonsense may add to the log, all connections of a server together.
    log_limit: LogLimit = field(default_factory=LogLimit, repr=False, compare=False)
    #: Hosts that were named by clients and are well-formed, for the readers of all connections of a server together.
    hosts: dict[bytes, str] = field(default_factory=dict, repr=False, compare=False)
    #: The codec's limits that these parameters amount to.
    limits: Limits = field(init=False, repr=False, compare=False)
    #: Seconds for the first byte of a connection: as long as for a head, unless an idle timeout is given.
    first_byte_timeout: float = field(init=False, repr=False, compare=False)
    #: Seconds for each further request.
    next_request_timeout: float = field(init=False, repr=False, compare=False)
    #: Whether malformed input that Tornado takes is taken.
    lenient: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.lenient = is_tornado_compat(self.compat)
        base = TORNADO_LIMITS if self.lenient else Limits()
        given = self.header_timeout if self.idle_timeout is None else self.idle_timeout
        self.first_byte_timeout = HEADER_TIMEOUT if given is None else given
        self.next_request_timeout = IDLE_TIMEOUT if self.idle_timeout is None else self.idle_timeout
        # Worked out here and not for each connection, of which there may be thousands a second.
        head = self.max_header_size or base.head
        # As by default: a quarter of the head, where that is more.
        line = head if self.lenient else max(min(base.request_line, head), head // 4)
        self.limits = Limits(
            request_line=line,
            head=head,
            fields=base.fields,
            body=base.body if self.max_body_size is None else self.max_body_size,
        )


HTTP1ConnectionParameters.__module__ = "waterspout.http1connection"
