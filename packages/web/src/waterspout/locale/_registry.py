"""The translations of the process: loaded at start-up, read from then on."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

    from waterspout.locale._locale import Locale

CSVMessages = Mapping[str, Mapping[str, str]]
"""Plural indicator (``unknown``, ``singular``, ``plural``) to message to translation."""

DEFAULT_CODE = "en_US"


class Registry:
    """What was loaded. A locale is known only if its file was found then: codes never become paths.

    The functions of `waterspout.locale` are process-wide by their documented API; this one object is all the state
    behind them.
    """

    __slots__ = ("_locales", "csv", "default", "gettext", "supported")

    def __init__(self) -> None:
        self.default = DEFAULT_CODE
        self.csv: dict[str, CSVMessages] = {}
        self.gettext: dict[str, NullTranslations] | None = None
        self.supported: frozenset[str] = frozenset((DEFAULT_CODE,))
        self._locales: dict[str, Locale] = {}

    def use_csv(self, messages: dict[str, CSVMessages]) -> None:
        """Replace all translations by those of CSV files."""
        self.csv, self.gettext = messages, None
        self._changed()

    def use_gettext(self, catalogs: "dict[str, NullTranslations]") -> None:
        """Replace all translations by gettext catalogues."""
        self.csv, self.gettext = {}, catalogs
        self._changed()

    def set_default(self, code: str) -> None:
        """``code`` is the language that the messages are written in."""
        self.default = code
        self._changed()

    def cached(self, code: str) -> "Locale | None":
        """The locale object made for ``code`` before."""
        return self._locales.get(code)

    def keep(self, locale: "Locale") -> "Locale":
        """Keep a locale object for its code; returns the one that is kept."""
        return self._locales.setdefault(locale.code, locale)

    def _changed(self) -> None:
        loaded = self.csv if self.gettext is None else self.gettext
        self.supported = frozenset((*loaded, self.default))
        self._locales = {}


registry = Registry()
