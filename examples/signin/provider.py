"""A small OpenID provider for trying things out: anybody signs in under any name, and nothing outlives the process.

It is honest and minimal, and no example of how to build a provider: it knows one client, keeps everything in
dictionaries, and asks for no password.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from pathlib import Path
from typing import Any

from joserfc import jwk, jws

from waterspout.httpserver import HTTPServer
from waterspout.httputil import url_concat
from waterspout.netutil import bind_sockets
from waterspout.web import Application, HTTPError, RequestHandler

LIFETIME = 60  # seconds of an access token: short, so that refreshing is seen


class DemoProvider:
    """One client, any user."""

    def __init__(self, redirect_uri: str, home: str) -> None:
        self.redirect_uri = redirect_uri
        self.home = home
        self.client_secret = secrets.token_urlsafe(32)
        self.key = jwk.RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})
        self.issuer = ""
        self.codes: dict[str, dict[str, Any]] = {}
        self.grants: dict[str, str] = {}  # access and refresh tokens, to the user's name
        handlers: list[Any] = [
            ("/", About),
            ("/.well-known/openid-configuration", Discovery),
            ("/keys", Keys),
            ("/authorize", Authorize),
            ("/token", Token),
            ("/userinfo", UserInfo),
            ("/logout", Logout),
        ]
        self.app = Application(
            [(path, handler, {"provider": self}) for path, handler in handlers],
            cookie_secret=secrets.token_urlsafe(32),
            xsrf_cookies=True,
            xsrf_cookie_name="demo_xsrf",  # cookies know no ports: the application's lie in the same jar
            template_path=str(Path(__file__).parent),
            static_path=str(Path(__file__).parent / "static"),
        )
        self.server = HTTPServer(self.app)

    def listen(self) -> str:
        """Begin to serve on any free port; the issuer."""
        sockets = bind_sockets(0, "127.0.0.1")
        self.server.add_sockets(sockets)
        self.issuer = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        return self.issuer

    async def close(self) -> None:
        self.server.stop()
        await self.server.close_all_connections()

    def claims_of(self, name: str) -> dict[str, Any]:
        slug = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum()) or "somebody"
        return {"sub": f"demo|{hashlib.sha256(name.encode()).hexdigest()[:16]}", "name": name,
                "email": f"{slug}@demo.example", "email_verified": False}  # fmt: skip

    def tokens_of(self, name: str, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.grants[access] = self.grants[refresh] = name
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": self.issuer, "aud": "example-app", "iat": now, "exp": now + LIFETIME,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(), **self.claims_of(name), **more,
        }  # fmt: skip
        header = {"alg": "RS256", "kid": self.key.kid}
        token = jws.serialize_compact(header, json.dumps(claims).encode(), self.key)
        return {"access_token": access, "refresh_token": refresh, "id_token": token, "token_type": "Bearer",
                "expires_in": LIFETIME}  # fmt: skip


class ProviderHandler(RequestHandler):
    def initialize(self, provider: DemoProvider) -> None:
        self.provider = provider

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", "default-src 'self'; img-src data:; frame-ancestors 'none'")

    def get_current_user(self) -> str | None:
        name = self.get_signed_cookie("demo_user", max_age_days=1)
        return None if name is None else name.decode()


class About(ProviderHandler):
    def get(self) -> None:
        self.redirect(self.provider.home)


class Discovery(ProviderHandler):
    def get(self) -> None:
        issuer = self.provider.issuer
        self.write(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "userinfo_endpoint": f"{issuer}/userinfo",
                "end_session_endpoint": f"{issuer}/logout",
                "jwks_uri": f"{issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )


class Keys(ProviderHandler):
    def get(self) -> None:
        self.write({"keys": [self.provider.key.as_dict(private=False)]})


class Authorize(ProviderHandler):
    """The login page, and the way back with a code."""

    def prepare(self) -> None:
        if (self.get_argument("client_id"), self.get_argument("redirect_uri")) != (
            "example-app",
            self.provider.redirect_uri,
        ):
            raise HTTPError(400, "unknown client, or not its address")  # nobody is sent to an unknown address
        if self.get_argument("code_challenge_method", "") != "S256":
            raise HTTPError(400, "PKCE with S256 is needed")

    def get(self) -> None:
        if self.current_user and self.get_argument("prompt", "") != "login":
            self.go_back(self.current_user)
        else:
            self.render("login.html", title="Demo provider", error="")

    def post(self) -> None:
        if self.get_argument("answer", "") == "no":
            self.redirect_back(error="access_denied", error_description="the user did not agree")
            return
        name = self.get_body_argument("name", "")
        if not 1 <= len(name) <= 60:
            self.render("login.html", title="Demo provider", error="Please enter a name of up to 60 letters.")
            return
        self.set_signed_cookie("demo_user", name, expires_days=None, httponly=True, samesite="lax")
        self.go_back(name)

    def go_back(self, name: str) -> None:
        code = secrets.token_urlsafe(24)
        self.provider.codes[code] = {
            "name": name,
            "challenge": self.get_argument("code_challenge"),
            "nonce": self.get_argument("nonce", None),
            "until": time.monotonic() + 60,
        }
        self.redirect_back(code=code)

    def redirect_back(self, **answer: str) -> None:
        answer |= {"state": self.get_argument("state", ""), "iss": self.provider.issuer}
        self.redirect(url_concat(self.provider.redirect_uri, answer), status=303)


class Token(ProviderHandler):
    def check_xsrf_cookie(self) -> None:
        """Asked by programs, which have no cookies."""

    def post(self) -> None:
        expected = "Basic " + base64.b64encode(f"example-app:{self.provider.client_secret}".encode()).decode()
        if not hmac.compare_digest(self.request.headers.get("Authorization", "").encode(), expected.encode()):
            self.fail("invalid_client", 401)
        elif self.get_body_argument("grant_type") == "authorization_code":
            self.exchange()
        elif self.get_body_argument("grant_type") == "refresh_token":
            name = self.provider.grants.pop(self.get_body_argument("refresh_token"), None)
            self.fail("invalid_grant") if name is None else self.write(self.provider.tokens_of(name))
        else:
            self.fail("unsupported_grant_type")

    def exchange(self) -> None:
        begun = self.provider.codes.pop(self.get_body_argument("code"), None)
        digest = hashlib.sha256(self.get_body_argument("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if begun is None or begun["until"] < time.monotonic() or not hmac.compare_digest(begun["challenge"], challenge):
            self.fail("invalid_grant")
        else:
            nonce = {} if begun["nonce"] is None else {"nonce": begun["nonce"]}
            self.write(self.provider.tokens_of(begun["name"], **nonce))

    def fail(self, error: str, status: int = 400) -> None:
        self.set_status(status)
        self.write({"error": error})


class UserInfo(ProviderHandler):
    def get(self) -> None:
        token = self.request.headers.get("Authorization", "").removeprefix("Bearer ")
        name = self.provider.grants.get(token)
        if name is None:
            self.set_status(401)
            self.set_header("WWW-Authenticate", 'Bearer error="invalid_token"')
            return
        self.write(self.provider.claims_of(name))


class Logout(ProviderHandler):
    def get(self) -> None:
        self.clear_cookie("demo_user")
        wanted = self.get_argument("post_logout_redirect_uri", self.provider.home)
        self.redirect(wanted if wanted == self.provider.home else self.provider.home)
