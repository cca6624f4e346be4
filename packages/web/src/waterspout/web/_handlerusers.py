"""Who is asking, and in what language."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from waterspout.httputil import parse_quality_list
from waterspout.web._handlercookies import HandlerCookies

if TYPE_CHECKING:
    from waterspout import locale as locales

__all__ = ["HandlerUsers"]


class HandlerUsers(HandlerCookies):
    """A part of `RequestHandler`; see there."""

    @property
    def current_user(self) -> Any:
        """Who is signed in: `get_current_user`, asked once, or what `prepare` has assigned. Falsy if nobody is."""
        known = self.__dict__
        if "_current_user" not in known:
            user = self.get_current_user()
            if asyncio.iscoroutine(user):  # anybody would pass for signed in, as the coroutine is true
                user.close()
                raise RuntimeError(
                    f"get_current_user of {type(self).__name__} is async: its user is known from prepare on, not before"
                )
            known["_current_user"] = user
        return known["_current_user"]

    @current_user.setter
    def current_user(self, value: Any) -> None:
        self._current_user = value

    def get_current_user(self) -> Any:
        """Override it to tell who is signed in, from a signed cookie for example.

        May be ``async``: it is waited for before `prepare` then, for every request of the class.
        """
        return None

    def get_login_url(self) -> str:
        """Where `authenticated` sends who is not signed in: the setting ``login_url``, unless overridden."""
        self.require_setting("login_url", "the decorator authenticated")
        return cast(str, self.application.settings["login_url"])

    @property
    def locale(self) -> locales.Locale:
        """The locale of this request: `get_user_locale`, else `get_browser_locale`; assign to replace it."""
        chosen: locales.Locale | None = self.__dict__.get("_locale")
        if chosen is None:
            chosen = self.get_user_locale()
            self._locale = chosen = chosen or self.get_browser_locale()
        return chosen

    @locale.setter
    def locale(self, value: locales.Locale) -> None:
        self._locale = value

    def get_user_locale(self) -> locales.Locale | None:
        """Override it to give the locale that the user has chosen; None leaves it to the browser."""
        return None

    def get_browser_locale(self, default: str = "en_US") -> locales.Locale:
        """The best match for Accept-Language among the locales that are loaded."""
        import waterspout.locale as locales  # only where there are pages

        languages = self.request.headers.get("Accept-Language")
        if not languages:
            return locales.get(default)
        accepted = parse_quality_list(languages)
        codes = [code for code, quality in accepted if quality > 0]
        return locales.get(*codes) if codes else locales.get(default)
