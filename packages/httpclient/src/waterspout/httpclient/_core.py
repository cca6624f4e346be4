"""What exchanges ask of the client that they belong to, whatever drives it: an event loop or nothing but a caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from waterspout.http1 import TORNADO_LIMITS, Limits
from waterspout.httpclient._auth import auth_for
from waterspout.httpclient._decode import accepted_codings

if TYPE_CHECKING:
    from waterspout.httpclient._auth import Auth
    from waterspout.httpclient._cookies import CookieJar
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._observer import ClientObserver
    from waterspout.httpclient._pool import Pool
    from waterspout.httpclient._settings import Settings
    from waterspout.httpclient._url import URL

#: Response heads of real servers: cookies and policies make them longer than requests' heads.
CLIENT_LIMITS = Limits(head=64 * 1024, fields=256)
#: What Tornado has always sent at most, and kept in memory at most.
DEFAULT_BODY_LIMIT = 100 * 1024 * 1024


class ClientCore:
    """The options of a client and what follows from them; its subclasses add the clock, timers and connections."""

    compat: str | None
    is_compat: bool
    jar: CookieJar | None
    max_body_size: int
    max_header_size: int | None
    observer: ClientObserver | None
    plain_settings: Settings
    pool: Pool
    private_headers: tuple[str, ...]
    #: Seconds, monotonic.
    time: Callable[[], float]
    #: As an event loop's: ``call_later(seconds, callback)`` returns what can be cancelled.
    call_later: Callable[..., Any]
    #: With ``watch``, ``forget`` and ``now``, as `waterspout.ioloop.Deadlines`.
    deadlines: Any

    _accept_encoding: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        raise NotImplementedError

    def admit(self, exchange: Exchange) -> None:
        """Let *exchange* begin, or wait for its turn."""
        raise NotImplementedError

    def leave(self, exchange: Exchange) -> None:
        """*exchange* is over: its slot is free."""
        raise NotImplementedError

    def reader_limits(self) -> Limits:
        """What a response may hold."""
        limits = TORNADO_LIMITS if self.is_compat else CLIENT_LIMITS
        head = limits.head if self.max_header_size is None else self.max_header_size
        return Limits(head=head, fields=limits.fields, body=self.max_body_size)

    def user_agent_for(self, settings: Settings) -> str | None:
        """The User-Agent of requests with *settings*."""
        return settings.user_agent or ("Tornado/6.6.1" if self.is_compat else "Waterspout")

    def accept_encoding_for(self, settings: Settings) -> str | None:
        """The Accept-Encoding of requests with *settings*; None where responses are wanted as they are."""
        if not settings.decompress_response:
            return None
        if self._accept_encoding is None:
            self._accept_encoding = "gzip" if self.is_compat else accepted_codings()
        return self._accept_encoding

    def auth_for(self, settings: Settings | None, url: URL | None) -> Auth | None:
        """Who we are, for requests with *settings* to *url*: explicit options first, then the URL's own user name."""
        return auth_for(settings, url)
