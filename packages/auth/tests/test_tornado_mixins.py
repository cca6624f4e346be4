"""GoogleOAuth2Mixin, FacebookGraphMixin and TwitterMixin, each with its provider played on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from waterspout.auth import AuthError, FacebookGraphMixin, GoogleOAuth2Mixin, TwitterMixin
from waterspout.web import Application, RequestHandler


class Played(RequestHandler):
    """Each provider's endpoints; ``seen`` keeps what was asked."""

    def initialize(self, seen: list[Any], challenges: list[str]) -> None:
        self.seen = seen
        self.challenges = challenges

    def answer(self, path: str) -> None:
        arguments = {name: self.get_argument(name) for name in self.request.arguments}
        self.seen.append((self.request.method, path, arguments, self.request.headers.get("Authorization")))
        getattr(self, path.replace("/", "_").replace(".", "_"))()

    get = post = answer

    def google_authorize(self) -> None:
        self.challenges.append(self.get_argument("code_challenge"))
        self.redirect(f"{self.get_argument('redirect_uri')}?code=g-code&state={self.get_argument('state')}")

    def google_token(self) -> None:
        digest = hashlib.sha256(self.get_argument("code_verifier").encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenges[-1]
        self.write({"access_token": "g-token", "token_type": "Bearer"})

    def google_user(self) -> None:
        self.write({"name": "Ann"})

    def facebook_authorize(self) -> None:
        self.redirect(f"{self.get_argument('redirect_uri')}?code=f-code&state={self.get_argument('state')}")

    def facebook_token(self) -> None:
        self.write({} if self.get_argument("code") == "bad" else {"access_token": "f-token", "expires_in": 5000})

    def facebook_me(self) -> None:
        self.write({"id": "7", "name": "Ann"})

    def twitter_request_token(self) -> None:
        self.write(urlencode({"oauth_token": "t1", "oauth_token_secret": "s1", "oauth_callback_confirmed": "true"}))

    def twitter_access_token(self) -> None:
        self.write(urlencode({"oauth_token": "t2", "oauth_token_secret": "s2", "screen_name": "ann"}))

    def twitter_account_verify_credentials_json(self) -> None:
        self.write({"screen_name": "ann", "name": "Ann"})

    def twitter_update_json(self) -> None:
        self.write({"text": self.get_body_argument("status")})


class Google(RequestHandler, GoogleOAuth2Mixin):
    def initialize(self, base: list[str]) -> None:
        self.here = f"{base[0]}/google-login"
        self._OAUTH_AUTHORIZE_URL = f"{base[0]}/google/authorize"  # type: ignore[misc]
        self._OAUTH_ACCESS_TOKEN_URL = f"{base[0]}/google/token"  # type: ignore[misc]
        self._OAUTH_USERINFO_URL = f"{base[0]}/google/user"  # type: ignore[misc]

    async def get(self) -> None:
        if code := self.get_argument("code", None):
            try:
                tokens = await self.get_authenticated_user(redirect_uri=self.here, code=code)
            except AuthError as error:
                self.write(f"refused: {error}")
            else:
                self.write(await self.oauth2_request(self._OAUTH_USERINFO_URL, access_token=tokens["access_token"]))
        else:
            self.authorize_redirect(redirect_uri=self.here, client_id="id", scope=["profile"])


class Facebook(RequestHandler, FacebookGraphMixin):
    def initialize(self, base: list[str]) -> None:
        self.here = f"{base[0]}/facebook-login"
        self._OAUTH_AUTHORIZE_URL = f"{base[0]}/facebook/authorize"  # type: ignore[misc]
        self._OAUTH_ACCESS_TOKEN_URL = f"{base[0]}/facebook/token"  # type: ignore[misc]
        self._FACEBOOK_BASE_URL = f"{base[0]}/facebook"

    async def get(self) -> None:
        if code := self.get_argument("code", None):
            try:
                user = await self.get_authenticated_user(self.here, "id", "f-secret", code, {"email": 1})
            except AuthError as error:
                self.write(f"refused: {error}")
            else:
                assert user is not None
                self.write(user)
        else:
            self.authorize_redirect(redirect_uri=self.here, client_id="id")


class Twitter(RequestHandler, TwitterMixin):
    def initialize(self, base: list[str]) -> None:
        self._OAUTH_REQUEST_TOKEN_URL = f"{base[0]}/twitter/request_token"
        self._OAUTH_ACCESS_TOKEN_URL = f"{base[0]}/twitter/access_token"
        self._OAUTH_AUTHENTICATE_URL = "https://api.twitter.example/authenticate"
        self._TWITTER_BASE_URL = f"{base[0]}/twitter"

    async def get(self) -> None:
        if self.get_argument("oauth_token", None):
            user = await self.get_authenticated_user()
            said = await self.twitter_request(
                "/update", post_args={"status": "é & +"}, access_token=user["access_token"], trim="1"
            )
            self.write({**user, **said})
        else:
            await self.authenticate_redirect("/twitter-login")


SETTINGS = {
    "google_oauth": {"key": "id", "secret": "g-secret"},
    "twitter_consumer_key": "tk",
    "twitter_consumer_secret": "ts",
}


@pytest.fixture
def visits(served: Any, run: Any, new_browser: Any, secret: str) -> Callable[..., Any]:
    """Runs a coroutine function with a browser and the list of what the providers were asked."""

    def use(act: Callable[[Any, list[Any]], Any], **settings: Any) -> Any:
        async def main() -> Any:
            base: list[str] = []
            seen: list[Any] = []
            routes = [(f"/{name.__name__.lower()}-login", name, {"base": base}) for name in (Google, Facebook, Twitter)]
            played = ("/((?:google|facebook|twitter)/.*)", Played, {"seen": seen, "challenges": []})
            app = Application([*routes, played], **{"cookie_secret": secret, **SETTINGS, **settings})
            async with served(app) as address:
                base.append(address)
                return await act(new_browser(address), seen)

        return run(main())

    return use


def test_google_signs_in_with_state_and_PKCE_and_the_token_in_a_header(visits: Any) -> None:
    async def act(browser: Any, seen: list[Any]) -> None:
        response = await browser.follow(await browser.get("/google-login"))
        assert json.loads(response.body) == {"name": "Ann"}
        method, _, form, _ = next(one for one in seen if one[1] == "google/token")
        assert method == "POST" and form["client_secret"] == "g-secret" and form["grant_type"] == "authorization_code"
        assert seen[-1][3] == "Bearer g-token" and seen[-1][2] == {}

    visits(act)


@pytest.mark.parametrize("name", ["google", "facebook"])
def test_a_code_that_this_browser_did_not_ask_for_is_refused_before_the_provider_is_asked(
    visits: Any, name: str
) -> None:
    async def act(browser: Any, seen: list[Any]) -> None:
        for state in ("", "&state=made-up"):
            response = await browser.get(f"/{name}-login?code=x{state}")
            assert response.body.startswith(b"refused: state: ")
        assert seen == []

    visits(act)


def test_facebook_signs_in_with_its_secret_out_of_the_address(visits: Any) -> None:
    async def act(browser: Any, seen: list[Any]) -> None:
        user = json.loads((await browser.follow(await browser.get("/facebook-login"))).body)
        assert user["name"] == "Ann" and user["email"] is None
        assert user["access_token"] == "f-token" and user["session_expires"] == "5000"
        assert seen[-2][:2] == ("POST", "facebook/token")
        _, _, query, bearer = seen[-1]
        assert bearer == "Bearer f-token" and "access_token" not in query
        assert query["appsecret_proof"] == hmac.new(b"f-secret", b"f-token", hashlib.sha256).hexdigest()
        assert query["fields"] == "email,first_name,id,last_name,link,locale,name,picture"

    visits(act)


def test_facebook_without_a_token_signs_nobody_in(visits: Any) -> None:
    async def act(browser: Any, seen: list[Any]) -> None:
        begun = await browser.get("/facebook-login")
        state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
        response = await browser.get(f"/facebook-login?code=bad&state={state}")
        assert response.body == b"refused: Facebook answered without an access_token"

    visits(act)


def test_twitter_signs_in_and_posts(visits: Any) -> None:
    async def act(browser: Any, seen: list[Any]) -> None:
        begun = await browser.get("/twitter-login")
        assert begun.headers["Location"].startswith("https://api.twitter.example/authenticate?oauth_token=t1")
        cookie = begun.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "dDE=|czE=" not in cookie
        user = json.loads((await browser.get("/twitter-login?oauth_token=t1&oauth_verifier=v")).body)
        assert user["username"] == "ann" and user["text"] == "é & +"
        assert user["access_token"] == {"key": "t2", "secret": "s2", "screen_name": "ann"}
        assert seen[-1][2]["oauth_token"] == "t2" and seen[-1][2]["trim"] == "1"

    visits(act)


def test_twitter_names_the_settings_that_are_missing(visits: Any, caplog: Any) -> None:
    async def act(browser: Any, seen: list[Any]) -> int:
        return int((await browser.get("/twitter-login")).code)

    assert visits(act, twitter_consumer_key=None) == 500
    assert "You must define the 'twitter_consumer_key' setting" in caplog.text
