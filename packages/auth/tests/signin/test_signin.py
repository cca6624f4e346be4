"""The whole way of a sign-in through the routes, with an OpenID provider that runs here."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from waterspout.auth.sessions import MemoryStore


def test_a_user_signs_in_and_goes_on_to_the_page_they_wanted(site: Any) -> None:
    async def act(site: Any) -> None:
        assert await site.user() is None
        response = await site.sign_in("/me?x=1")
        assert response.code == 303 and response.headers["Location"] == "/me?x=1"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        user = await site.user()
        assert user == {
            "provider": "op",
            "iss": site.provider.base,
            "sub": "user-7",
            "name": "Ann",
            "sid": "s1",
        }
        # Nothing of the sign-in stays behind in the browser.
        (jar,) = (jar for host, jar in site.browser.cookies.items() if site.base.endswith(host))
        assert [*jar] == ["session"]

    site(act)


def test_the_authorization_request_has_what_keeps_it_safe(site: Any) -> None:
    async def act(site: Any) -> None:
        begun = await site.browser.get(f"{site.base}/signin/op")
        query = {name: value for name, (value,) in parse_qs(urlsplit(begun.headers["Location"]).query).items()}
        assert query.pop("state") and query.pop("nonce") and query.pop("code_challenge")
        assert query == {
            "response_type": "code",
            "client_id": "client",
            "redirect_uri": f"{site.base}/signin/op/callback",
            "scope": "openid profile email",
            "code_challenge_method": "S256",
        }
        cookie = begun.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Max-Age=600" in cookie

    site(act)


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "", "/" + "x" * 5000]
)
def test_next_never_leads_to_another_host(site: Any, wanted: str) -> None:
    async def act(site: Any) -> str:
        return str((await site.sign_in(wanted)).headers["Location"])

    assert site(act, signin={"after_sign_in": "/home"}) == "/home"


def test_a_session_before_the_sign_in_goes_on_under_another_id(site: Any) -> None:
    store = MemoryStore()

    async def act(site: Any) -> None:
        await site.sign_in()
        before = dict(site.browser.cookies[urlsplit(site.base).netloc])
        await site.sign_in()
        assert await site.user() is not None
        site.browser.cookies[urlsplit(site.base).netloc] = before
        assert await site.user() is None

    site(act, store=store)


def test_form_post_is_taken_when_it_was_asked_for_and_past_every_forgery_check(site: Any) -> None:
    async def act(site: Any) -> None:
        back = await site.way_back()
        form = {name: value for name, (value,) in parse_qs(urlsplit(back).query).items()}
        by_query = await site.browser.get(back)
        assert by_query.code == 403 and b"response_mode" in by_query.body
        headers = {"Origin": site.provider.base, "Sec-Fetch-Site": "cross-site"}
        response = await site.browser.post(back.partition("?")[0], form, **headers)
        assert response.code == 303 and await site.user() is not None

    site(act, response_mode="form_post", settings={"xsrf_cookies": True, "cross_origin_protection": True,
                                                   "cookie_secret": "a secret of sixteen bytes"})  # fmt: skip


def test_what_a_provider_adds_to_its_answer_is_handed_on_for_what_it_is(site: Any) -> None:
    """Apple's: the name comes beside the code, once, and signed by nobody."""
    seen: list[dict[str, str]] = []

    async def act(site: Any) -> None:
        async def user_of(handler: Any, identity: Any) -> Any:
            seen.append(identity.answer)
            return identity.user()

        site.signin.user_of = user_of
        await site.sign_in()
        assert (await site.user())["name"] == "Ann"

    site(act, lies={"callback": lambda back: {**back, "user": '{"name":{"firstName":"Mallory"}}'}})
    assert seen == [{"user": '{"name":{"firstName":"Mallory"}}'}]


def test_the_cookie_of_a_form_post_sign_in_comes_back_with_a_post_of_another_site(site: Any) -> None:
    async def act(site: Any) -> str:
        return str((await site.browser.get(f"{site.base}/signin/op")).headers["Set-Cookie"])

    cookie = site(act, response_mode="form_post")
    assert cookie.startswith("__Host-signin_") and "SameSite=none" in cookie and "Secure" in cookie


def test_a_user_who_may_not_come_in_is_nobody(site: Any) -> None:
    from waterspout.auth.signin import SignIn

    async def act(site: Any) -> None:
        async def nobody(*args: object) -> None:
            return None

        site.signin.user_of = nobody
        response = await site.sign_in()
        assert response.code == 403 and await site.user() is None

    assert SignIn.user_of
    site(act)


def test_a_refusal_of_the_provider_is_a_page_and_a_line_in_the_log(site: Any, caplog: Any) -> None:
    async def act(site: Any) -> None:
        response = await site.sign_in()
        assert response.code == 403 and b"The provider did not agree." in response.body
        assert await site.user() is None

    site(
        act,
        lies={
            "callback": lambda back: {
                "error": "access_denied",
                "error_description": "<script>\r\nno",
                "state": back["state"],
                "iss": back["iss"],
            }
        },
    )
    assert "sign-in with op failed: op refused: access_denied: <script>??no" in caplog.text


def test_signing_out_ends_the_session_and_goes_on_to_the_provider(site: Any) -> None:
    async def act(site: Any) -> None:
        site.client.post_logout_redirect_uris = (f"{site.base}/",)
        await site.sign_in()
        assert (await site.browser.get(f"{site.base}/signin/out")).code == 405
        assert await site.user() is not None
        response = await site.browser.post(f"{site.base}/signin/out", {})
        assert response.code == 303 and await site.user() is None
        target, _, query = response.headers["Location"].partition("?")
        assert target == f"{site.provider.base}/end_session_endpoint"
        assert parse_qs(query) == {"client_id": ["client"], "post_logout_redirect_uri": [f"{site.base}/"]}

    site(act)


