"""TLS for the client: contexts, kept as long as their settings are in use, and the errors of handshakes.

Imported only when the first https URL is fetched: the ssl module costs a script several milliseconds.
"""

from __future__ import annotations

import importlib
import os
import ssl
from collections.abc import Hashable
from typing import Any

from waterspout.httpclient._errors import InvalidRequestError, TLSError
from waterspout.httpclient._settings import Settings

#: More sets of TLS options in use at once than one client has reason to.
_KEPT = 64


class HandshakeError(TLSError, ssl.SSLError):
    """A `TLSError` that is caught as `ssl.SSLError` too."""

    __module__ = "waterspout.httpclient"


class CertificateError(TLSError, ssl.SSLCertVerificationError):
    """The server's certificate does not prove that it is the host; also an `ssl.SSLCertVerificationError`."""

    __module__ = "waterspout.httpclient"


class ContextCache:
    """SSLContexts by the options that made them: loading the CA file takes longer than most requests.

    A file that has been replaced is loaded anew, so that certificates can be renewed under a running client (TL6).
    """

    __slots__ = ("_contexts", "_protocols", "_system_trust")

    def __init__(self, protocols: list[str], system_trust: bool) -> None:
        self._protocols = protocols
        self._system_trust = system_trust
        self._contexts: dict[Hashable, ssl.SSLContext] = {}

    def get(self, settings: Settings) -> ssl.SSLContext:
        """The context for *settings*. Raises `InvalidRequestError` for certificate files that cannot be loaded."""
        given = settings.ssl_options
        if isinstance(given, ssl.SSLContext):
            return given
        key = (settings.tls_key, *map(_state_of_file, (settings.ca_certs, settings.client_cert, settings.client_key)))
        context = self._contexts.get(key)
        if context is None:
            if len(self._contexts) >= _KEPT:
                self._contexts.pop(next(iter(self._contexts)))
            context = self._contexts[key] = make_context(settings, self._system_trust)
            context.set_alpn_protocols(self._protocols)
        return context


def _state_of_file(name: str | None) -> Hashable:
    """What changes when another file takes the place of *name*; None for no file, and for one that is not there."""
    if name is None:
        return None
    try:
        found = os.stat(name)
    except OSError:  # loading it says what is wrong
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def make_context(settings: Settings, system_trust: bool = False) -> ssl.SSLContext:
    """A client context: TLS 1.2 at least, certificates and host names checked unless *settings* say otherwise.

    A dictionary of ``ssl_options`` overrides the other options altogether. *system_trust* leaves the judgement to
    the operating system where no ``ca_certs`` are given.
    """
    ca_certs, certificate = settings.ca_certs, settings.client_cert
    try:
        if settings.ssl_options is not None:
            from waterspout.netutil import ssl_options_to_context  # for dictionaries only

            return ssl_options_to_context(settings.ssl_options, server_side=False)
        if system_trust and ca_certs is None:
            context = _system_context()
        elif not settings.validate_cert and ca_certs is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # whom to trust need not even be loaded
        else:
            context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca_certs)
        if certificate is not None:
            context.load_cert_chain(certificate, settings.client_key)
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"Cannot load the certificates {ca_certs or certificate!r}: {error}") from error
    # An end without close_notify is an error (RFC 8446, 6.1), which Python up to 3.11.2 has OpenSSL 3 ignore.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    # Names stand in subjectAltName, or they do not count (RFC 9110, 4.3.4; TL4).
    context.hostname_checks_common_name = False
    if not settings.validate_cert:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _system_context() -> ssl.SSLContext:
    """A context that asks the operating system whom to trust: its store, its policies, its revocation lists."""
    try:
        truststore: Any = importlib.import_module("truststore")
    except ImportError as error:
        raise ImportError(
            "system_trust=True needs the truststore package: install it by"
            " `pip install 'waterspout-httpclient[truststore]'`"
        ) from error
    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
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
