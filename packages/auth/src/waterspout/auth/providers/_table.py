"""What is to be known of each provider, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Preset:
    """Facts about a provider. With an ``issuer`` it is an OpenID provider, else one of OAuth 2.0 alone.

    ``{...}`` in an address is filled in from the arguments of `provider`, of which ``defaults`` has some.
    ``secret_in_form``: it wants the client secret in the form. ``user_of`` makes claims of its userinfo answer.
    """

    __module__ = "waterspout.auth.providers"

    scope: tuple[str, ...]
    issuer: str | None = None
    discovery: str | None = None
    endpoint_hosts: tuple[str, ...] = ()
    with_userinfo: bool = False
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    revocation_endpoint: str | None = None
    response_mode: str | None = None
    secret_in_form: bool = False
    user_of: Callable[[Claims], Claims] | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)


def _claims(answer: Claims, *, sub: str = "id", **names: str) -> Claims:
    """Claims under the names of OpenID Connect (Core, 5.1), of an answer under the provider's own."""
    found = {claim: answer[name] for claim, name in names.items() if answer.get(name) is not None}
    return {"sub": str(answer[sub]), **found} if answer.get(sub) is not None else found


def _of_github(answer: Claims) -> Claims:
    return _claims(
        answer, preferred_username="login", name="name", email="email", picture="avatar_url", profile="html_url"
    )


def _of_facebook(answer: Claims) -> Claims:
    return _claims(answer, name="name", given_name="first_name", family_name="last_name", email="email")


def _of_x(answer: Claims) -> Claims:
    data = answer.get("data")
    names = {"name": "name", "preferred_username": "username", "picture": "profile_image_url"}
    return _claims(data if isinstance(data, dict) else {}, **names)


def _of_discord(answer: Claims) -> Claims:
    return _claims(
        answer, name="global_name", preferred_username="username", email="email", email_verified="verified",
        locale="locale",
    )  # fmt: skip


_OPENID = ("openid", "profile", "email")

PRESETS: dict[str, Preset] = {
    "google": Preset(_OPENID, issuer="https://accounts.google.com", endpoint_hosts=("googleapis.com",)),
    "microsoft": Preset(
        # For users of one organization: tenant is its id. For those of several use "microsoft-any" with tenants=.
        _OPENID,
        issuer="https://login.microsoftonline.com/{tenant}/v2.0",
        endpoint_hosts=("graph.microsoft.com",),
    ),
    "microsoft-any": Preset(
        _OPENID,
        issuer="https://login.microsoftonline.com/{{tenantid}}/v2.0",
        discovery="https://login.microsoftonline.com/{audience}/v2.0/.well-known/openid-configuration",
        endpoint_hosts=("graph.microsoft.com",),
        defaults={"audience": "common"},
    ),
    # The secret is an AppleSecret. With name or e-mail address asked for, Apple answers by form_post alone.
    "apple": Preset(("openid", "name", "email"), issuer="https://appleid.apple.com", response_mode="form_post"),
    "github": Preset(
        ("read:user", "user:email"),
        authorization_endpoint="https://{host}/login/oauth/authorize",
        token_endpoint="https://{host}/login/oauth/access_token",
        userinfo_endpoint="https://api.{host}/user",
        secret_in_form=True,
        user_of=_of_github,
        defaults={"host": "github.com"},
    ),
    "gitlab": Preset(_OPENID, issuer="https://{host}", with_userinfo=True, defaults={"host": "gitlab.com"}),
    "facebook": Preset(
        ("public_profile", "email"),
        authorization_endpoint="https://www.facebook.com/{version}/dialog/oauth",
        token_endpoint="https://graph.facebook.com/{version}/oauth/access_token",
        userinfo_endpoint="https://graph.facebook.com/{version}/me?fields=id,name,first_name,last_name,email",
        secret_in_form=True,
        user_of=_of_facebook,
        defaults={"version": "v21.0"},
    ),
    "x": Preset(
        ("users.read", "tweet.read"),
        authorization_endpoint="https://x.com/i/oauth2/authorize",
        token_endpoint="https://api.x.com/2/oauth2/token",
        userinfo_endpoint="https://api.x.com/2/users/me?user.fields=profile_image_url",
        revocation_endpoint="https://api.x.com/2/oauth2/revoke",
        user_of=_of_x,
    ),
    "discord": Preset(
        ("identify", "email"),
        authorization_endpoint="https://discord.com/oauth2/authorize",
        token_endpoint="https://discord.com/api/oauth2/token",
        userinfo_endpoint="https://discord.com/api/users/@me",
        revocation_endpoint="https://discord.com/api/oauth2/token/revoke",
        user_of=_of_discord,
    ),
    "keycloak": Preset(_OPENID, issuer="{url}/realms/{realm}"),
    # Anybody's OpenID provider: provider("openid", ..., issuer="https://id.example").
    "openid": Preset(_OPENID, issuer="{issuer}"),
}
