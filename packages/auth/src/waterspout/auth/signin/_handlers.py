"""The handlers behind `SignIn.routes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from waterspout.auth._errors import AuthError, CheckFailed, ProviderUnreachable
from waterspout.auth.sessions import SessionMixin
from waterspout.escape import xhtml_escape
from waterspout.log import gen_log
from waterspout.web import HTTPError, RequestHandler

if TYPE_CHECKING:
    from waterspout.auth.oauth2 import OAuth2Client
    from waterspout.auth.signin._signin import SignIn


class SignInHandler(SessionMixin, RequestHandler):
    """What the handlers of a sign-in share: no cache keeps their answers, and no page learns their addresses."""

    __module__ = "waterspout.auth.signin"

    signin: SignIn
    client: OAuth2Client

    def initialize(self, signin: SignIn, client: OAuth2Client | None = None) -> None:
        """From the route."""
        self.signin = signin
        if client is not None:
            self.client = client

    def set_default_headers(self) -> None:
        """For every answer, errors included."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")

    def log_failure(self, error: AuthError) -> None:
        """One line. Its text holds no code, no token and no secret, whatever the provider sent."""
        gen_log.warning("sign-in with %s failed: %s", self.client.name, error)


class FromElsewhere(SignInHandler):
    """A handler whose POST comes from another site by intent, and is known by what it carries instead."""

    __module__ = "waterspout.auth.signin"

    def check_xsrf_cookie(self) -> None:
        """Nothing: the provider cannot know the cookie. The state, or the token's signature, is what is checked."""

    def check_trusted_origin(self, origin: str) -> bool:
        """Any, for the same reason."""
        return True


class BeginHandler(SignInHandler):
    """Sends the user to the provider."""

    __module__ = "waterspout.auth.signin"

    async def get(self) -> None:
        """With ``next``, the path to go to afterwards."""
        pending = self.signin.begin(self, self.client)
        try:
            url = await self.client.authorization_url(pending)
        except AuthError as error:
            self.log_failure(error)
            self.signin.failed(self, error)
        else:
            self.redirect(url)


class CallbackHandler(FromElsewhere):
    """The user is back."""

    __module__ = "waterspout.auth.signin"

    async def get(self) -> None:
        """The answer is in the query."""
        await self._finish_sign_in("query", self.request.query_arguments)

    async def post(self) -> None:
        """The answer is in a form (OAuth 2.0 Form Post Response Mode)."""
        await self._finish_sign_in("form_post", self.request.body_arguments)

    async def _finish_sign_in(self, mode: str, arguments: dict[str, list[bytes]]) -> None:
        try:
            if mode != (self.client.response_mode or "query"):
                raise CheckFailed("response_mode", f"the answer came by {mode}, which was not asked for")
            pending = await self.signin.finish(self, self.client, _only_once(arguments))
        except AuthError as error:
            self.log_failure(error)
            self.signin.failed(self, error)
        else:
            self.redirect(str(pending.data.get("next", "/")), status=303)


class SignOutHandler(SignInHandler):
    """The way out. POST alone, and not from another site, so that none of its pages signs users out: the browser would
    not send the session along, and drop it nevertheless, as the answer says.
    """

    __module__ = "waterspout.auth.signin"

    async def post(self) -> None:
        """End the session; the provider's own way out comes next, if it has one. 403 for another site's form, unless
        `check_trusted_origin` takes its origin.
        """
        if self._is_from_elsewhere():
            raise HTTPError(403, "another site's page may not sign users out")
        try:
            target = await self.signin.leave(self)
        except AuthError as error:  # of the provider's address; the session has ended
            gen_log.warning("the provider's way out is not known: %s", error)
            target = self.signin.after_sign_out
        self.redirect(target, status=303)

    def _is_from_elsewhere(self) -> bool:
        """What the browser itself says comes first; older ones, and those over plain http, tell the origin alone."""
        site, origin = self.request.headers.get("Sec-Fetch-Site"), self.request.headers.get("Origin")
        if site is not None:
            is_ours = site != "cross-site"
        else:
            parts = urlsplit(self.signin.base_url)
            is_ours = origin is None or origin.lower() in (
                f"{parts.scheme}://{parts.netloc}".lower(),
                f"{self.request.protocol}://{self.request.host}".lower(),
            )
        return not is_ours and not (origin is not None and self.check_trusted_origin(origin))


class BackChannelLogoutHandler(FromElsewhere):
    """A provider says that sessions have ended (OpenID Connect Back-Channel Logout 1.0)."""

    __module__ = "waterspout.auth.signin"

    async def prepare(self) -> None:
        """No session: the provider has none here."""

    async def post(self) -> None:
        """Ends them: 200; 400 for a notice that is not to be believed, 501 where sessions have no store."""
        client: Any = self.client
        if self.settings["sessions"].store is None:
            gen_log.warning("logout notice of %s not followed: give Sessions a store", client.name)
            self.set_status(501)
            return
        try:
            notice = await client.logout_notice(self.get_body_argument("logout_token", ""))
            await self.settings["sessions"].revoke(notice.issuer, subject=notice.subject, sid=notice.sid)
        except AuthError as error:
            gen_log.warning("logout notice of %s refused: %s", client.name, error)
            self.set_status(502 if isinstance(error, ProviderUnreachable) else 400)
            self.write({"error": "invalid_request"})


def write_failure(handler: SignInHandler, error: AuthError) -> None:
    """A small page: what failed, and a way to try again."""
    handler.set_status(502 if isinstance(error, ProviderUnreachable) else 403)
    what = f"The check that failed: {error.check}." if isinstance(error, CheckFailed) else "The provider did not agree."
    if isinstance(error, ProviderUnreachable):
        what = "The provider gave no usable answer."
    again = xhtml_escape(f"{handler.signin.prefix}/{handler.client.name}")
    handler.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
    handler.finish(
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<meta name=color-scheme content='light dark'><title>Not signed in</title>"
        "<body style='font:1.1rem/1.5 sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem'>"
        f"<h1>Not signed in</h1><p>{xhtml_escape(what)}</p><p><a href='{again}'>Try again</a></p>"
    )


def _only_once(arguments: dict[str, list[bytes]]) -> dict[str, str]:
    """RFC 6749, 3.1: no parameter twice."""
    found = {}
    for name, values in arguments.items():
        if len(values) > 1:
            raise CheckFailed("format", "a parameter of the provider's answer is there twice")
        found[name] = values[0].decode("utf-8", "replace")
    return found
