"""Clients from the table."""

from __future__ import annotations

from string import Formatter
from typing import Any

from waterspout.auth.oauth2 import ClientAuth, ClientSecretPost, OAuth2Client
from waterspout.auth.providers._table import PRESETS, Preset

_ADDRESSES = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "revocation_endpoint")


def provider(
    preset: str,
    client_id: str,
    client_secret: str | ClientAuth | None = None,
    *,
    name: str | None = None,
    **options: Any,
) -> OAuth2Client:
    """This application's client at a provider of the table `PRESETS`.

    ::

        provider("google", CLIENT_ID, CLIENT_SECRET)
        provider("microsoft", CLIENT_ID, CLIENT_SECRET, tenant="72f988bf-...")
        provider("keycloak", CLIENT_ID, CLIENT_SECRET, url="https://id.example", realm="staff")

    ``name`` is what the application calls it, by default the preset's name. ``options`` fill in the addresses where
    the table has ``{...}``; the others go to `OpenIDClient` or `OAuth2Client` and override the table. Raises ValueError
    for an unknown preset and for what is missing.
    """
    facts = PRESETS.get(preset)
    if facts is None:
        raise ValueError(f"there is no preset {preset!r}: choose of {', '.join(PRESETS)}")
    fill = dict(facts.defaults)
    for field in _fields(facts):
        if field in options:
            fill[field] = str(options.pop(field)).rstrip("/")
        elif field not in fill:
            raise ValueError(f"the provider {preset!r} needs {field}=")
    if facts.secret_in_form and isinstance(client_secret, str):
        client_secret = ClientSecretPost(client_secret)
    options = {"scope": facts.scope, "response_mode": facts.response_mode, **options}
    if facts.issuer is None:
        addresses = {key: _filled(getattr(facts, key), fill) for key in _ADDRESSES}
        return OAuth2Client(
            name or preset, client_id, client_secret, **{"user_of": facts.user_of, **addresses, **options}
        )
    from waterspout.auth.oidc import OpenIDClient  # needs the extra: not where OAuth 2.0 is enough

    known = {
        "issuer": _filled(facts.issuer, fill),
        "discovery": _filled(facts.discovery, fill),
        "endpoint_hosts": facts.endpoint_hosts,
        "with_userinfo": facts.with_userinfo,
    }
    return OpenIDClient(name or preset, client_id, client_secret, **{**known, **options})


def _filled(address: str | None, fill: dict[str, str]) -> str | None:
    return None if address is None else address.format(**fill)


def _fields(facts: Preset) -> list[str]:
    """The names in ``{...}`` of all addresses."""
    addresses = [facts.issuer, facts.discovery, *(getattr(facts, key) for key in _ADDRESSES)]
    return [name for address in addresses if address for _, name, _, _ in Formatter().parse(address) if name]