def test_tokens_are_kept_refreshed_and_handed_back_at_the_way_out(site: Any) -> None:
    async def act(site: Any) -> None:
        await site.sign_in()
        key = (await site.user())["tokens"]
        keeper = site.signin.keepers["op"]
        kept = await keeper.get(key)
        assert await keeper.access_token(key) == kept.access_token
        kept.expires_at = 0
        await keeper.put(key, kept)
        assert await keeper.access_token(key) != kept.access_token
        response = await site.browser.post(f"{site.base}/signin/out", {})
        assert "id_token_hint=" in response.headers["Location"]
        assert await keeper.get(key) is None

    site(act, signin={"keep_tokens": True})


def test_the_session_ends_when_the_provider_refuses_to_refresh(site: Any) -> None:
    from waterspout.auth import ProviderRefused

    async def act(site: Any) -> None:
        await site.sign_in()
        keeper = site.signin.keepers["op"]
        user = await site.user()
        kept = await keeper.get(user["tokens"])
        kept.expires_at = 0
        await keeper.put(user["tokens"], kept)
        site.provider.refresh_tokens.clear()

        class Handler:
            """As much of a handler as is asked for."""

            signed_out = False

            async def load_session(self) -> Any:
                return type("Session", (), {"user": user})

            async def sign_out(self) -> None:
                self.signed_out = True

        handler = Handler()
        with pytest.raises(ProviderRefused):
            await site.signin.access_token(handler)
        assert handler.signed_out and await keeper.get(user["tokens"]) is None

    site(act, signin={"keep_tokens": True})


def test_a_provider_that_is_down_is_said_so(site: Any) -> None:
    def down(handler: Any) -> None:
        handler.set_status(500)

    async def act(site: Any) -> None:
        response = await site.sign_in()
        assert response.code == 502 and await site.user() is None

    site(act, lies={"answer": lambda answer: down})


def test_a_notice_of_the_provider_ends_the_session(site: Any) -> None:
    async def act(site: Any) -> None:
        await site.sign_in()
        claims = logout_claims(site.provider)
        token = site.provider.sign(claims, {"alg": "RS256", "kid": "k1", "typ": "logout+jwt"})
        response = await site.browser.post(f"{site.base}/signin/op/backchannel-logout", {"logout_token": token})
        assert response.code == 200 and response.headers["Cache-Control"] == "no-store"
        assert await site.user() is None
        again = await site.browser.post(f"{site.base}/signin/op/backchannel-logout", {"logout_token": token})
        assert again.code == 400 and json.loads(again.body) == {"error": "invalid_request"}
        await site.sign_in()
        assert await site.user() is not None

    site(act, store=MemoryStore())


def test_a_notice_for_sessions_that_nobody_can_end_is_refused(site: Any, caplog: Any) -> None:
    async def act(site: Any) -> int:
        token = site.provider.sign(logout_claims(site.provider))
        return int((await site.browser.post(f"{site.base}/signin/op/backchannel-logout", {"logout_token": token})).code)

    assert site(act) == 501
    assert "give Sessions a store" in caplog.text


def logout_claims(provider: Any) -> dict[str, Any]:
    import time

    now = int(time.time())
    event = "http://schemas.openid.net/event/backchannel-logout"
    return {
        "iss": provider.base, "aud": "client", "iat": now, "exp": now + 120, "jti": "j1", "sub": provider.subject,
        "sid": "s1", "events": {event: {}},
    }  # fmt: skip


@pytest.mark.parametrize(
    "base_url",
    ["http://app.example", "https://app.example/?x", "https://user@app.example", "ftp://app.example", "app.example"],
)
def test_a_base_url_that_is_no_place_to_come_back_to_is_refused(base_url: str, secret: str) -> None:
    from waterspout.auth.signin import SignIn

    with pytest.raises(ValueError, match="base_url"):
        SignIn([], base_url=base_url, secret=secret)


def test_names_that_do_not_fit_into_addresses_are_refused(secret: str) -> None:
    from waterspout.auth.oauth2 import OAuth2Client
    from waterspout.auth.signin import SignIn

    def client(name: str) -> OAuth2Client:
        return OAuth2Client(name, "id", authorization_endpoint="https://a.example", token_endpoint="https://a.example")

    for names in (["a/b"], ["out"], ["a", "a"], [""], ["é"]):
        with pytest.raises(ValueError, match="provider"):
            SignIn([client(name) for name in names], base_url="https://app.example", secret=secret)


OWN = "(our own)"


@pytest.mark.parametrize(
    ("headers", "is_signed_out"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://www.app.example"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://trusted.example"}, True),
        ({"Origin": OWN}, True),
        ({"Origin": "https://trusted.example"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://attacker.test"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": OWN}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "https://attacker.test"}, False),
        ({"Origin": f"{OWN}.attacker.test"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
    ],
)
def test_another_site_s_form_signs_nobody_out(site: Any, headers: dict[str, str], is_signed_out: bool) -> None:
    async def act(site: Any) -> None:
        await site.sign_in()
        sent = {name: value.replace(OWN, site.base) for name, value in headers.items()}
        response = await site.browser.post(f"{site.base}/signin/out", {}, **sent)
        assert response.code == (303 if is_signed_out else 403)
        assert ("Set-Cookie" in response.headers) == is_signed_out
        assert (await site.user() is None) == is_signed_out

    site(act, settings={"trusted_origins": ["https://trusted.example"]})
