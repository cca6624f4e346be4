"""One server, several certificates: the one for the name that the client asks for (SNI, RFC 6066, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from waterspout.tcpserver._contexts import ServerContext

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

#: What an entry may say. OpenSSL takes versions, ciphers, whether a client's certificate is asked for and how it is
#: verified from the context that the handshake began with; an entry that said otherwise would not be obeyed, without a
#: word.
_KEYS: Final = frozenset({"certfile", "keyfile"})
#: What an entry's context must have of the server's own: clients' certificates are verified with the authorities of the
#: context that the handshake ends with.
_SHARED: Final = ("cert_reqs", "ca_certs")


class ServerNames:
    """Contexts by name: exact ones, and ``*.example.org`` for one more label. Others get the server's default."""

    __slots__ = ("_contexts",)

    def __init__(
        self,
        names: Mapping[str, dict[str, Any] | ssl.SSLContext],
        default: dict[str, Any] | ssl.SSLContext,
    ) -> None:
        """*default* is for all other names; whose certificates it takes from clients holds for each.

        An entry that is a context brings its own authorities and revocation lists.  ValueError for one that says what
        has no effect, or that would have to take revocation lists from *default*; OSError names the file that does not
        load.
        """
        shared: dict[str, Any] = {}
        prepare: Callable[[ssl.SSLContext], object] | None = None
        if isinstance(default, dict):
            shared = {key: default[key] for key in _SHARED if key in default}
        else:
            prepare = partial(_verify_as, default)
        self._contexts: dict[str, ServerContext | ssl.SSLContext] = {}
        for name, options in names.items():
            context: ServerContext | ssl.SSLContext
            if isinstance(options, dict):
                if "certfile" not in options or options.keys() - _KEYS:
                    raise ValueError(
                        f"server_names[{name!r}] must have 'certfile' and may have 'keyfile', not {sorted(options)}:"
                        " all else is taken from ssl_options"
                    )
                if not isinstance(default, dict):
                    _refuse_unread_lists(name, default)
                context = ServerContext({**shared, **options}, prepare)
                context.get()
            else:
                _refuse_disobeyed(name, options, default)
                context = options
            self._contexts[name.rstrip(".").lower()] = context

    def find(self, name: str) -> ssl.SSLContext | None:
        """The context for *name*, None for the default one."""
        name = name.rstrip(".").lower()
        found = self._contexts.get(name) or self._contexts.get("*." + name.partition(".")[2])
        return found.get() if isinstance(found, ServerContext) else found

    def install(self, context: ssl.SSLContext) -> None:
        """Have handshakes that begin with *context* go on with that of the name."""

        def choose(tls: Any, name: str | None, begun_with: ssl.SSLContext) -> None:
            found = None if name is None else self.find(name)
            if found is not None:
                tls.context = found

        context.sni_callback = choose


def _verify_as(default: ssl.SSLContext, context: ssl.SSLContext) -> None:
    """Have *context* verify clients' certificates as *default* does, with the authorities that this has now."""
    context.verify_mode = default.verify_mode
    context.verify_flags = default.verify_flags
    authorities = default.get_ca_certs(binary_form=True)
    if authorities:
        context.load_verify_locations(cadata=b"".join(authorities))


def _refuse_unread_lists(name: str, default: ssl.SSLContext) -> None:
    """ValueError where *default* checks clients' certificates for revocation: its lists cannot be read out of it."""
    if default.verify_mode and _checks_revocation(default):
        raise ValueError(
            f"server_names[{name!r}] cannot have the revocation lists of ssl_options, by which it would refuse every"
            " client's certificate: make it an ssl.SSLContext, too, and load authorities and lists into it"
        )


def _refuse_disobeyed(name: str, context: ssl.SSLContext, default: dict[str, Any] | ssl.SSLContext) -> None:
    """ValueError where *context* asks more of clients than the one that their handshake begins with."""
    if isinstance(default, dict):
        mode, checks = default.get("cert_reqs") or 0, False
    else:
        mode, checks = default.verify_mode, _checks_revocation(default)
    if context.verify_mode > mode:
        raise ValueError(
            f"server_names[{name!r}] has verify_mode {context.verify_mode!r}, but whether clients must show"
            " certificates is taken from ssl_options for each name: set it there"
        )
    if context.verify_mode and _checks_revocation(context) and not checks:
        raise ValueError(
            f"server_names[{name!r}] checks for revoked certificates, but verify_flags are taken from ssl_options for"
            " each name: make that an ssl.SSLContext with the same verify_flags and lists of its own"
        )


def _checks_revocation(context: ssl.SSLContext) -> bool:
    import ssl

    return bool(context.verify_flags & (ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_CRL_CHECK_CHAIN))
