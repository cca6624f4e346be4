"""From what users give for TLS to an ssl.SSLContext.  ssl is imported by the functions: few programs need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import socket as socket_module
    import ssl

_KEYS: Final = frozenset({"ssl_version", "certfile", "keyfile", "cert_reqs", "ca_certs", "ciphers"})


def ssl_options_to_context(
    ssl_options: dict[str, Any] | ssl.SSLContext, server_side: bool | None = None
) -> ssl.SSLContext:
    """Make an ``ssl.SSLContext`` of a dict with the keys ``certfile``, ``keyfile``, ``cert_reqs``, ``ca_certs``,
    ``ciphers`` and ``ssl_version``; a context is returned as it is.

    ``server_side`` says which end it is for; None makes one that serves both and verifies nothing unless ``cert_reqs``
    says so.  A client's verifies the server, against the system's authorities unless ``ca_certs`` names others.  TLS
    before 1.2 and compression are off.  ValueError names an unknown key.
    """
    import ssl  # heavy, and only needed with TLS

    if isinstance(ssl_options, ssl.SSLContext):
        return ssl_options
    unknown = ssl_options.keys() - _KEYS
    if unknown:
        raise ValueError(f"unknown ssl_options {sorted(unknown)}: the keys are {sorted(_KEYS)}")
    if server_side is None:
        default = ssl.PROTOCOL_TLS
    else:
        default = ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT
    version = ssl_options.get("ssl_version")
    context = _plain_context(ssl.PROTOCOL_TLS if version is None and server_side is None else version or default)
    if version is None:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION
    _report_truncation(context)
    _apply(context, ssl_options)
    if server_side is False and "ca_certs" not in ssl_options and context.verify_mode != ssl.CERT_NONE:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


ssl_options_to_context.__module__ = "waterspout.netutil"


def _apply(context: ssl.SSLContext, options: dict[str, Any]) -> None:
    ciphers, authorities, needs = (options.get(key) for key in ("ciphers", "ca_certs", "cert_reqs"))
    if ciphers is not None:
        context.set_ciphers(ciphers)
    if authorities is not None:
        try:
            context.load_verify_locations(authorities)
        except OSError as error:
            raise _naming(error, f"authorities in {authorities!r}") from error
    if needs is not None:
        if not needs:  # CERT_NONE: the name cannot be checked then either
            context.check_hostname = False
        context.verify_mode = needs
    if options.get("certfile") is not None:
        _load_certificate(context, options["certfile"], options.get("keyfile"))


def _load_certificate(context: ssl.SSLContext, certfile: str, keyfile: str | None) -> None:
    def no_password() -> str:  # OpenSSL itself would ask at the terminal, and a server would wait for it
        raise ValueError(f"the key in {keyfile or certfile!r} is encrypted: store it without a password")

    try:
        context.load_cert_chain(certfile, keyfile, no_password)
    except OSError as error:
        where = f"certificate {certfile!r}" if keyfile is None else f"certificate {certfile!r} with the key {keyfile!r}"
        raise _naming(error, where) from error


def _naming(error: OSError, what: str) -> OSError:
    """*error* again, saying which file it is about: OpenSSL does not."""
    named = type(error)(error.errno or 0, f"cannot load the {what}: {error.strerror or error}")
    if hasattr(error, "reason"):
        named.reason = error.reason  # type: ignore[attr-defined]
    return named


def _plain_context(protocol: Any) -> ssl.SSLContext:
    import ssl
    import warnings

    with warnings.catch_warnings():  # PROTOCOL_TLS is deprecated, and the only one that serves both ends
        warnings.simplefilter("ignore", DeprecationWarning)
        return ssl.SSLContext(protocol)


def context_for(ssl_options: dict[str, Any] | ssl.SSLContext | None, server_side: bool) -> ssl.SSLContext:
    """As `ssl_options_to_context`; None means the library's safe default for this end."""
    if ssl_options is not None:
        return ssl_options_to_context(ssl_options, server_side)
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH if server_side else ssl.Purpose.SERVER_AUTH)
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)  # distributions lower it
    _report_truncation(context)
    return context


def _report_truncation(context: ssl.SSLContext) -> None:
    """An end without close_notify is an error (RFC 8446, 6.1), which Python up to 3.11.2 has OpenSSL 3 ignore."""
    import ssl

    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


def ssl_wrap_socket(
    socket: socket_module.socket,
    ssl_options: dict[str, Any] | ssl.SSLContext,
    server_hostname: str | None = None,
    server_side: bool | None = None,
    **kwargs: Any,
) -> ssl.SSLSocket:
    """Wrap ``socket`` in an ``ssl.SSLSocket``.

    ``ssl_options`` is as for `ssl_options_to_context`; ``kwargs`` go to ``SSLContext.wrap_socket``.
    """
    context = ssl_options_to_context(ssl_options, server_side)
    return context.wrap_socket(socket, server_side=bool(server_side), server_hostname=server_hostname, **kwargs)


ssl_wrap_socket.__module__ = "waterspout.netutil"
