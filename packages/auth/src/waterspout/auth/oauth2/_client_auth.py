"""How this application proves to a token endpoint who it is (RFC 6749, 2.3; OpenID Connect Core, 9)."""

from __future__ import annotations

from base64 import b64encode
from typing import Protocol
from urllib.parse import quote_plus


class ClientAuth(Protocol):
    """Adds the client's proof to a request. Implementations never show their secret in ``repr``."""

    #: The name in ``token_endpoint_auth_methods_supported``.
    method: str

    def sign(self, form: dict[str, str], headers: dict[str, str], *, client_id: str, audience: str) -> None:
        """Change ``form`` and ``headers``. ``audience`` is the issuer, or the endpoint where there is none."""


ClientAuth.__module__ = "waterspout.auth.oauth2"


class ClientSecretBasic:
    """Id and secret in the Authorization header, each form-encoded first (RFC 6749, 2.3.1)."""

    __module__ = "waterspout.auth.oauth2"
    __slots__ = ("_secret",)
    method = "client_secret_basic"

    def __init__(self, secret: str) -> None:
        self._secret = _checked(secret)

    def sign(self, form: dict[str, str], headers: dict[str, str], *, client_id: str, audience: str) -> None:
        """See `ClientAuth`."""
        pair = f"{quote_plus(client_id)}:{quote_plus(self._secret)}"
        headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()


class ClientSecretPost:
    """Id and secret in the form."""

    __module__ = "waterspout.auth.oauth2"
    __slots__ = ("_secret",)
    method = "client_secret_post"

    def __init__(self, secret: str) -> None:
        self._secret = _checked(secret)

    def sign(self, form: dict[str, str], headers: dict[str, str], *, client_id: str, audience: str) -> None:
        """See `ClientAuth`."""
        form["client_id"] = client_id
        form["client_secret"] = self._secret


class PublicClient:
    """No secret: what runs on its users' machines cannot keep one. PKCE protects the code."""

    __module__ = "waterspout.auth.oauth2"
    __slots__ = ()
    method = "none"

    def sign(self, form: dict[str, str], headers: dict[str, str], *, client_id: str, audience: str) -> None:
        """See `ClientAuth`."""
        form["client_id"] = client_id


def client_auth(secret: str | ClientAuth | None) -> ClientAuth:
    """What a ``client_secret`` argument means: text is sent as RFC 6749 prefers, None is a public client."""
    if secret is None:
        return PublicClient()
    return ClientSecretBasic(secret) if isinstance(secret, str) else secret


def _checked(secret: str) -> str:
    if not secret:
        raise ValueError("the client secret is empty; a client without one is a PublicClient")
    return secret
