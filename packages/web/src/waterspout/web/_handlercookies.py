"""Cookies of request and response, and signed ones."""

from __future__ import annotations

import datetime
from http.cookies import Morsel
from typing import TYPE_CHECKING, Any, cast, overload

from waterspout import escape
from waterspout.web._handlerinput import HandlerInput

if TYPE_CHECKING:
    from waterspout.web._keys import Secret

__all__ = ["HandlerCookies"]


class HandlerCookies(HandlerInput):
    """A part of `RequestHandler`; see there."""

    # Those that were set, by name; written as headers when the head leaves.
    _new_cookie: dict[str, str] | None = None

    @property
    def cookies(self) -> dict[str, Morsel[str]]:
        """The request's cookies."""
        return self.request.cookies

    @overload
    def get_cookie(self, name: str, default: str) -> str: ...

    @overload
    def get_cookie(self, name: str, default: None = None) -> str | None: ...

    def get_cookie(self, name: str, default: str | None = None) -> str | None:
        """The value of the request's cookie *name*; what was set for the response does not show here."""
        morsel = self.request.cookies.get(name)
        return default if morsel is None else morsel.value

    def set_cookie(
        self,
        name: str,
        value: str | bytes,
        domain: str | None = None,
        expires: float | tuple[int, ...] | datetime.datetime | None = None,
        path: str = "/",
        expires_days: float | None = None,
        *,
        max_age: int | None = None,
        httponly: bool = False,
        secure: bool = False,
        samesite: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Have the response set a cookie, for as long as the browser runs unless an expiry (days, or a time) is given.

        Raises `ValueError` for names, values and attributes that are malformed or that browsers would drop.
        """
        from waterspout.web._setcookie import set_cookie_header  # only where cookies are set

        cookies = self._new_cookie
        if cookies is None:
            cookies = self._new_cookie = {}
        name = escape.native_str(name)
        cookies[name] = set_cookie_header(
            name, value, domain, expires, path, expires_days, max_age=max_age, httponly=httponly, secure=secure,
            samesite=samesite, compat=self._compat(), **kwargs,
        )  # fmt: skip

    def clear_cookie(self, name: str, **kwargs: Any) -> None:
        """Have the browser forget a cookie. *domain* and *path* must be those it was set with.

        Those with ``__Host-`` and ``__Secure-`` are cleared with *secure*, as they were set.
        """
        for unwanted in ("expires", "max_age"):
            if unwanted in kwargs:
                raise TypeError(f"clear_cookie() got an unexpected keyword argument '{unwanted}'")
        if name.lower().startswith(("__host-", "__secure-")):
            kwargs.setdefault("secure", True)
        now = datetime.datetime.now(datetime.UTC)
        self.set_cookie(name, value="", expires=now - datetime.timedelta(days=365), **kwargs)

    def clear_all_cookies(self, **kwargs: Any) -> None:
        """`clear_cookie` for every cookie of the request that a browser can have."""
        from waterspout.web._setcookie import MAX_NAME_AND_VALUE

        for name in self.request.cookies:
            if name.lower().startswith("__host-"):  # which have no other path, and no domain
                self.clear_cookie(name, **{**kwargs, "domain": None, "path": "/"})
            elif len(name) + len('""') <= MAX_NAME_AND_VALUE:
                self.clear_cookie(name, **kwargs)

    def _cookie_secret(self) -> Secret:
        self.require_setting("cookie_secret", "secure cookies")
        return cast("Secret", self.application.settings["cookie_secret"])

    def set_signed_cookie(
        self, name: str, value: str | bytes, expires_days: float | None = 30, version: int | None = None, **kwargs: Any
    ) -> None:
        """Set a cookie that nobody can forge; needs the setting ``cookie_secret``. It can be read by its owner.

        *expires_days* None makes it last as long as the browser runs; reading it has an age limit of its own.
        """
        self.set_cookie(name, self.create_signed_value(name, value, version), expires_days=expires_days, **kwargs)

    set_secure_cookie = set_signed_cookie

    def create_signed_value(self, name: str, value: str | bytes, version: int | None = None) -> bytes:
        """*value* signed for cookie *name*, with the key of the setting ``key_version`` where there are several."""
        from waterspout.web._signed import create_signed_value  # only where values are signed

        secret = self._cookie_secret()
        key_version: int | None = None
        if isinstance(secret, dict):
            if self.application.settings.get("key_version") is None:
                raise Exception("key_version setting must be used for secret_key dicts")
            key_version = self.application.settings["key_version"]
        return create_signed_value(secret, name, value, version=version, key_version=key_version)

    def get_signed_cookie(
        self, name: str, value: str | None = None, max_age_days: float = 31, min_version: int | None = None
    ) -> bytes | None:
        """What `set_signed_cookie` was given, or None if it was not us, or is older than *max_age_days*."""
        from waterspout.web._signed import decode_signed_value

        secret = self._cookie_secret()
        if value is None:
            value = self.get_cookie(name)
        return decode_signed_value(
            secret, name, value, max_age_days=max_age_days, min_version=min_version, compat=self._compat()
        )

    get_secure_cookie = get_signed_cookie

    def get_signed_cookie_key_version(self, name: str, value: str | None = None) -> int | None:
        """The version of the key that a signed cookie says it was signed with; None if it has none."""
        from waterspout.web._signed import get_signature_key_version

        self._cookie_secret()
        if value is None:
            value = self.get_cookie(name)
        return None if value is None else get_signature_key_version(value)

    get_secure_cookie_key_version = get_signed_cookie_key_version
