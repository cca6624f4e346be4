"""What a provider says of itself (OpenID Connect Discovery 1.0)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from waterspout.auth._endpoints import checked_endpoint, host_of
from waterspout.auth._errors import CheckFailed, quoted

_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL = ("userinfo_endpoint", "end_session_endpoint", "revocation_endpoint")


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """A provider's endpoints and promises, all of them checked.

    ``sends_iss``: it promises an ``iss`` in its answers (RFC 9207).
    """

    __module__ = "waterspout.auth.oidc"

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    revocation_endpoint: str | None
    sends_iss: bool
    document: Mapping[str, Any]

    @classmethod
    def of_document(
        cls,
        document: Mapping[str, Any],
        issuer: str,
        *,
        endpoint_hosts: Collection[str] = (),
        allow_http: bool = False,
    ) -> ProviderMetadata:
        """The metadata in a discovery document that was fetched for ``issuer``.

        Raises `CheckFailed`, naming the field: another ``issuer``, endpoints that are missing, not https, or on a host
        that is neither the issuer's, nor below it, nor in ``endpoint_hosts``, and PKCE without S256.
        """
        if document.get("issuer") != issuer:
            raise CheckFailed("issuer", f"the provider at {issuer!r} calls itself {quoted(document.get('issuer'))!r}")
        hosts = [host_of(issuer), *endpoint_hosts]
        found: dict[str, str | None] = {}
        for name in (*_NEEDED, *_OPTIONAL):
            value = document.get(name)
            if value is None and name in _OPTIONAL:
                found[name] = None
                continue
            try:
                found[name] = checked_endpoint(value, name, allow_http=allow_http, hosts=hosts)
            except ValueError as error:
                raise CheckFailed(name, quoted(error)) from None
        methods = document.get("code_challenge_methods_supported")
        if methods is not None and (not isinstance(methods, list) or "S256" not in methods):
            raise CheckFailed("code_challenge_methods_supported", "the provider knows PKCE, but not S256 (RFC 9700)")
        return cls(
            issuer=issuer,
            sends_iss=document.get("authorization_response_iss_parameter_supported") is True,
            document=document,
            **found,  # type: ignore[arg-type]  # those that are needed are there
        )


def discovery_url(issuer: str) -> str:
    """Where the document is (4)."""
    return issuer.removesuffix("/") + "/.well-known/openid-configuration"
