"""The client's side of the opening handshake (RFC 6455, 4.1)."""

from __future__ import annotations

from asyncio import Future

from waterspout.http1 import Data, EndOfMessage, Limits, ResponseHead, ResponseReader, request_head
from waterspout.httpclient import HTTPRequest, HTTPStreamClosedError
from waterspout.httpclient._auth import BasicAuth
from waterspout.httpclient._url import URL
from waterspout.httputil import HTTPHeaders, HTTPInputError
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.ws import (
    WEBSOCKET_VERSION,
    DeflateOptions,
    NegotiationError,
    PerMessageDeflate,
    accept_extensions,
    accept_key,
    new_key,
    offer_extensions,
)
from waterspout.wsconnection import WebSocketError

__all__ = ["Opening"]


class Opening:
    """One opening handshake: what is asked for, and whether the answer agrees to it.

    Receives from the stream while it lasts (see `waterspout.iostream.StreamReceiver`).
    """

    def __init__(
        self,
        request: HTTPRequest,
        url: URL,
        subprotocols: list[str],
        options: DeflateOptions | None,
        max_head: int,
        max_page: int,
    ) -> None:
        """*max_head* and *max_page*: bytes of the answer's head, beyond which it is an error, and of a refusal's page
        that are kept.
        """
        self.request = request
        self.url = url
        self.key = new_key()
        #: The pieces of a refusal's page.
        self.page: list[bytes] = []
        #: What was agreed on.
        self.subprotocol: str | None = None
        self.extension: PerMessageDeflate | None = None
        self._subprotocols = subprotocols
        self._options = options
        self._reader = ResponseReader(Limits(head=max_head))
        self._head: ResponseHead | None = None
        self._room = max_page
        self._stream: IOStream | None = None
        self._done: Future[None] | None = None

    async def run(self, stream: IOStream) -> None:
        """Send the request on *stream* and receive the answer: `check` it next. The stream carries frames after that.

        Raises `WebSocketError` for an answer that is no HTTP, `HTTPStreamClosedError` if there is none. The stream is
        closed then.
        """
        self._stream = stream
        self._done = stream.io_loop.asyncio_loop.create_future()
        try:
            stream.send(self.request_bytes())
            stream.set_receiver(self)
            await self._done
        except BaseException as error:
            stream.close()
            if isinstance(error, StreamClosedError):
                raise self._cut_short(error) from error
            raise

    def request_bytes(self) -> bytes:
        """The head of the request: the caller's fields, and those of the handshake."""
        headers = HTTPHeaders(self.request.headers)
        headers.pop("Proxy-Authorization", None)  # no proxy reads a handshake, only the server behind the tunnel (CS10)
        headers.setdefault("Host", self.url.authority)
        headers["Upgrade"] = "websocket"
        headers["Connection"] = "Upgrade"
        headers["Sec-WebSocket-Key"] = self.key
        headers["Sec-WebSocket-Version"] = WEBSOCKET_VERSION
        if self._subprotocols:
            headers["Sec-WebSocket-Protocol"] = ",".join(self._subprotocols)
        if self._options is not None:
            headers["Sec-WebSocket-Extensions"] = offer_extensions(self._options)
        request = self.request
        if request.user_agent:
            headers.setdefault("User-Agent", request.user_agent)
        fields = headers.to_text()
        username = self.url.username if request.auth_username is None else request.auth_username
        if username is not None and "Authorization" not in headers:
            password = self.url.password if request.auth_username is None else request.auth_password
            fields += BasicAuth(username, password or "").fields("GET", self.url, None)
        return request_head("GET", self.url.target, fields)

    # Receiving.

    def data_received(self, data: bytes) -> None:
        """A piece of the answer."""
        try:
            while True:
                events = self._reader.receive(data)
                for event in events:
                    if type(event) is ResponseHead:
                        self._head = event
                    elif type(event) is Data:
                        self._keep(event.data)
                    elif type(event) is EndOfMessage:
                        self._end()
                        return
                if self._head is not None and not self._room:
                    self._end()
                    return
                if not events or not self._reader.held:
                    return
                data = b""
        except HTTPInputError as error:
            self._finish(WebSocketError(f"the answer of {self.url} is not HTTP: {error}"))

    def _keep(self, data: bytes) -> None:
        data = data[: self._room]
        self._room -= len(data)
        if data:
            self.page.append(data)

    def eof_received(self) -> bool:
        """The server has closed: the end of an answer without length, or of an answer cut short."""
        if self._head is not None:
            self._end()
        return False

    def connection_lost(self, error: BaseException | None) -> None:
        """The stream is closed."""
        self._finish(self._cut_short(error))

    def writable(self) -> None:
        """The request is out; there is nothing more to send."""

    def _cut_short(self, error: BaseException | None) -> HTTPStreamClosedError:
        detail = f": {error}" if error is not None else ""
        return HTTPStreamClosedError(f"{self.url} closed the connection during the opening handshake{detail}")

    def _end(self) -> None:
        stream = self._stream
        assert stream is not None
        stream.set_receiver(None)
        stream.unread(self._reader.upgrade())
        self._finish(None)

    def _finish(self, error: Exception | None) -> None:
        done = self._done
        if done is not None and not done.done():
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

    # The answer.

    @property
    def head(self) -> ResponseHead:
        """The answer's head, after `run`."""
        assert self._head is not None
        return self._head

    @property
    def agrees(self) -> bool:
        """Whether the answer is 101; `check` whether it fits."""
        return self.head.status == 101

    @property
    def succeeds(self) -> bool:
        """Whether the answer is a success that opens no WebSocket, which is no refusal but an error."""
        return 200 <= self.head.status <= 299

    def check(self) -> None:
        """Raise `WebSocketError` unless the answer is the one that RFC 6455, 4.1 asks for."""
        head = self.head
        headers = head.headers
        if not self.agrees:
            raise WebSocketError(f"{self.url} answers the opening handshake with {head.status} {head.reason}")
        if head.version == "HTTP/1.0":
            raise WebSocketError(
                f"{self.url} answers 101 in HTTP/1.0, which has no upgrades (RFC 9110, 7.8); WebSockets need HTTP/1.1"
                " from the server, and from proxies before it"
            )
        if headers.get("Upgrade", "").strip().lower() != "websocket":
            raise WebSocketError(f"{self.url} switches to {headers.get('Upgrade')!r} instead of websocket")
        if "upgrade" not in [token.strip().lower() for token in headers.get("Connection", "").split(",")]:
            raise WebSocketError(f"{self.url} answers 101 without Connection: Upgrade")
        if headers.get("Sec-WebSocket-Accept", "").strip() != accept_key(self.key):
            raise WebSocketError(f"Sec-WebSocket-Accept of {self.url} does not prove that our key was read")
        chosen = headers.get("Sec-WebSocket-Protocol")
        if chosen is not None and chosen not in self._subprotocols:
            raise WebSocketError(f"{self.url} speaks the subprotocol {chosen!r}, offered were {self._subprotocols}")
        try:
            self.extension = accept_extensions(headers.get("Sec-WebSocket-Extensions"), self._options)
        except NegotiationError as error:
            raise WebSocketError(f"{self.url}: {error}") from error
        self.subprotocol = chosen
