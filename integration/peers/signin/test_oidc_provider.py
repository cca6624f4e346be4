"""Sign-in with oidc-provider, a certified OpenID provider, in the ways that it knows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwk

from waterspout.auth import ProviderRefused
from waterspout.auth.oauth2 import ClientSecretPost
from waterspout.auth.oidc import PrivateKeyJWT

if TYPE_CHECKING:
    from conftest import Peer, Site

pytestmark = pytest.mark.peers

CLIENT_SECRET = "client-secret-of-the-tests-of-40-characters"


def key_set(kid: str, kind: str = "RSA") -> Any:
    made: Any = (
        jwk.RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})
        if kind == "RSA"
        else jwk.ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})
    )
    return {"keys": [made.as_dict(private=True)]}


@pytest.fixture(scope="module")
def keys() -> Any:
    return key_set("first")


@pytest.fixture
def configure(oidc_provider: Peer, keys: Any) -> Callable[..., Callable[[str], str]]:
    """What makes the provider ready for an application at an address: its client, changed as given."""

    def with_client(provider_jwks: Any = None, ttl: Any = None, **changes: Any) -> Callable[[str], str]:
        def tell(base: str) -> str:
            client = {
                "client_id": "app",
                "client_secret": CLIENT_SECRET,
                "redirect_uris": [f"{base}/signin/op/callback"],
                "post_logout_redirect_uris": [f"{base}/"],
                "response_types": ["code"],
                "grant_types": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_method": "client_secret_basic",
                "backchannel_logout_uri": f"{base}/signin/op/backchannel-logout",
                "backchannel_logout_session_required": True,
                **changes,
            }
            client = {name: value for name, value in client.items() if value is not None}
            return oidc_provider.tell(clients=[client], jwks=provider_jwks or keys, ttl=ttl)

        return tell

    return with_client


OFFLINE: Any = {
    "scope": ["openid", "profile", "email", "offline_access"],
    "authorization_params": {"prompt": "consent"},
    "keep_tokens": True,
}


def test_a_user_signs_in_by_code_with_PKCE(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        assert await site.user() is None
        response = await site.authenticate("ann")
        assert response.code == 303 and response.headers["Location"] == "/me"
        user = await site.user()
        assert user["sub"] == "ann" and user["iss"] == site.client.issuer and user["sid"]
        began = next(seen for seen in site.browser.seen if "/auth?" in seen)
        assert parse_qs(urlsplit(began).query)["code_challenge_method"] == ["S256"]
        # The provider sends iss with its answer (RFC 9207), and it is compared.
        assert site.client.requires_iss and any("iss=" in seen for seen in site.browser.seen if "callback" in seen)

    with_site(act, configure(), client_secret=CLIENT_SECRET)


def test_userinfo_tells_more_of_the_same_user(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        await site.authenticate("ann")
        user = await site.user()
        assert user["email"] == "ann@id.example" and user["name"] == "ann the user"

    with_site(act, configure(), client_secret=CLIENT_SECRET, with_userinfo=True)


def test_signed_userinfo_is_checked(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        await site.authenticate("ann")
        assert (await site.user())["email"] == "ann@id.example"

    tell = configure(userinfo_signed_response_alg="RS256")
    with_site(act, tell, client_secret=CLIENT_SECRET, with_userinfo=True, userinfo_algs=["RS256"])


def test_tokens_are_refreshed_and_the_old_refresh_token_is_good_for_nothing(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        await site.authenticate("ann")
        key = (await site.user())["tokens"]
        keeper = site.signin.keepers["op"]
        first = await keeper.get(key)
        assert first is not None and first.refresh_token and first.id_token
        first.expires_at = 0
        await keeper.put(key, first)
        token = await keeper.access_token(key)
        second = await keeper.get(key)
        assert second is not None and token == second.access_token != first.access_token
        assert second.refresh_token != first.refresh_token
        assert (await site.client.userinfo(token, subject="ann"))["sub"] == "ann"
        with pytest.raises(ProviderRefused) as caught:
            await site.client.refresh(str(first.refresh_token))
        assert caught.value.error == "invalid_grant"
        # The provider takes it for theft and ends the whole grant; so the tokens, too, are forgotten here.
        second.expires_at = 0
        await keeper.put(key, second)
        with pytest.raises(ProviderRefused):
            await keeper.access_token(key)
        assert await keeper.get(key) is None

    with_site(act, configure(), client_secret=CLIENT_SECRET, **OFFLINE)


def test_a_token_that_is_revoked_is_good_for_nothing(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        await site.authenticate("ann")
        tokens = await site.signin.keepers["op"].get((await site.user())["tokens"])
        assert tokens is not None
        await site.client.revoke(str(tokens.refresh_token), "refresh_token")
        with pytest.raises(ProviderRefused):
            await site.client.refresh(str(tokens.refresh_token))

    with_site(act, configure(), client_secret=CLIENT_SECRET, **OFFLINE)


def test_signing_out_here_signs_out_at_the_provider_and_comes_back(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        await site.authenticate("ann")
        response = await site.browser.send("POST", f"{site.base}/signin/out", {})
        assert response.code == 303 and await site.user() is None
        assert "id_token_hint=" in response.headers["Location"]
        page = await site.browser.open(response.headers["Location"])
        assert page.code == 200 and b"Sign out" in page.body
        url, fields = site.form_of(page)
        done = await site.browser.open(url, {**fields, "logout": "yes"}, until=f"{site.base}/")
        assert done.headers["Location"] == f"{site.base}/"
        # The provider has forgotten the user as well: it asks again.
        asked = await site.browser.open(f"{site.base}/signin/op", until=site.callback)
        assert b'value="login"' in asked.body

    with_site(act, configure(), client_secret=CLIENT_SECRET, keep_tokens=True)


def test_a_logout_at_the_provider_ends_the_session_here_by_back_channel(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        await site.authenticate("ann")
        assert await site.user() is not None
        url = await site.client.logout_url()
        assert url is not None
        page = await site.browser.open(url)
        action, fields = site.form_of(page)
        await site.browser.open(action, {**fields, "logout": "yes"})
        assert await site.user() is None

    with_site(act, configure(), client_secret=CLIENT_SECRET)


@pytest.mark.parametrize("kind", ["RSA", "EC"])
def test_a_client_proves_itself_by_its_private_key(with_site: Any, configure: Any, kind: str) -> None:
    algorithm = {"RSA": "RS256", "EC": "ES256"}[kind]
    private = key_set("client-key", kind)["keys"][0]
    public = {
        name: value for name, value in private.items() if name in ("kty", "n", "e", "crv", "x", "y", "kid", "use")
    }

    async def act(site: Site) -> None:
        await site.authenticate("ann")
        assert (await site.user())["sub"] == "ann"

    changes = {
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": algorithm,
        "jwks": {"keys": [public]},
        "client_secret": None,
    }
    with_site(act, configure(**changes), client_secret=PrivateKeyJWT(private, algorithm=algorithm))


def test_a_client_proves_itself_by_its_secret_in_the_form(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        await site.authenticate("ann")
        assert (await site.user())["sub"] == "ann"

    tell = configure(token_endpoint_auth_method="client_secret_post")
    with_site(act, tell, client_secret=ClientSecretPost(CLIENT_SECRET))


def test_a_client_without_a_secret_signs_in_by_PKCE_alone(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        await site.authenticate("ann")
        assert (await site.user())["sub"] == "ann"

    with_site(act, configure(token_endpoint_auth_method="none"))


def test_the_answer_comes_by_form_post(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        response = await site.authenticate("ann")
        assert response.code == 303 and site.browser.seen[-1] == f"POST {site.callback}"
        assert (await site.user())["sub"] == "ann"
        assert not any("code=" in seen for seen in site.browser.seen)

    with_site(act, configure(), client_secret=CLIENT_SECRET, response_mode="form_post")


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "HS256"])
def test_tokens_are_signed_by_other_algorithms_where_both_sides_are_configured_so(
    with_site: Any, configure: Any, algorithm: str
) -> None:
    async def act(site: Site) -> None:
        await site.authenticate("ann")
        assert (await site.user())["sub"] == "ann"

    jwks = key_set("ec", "EC") if algorithm == "ES256" else None
    tell = configure(provider_jwks=jwks, id_token_signed_response_alg=algorithm)
    with_site(act, tell, client_secret=CLIENT_SECRET, id_token_algs=[algorithm])


def test_a_provider_that_changes_its_keys_is_followed_at_once(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        await site.authenticate("ann")
        assert (await site.user())["sub"] == "ann"
        configure(provider_jwks=key_set("second"))(site.base)
        site.browser.cookies.clear()
        await site.authenticate("ben")
        assert (await site.user())["sub"] == "ben"

    with_site(act, configure(), client_secret=CLIENT_SECRET)


def test_a_user_who_does_not_agree_is_nobody(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        page = await site.browser.open(f"{site.base}/signin/op", until=site.callback)
        # The page's link to give up.
        abort = page.effective_url + "/abort"
        response = await site.browser.open(abort)
        assert response.code == 403 and b"The provider did not agree." in response.body
        assert await site.user() is None

    with_site(act, configure(), client_secret=CLIENT_SECRET)


def test_a_fresh_sign_in_is_asked_for_and_proved(with_site: Any, configure: Any) -> None:
    async def act(site: Site) -> None:
        await site.authenticate("ann")
        assert (await site.user())["auth_time"]

    with_site(act, configure(), client_secret=CLIENT_SECRET, max_age=300)


def test_nothing_secret_of_a_whole_flow_is_logged_or_shown(
    with_site: Any, configure: Any, caplog: pytest.LogCaptureFixture
) -> None:
    secrets: list[str] = [CLIENT_SECRET]
    pages: list[bytes] = []

    async def act(site: Site) -> None:
        real = site.client.exchange

        async def exchange(code: str, pending: Any) -> Any:
            secrets.extend((code, pending.code_verifier))
            return await real(code, pending)

        site.client.exchange = exchange  # type: ignore[method-assign]
        await site.authenticate("ann")
        callback = next(seen for seen in site.browser.seen if "callback?" in seen).removeprefix("GET ")
        pages.append((await site.browser.send("GET", callback)).body)  # once more: refused
        keeper, key = site.signin.keepers["op"], (await site.user())["tokens"]
        for _ in range(2):
            kept = await keeper.get(key)
            assert kept is not None
            secrets.extend((kept.access_token, str(kept.refresh_token), str(kept.id_token)))
            kept.expires_at = 0
            await keeper.put(key, kept)
            await keeper.access_token(key)
        with pytest.raises(ProviderRefused) as caught:
            await site.client.refresh(secrets[-2])
        pages.append(str(caught.value).encode())
        for jar in site.browser.cookies.values():
            secrets.extend(jar.values())
        await site.browser.send("POST", f"{site.base}/signin/out", {})

    with caplog.at_level(logging.DEBUG):
        with_site(act, configure(), client_secret=CLIENT_SECRET, **OFFLINE)
    assert "GET /signin/op/callback?code=***" in caplog.text
    assert len(secrets) >= 12
    for secret in secrets:
        assert secret not in caplog.text
        assert all(secret.encode() not in page for page in pages)
