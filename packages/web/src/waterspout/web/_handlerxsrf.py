"""Cross-site request forgery: tokens, and where a request comes from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from waterspout import escape
from waterspout.escape import utf8
from waterspout.util import is_tornado_compat
from waterspout.web._errors import HTTPError
from waterspout.web._fetchmetadata import SAFE_METHODS, cross_origin_reason
from waterspout.web._handlerusers import HandlerUsers

if TYPE_CHECKING:
    from waterspout.web._keys import Secret

__all__ = ["HandlerXSRF"]


#: For who develops: notes are in the debug page, and nowhere else.
_HOW_TO_SEND = (
    "Put {% module xsrf_form_html() %} into the form, or send the cookie's token in the header X-XSRFToken"
    " (scripts: RequestHandler.xsrf_token)."
)


class HandlerXSRF(HandlerUsers):
    """A part of `RequestHandler`; see there."""

    @property
    def xsrf_token(self) -> bytes:
        """The token that forms must send back; its cookie is set when first asked for. The text differs each time."""
        if not hasattr(self, "_xsrf_token"):
            from waterspout.web._xsrf import encode_token  # only where there are tokens

            version, token, timestamp = self._get_raw_xsrf_token()
            output_version = self.settings.get("xsrf_cookie_version", 2)
            if output_version not in (1, 2):
                raise ValueError(f"unknown xsrf cookie version {output_version!r}")
            self._xsrf_token = encode_token(token, output_version, timestamp)
            if version is None:
                options = dict(self.settings.get("xsrf_cookie_kwargs", {}))
                if self.current_user and "expires_days" not in options:
                    options["expires_days"] = 30
                self.set_cookie(self._xsrf_cookie_name(), self._xsrf_token, **options)
        return self._xsrf_token

    def rotate_xsrf_token(self) -> None:
        """Make a new token and set its cookie: to be called when somebody signs in or out.

        Forms that were shown before are refused from then on, so that nobody can prepare one for another's session.
        """
        from waterspout.web._xsrf import new_token

        token = new_token(self._xsrf_secret(), utf8(self.get_xsrf_binding()))
        self._raw_xsrf_token: tuple[int | None, bytes, float] = (None, token, time.time())
        if hasattr(self, "_xsrf_token"):
            del self._xsrf_token
        self.xsrf_token  # noqa: B018  # sets the cookie

    def get_xsrf_binding(self) -> str | bytes:
        """Override it to tell whose the token is, for example a session's id: others' tokens are refused then.

        It is asked before `prepare`. With the default, ``""``, a token of ours is good for whoever has its cookie.
        Needs the setting ``cookie_secret``.
        """
        return ""

    def _xsrf_cookie_name(self) -> str:
        return cast(str, self.settings.get("xsrf_cookie_name", "_xsrf"))

    def _xsrf_secret(self) -> Secret | None:
        """What binds tokens to this application; None in Tornado's manner, where anybody can make one up."""
        return None if is_tornado_compat(self._compat()) else self.application.settings.get("cookie_secret")

    def _get_raw_xsrf_token(self) -> tuple[int | None, bytes, float]:
        """Version, token and time of the cookie's token; a new one, with version None, if it has none of ours."""
        if not hasattr(self, "_raw_xsrf_token"):
            from waterspout.web._xsrf import is_genuine, new_token

            cookie = self.get_cookie(self._xsrf_cookie_name())
            version, token, timestamp = self._decode_xsrf_token(cookie) if cookie else (None, None, None)
            secret, binding = self._xsrf_secret(), utf8(self.get_xsrf_binding())
            if token is None or not is_genuine(token, secret, binding, compat=self._compat()):
                version, token, timestamp = None, new_token(secret, binding), time.time()
            self._raw_xsrf_token = (version, token, cast(float, timestamp))
        return self._raw_xsrf_token

    def _decode_xsrf_token(self, cookie: str) -> tuple[int | None, bytes | None, float | None]:
        from waterspout.web._xsrf import decode_token

        return decode_token(cookie, compat=self._compat())

    def check_xsrf_cookie(self) -> None:
        """Refuse (403) a request that another site may have made: called before methods that change something.

        The token comes in the argument ``_xsrf`` or the header X-Xsrftoken or X-Csrftoken, and must be the cookie's.
        """
        from waterspout.web._xsrf import tokens_match

        given = (
            self.get_argument("_xsrf", None)
            or self.request.headers.get("X-Xsrftoken")
            or self.request.headers.get("X-Csrftoken")
        )
        if not given:
            missing = HTTPError(403, "'_xsrf' argument missing from POST")
            missing.add_note(_HOW_TO_SEND)
            raise missing
        _, token, _ = self._decode_xsrf_token(given)
        _, expected, _ = self._get_raw_xsrf_token()
        if not token:
            raise HTTPError(403, "'_xsrf' argument has invalid format")
        if not tokens_match(expected, token):
            raise HTTPError(403, "XSRF cookie does not match POST argument")

    def check_trusted_origin(self, origin: str) -> bool:
        """Whether requests from pages of another *origin* are taken: those of the setting ``trusted_origins``, exactly.

        Asked only where a request says that it comes from another origin. Override it for other rules.
        """
        return origin in (self.settings.get("trusted_origins") or ())

    def _check_forgery(self) -> None:
        """Refuse a request that changes something and that another site may have made, as the settings want it."""
        if self.request.method not in SAFE_METHODS:
            settings = self.settings
            if settings.get("cross_origin_protection"):
                self._check_cross_origin()
            if settings.get("xsrf_cookies"):
                self.check_xsrf_cookie()

    def _check_cross_origin(self) -> None:
        """The setting ``cross_origin_protection``: refuse (403) what another origin's page makes the browser send."""
        request = self.request
        refused = cross_origin_reason(
            request.headers, f"{request.protocol}://{request.host}", self.check_trusted_origin
        )
        if refused is not None:
            raise HTTPError(403, "%s", refused)

    def xsrf_form_html(self) -> str:
        """The hidden field that each form with method POST must have."""
        return '<input type="hidden" name="_xsrf" value="' + escape.xhtml_escape(self.xsrf_token) + '"/>'
