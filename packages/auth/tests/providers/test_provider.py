"""The table of providers, and the clients that are made of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from waterspout.auth.oauth2 import ClientSecretBasic, ClientSecretPost, OAuth2Client, TokenSet
from waterspout.auth.providers import PRESETS, provider

FILL: dict[str, dict[str, Any]] = {
    "microsoft": {"tenant": "72f988bf-86f1-41af-91ab-2d7cd011db47"},
    "microsoft-any": {"tenants": ["*"]},
    "keycloak": {"url": "https://id.example/", "realm": "staff"},
    "openid": {"issuer": "https://id.example"},
}


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_makes_a_client_whose_addresses_are_https(preset: str) -> None:
    if PRESETS[preset].issuer is not None:
        pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    client: Any = provider(preset, "id", "secret", **FILL.get(preset, {}))
    assert client.name == preset and client.scope
    addresses = [client.issuer or client.authorization_endpoint, client.token_endpoint, client.userinfo_endpoint]
    for address in addresses:
        assert address is None or (address.startswith("https://") and "{" not in address.replace("{tenantid}", ""))


@pytest.mark.parametrize(
    ("preset", "options", "issuer"),
    [
        ("google", {}, "https://accounts.google.com"),
        ("microsoft", FILL["microsoft"], f"https://login.microsoftonline.com/{FILL['microsoft']['tenant']}/v2.0"),
        ("apple", {}, "https://appleid.apple.com"),
        ("gitlab", {}, "https://gitlab.com"),
        ("gitlab", {"host": "git.example"}, "https://git.example"),
        ("keycloak", FILL["keycloak"], "https://id.example/realms/staff"),
        ("openid", FILL["openid"], "https://id.example"),
    ],
)
def test_openid_providers_are_known_by_their_issuer(preset: str, options: dict[str, Any], issuer: str) -> None:
    pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    assert provider(preset, "id", "secret", **options).issuer == issuer


def test_what_an_application_says_goes_before_the_table() -> None:
    client = provider("github", "id", "secret", name="work", scope=["repo"], host="git.work.example")
    assert client.name == "work" and client.scope == ("repo",)
    assert client.token_endpoint == "https://git.work.example/login/oauth/access_token"
    assert isinstance(client.client_auth, ClientSecretPost)
    assert isinstance(provider("x", "id", "secret").client_auth, ClientSecretBasic)


def test_what_is_unknown_or_missing_is_said() -> None:
    with pytest.raises(ValueError, match="there is no preset 'myspace': choose of google, "):
        provider("myspace", "id")
    with pytest.raises(ValueError, match="the provider 'keycloak' needs url="):
        provider("keycloak", "id", realm="x")
    with pytest.raises(ValueError, match="issuer must be https"):
        pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
        provider("openid", "id", issuer="http://id.example")


@pytest.mark.parametrize(
    ("preset", "answer", "claims"),
    [
        (
            "github",
            {"id": 7, "login": "ann", "name": None, "email": "ann@id.example", "avatar_url": "https://a.example/7"},
            {"sub": "7", "preferred_username": "ann", "email": "ann@id.example", "picture": "https://a.example/7"},
        ),
        ("x", {"data": {"id": "7", "name": "Ann", "username": "ann"}},
         {"sub": "7", "name": "Ann", "preferred_username": "ann"}),
        ("discord", {"id": "7", "username": "ann", "verified": True},
         {"sub": "7", "preferred_username": "ann", "email_verified": True}),
        ("facebook", {"id": "7", "first_name": "Ann"}, {"sub": "7", "given_name": "Ann"}),
        ("x", {"data": []}, {}),
        ("github", {"login": "ann"}, {"preferred_username": "ann"}),
    ],
)  # fmt: skip
def test_what_a_provider_says_becomes_claims(preset: str, answer: dict[str, Any], claims: dict[str, Any]) -> None:
    user_of = PRESETS[preset].user_of
    assert user_of is not None and user_of(answer) == claims


def test_a_provider_without_openid_signs_users_in_by_its_userinfo(served: Any, run: Any) -> None:
    from waterspout.auth import CheckFailed
    from waterspout.web import Application, RequestHandler

    class Me(RequestHandler):
        def get(self, number: str) -> None:
            assert self.request.headers["Authorization"] == "Bearer t"
            self.write({"id": int(number)} if number else {})

    async def main() -> None:
        async with served(Application([("/me(.*)", Me)])) as base:
            given = {"authorization_endpoint": f"{base}/a", "token_endpoint": f"{base}/t", "allow_http_loopback": True}
            identity = await provider("github", "id", userinfo_endpoint=f"{base}/me7", **given).identify(TokenSet("t"))
            assert identity.subject == "7" and identity.user()["provider"] == "github"
            assert urlsplit(identity.issuer).hostname == "127.0.0.1"
            nobody = provider("github", "id", userinfo_endpoint=f"{base}/me", **given)
            with_no_mapping = OAuth2Client("x", "id", userinfo_endpoint=f"{base}/me7", **given)
            for client in (nobody, with_no_mapping):
                try:
                    await client.identify(TokenSet("t"))
                except CheckFailed as error:
                    assert error.check == "sub"
                else:
                    raise AssertionError(f"{client} signed somebody in")

    run(main())


def test_organizations_of_a_shared_issuer_are_told_apart(site: Any) -> None:
    """As Microsoft's: one discovery document, and the organization's id in each token's issuer."""

    async def act(site: Any) -> None:
        template = f"{site.provider.base}/{{tenantid}}"
        site.provider.lies["document"] = lambda document: {
            **document, "issuer": template, "authorization_response_iss_parameter_supported": False,
        }  # fmt: skip
        site.client.issuer, site.client.tenants = template, frozenset({"org-1"})
        seen = []
        for tenant, issuer in (
            ("org-1", "org-1"), ("org-2", "org-2"), ("org-1", "org-2"), ("../x", "../x"), (None, "org-1"),
        ):  # fmt: skip
            site.browser.cookies.clear()
            site.provider.lies["claims"] = lambda claims, tid=tenant, iss=issuer: {
                **claims, "tid": tid, "iss": f"{site.provider.base}/{iss}",
            }  # fmt: skip
            site.provider.lies["callback"] = lambda back: {k: v for k, v in back.items() if k != "iss"}
            await site.sign_in()
            user = await site.user()
            seen.append(None if user is None else user["iss"].rpartition("/")[2])
        assert seen == ["org-1", None, None, None, None]

    site(act)
