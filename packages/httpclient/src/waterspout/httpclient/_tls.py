"""TLS for the client: contexts, kept as long as their settings are in use, and the errors of handshakes.

Imported only when the first https URL is fetched: the ssl module costs a script several milliseconds.
"""

from __future__ import annotations

import ssl
from collections.abc import Hashable
from typing import Any

from waterspout.httpclient._errors import InvalidRequestError, TLSError
from waterspout.httpclient._settings import Settings
from waterspout.netutil import ssl_options_to_context

#: More sets of TLS options in use at once than one client has reason to.
_KEPT = 64


class HandshakeError(TLSError, ssl.SSLError):
    """A `TLSError` that is caught as `ssl.SSLError` too."""

    __module__ = "waterspout.httpclient"


class CertificateError(TLSError, ssl.SSLCertVerificationError):
    """The server's certificate does not prove that it is the host; also an `ssl.SSLCertVerificationError`."""

    __module__ = "waterspout.httpclient"


class ContextCache:
    """SSLContexts by the options that made them: loading the CA file takes longer than most requests."""

    __slots__ = ("_contexts",)

    def __init__(self) -> None:
        self._contexts: dict[Hashable, ssl.SSLContext] = {}

    def get(self, settings: Settings) -> ssl.SSLContext:
        """The context for *settings*. Raises `InvalidRequestError` for certificate files that cannot be loaded."""
        given = settings.ssl_options
        if isinstance(given, ssl.SSLContext):
            return given
        key = settings.tls_key
        context = self._contexts.get(key)
        if context is None:
            if len(self._contexts) >= _KEPT:
                self._contexts.pop(next(iter(self._contexts)))
            context = self._contexts[key] = make_context(settings)
        return context


def make_context(settings: Settings) -> ssl.SSLContext:
    """A client context: TLS 1.2 at least, certificates and host names checked unless *settings* say otherwise.

    A dictionary of ``ssl_options`` overrides the other options altogether.
    """
    ca_certs, certificate = settings.ca_certs, settings.client_cert
    try:
        if settings.ssl_options is not None:
            return ssl_options_to_context(settings.ssl_options, server_side=False)
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca_certs)
        if certificate is not None:
            context.load_cert_chain(certificate, settings.client_key)
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"Cannot load the certificates {ca_certs or certificate!r}: {error}") from error
    if not settings.validate_cert:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def tls_error(error: BaseException, message: str, **where: Any) -> TLSError | None:
    """The `TLSError` for what a handshake raised; None if *error* is no TLS error."""
    if isinstance(error, ssl.SSLCertVerificationError):
        unproved = CertificateError(message, errno=error.errno, **where)
        unproved.verify_code = error.verify_code
        unproved.verify_message = error.verify_message
        return unproved
    if isinstance(error, ssl.SSLError):
        found = HandshakeError(message, errno=error.errno, **where)
        found.library = error.library
        found.reason = error.reason
        return found
    return None
