"""The two ways TLS sits on a socket; the one file here that imports ssl, itself imported by the first TLS stream.

`MemoryLayer` is an ``ssl.SSLObject`` between two memory BIOs: no I/O in it, the stream moves the ciphertext.  Streams
use it for the sockets they wrap themselves.  `SocketLayer` is an ``ssl.SSLSocket`` that was handed in.

Why memory: an SSLSocket reads each record with two system calls (5 bytes of header, then the body) and writes each with
one; over memory 64 KiB are four records and one system call.  Blocks of 64 KiB there and back took 1.07 to 1.15 times
as much processor time over an SSLSocket, lines 0.95 times as much.  Most of it is the cipher, and copies between
OpenSSL's buffers; the rest is Python's code, which runs cold after each block: a call that is saved is worth a third of
a percent, and 19 in place of 28 for a block are why bulk is cheaper than Tornado's.

The floor, a bare loop over recv, SSLObject and send, without streams and event loop, is at 0.78 to 0.87 of what a
stream costs, where Tornado's is at 1.16 to 1.22; a bare loop over an SSLSocket is level with it, or a tenth cheaper.
No difference from it made: a receive buffer of 80 or 128 KiB, decryption into a buffer that is kept, three or four
full reads in a row.  Worse were buffers of 16 and 32 KiB (1.14), feeding and encrypting record by record for the
caches' sake (1.07, 1.35), sending each record by itself (1.3).  Pages are not the reason: there are no faults
(``ioloop/_allocator.py``).  What did gain 3 to 5 of a hundred: after a full read the next is tried at once, not in
the next turn (`SSLIOStream._take_bulk`); a block took one poll of the selector, and Tornado takes 0.15.

Again by ``loadtest/streams.py --only tls_blocks --floor``.
"""

from __future__ import annotations

import contextlib
import ssl
import sys
from enum import Enum
from socket import MSG_PEEK
from socket import socket as plain_socket
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    import socket

    from waterspout.iostream._core import Buffer

#: A TLS record holds so much at most (RFC 8446, section 5.1): with this room one is read completely.
RECORD: Final = 16 * 1024

#: Bytes of plaintext after which the stream is given what there is, before more is decrypted.
DECRYPTED: Final = 4 * RECORD

_recv = plain_socket.recv  # SSLSocket has one of its own


class Outcome(Enum):
    """Why `MemoryLayer.decrypt` stopped, when no error did."""

    WANTS_MORE = "nothing more can be decrypted of what was fed"
    FULL = "that is much for once; there may be more"
    END = "the peer said that it sends nothing more (close_notify)"


