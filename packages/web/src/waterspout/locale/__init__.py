"""Translations, and dates, numbers and lists as a language writes them."""

from waterspout.locale._loading import load_gettext_translations as load_gettext_translations
from waterspout.locale._loading import load_translations as load_translations
from waterspout.locale._locale import CONTEXT_SEPARATOR as CONTEXT_SEPARATOR
from waterspout.locale._locale import CSVLocale as CSVLocale
from waterspout.locale._locale import GettextLocale as GettextLocale
from waterspout.locale._locale import Locale as Locale
from waterspout.locale._locale import get as get
from waterspout.locale._locale import get_supported_locales as get_supported_locales
from waterspout.locale._locale import set_default_locale as set_default_locale
from waterspout.locale._names import LOCALE_NAMES as LOCALE_NAMES

__all__ = [
    "CONTEXT_SEPARATOR",
    "LOCALE_NAMES",
    "CSVLocale",
    "GettextLocale",
    "Locale",
    "get",
    "get_supported_locales",
    "load_gettext_translations",
    "load_translations",
    "set_default_locale",
]
