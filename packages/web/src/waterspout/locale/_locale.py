"""Locales: a language, perhaps with a country, and the translations into it."""

import datetime
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from waterspout.locale._dates import MONTHS, WEEKDAYS, DateWriter
from waterspout.locale._names import LOCALE_NAMES
from waterspout.locale._registry import CSVMessages, registry
from waterspout.log import gen_log

if TYPE_CHECKING:
    from gettext import NullTranslations

CONTEXT_SEPARATOR = "\x04"
"""What gettext puts between context and message in its catalogues."""

_RIGHT_TO_LEFT = ("fa", "ar", "he")


def get(*locale_codes: str) -> "Locale":
    """Return the locale that fits best; codes are tried in their order, ``pt-BR`` and ``pt_BR`` mean the same.

    A code fits if translations for it are loaded, or for its language alone. If none fits, the default locale is
    returned: never raises.
    """
    return Locale.get_closest(*locale_codes)


def set_default_locale(code: str) -> None:
    """Say in which language the messages of the application are written. It needs no file of translations."""
    registry.set_default(code)


def get_supported_locales() -> Iterable[str]:
    """Return the codes of all locales that can be had: those loaded and the default."""
    return registry.supported


class Locale:
    """A language with its translations, got by `get`; subclasses differ in where these come from.

    ``code`` is ``language`` or ``language_COUNTRY``, ``name`` what the language calls itself (``Unknown`` where it
    is not known), ``rtl`` says whether it is written from right to left.

    Translations are text: what goes into a page is escaped there like any other value.
    """

    __module__ = "waterspout.locale"

    name: str
    rtl: bool

    def __init__(self, code: str) -> None:
        self.code = code
        self.name = LOCALE_NAMES.get(code, {}).get("name", "Unknown")
        self.rtl = code.startswith(_RIGHT_TO_LEFT)
        self._months = [self.translate(name) for name in MONTHS]
        self._weekdays = [self.translate(name) for name in WEEKDAYS]
        self._dates = DateWriter(code, self.translate, self._months, self._weekdays)

    @classmethod
    def get_closest(cls, *locale_codes: str) -> "Locale":
        """Return the locale that fits best, as `get` does."""
        supported = registry.supported
        for code in locale_codes:
            if not code:
                continue
            language, *others = code.replace("-", "_").split("_")
            # Of language-Script-COUNTRY the script is left out.
            whole = f"{language.lower()}_{others[-1].upper()}" if others else language
            for candidate in (code, whole, language.lower()):
                if candidate in supported:
                    return cls.get(candidate)
        return cls.get(registry.default)

    @classmethod
    def get(cls, code: str) -> "Locale":
        """Return the locale of exactly this code. Raises ValueError if no translations for it are loaded."""
        found = registry.cached(code)
        if found is not None:
            return found
        if code not in registry.supported:
            raise ValueError(f"locale {code!r} is not supported: {', '.join(sorted(registry.supported))} are")
        if registry.gettext is not None and code in registry.gettext:
            return registry.keep(GettextLocale(code, registry.gettext[code]))
        return registry.keep(CSVLocale(code, registry.csv.get(code, {})))

    def translate(self, message: str, plural_message: str | None = None, count: int | None = None) -> str:
        """Return ``message`` in this language, or itself where there is no translation.

        With ``plural_message`` and ``count`` the form that fits the count: of messages without a translation the
        first for 1, the second for all other counts. ``%(count)d`` and the like are not filled in.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define translate()")

    def pgettext(self, context: str, message: str, plural_message: str | None = None, count: int | None = None) -> str:
        """`translate` with a ``context``, for words that mean different things in different places."""
        raise NotImplementedError(f"{type(self).__name__} does not define pgettext()")

    def format_date(
        self,
        date: float | datetime.datetime,
        gmt_offset: int = 0,
        relative: bool = True,
        shorter: bool = False,
        full_format: bool = False,
    ) -> str:
        """Return ``date`` in words: "2 minutes ago", "yesterday at 3:10 pm", "July 10", "July 10, 1980 at 3:10 pm".

        ``date`` is seconds since the epoch or a datetime. Naive ones are in UTC, and ``gmt_offset`` is how many minutes
        local time is behind UTC, as JavaScript's ``getTimezoneOffset`` has it; aware ones are shown in their own time
        zone. ``relative=False`` gives no "ago" and "yesterday"; ``shorter`` leaves the time of day out; ``full_format``
        always gives day, month and year, as is done for dates in the future.
        """
        now = datetime.datetime.now(datetime.UTC)
        return self._dates.date(
            _aware(date),
            now,
            datetime.timedelta(minutes=gmt_offset),
            relative=relative,
            shorter=shorter,
            full_format=full_format,
        )

    def format_day(self, date: datetime.datetime, gmt_offset: int = 0, dow: bool = True) -> str:
        """Return the day in words: "Monday, January 22", without the day of the week if ``dow`` is false."""
        return self._dates.day(_aware(date) - datetime.timedelta(minutes=gmt_offset), weekday=dow)

    def list(self, parts: Sequence[str]) -> str:
        """Return the parts as a list in words: "A, B and C"; "" for none."""
        if len(parts) < 2:
            return parts[0] if parts else ""
        comma = " \u0648 " if self.code.startswith("fa") else ", "
        return self.translate("%(commas)s and %(last)s") % {"commas": comma.join(parts[:-1]), "last": parts[-1]}

    def friendly_number(self, value: int) -> str:
        """Return the number with a comma at every third digit where the language is (American) English, else plain."""
        return f"{value:,}" if self.code in ("en", "en_US") else str(value)


class CSVLocale(Locale):
    """A locale from a CSV file. ``translations``: plural indicator to message to translation."""

    __module__ = "waterspout.locale"

    def __init__(self, code: str, translations: CSVMessages) -> None:
        self.translations = translations
        super().__init__(code)

    def translate(self, message: str, plural_message: str | None = None, count: int | None = None) -> str:
        kind = "unknown"
        if plural_message is not None:
            message, kind = (message, "singular") if _checked(count) == 1 else (plural_message, "plural")
        return self.translations.get(kind, {}).get(message, message)

    def pgettext(self, context: str, message: str, plural_message: str | None = None, count: int | None = None) -> str:
        if self.translations:
            gen_log.warning("pgettext is not supported by CSVLocale")
        return self.translate(message, plural_message, count)


class GettextLocale(Locale):
    """A locale from a gettext catalogue, whose ``gettext`` and ``ngettext`` it uses."""

    __module__ = "waterspout.locale"

    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]

    def __init__(self, code: str, translations: "NullTranslations") -> None:
        self.gettext = translations.gettext
        self.ngettext = translations.ngettext
        super().__init__(code)

    def translate(self, message: str, plural_message: str | None = None, count: int | None = None) -> str:
        if plural_message is None:
            return self.gettext(message)
        return self.ngettext(message, plural_message, _checked(count))

    def pgettext(self, context: str, message: str, plural_message: str | None = None, count: int | None = None) -> str:
        prefix = context + CONTEXT_SEPARATOR
        if plural_message is None:
            found = self.gettext(prefix + message)
        else:
            found = self.ngettext(prefix + message, prefix + plural_message, _checked(count))
        # gettext answers with the key itself where it has no translation; then the message without context may have
        # one.
        return self.translate(message, plural_message, count) if CONTEXT_SEPARATOR in found else found


def _checked(count: int | None) -> int:
    if count is None:
        raise TypeError("plural_message needs a count")
    return count


def _aware(date: float | datetime.datetime) -> datetime.datetime:
    if isinstance(date, datetime.datetime):
        return date if date.tzinfo else date.replace(tzinfo=datetime.UTC)
    return datetime.datetime.fromtimestamp(date, datetime.UTC)


for _function in (get, set_default_locale, get_supported_locales):
    _function.__module__ = "waterspout.locale"
del _function
