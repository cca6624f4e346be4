"""Finding a locale, and translating with it."""

import pytest

from waterspout import locale
from waterspout.locale._registry import registry
from waterspout.template import Template


@pytest.fixture
def spanish() -> locale.Locale:
    registry.use_csv(
        {
            "es_LA": {
                "unknown": {"school": "escuela", "<b>": "<i>"},
                "singular": {"%(n)d cat": "%(n)d gato"},
                "plural": {"%(n)d cats": "%(n)d gatos"},
            },
            "fr": {},
        }
    )
    return locale.get("es_LA")


def test_a_message_is_translated_or_returned_as_it_is(spanish: locale.Locale) -> None:
    assert spanish.translate("school") == "escuela"
    assert spanish.translate("house") == "house"


@pytest.mark.parametrize(("count", "expected"), [(1, "1 gato"), (0, "0 gatos"), (2, "2 gatos")])
def test_the_count_decides_between_singular_and_plural(spanish: locale.Locale, count: int, expected: str) -> None:
    assert spanish.translate("%(n)d cat", "%(n)d cats", count) % {"n": count} == expected


def test_a_plural_message_without_a_count_is_an_error(spanish: locale.Locale) -> None:
    with pytest.raises(TypeError, match="needs a count"):
        spanish.translate("cat", "cats")


def test_context_is_not_known_to_csv_and_said_so(spanish: locale.Locale, caplog: pytest.LogCaptureFixture) -> None:
    assert spanish.pgettext("building", "school") == "escuela"
    assert "pgettext is not supported by CSVLocale" in caplog.text


def test_TE10_translations_with_markup_are_escaped_unless_raw(spanish: locale.Locale) -> None:
    template = Template("{{ _('<b>') }}{% raw _('<b>') %}")
    assert template.generate(_=spanish.translate) == b"&lt;i&gt;<i>"


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["es_LA"], "es_LA"),
        (["es-la"], "es_LA"),
        (["ES_la"], "es_LA"),
        (["fr_CA"], "fr"),
        (["FR"], "fr"),
        (["fr-Latn-CA"], "fr"),
        (["es-Latn-LA"], "es_LA"),
        (["de", "fr"], "fr"),
        (["es"], "en_US"),
        (["de"], "en_US"),
        ([""], "en_US"),
        ([], "en_US"),
        (["-_-", "fr"], "fr"),
    ],
)
def test_the_closest_locale_is_found(spanish: locale.Locale, codes: list[str], expected: str) -> None:
    assert locale.get(*codes).code == expected


@pytest.mark.parametrize(
    "code", ["../../etc/passwd", "../es_LA", "es_LA/../fr", "es_LA\0", "x" * 100_000, "_" * 100_000]
)
def test_OT6_a_code_never_becomes_a_path(spanish: locale.Locale, code: str) -> None:
    assert locale.get(code).code == "en_US"


def test_a_locale_object_is_made_once(spanish: locale.Locale) -> None:
    assert locale.get("es_LA") is spanish


def test_a_code_that_is_not_loaded_is_an_error_when_asked_for_exactly() -> None:
    with pytest.raises(ValueError, match="'xx' is not supported: en_US are"):
        locale.Locale.get("xx")


def test_the_default_needs_no_file_and_changes_what_is_supported(spanish: locale.Locale) -> None:
    assert set(locale.get_supported_locales()) == {"en_US", "es_LA", "fr"}
    locale.set_default_locale("de_DE")
    assert set(locale.get_supported_locales()) == {"de_DE", "es_LA", "fr"}
    assert locale.get("xx").name == "Deutsch"


def test_names_and_direction_are_known() -> None:
    registry.use_csv({"he_IL": {}, "zz": {}})
    assert (locale.get("he_IL").name, locale.get("he_IL").rtl) == ("עברית", True)
    assert (locale.get("zz").name, locale.get("zz").rtl) == ("Unknown", False)
    assert locale.LOCALE_NAMES["es_LA"] == {"name": "Español", "name_en": "Spanish"}


def test_the_base_class_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match=r"Locale does not define translate\(\)"):
        locale.Locale("en")


@pytest.mark.parametrize(
    ("parts", "expected"), [([], ""), (["A"], "A"), (["A", "B"], "A and B"), (["A", "B", "C"], "A, B and C")]
)
def test_a_list_in_words(parts: list[str], expected: str) -> None:
    assert locale.get("en_US").list(parts) == expected


def test_a_list_in_persian_has_its_own_separator() -> None:
    registry.use_csv({"fa_IR": {}})
    assert locale.get("fa_IR").list(["A", "B", "C"]) == "A \u0648 B and C"


@pytest.mark.parametrize(("value", "expected"), [(1_000_000, "1,000,000"), (-12345, "-12,345"), (999, "999")])
def test_numbers_have_commas_in_english(value: int, expected: str) -> None:
    assert locale.get("en_US").friendly_number(value) == expected


def test_numbers_are_plain_elsewhere() -> None:
    registry.use_csv({"fr": {}})
    assert locale.get("fr").friendly_number(1_000_000) == "1000000"
