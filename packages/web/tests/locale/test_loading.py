"""Translations from files."""

import struct
from pathlib import Path

import pytest

from waterspout import locale


def write_catalogue(path: Path, messages: dict[str, str]) -> None:
    """A .mo file: two tables of (length, offset), sorted by message, then the texts (GNU gettext manual, 10.3)."""
    header = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
    pairs = sorted({"": header, **messages}.items())
    start = 28 + 16 * len(pairs)
    tables: list[bytes] = []
    texts = b""
    for column in (0, 1):
        for pair in pairs:
            data = pair[column].encode()
            tables.append(struct.pack("<II", len(data), start + len(texts)))
            texts += data + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    path.parent.mkdir(parents=True)
    path.write_bytes(head + b"".join(tables) + texts)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, encoding: str) -> None:
    text = '"school","école"\n'
    mark = "\ufeff" if encoding.endswith("-bom") else ""
    (tmp_path / "fr_FR.csv").write_bytes((mark + text).encode(encoding.removesuffix("-bom")))
    locale.load_translations(str(tmp_path))
    french = locale.get("fr_FR")
    assert isinstance(french, locale.CSVLocale)
    assert french.translate("school") == "école"


def test_the_encoding_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "fr.csv").write_bytes('"school","école"\n'.encode("latin-1"))
    locale.load_translations(str(tmp_path), "latin-1")
    assert locale.get("fr").translate("school") == "école"
    with pytest.raises(UnicodeDecodeError):
        locale.load_translations(str(tmp_path))


def test_rows_and_files_that_do_not_fit_are_logged_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = 'alone\n\n" a ", b ,\n"c","d","dual"\n"e","f","plural","extra"\n"two\nlines","x"\n'
    (tmp_path / "es_LA.csv").write_text(rows.replace('" a "', "a "))
    (tmp_path / "xx_yy.csv").write_text("")
    (tmp_path / "notes.txt").write_text("")
    locale.load_translations(str(tmp_path))
    spanish = locale.get("es_LA")
    assert isinstance(spanish, locale.CSVLocale)
    assert spanish.translations == {"unknown": {"a": "b", "two\nlines": "x"}, "plural": {"e": "f"}}
    assert "Unrecognized locale 'xx_yy'" in caplog.text
    assert "Unrecognized plural indicator 'dual'" in caplog.text
    assert set(locale.get_supported_locales()) == {"en_US", "es_LA"}


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "fr.csv").write_bytes('"school","\xe9cole"\n'.encode("latin-1"))
    with pytest.raises(UnicodeDecodeError) as caught:
        locale.load_translations(str(tmp_path))
    assert caught.value.__notes__ == [f"The translations in {tmp_path / 'fr.csv'} are not utf-8."]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for load in (locale.load_translations, lambda path: locale.load_gettext_translations(path, "app")):
        with pytest.raises(FileNotFoundError):
            load(str(tmp_path / "none"))


def test_gettext_catalogues_translate_with_plural_and_context(tmp_path: Path) -> None:
    separator = locale.CONTEXT_SEPARATOR
    write_catalogue(
        tmp_path / "fr_FR" / "LC_MESSAGES" / "app.mo",
        {
            "school": "école",
            "cat\0cats": "chat\0chats",
            f"law{separator}right": "le droit",
            f"organization{separator}club\0organization{separator}clubs": "le club\0les clubs",
        },
    )
    locale.load_gettext_translations(str(tmp_path), "app")
    french = locale.get("fr_FR")
    assert isinstance(french, locale.GettextLocale)
    assert french.translate("school") == "école"
    assert french.translate("house") == "house"
    assert [french.translate("cat", "cats", count) for count in (1, 2)] == ["chat", "chats"]
    assert french.pgettext("law", "right") == "le droit"
    assert french.pgettext("side", "right") == "right"
    assert french.pgettext("building", "school") == "école"
    assert [french.pgettext("organization", "club", "clubs", count) for count in (1, 2)] == ["le club", "les clubs"]
    assert [french.pgettext("stick", "club", "clubs", count) for count in (1, 2)] == ["club", "clubs"]
    with pytest.raises(TypeError, match="needs a count"):
        french.translate("cat", "cats")


def test_catalogues_that_cannot_be_read_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "de" / "LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "de" / "LC_MESSAGES" / "app.mo").write_bytes(b"no catalogue")
    (tmp_path / "it").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "file").write_text("")
    locale.load_gettext_translations(str(tmp_path), "app")
    assert set(locale.get_supported_locales()) == {"en_US"}
    assert "Cannot load translation for 'de'" in caplog.text
    assert "Cannot load translation for 'it'" in caplog.text
    assert "hidden" not in caplog.text


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\xde\x12\x04\x95\x00\x00",
        {"": "Content-Type: text/plain; charset=klingon\n", "a": "b"},
        {"": "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2\n", "a": "b"},
    ],
    ids=["empty", "cut short", "unknown charset", "half the plural forms"],
)
def test_a_damaged_catalogue_leaves_the_others_loaded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damaged: bytes | dict[str, str]
) -> None:
    german, french = (tmp_path / code / "LC_MESSAGES" / "app.mo" for code in ("de", "fr"))
    write_catalogue(german, damaged if isinstance(damaged, dict) else {})
    if isinstance(damaged, bytes):
        german.write_bytes(damaged)
    write_catalogue(french, {"a": "b"})
    locale.load_gettext_translations(str(tmp_path), "app")
    assert locale.get("fr").translate("a") == "b" and "de" not in locale.get_supported_locales()
    assert "Cannot load translation for 'de'" in caplog.text


def test_the_default_locale_has_no_catalogue_and_needs_none(tmp_path: Path) -> None:
    locale.load_gettext_translations(str(tmp_path), "app")
    assert locale.get("en_US").translate("x", "y", 2) == "y"


def test_loading_again_replaces_what_was_loaded(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "fr.csv").write_text('"x","1"\n')
    (tmp_path / "b" / "fr.csv").write_text('"x","2"\n')
    locale.load_translations(str(tmp_path / "a"))
    first = locale.get("fr")
    locale.load_translations(str(tmp_path / "b"))
    assert (first.translate("x"), locale.get("fr").translate("x")) == ("1", "2")
