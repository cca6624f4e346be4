"""Reading translations from files, once at start-up."""

import codecs
import os
import re
from collections.abc import Iterable, Mapping

from waterspout.locale._registry import CSVMessages, registry
from waterspout.log import gen_log

_CODE = re.compile(r"[a-z]+(?:_[A-Z]+)?")
_PLURALS = ("plural", "singular", "unknown")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def load_translations(directory: str, encoding: str | None = None) -> None:
    """Load all ``LOCALE.csv`` files of a folder (``es_LA.csv``), in place of what was loaded before.

    A row has a message, its translation, and where the form depends on a number, ``singular`` or ``plural``;
    messages that need both have two rows. The format is that of `csv`: no blanks after commas. Without ``encoding``
    a byte-order mark decides, else it is UTF-8.

    Raises OSError if the folder or a file cannot be read, UnicodeDecodeError for a wrong encoding. Files and rows
    that do not fit are logged and left out.
    """
    loaded: dict[str, CSVMessages] = {}
    for file in sorted(os.listdir(directory)):
        code, ending = os.path.splitext(file)
        if ending != ".csv":
            continue
        path = os.path.join(directory, file)
        if _CODE.fullmatch(code) is None:
            gen_log.error("Unrecognized locale %r (path: %s)", code, path)
            continue
        loaded[code] = _read_csv(path, encoding or _encoding_of(path))
    registry.use_csv(loaded)
    gen_log.debug("Supported locales: %s", sorted(registry.supported))


def load_gettext_translations(directory: str, domain: str) -> None:
    """Load the catalogues ``{directory}/{code}/LC_MESSAGES/{domain}.mo``, in place of what was loaded before.

    They are made by xgettext (``--keyword=_:1,2 --keyword=pgettext:1c,2 --keyword=pgettext:1c,2,3``), msgmerge and
    msgfmt. Raises OSError if the folder cannot be read. Catalogues that cannot be read are logged and left out.
    """
    import gettext  # only applications that use it need it

    loaded: dict[str, gettext.NullTranslations] = {}
    for code in sorted(os.listdir(directory)):
        folder = os.path.join(directory, code)
        if code.startswith(".") or not os.path.isdir(folder):
            continue
        try:
            with open(os.path.join(folder, "LC_MESSAGES", f"{domain}.mo"), "rb") as file:
                loaded[code] = gettext.GNUTranslations(file)
        except Exception as error:  # of a file that is damaged or cut short gettext raises what it stumbles over
            gen_log.error("Cannot load translation for %r: %s", code, error)
    registry.use_gettext(loaded)
    gen_log.debug("Supported locales: %s", sorted(registry.supported))


def _encoding_of(path: str) -> str:
    with open(path, "rb") as file:
        start = file.read(max(len(mark) for mark, _ in _MARKS))
    return next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")


def _read_csv(path: str, encoding: str) -> CSVMessages:
    import csv  # only applications that use it need it

    try:
        with open(path, encoding=encoding, newline="") as file:
            return _messages(csv.reader(file), path)
    except UnicodeDecodeError as error:
        error.add_note(f"The translations in {path} are not {encoding}.")
        raise


def _messages(rows: Iterable[list[str]], path: str) -> Mapping[str, dict[str, str]]:
    messages: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if len(cells) < 2:
            continue
        plural = (cells[2] if len(cells) > 2 else "") or "unknown"
        if plural not in _PLURALS:
            gen_log.error("Unrecognized plural indicator %r in %s line %d", plural, path, number)
            continue
        messages.setdefault(plural, {})[cells[0]] = cells[1]
    return messages


for _function in (load_translations, load_gettext_translations):
    _function.__module__ = "waterspout.locale"
del _function
