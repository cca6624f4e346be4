"""One fetch, from the call to the answer: no task, no timer and no coroutine of its own.

Theory of operation. An exchange is prepared (URL taken apart, head written), waits for a slot among the client's
``max_clients`` and for a connection, is sent, and then is called by its connection with the events that the reader
makes of what arrives. A redirect, a retry, an answer to a challenge prepares it anew: the same object, slot and
deadline. Whatever goes wrong ends in `fail`, whatever goes right in `_deliver`; both are reached at most once, give
everything back first and answer last, so that the one who is answered may fetch again at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from math import inf
from typing import TYPE_CHECKING, Any

from waterspout.http1 import Data, EndOfMessage, InterimResponse, MessageWriter, ResponseHead, request_head
from waterspout.httpclient._connection import LOOK_INTERVAL
from waterspout.httpclient._decode import Decoder, decoder_for
from waterspout.httpclient._delivery import Delivery
from waterspout.httpclient._errors import (
    FetchError,
    InvalidRequestError,
    Phase,
    ProtocolError,
    ResponseTooLargeError,
    TooManyRedirectsError,
)
from waterspout.httpclient._failures import (
    callback_error,
    closed_error,
    in_tornados_terms,
    protocol_error,
    timeout_error,
)
from waterspout.httpclient._head import IDEMPOTENT_METHODS, check_method, checked_headers, default_fields, frame_request
from waterspout.httpclient._pace import Pace
from waterspout.httpclient._redirect import REDIRECTS, next_step
from waterspout.httpclient._response import HTTPResponse
from waterspout.httpclient._timing import Timing
from waterspout.httpclient._upload import Upload
from waterspout.httpclient._url import match_plain_url, parse_url
from waterspout.iostream import StreamClosedError

if TYPE_CHECKING:
    from waterspout.httpclient._auth import Auth
    from waterspout.httpclient._client import SimpleAsyncHTTPClient
    from waterspout.httpclient._connection import Connection
    from waterspout.httpclient._pool import Route
    from waterspout.httpclient._request import HTTPRequest
    from waterspout.httpclient._settings import Settings
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
        "__weakref__",
        "answer",
        "auth",
        "body",
        "chunks",
        "client",
        "closes",
        "connect_until",
        "connection",
        "deadline",
        "decoder",
        "delivery",
        "discarding",
        "effective_url",
        "first_byte",
        "head",
        "headers",
        "history",
        "method",
        "pace",
        "patience",
        "phase",
        "producer",
        "redirects_left",
        "request",
        "response_head",
        "retried",
        "route",
        "settings",
        "start_time",
        "target",
        "timer",
        "timing",
        "total_until",
        "upload",
        "url",
        "waiting_for_continue",
        "watched",
        "writer",
    )

    url: URL
    route: Route
    head: bytes
    target: str

    def __init__(
        self, client: SimpleAsyncHTTPClient, request: HTTPRequest, settings: Settings, answer: Answer | None
    ) -> None:
        self.client = client
        self.request = request
        self.settings = settings
        #: Called once with the response; None from then on.
        self.answer = answer
        now = client.time()
        self.timing = Timing(now)
        self.start_time: float | None = None
        self.method = request.method
        self.body = request.body
        self.producer = settings.body_producer
        self.headers: HTTPHeaders | None = None
        self.auth: Auth | None = None
        self.effective_url = request.url
        self.history: list[HTTPResponse] | None = None
        self.redirects_left = settings.max_redirects
        self.retried = False
        self.phase = Phase.PREPARE
        #: Loop times that nothing may last beyond: the whole; the wait for a connection; whichever counts now.
        self.total_until = now + settings.request_timeout if settings.request_timeout else inf
        self.connect_until = self.deadline = inf
        self.timer: asyncio.TimerHandle | None = None
        self.watched = False
        self.connection: Connection | None = None
        self.writer: MessageWriter | None = None
        self.upload: Upload | None = None
        self.closes = self.waiting_for_continue = False
        self.patience: asyncio.TimerHandle | None = None
        self.pace: Pace | None = None
        self._clear_response()

    def _clear_response(self) -> None:
        self.first_byte = False
        self.response_head: ResponseHead | None = None
        self.chunks: list[bytes] = []
        self.decoder: Decoder | None = None
        self.delivery: Delivery | None = None
        self.discarding = False

    # -- preparing

    def start(self) -> None:
        """Prepare the request and get in line for a slot. Errors are answered, not raised."""
        try:
            self._aim()
            self._write_head()
        except Exception as error:
            self.fail(error)
            return
        settings = self.settings
        if settings.connect_timeout:
            self.connect_until = self.timing.queued + settings.connect_timeout
        self.client.admit(self)

    def _aim(self) -> None:
        """Find the route for the request's URL."""
        text = self.request.url
        settings = self.settings
        client = self.client
        pool = client.pool
        plain = match_plain_url(text)
        if plain is not None:
            origin, target = plain.groups()
            route = pool.plain_route(origin, settings) if settings is client.plain_settings else None
            if route is not None:
                self.route = route
                self.url = route.url
                self.target = target or "/"
                self.auth = settings.auth
                if settings.auth_username is not None:
                    self.auth = client.auth_for(settings, None)
                return
        url = self.url = parse_url(text, client.compat)
        self.target = url.target
        self.auth = client.auth_for(settings, url)
        self.route = pool.route_to(url, settings)
        if plain is not None and settings is client.plain_settings:
            pool.remember_plain(plain[1], self.route)

    def _write_head(self) -> None:
        """Make the head of the request as it is now."""
        settings = self.settings
        client = self.client
        method = self.method
        body = self.body
        headers = self.headers
        if headers is None and self.request._headers:
            headers = self.headers = checked_headers(self.request._headers)
        route = self.route
        if body is None and method == "GET" and headers is None and self.auth is None and client.jar is None:
            if settings is client.plain_settings and route.proxy is None:
                if route.fields_for is not settings:
                    route.default_fields = default_fields(
                        route.url.authority, client.user_agent_for(settings), client.accept_encoding_for(settings)
                    )
                    route.fields_for = settings
                self.head = request_head(method, self.target, route.default_fields)
                return
        producer = self.producer
        if self.phase is Phase.PREPARE:
            if body is not None and producer is not None:
                raise InvalidRequestError("Only one of body and body_producer may be given")
            check_method(method, body is not None or producer is not None, settings)
        more = ""
        if self.auth is not None and not (headers is not None and "Authorization" in headers):
            more = self.auth.fields(method, self.url._replace(target=self.target), body)
        if client.jar is not None and not (headers is not None and "Cookie" in headers):
            more += client.jar.field_for(self.url._replace(target=self.target))
        target = self.target
        if route.forwards:
            target = route.target_for(target)
            if route.proxy_auth is not None:
                more += route.proxy_auth.fields(method, self.url._replace(target=target), body)
        framed = frame_request(
            method,
            self.url,
            target,
            headers,
            body,
            settings,
            producer is not None,
            client.user_agent_for(settings),
            client.accept_encoding_for(settings),
            more,
        )
        self.head, self.writer, self.closes = framed

    # -- waiting for a slot and a connection

    def wait_in_queue(self) -> None:
        """The client has as many exchanges under way as it may."""
        self.phase = Phase.QUEUE
        until = min(self.connect_until, self.total_until)
        if self.settings.queue_timeout:
            until = min(until, self.timing.queued + self.settings.queue_timeout)
        self._limit(until)

    def acquire(self) -> None:
        """A slot is free: take an idle connection, or wait for one."""
        timing = self.timing
        timing.begun = self.client.time()
        self.start_time = time.time()
        idle = self.route.idle
        # A request that cannot be sent twice is not risked on a connection that may have died (CS14).
        while idle and not self.retried:
            connection = idle.pop()
            if self._may_be_repeated() or connection.is_alive():
                self.client.pool.statistics.reused += 1
                self.use(connection)
                return
            connection.close()
        self.phase = Phase.CONNECT
        # The attempt to connect knows better what takes so long, so it may be the first to say so.
        self._limit(min(self.connect_until, self.total_until) + TELLING_TIME)
        self.route.request(self)

    def time_to_connect(self) -> float | None:
        """Seconds that may pass until there is a connection; None: any time."""
        until = min(self.connect_until, self.total_until)
        return None if until == inf else max(0.0, until - self.client.time())

    def use(self, connection: Connection) -> None:
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
            self._limit(until)
        elif until < connection.deadline:
            connection.deadline = until
            self.client.deadlines.watch(connection)
        settings = self.settings
        if settings.read_timeout or settings.write_timeout or settings.minimum_rate:
            self.pace = Pace(self, connection)
        body = self.body
        if self.writer is None and not (body and self.settings.expect_100_continue):
            if not connection.send(self.head, body):
                self.lost(None)
            return
        if not connection.send(self.head, None):
            self.lost(None)
        elif self.settings.expect_100_continue:
            self.waiting_for_continue = True
            self.patience = self.client.call_later(CONTINUE_PATIENCE, self._send_body)
        else:
            self._send_body()

    def refused(self, error: Exception) -> None:
        """No connection could be made."""
        self.fail(error)

    def _send_body(self) -> None:
        connection = self.connection
        if connection is None or self.upload is not None or self.response_head is not None or self.answer is None:
            return
        self._stop_waiting_for_continue()
        if self.writer is not None and self.producer is not None:
            self.phase = Phase.SEND
            self.upload = Upload(self, connection.stream, self.writer)
            self.upload.start(self.producer)
        elif self.body:
            try:
                connection.stream.send(self.body)
            except StreamClosedError:
                self.lost(None)

    def _stop_waiting_for_continue(self) -> None:
        self.waiting_for_continue = False
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None

    def _stop_pace(self) -> None:
        pace, self.pace = self.pace, None
        if pace is not None:
            pace.cancel()

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

    # -- time

    def _limit(self, until: float) -> None:
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
        if self.deadline == inf or self.client.time() < self.deadline - 0.001:
            self._limit(self.deadline)
            return
        self.fail(timeout_error(self, self.client.time() - self.timing.queued))

    # -- what the connection tells

    def take(self, events: Iterable[Any]) -> None:
        """Events that the reader made of what arrived, in order."""
        for event in events:
            kind = event.__class__
            if kind is Data:
                if self.delivery is None and self.decoder is None and not self.discarding:
                    self.chunks.append(event.data)
                else:
                    self._data(event.data)
            elif kind is ResponseHead:
                self._begin_response(event)
            elif kind is EndOfMessage:
                self._end(event)
            else:
                self._interim(event)
            if self.answer is None:
                return

    def _interim(self, head: InterimResponse) -> None:
        self.first_byte = True
        if self.settings.interim_callback is not None:
            self._call(self.settings.interim_callback, head)
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
        self.response_head = head
        self.phase = Phase.BODY
        status = head.status
        if status == 101:
            self.fail(
                ProtocolError(
                    f"{self.name()} was answered by 101: the server changes to a protocol that was not asked for",
                    url=self.shown_url(),
                    phase=Phase.HEAD,
                )
            )
            return
        settings = self.settings
        if status in REDIRECTS and settings.follow_redirects and self._leads_on(head):
            self.discarding = True
            return
        if status in (401, 407) and self.producer is None:
            auth = self._challenged_by(status)
            if auth is not None and auth.wants_retry(head):
                self.discarding = True
                return
        if settings.header_callback is not None:
            self._tell_headers(settings.header_callback, head)
            if self.answer is None:
                return
        if head.has_body:
            if head.content_encoding is not None and settings.decompress_response:
                try:
                    self.decoder = decoder_for(head.content_encoding, self.client.max_body_size, self.shown_url())
                except FetchError as error:
                    self.fail(error)
                    return
        if settings.streaming_callback is not None:
            self.delivery = Delivery(self, settings.streaming_callback)

    def _data(self, data: bytes) -> None:
        if self.discarding:
            return
        if self.delivery is not None:
            self.delivery.feed((data,) if self.decoder is None else self.decoder.decode(data))
            return
        assert self.decoder is not None
        try:
            self.chunks.extend(self.decoder.decode(data))
        except FetchError as error:
            self.fail(error)

    def _end(self, event: EndOfMessage) -> None:
        if self.delivery is not None and not self.delivery.is_done():
            self.delivery.when_done(lambda: self._end(event))
            return
        head = self.response_head
        assert head is not None
        if self.decoder is not None:
            try:
                self.decoder.finish()
            except FetchError as error:
                self.fail(error)
                return
        self._give_back_connection(head)
        if self.discarding and self._goes_on(head):
            return
        self._deliver(head, event)

    def _give_back_connection(self, head: ResponseHead) -> None:
        connection, self.connection = self.connection, None
        if connection is None:
            return
        if self.pace is not None:
            self._stop_pace()
        upload, self.upload = self.upload, None
        clean = head.keep_alive and not self.closes and not connection.reader.held
        if self.waiting_for_continue:
            self._stop_waiting_for_continue()
            clean = False
        if upload is not None and not upload.done:
            upload.cancel()
            clean = False
        if clean and not (self.body and connection.stream.pending):
            connection.release()
        else:
            connection.close()

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
        self._stop_pace()
        if connection is not None and connection.served > 1 and not self.first_byte and not self.retried:
            # The server closed an idle connection as the request was on its way: no fault of either (RFC 9112, 9.3.1).
            if self._may_be_repeated():
                self.retried = True
                self._clear_response()
                self.acquire()
                return
        self.fail(closed_error(self, error))

    # -- callbacks of the user

    def _tell_headers(self, callback: Callable[[str], None], head: ResponseHead) -> None:
        lines = [f"{head.version} {head.status} {head.reason}\r\n"]
        lines += [f"{name}: {value}\r\n" for name, value in head.headers.get_all()]
        lines.append("\r\n")
        for line in lines:
            if not self._call(callback, line):
                return

    def _call(self, callback: Callable[..., Any], *args: Any) -> bool:
        try:
            callback(*args)
        except Exception as error:
            self.callback_failed(error)
            return False
        return True

    def callback_failed(self, error: BaseException) -> None:
        """A callback of the user raised *error*, which is what the fetch raises then."""
        self.fail(callback_error(self, error))

    # -- going on

    def _challenged_by(self, status: int) -> Auth | None:
        """The credentials that a response of *status*, 401 or 407, asks for."""
        if status == 401:
            return self.auth
        return self.route.proxy_auth if self.route.forwards else None

    def _leads_on(self, head: ResponseHead) -> bool:
        if not head.headers.get("Location"):
            return False
        return self.redirects_left > 0 or not self.client.is_compat

    def _goes_on(self, head: ResponseHead) -> bool:
        """Follow a redirect or answer a challenge: true if there is a next request."""
        client = self.client
        self._keep_cookies(head)
        try:
            if head.status in REDIRECTS:
                self._follow(head)
            elif (auth := self._challenged_by(head.status)) is not None:
                auth.challenged(head)
            self._write_head()
        except Exception as error:
            self.fail(error)
            return True
        self.retried = False
        self._clear_response()
        if client.is_closed:
            self.fail(closed_error(self, None))
            return True
        self.acquire()
        return True

    def _follow(self, head: ResponseHead) -> None:
        request = self.request
        redirect = HTTPResponse.received(request, head, (), self.effective_url)
        if self.redirects_left <= 0:
            error = TooManyRedirectsError(
                f"{self.name()} led to more than {self.settings.max_redirects} redirects",
                url=self.shown_url(),
                phase=Phase.REDIRECT,
                response=redirect,
            )
            raise error
        self.redirects_left -= 1
        step = next_step(
            status=head.status,
            location=head.headers["Location"],
            base=self.effective_url,
            origin=self.url.origin,
            method=self.method,
            headers=self.headers,
            has_producer=self.producer is not None,
            private=self.client.private_headers,
            compat=self.client.compat,
            lenient=self.client.is_compat,
        )
        if self.history is None:
            self.history = []
        self.history.append(redirect)
        self.effective_url = step.location
        self.url = step.url
        self.target = step.url.target
        self.method = step.method
        self.headers = step.headers
        if not step.keeps_body:
            self.body = self.producer = self.writer = None
        if not step.same_origin:
            # Credentials belong to the origin they were given for, and to no other (CS10).
            self.auth = self.client.auth_for(None, step.url)
        self.route = self.client.pool.route_to(step.url, self.settings)

    def _keep_cookies(self, head: ResponseHead) -> None:
        jar = self.client.jar
        if jar is not None and b"et-" in head.field_block:
            jar.keep(self.url._replace(target=self.target), head.headers.get_list("Set-Cookie"))

    # -- ends

    def _deliver(self, head: ResponseHead, end: EndOfMessage) -> None:
        response = HTTPResponse.received(self.request, head, self.chunks, self.effective_url)
        if self.client.jar is not None:
            self._keep_cookies(head)
        timing = self.timing
        timing.ended = now = self.client.time()
        response.start_time = self.start_time
        response.request_time = now - timing.begun
        response._timing = timing
        if end.trailer_block:
            response._end = end
        if self.decoder is not None:
            response._decoded = True
        if self.history:
            response.history = tuple(self.history)
        self._answer(response)

    def fail(self, error: BaseException) -> None:
        """Give everything back and answer with *error*."""
        if self.answer is None:
            return
        if isinstance(error, FetchError):
            error.url = error.url or self.shown_url()
            error.phase = error.phase or self.phase
            if error.response is None and self.response_head is not None:
                # What was too much is not kept.
                chunks = () if isinstance(error, ResponseTooLargeError) else self.chunks
                partial = HTTPResponse.received(self.request, self.response_head, chunks, self.effective_url)
                partial._decoded = self.decoder is not None
                error.response = partial
            if self.client.is_compat:
                in_tornados_terms(error)
        timing = self.timing
        timing.ended = now = self.client.time()
        response = HTTPResponse(
            self.request,
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
        self._answer(None)

    def _answer(self, response: HTTPResponse | None) -> None:
        answer, self.answer = self.answer, None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.watched:
            self.client.deadlines.forget(self)
            self.watched = False
        if self.patience is not None:
            self._stop_waiting_for_continue()
        if self.pace is not None:
            self._stop_pace()
        if self.upload is not None:
            self.upload.cancel()
        if self.delivery is not None:
            self.delivery.cancel()
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()
        elif self.phase is Phase.CONNECT:
            self.route.give_up(self)
        self.client.leave(self)
        if answer is not None and response is not None:
            answer(response)

    # -- names for messages and errors

    def _may_be_repeated(self) -> bool:
        return self.method in IDEMPOTENT_METHODS and self.producer is None

    def shown_url(self) -> str:
        return str(self.url._replace(target=self.target)) if hasattr(self, "url") else self.request.url

    def name(self) -> str:
        return f"{self.method} {self.shown_url()}"
