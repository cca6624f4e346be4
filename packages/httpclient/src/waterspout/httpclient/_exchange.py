"""One fetch, from the call to the answer: no task, no timer and no coroutine of its own.

Theory of operation. An exchange is prepared (URL taken apart, head written), waits for a slot among the client's
``max_clients`` and for a connection, is sent, and then is called by its connection with the events that the reader
makes of what arrives; an `Incoming` collects them. A redirect, a challenge or a retry prepares it anew: the same
object, slot and total deadline. Whatever goes wrong ends in `fail`, whatever goes right in `deliver`; each answers
at most once, gives everything back first and answers last, so that the one who is answered may fetch again at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from math import inf
from typing import TYPE_CHECKING, Any

from waterspout.http1 import Data, EndOfMessage, InterimResponse, MessageWriter, ResponseHead
from waterspout.httpclient._again import restart, try_again
from waterspout.httpclient._connection import FRESH, LOOK_INTERVAL
from waterspout.httpclient._errors import FetchError, HTTPTimeoutError, Phase, ResponseTooLargeError
from waterspout.httpclient._failures import (
    callback_error,
    closed_error,
    in_tornados_terms,
    protocol_error,
    switching_error,
    timeout_error,
)
from waterspout.httpclient._giving_back import let_go
from waterspout.httpclient._head import IDEMPOTENT_METHODS
from waterspout.httpclient._incoming import Incoming
from waterspout.httpclient._observer import tell
from waterspout.httpclient._preparation import aim, write_head
from waterspout.httpclient._response import HTTPResponse
from waterspout.httpclient._retry import Retries, retries_of
from waterspout.httpclient._shown import without_userinfo
from waterspout.httpclient._timing import Timing
from waterspout.iostream import StreamClosedError

if TYPE_CHECKING:
    import asyncio

    from waterspout.httpclient._auth import Auth
    from waterspout.httpclient._connection import Connection
    from waterspout.httpclient._core import ClientCore
    from waterspout.httpclient._h2_stream import RequestStream
    from waterspout.httpclient._observer import ClientObserver
    from waterspout.httpclient._pace import Pace
    from waterspout.httpclient._request import BodyProducer, HTTPRequest
    from waterspout.httpclient._route import Route
    from waterspout.httpclient._settings import Settings
    from waterspout.httpclient._upload import Upload
    from waterspout.httpclient._url import URL
    from waterspout.httputil import HTTPHeaders, HTTPInputError

    Answer = Callable[[HTTPResponse], object]

#: Seconds that a body held back by ``Expect: 100-continue`` waits for the server's word (RFC 9110, 10.1.1; CS20).
CONTINUE_PATIENCE = 1.0
#: Seconds that an attempt to connect gets to tell that its time is up, and in which phase it was.
TELLING_TIME = 0.05


class Exchange:
    """A request on its way to its response."""

    __slots__ = (
        "__weakref__", "answer", "auth", "body", "client", "closes", "connect_until", "connection", "context",
        "deadline", "effective_url", "first_byte", "head", "headers", "history", "incoming", "method",
        "on_head", "original", "pace", "patience", "phase", "producer", "redirects_left", "repeated", "request",
        "retries", "route", "settings", "start_time", "target", "timer", "timing", "total_until", "tried",
        "upload", "url", "waiting_for_continue", "watched", "writer",
    )  # fmt: skip

    original: HTTPRequest

    total_until: float
    deadline: float
    first_byte: bool
    connect_until: float
    phase: Phase
    tried: int
    repeated: bool
    watched: bool
    waiting_for_continue: bool
    client: ClientCore
    request: HTTPRequest
    settings: Settings
    timing: Timing
    method: str
    body: bytes | None
    effective_url: str
    closes: bool
    redirects_left: int

    # The request as it is sent next; `aim` and `write_head` set what is not in `__init__`.
    url: URL
    target: str
    route: Route
    head: bytes

    def __init__(self, client: ClientCore, request: HTTPRequest, settings: Settings, answer: Answer | None) -> None:
        self.client = client
        self.request = request
        #: What responses name as their request: the user's own, where *request* is a copy with the defaults filled in.
        self.original = request if settings is client.plain_settings else getattr(request, "original_request", request)
        self.settings = settings
        #: Called once with the response; None from then on.
        self.answer = answer
        now = client.time()
        self.timing = Timing(now)
        self.start_time: float | None = None
        self.method = request.method
        self.body = request._body
        self.producer: BodyProducer | None = settings.body_producer
        self.writer: MessageWriter | None = None
        self.headers: HTTPHeaders | None = None
        self.auth: Auth | None = None
        self.effective_url = request.url
        self.closes = False

        self.history: list[HTTPResponse] | None = None
        self.redirects_left = settings.max_redirects
        self.retries: Retries | None = None if settings.retries is None else retries_of(settings.retries)
        #: Retries that were begun; whether the request was repeated because a kept connection was dead.
        self.tried = 0
        self.repeated = False

        self.phase = Phase.PREPARE
        #: Loop times that nothing may last beyond: the whole; the wait for a connection; whichever counts now.
        self.total_until = now + settings.request_timeout if settings.request_timeout else inf
        self.connect_until = now + settings.connect_timeout if settings.connect_timeout else inf
        self.deadline = inf
        self.timer: asyncio.TimerHandle | None = None
        self.watched = False

        self.connection: Connection | RequestStream | None = None
        self.first_byte = False
        self.incoming: Incoming | None = None
        #: Told of the head of the response that is the answer: for those who take the body while it comes.
        self.on_head: Callable[[Incoming], None] | None = None
        self.upload: Upload | None = None
        self.pace: Pace | None = None
        #: The timer of a body that is held back, or of a pause before a retry.
        self.patience: asyncio.TimerHandle | None = None
        self.waiting_for_continue = False
        #: The caller's context variables, for callbacks; None where there are none to call.
        self.context: Context | None = copy_context() if _calls_back(settings) else None

    # -- on the way out

    def start(self) -> None:
        """Prepare the request and get in line for a slot. Errors are answered, not raised."""
        observer = self.client.observer
        if observer is not None:
            tell(observer.fetch_started, self)
        try:
            aim(self)
            write_head(self)
        except Exception as error:
            self.fail(error, final=True)
            return
        self.client.admit(self)

    def wait_in_queue(self) -> None:
        """The client has as many exchanges under way as it may."""
        self.phase = Phase.QUEUE
        observer = self.client.observer
        if observer is not None:
            tell(observer.fetch_queued, self)
        until = min(self.connect_until, self.total_until)
        if self.settings.queue_timeout:
            until = min(until, self.timing.queued + self.settings.queue_timeout)
        self.limit(until)

    def acquire(self) -> None:
        """A slot is free: take an idle connection, or wait for one."""
        self.timing.begun = now = self.client.time()
        self.start_time = time.time()
        session = self.route.session
        if session is not None and session.has_room():
            self.client.pool.statistics.reused += 1
            self.use(session.stream_for(self))
            return
        idle = self.route.idle if not self.repeated else self.route.unused()
        while idle:
            connection = idle.pop()
            # One that rested may have died (CS14) or received what nobody asked for (CS15); a request that will not be
            # sent twice is not risked on any that has not been asked.
            if (now - connection.last_used < FRESH and self._is_repeated()) or connection.is_alive():
                self.client.pool.statistics.reused += 1
                self.use(connection)
                return
            connection.close()
        self.phase = Phase.CONNECT
        # The attempt to connect knows better what takes so long, so it may be the first to say so.
        self.limit(min(self.connect_until, self.total_until) + TELLING_TIME)
        self.route.request(self)

    def time_to_connect(self) -> float | None:
        """Seconds that may pass until there is a connection; None: any time."""
        until = min(self.connect_until, self.total_until)
        return None if until == inf else max(0.0, until - self.client.time())

    def use(self, connection: Connection | RequestStream) -> None:
        """Send the request on *connection*, which is ours from now on."""
        self.connection = connection
        connection.exchange = self
        connection.reader.expect(self.method)
        self.timing.sent = now = self.client.time()
        self.phase = Phase.HEAD
        self.deadline = until = self.total_until
        if self.watched:
            self.client.deadlines.forget(self)
            self.watched = False
        if self.timer is not None or until - now < LOOK_INTERVAL:
            self.limit(until)
        elif until < connection.deadline:
            connection.deadline = until
            self.client.deadlines.watch(connection)
        if self.client.observer is not None:
            tell(self.client.observer.request_sent, self, connection.served > 0)
        settings = self.settings
        if settings.read_timeout or settings.write_timeout or settings.minimum_rate:
            from waterspout.httpclient._pace import Pace  # few ask for it

            self.pace = Pace(self, connection)
        body = self.body
        if self.writer is None and not (body and settings.expect_100_continue):
            if not connection.send(self.head, body):
                self.lost(None)
        elif not connection.send(self.head, None):
            self.lost(None)
        elif settings.expect_100_continue:
            self.waiting_for_continue = True
            self.patience = self.client.call_later(CONTINUE_PATIENCE, self._send_body)
        else:
            self._send_body()

    def refused(self, error: Exception) -> None:
        """No connection could be made."""
        self.fail(error)

    def _send_body(self) -> None:
        connection = self.connection
        if connection is None or self.upload is not None or self.incoming is not None:
            return
        self.stop_patience()
        if self.writer is not None and self.producer is not None:
            self.phase = Phase.SEND
            from waterspout.httpclient._upload import Upload  # few bodies are made on the way

            self.upload = Upload(self, connection)
            self.upload.start(self.producer)
        elif self.body:
            try:
                connection.stream.send(self.body)
            except StreamClosedError:
                self.lost(None)

    def uploaded(self) -> None:
        """The producer has made the whole body."""
        if self.phase is Phase.SEND:
            self.phase = Phase.HEAD

    def upload_failed(self, error: BaseException) -> None:
        """The producer raised: if the connection broke under it, that is what went wrong."""
        if isinstance(error, StreamClosedError):
            self.lost(error.real_error)
        else:
            self.fail(error)

    def may_be_repeated(self) -> bool:
        """Whether sending the request once more does no harm and is possible (RFC 9110, 9.2.2)."""
        return self.method in IDEMPOTENT_METHODS and self.producer is None

    def _is_repeated(self) -> bool:
        """Whether the request is sent once more when a kept connection dies; Tornado never sends one twice."""
        return self.may_be_repeated() and not self.client.is_compat

    # -- time

    def limit(self, until: float) -> None:
        """From now on, nothing may last beyond *until*; a timer of its own only where precision matters."""
        self.deadline = until
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        client = self.client
        if until == inf:
            return
        remaining = until - client.time()
        if remaining < LOOK_INTERVAL:
            self.timer = client.call_later(max(0.0, remaining), self.deadline_passed)
        elif self.connection is None:
            self.watched = True
            client.deadlines.watch(self)

    def deadline_passed(self) -> None:
        """The time is up."""
        self.watched = False
        if self.answer is None:
            return
        now = self.client.time()
        if now < self.deadline - 0.001:  # moved meanwhile, or a clock's breath too early
            self.limit(self.deadline)
        else:
            self.fail(timeout_error(self, now - self.timing.queued))

    # -- what the connection tells

    def take(self, events: Iterable[Any]) -> None:
        """Events that the reader made of what arrived, in order."""
        for event in events:
            kind = event.__class__
            if kind is ResponseHead:
                self._begin_response(event)
            elif self.incoming is None:
                if kind is not InterimResponse:
                    return  # the rest of a response that was given up
                self._interim(event)
            elif kind is Data:
                self.incoming.data(event.data)
            elif kind is EndOfMessage:
                self.incoming.end(event)
            if self.answer is None:
                return

    def _interim(self, head: InterimResponse) -> None:
        self.first_byte = True
        if self.settings.interim_callback is not None:
            self.call(self.settings.interim_callback, head)
        if head.status == 100 and self.waiting_for_continue:
            self._send_body()

    def _begin_response(self, head: ResponseHead) -> None:
        self.timing.first_byte = self.client.time()
        connection = self.connection
        if not self.first_byte:
            if not self.body and self.upload is None and connection is not None and connection.stream.pending:
                # It was on its way before the request had left: an answer to something else (CS15).
                connection.close()
                self.lost(None)
                return
            self.first_byte = True
        incoming = self.incoming = Incoming(self, head)
        self.phase = Phase.BODY
        if self.client.observer is not None:
            tell(self.client.observer.head_received, self, head.status)
        if head.status == 101:
            self.fail(switching_error(self))
        else:
            incoming.begin()

    def truncated(self, error: HTTPInputError) -> None:
        """The server closed inside the response; what had come is in the error's response."""
        self.connection = None
        self.fail(protocol_error(self, error, "was cut short"))

    def broken(self, error: HTTPInputError) -> None:
        """The response breaks the protocol or a limit; the connection is closed already."""
        self.connection = None
        self.fail(protocol_error(self, error, "was not answered by HTTP"))

    def lost(self, error: BaseException | None) -> None:
        """The connection closed before the response was complete."""
        connection, self.connection = self.connection, None
        if self.answer is None:
            return
        if connection is not None and connection.served > 1 and not self.first_byte and not self.repeated:
            # The server closed a kept connection as the request was on its way: nobody's fault (RFC 9112, 9.3.1).
            if self._is_repeated():
                self.repeated = True
                restart(self, 0.0)
                return
        self.fail(closed_error(self, error))

    # -- callbacks of the user

    def call(self, callback: Callable[..., Any], *args: Any) -> bool:
        """Call a callback of the user; false if it raised, which ends the fetch."""
        try:
            self.run(callback, *args)
        except Exception as error:
            self.callback_failed(error)
            return False
        return True

    def run(self, callback: Callable[..., Any], *args: Any) -> Any:
        """Call a callback of the user in the context that `fetch` was called in."""
        return callback(*args) if self.context is None else self.context.run(callback, *args)

    def callback_failed(self, error: BaseException) -> None:
        """A callback of the user raised *error*, which is what the fetch raises then."""
        self.fail(callback_error(self, error), final=True)

    # -- ends

    def deliver(self, response: HTTPResponse) -> None:
        """*response* is the answer."""
        if self.client.jar is not None and self.incoming is not None:
            self.keep_cookies(self.incoming.head)
        timing = self.timing
        timing.ended = now = self.client.time()
        response.start_time = self.start_time
        response.request_time = now - timing.begun
        response._timing = timing
        if self.history:
            response.history = tuple(self.history)
        self._answer(response)

    def fail(self, error: BaseException, *, final: bool = False) -> None:
        """Answer with *error*, unless it is not *final* and the request is to be tried again."""
        if self.answer is None:
            return
        if self.connection is not None and isinstance(error, HTTPTimeoutError):
            self.connection.given_up(True)
        if not final and try_again(self, error):
            return
        if isinstance(error, FetchError):
            error.url = error.url or self.shown_url()
            error.phase = error.phase or self.phase
            if error.response is None and self.incoming is not None:
                # What was too much is not kept.
                error.response = self.incoming.response(keep_body=not isinstance(error, ResponseTooLargeError))
            if self.client.is_compat:
                in_tornados_terms(error)
        timing = self.timing
        timing.ended = now = self.client.time()
        response = HTTPResponse(
            self.original,
            599,
            error=error,
            effective_url=self.effective_url,
            request_time=now - (timing.begun or timing.queued),
            start_time=self.start_time,
        )
        response._timing = timing
        self._answer(response)

    def cancel(self) -> None:
        """Nobody waits for the answer any more."""
        if self.connection is not None:
            self.connection.given_up(False)
        self._answer(None)

    def _answer(self, response: HTTPResponse | None) -> None:
        answer, self.answer = self.answer, None
        let_go(self)
        self.incoming = None  # it refers to us
        self.client.leave(self)
        if self.client.observer is not None and answer is not None:
            self._tell_end(self.client.observer, response)
        if answer is not None and response is not None:
            answer(response)

    def _tell_end(self, observer: ClientObserver, response: HTTPResponse | None) -> None:
        if response is None:
            from asyncio import CancelledError

            tell(observer.fetch_failed, self, CancelledError())
        elif response.error is not None and not response._error_is_response_code:
            tell(observer.fetch_failed, self, response.error)
        else:
            tell(observer.fetch_finished, self, response)

    def stop_patience(self) -> None:
        self.waiting_for_continue = False
        patience, self.patience = self.patience, None
        if patience is not None:
            patience.cancel()

    def stop_pace(self) -> None:
        pace, self.pace = self.pace, None
        if pace is not None:
            pace.cancel()

    def keep_cookies(self, head: ResponseHead) -> None:
        """Put the response's cookies into the client's jar, if it has one."""
        jar = self.client.jar
        if jar is not None:
            jar.keep(self.url._replace(target=self.target), head.headers.get_list("Set-Cookie"))

    # -- names for messages

    def shown_url(self) -> str:
        """The URL of the request as it is now, without user information."""
        if not hasattr(self, "url"):
            return str(without_userinfo(self.request.url))
        return str(self.url._replace(target=self.target))

    def name(self) -> str:
        """Method and URL."""
        return f"{self.method} {self.shown_url()}"


def _calls_back(settings: Settings) -> bool:
    return bool(
        settings.streaming_callback or settings.header_callback or settings.interim_callback or settings.body_producer
    )
