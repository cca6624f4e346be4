"""TLSSocket: what ``SSLIOStream.socket`` is."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Literal, NoReturn, overload

if TYPE_CHECKING:
    import ssl


class TLSSocket(socket.socket):
    """The socket of a TLS stream: a real socket, with ``ssl.SSLSocket``'s questions about the connection.

    Its methods that would move bytes past the TLS layer raise ValueError.
    """

    __slots__ = ("tls",)

    tls: ssl.SSLObject | None

    @classmethod
    def taking_over(cls, sock: socket.socket) -> TLSSocket:
        """The same descriptor; ``sock`` itself is detached from it, as ``SSLContext.wrap_socket`` does."""
        family, kind, proto = sock.family, sock.type, sock.proto
        made = cls(family, kind, proto, fileno=sock.detach())
        made.setblocking(False)
        made.tls = None
        return made

    def _ask(self) -> ssl.SSLObject:
        if self.tls is None:
            raise ValueError("TLS has not begun on this socket: connect it first")
        return self.tls

    @property
    def context(self) -> ssl.SSLContext:
        """The SSLContext in use."""
        return self._ask().context

    @property
    def session(self) -> ssl.SSLSession | None:
        """The session, for resumption."""
        return self._ask().session

    @property
    def session_reused(self) -> bool:
        """Whether a session was resumed."""
        return bool(self._ask().session_reused)

    @property
    def server_side(self) -> bool:
        """Whether this is the server's end."""
        return self._ask().server_side

    @property
    def server_hostname(self) -> str | None:
        """The name that the server's certificate was checked against, and that was sent to it (SNI)."""
        return self._ask().server_hostname

    @overload
    def getpeercert(self, binary_form: Literal[False] = False) -> dict[str, Any] | None: ...

    @overload
    def getpeercert(self, binary_form: Literal[True]) -> bytes | None: ...

    def getpeercert(self, binary_form: bool = False) -> dict[str, Any] | bytes | None:
        """The peer's certificate, as ``ssl.SSLSocket.getpeercert``."""
        return self._ask().getpeercert(binary_form)

    def cipher(self) -> tuple[str, str, int] | None:
        """Name, protocol and bits of the cipher in use."""
        return self._ask().cipher()

    def shared_ciphers(self) -> list[tuple[str, str, int]] | None:
        """The ciphers that both sides offer."""
        return self._ask().shared_ciphers()

    def compression(self) -> str | None:
        """The compression in use (never any, by default)."""
        return self._ask().compression()

    def version(self) -> str | None:
        """The protocol's version, such as ``TLSv1.3``; None before the handshake."""
        return None if self.tls is None else self.tls.version()

    def selected_alpn_protocol(self) -> str | None:
        """The protocol that ALPN chose."""
        return self._ask().selected_alpn_protocol()

    def get_channel_binding(self, cb_type: str = "tls-unique") -> bytes | None:
        """Channel binding data."""
        return self._ask().get_channel_binding(cb_type)

    def pending(self) -> int:
        """Decrypted bytes that nobody has read: the stream reads them at once."""
        return self._ask().pending()

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ValueError("this socket belongs to a TLS stream: read and write through the stream")

    recv = recv_into = recvfrom = recvfrom_into = recvmsg = recvmsg_into = read = _refuse
    send = sendall = sendto = sendmsg = sendfile = write = _refuse
    makefile = unwrap = do_handshake = _refuse