class MemoryLayer:
    """Ciphertext in by `feed`, out by `output`; plaintext out by `decrypt`, in by `encrypt`."""

    __slots__ = ("ended", "incoming", "outgoing", "raw", "tls")

    FULL: ClassVar = Outcome.FULL
    WANTS_MORE: ClassVar = Outcome.WANTS_MORE
    END: ClassVar = Outcome.END

    def __init__(self, context: ssl.SSLContext, server_side: bool, server_hostname: str | None) -> None:
        if context.check_hostname and not server_side and not server_hostname:
            # SSLContext.wrap_socket says so itself; wrap_bio would check no name at all.
            raise ValueError("check_hostname requires server_hostname: the name that the certificate must be for")
        self.ended = False  # nothing follows what was fed
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side, server_hostname)
        # What the object's methods call: for bulk data, where Python's code is slow because the data displaces it from
        # the processor's caches, calls are most of what the stream itself costs.
        self.raw: Any = getattr(self.tls, "_sslobj", self.tls)

    def feed(self, data: Buffer) -> None:
        """Take ciphertext from the peer; no bytes at all are the end of its connection."""
        if data:
            self.incoming.write(data)
        else:
            self.ended = True

    def handshake(self) -> bool:
        """Go on with the handshake; true when it is complete.  ssl.SSLError if it fails."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            if self.ended:
                raise ended("the connection ended during the handshake") from None
            return False
        return True

    def decrypt(self) -> tuple[list[bytes], int, Outcome | OSError]:
        """Decrypt somewhat more than `DECRYPTED` bytes at most: the records' contents, their size, and why not more.

        An error is ssl.SSLEOFError if the connection ended without close_notify, so that what came may be truncated.
        """
        read, incoming = self.raw.read, self.incoming
        pieces: list[bytes] = []
        size = 0
        try:
            while size < DECRYPTED:
                piece = read(RECORD)
                if not piece:
                    return pieces, size, Outcome.END
                pieces.append(piece)
                size += len(piece)
                if not incoming.pending and not self.ended:  # an exception saved
                    return pieces, size, Outcome.WANTS_MORE
        except ssl.SSLWantReadError:
            return pieces, size, self.end() if self.ended else Outcome.WANTS_MORE
        except OSError as error:
            return pieces, size, error
        return pieces, size, Outcome.FULL

    def read_into(self, view: bytearray | memoryview) -> int | None:
        """Decrypt into ``view``, one record at most: how many bytes; 0 after close_notify; None if there is nothing."""
        try:
            count: Any = self.tls.read(len(view), view)  # typeshed has bytes: with a buffer it is a number
        except ssl.SSLWantReadError:
            if not self.ended:
                return None
            end = self.end()
            if isinstance(end, ssl.SSLError):
                raise end from None
            return 0
        return int(count)

    def end(self) -> Outcome | ssl.SSLEOFError:
        """What the end of the connection without close_notify is: an error, unless the context says otherwise.

        TLS itself is not told of the end: a context that Python up to 3.11.2 makes has it taken for a good one
        (OP_IGNORE_UNEXPECTED_EOF), whether that was wanted or not.  From 3.11.3 on it is wanted where it is set.
        """
        if sys.version_info >= (3, 11, 3) and self.tls.context.options & getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0):
            return Outcome.END
        return ended("the connection ended without close_notify: data may be missing")

    def has_input(self) -> bool:
        """Whether `decrypt` may find something without being fed."""
        return self.incoming.pending > 0 or self.ended

    def encrypt(self, data: Buffer) -> int:
        """Encrypt all of ``data``, and return its length."""
        try:
            return int(self.raw.write(data))
        except ssl.SSLWantReadError:
            refused = ssl.SSLError(ssl.SSL_ERROR_WANT_READ, "the peer renegotiates TLS, which is not supported")
            refused.library, refused.reason = "SSL", "NO_RENEGOTIATION"
            raise refused from None

    def output(self) -> bytes:
        """Ciphertext for the peer."""
        return self.outgoing.read()

    def may_end(self) -> bool:
        """Whether reading can go on after `close`."""
        return True

    def close(self) -> bytes:
        """End our side: the close_notify to send.  Without it the peer must take the end for a truncation."""
        with contextlib.suppress(ssl.SSLError):  # the peer's own close_notify is not waited for
            self.tls.unwrap()
        return self.outgoing.read()


class SocketLayer:
    """An ``ssl.SSLSocket``, with "not now" said in one way."""

    __slots__ = ("socket",)

    def __init__(self, socket: ssl.SSLSocket) -> None:
        self.socket = socket
        # A truncated stream is an error, not an end.  (typeshed lacks the attribute.)
        socket.suppress_ragged_eofs = False  # type: ignore[attr-defined]

    def handshake(self) -> str:
        """Go on with the handshake: ``""`` when it is complete, else ``"read"`` or ``"write"``, what it waits for."""
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            return "read"
        except ssl.SSLWantWriteError:
            return "write"
        return ""

    def read_into(self, view: bytearray | memoryview) -> int | None:
        """Decrypt into ``view``: how many bytes; 0 after close_notify; None if there is nothing now."""
        try:
            return self.socket.recv_into(view, len(view))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except ConnectionResetError as error:
            raise truncated(error) from error
        except ssl.SSLError as error:  # Python up to 3.11.2 has no class of its own for it over OpenSSL 3
            if error.reason == "UNEXPECTED_EOF_WHILE_READING" and not isinstance(error, ssl.SSLEOFError):
                raise ended(str(error)) from error
            raise

    def write(self, data: Buffer) -> int:
        """Encrypt and send: how many bytes.  BlockingIOError if the socket takes nothing now."""
        try:
            return self.socket.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError("the TLS socket takes nothing now") from None

    def has_input(self) -> bool:
        """Whether a record was decrypted and not read completely: the socket itself would stay silent about it."""
        return self.socket.pending() > 0

    def may_end(self) -> bool:
        """Whether reading can go on after `close`: not if something unread has come, for it reads, too."""
        try:
            return not self.socket.pending() and not _recv(self.socket, 1, MSG_PEEK)
        except OSError:
            return True

    def close(self) -> None:
        """Send close_notify, if there is room for it."""
        with contextlib.suppress(OSError, ValueError):
            self.socket.unwrap()


def ended(message: str) -> ssl.SSLEOFError:
    """The error for a connection that ended without close_notify, with the attributes that the ssl module gives it."""
    error = ssl.SSLEOFError(ssl.SSL_ERROR_EOF, message)
    error.library = "SSL"
    error.reason = "UNEXPECTED_EOF_WHILE_READING"
    return error


def truncated(error: ConnectionResetError) -> ssl.SSLEOFError:
    """A reset says no more about the end of the data than a missing close_notify: anybody on the way can forge it."""
    return ended(f"the connection was reset without close_notify: {error}")


def is_ssl_socket(sock: socket.socket) -> bool:
    """Whether it is wrapped already."""
    return isinstance(sock, ssl.SSLSocket)
