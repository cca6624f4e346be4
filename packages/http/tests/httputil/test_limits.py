from collections.abc import Iterator

import pytest

from waterspout.httputil import (
    HTTPInputError,
    ParseBodyConfig,
    ParseMultipartConfig,
    ParseUrlEncodedConfig,
    default_parse_body_config,
    parse_urlencoded,
    set_parse_body_config,
)


@pytest.fixture
def restored() -> Iterator[None]:
    before = default_parse_body_config()
    yield
    set_parse_body_config(before)


def test_built_in_limits() -> None:
    config = ParseBodyConfig()
    assert config == ParseBodyConfig(ParseMultipartConfig(True, 100, 10 * 1024, 8), ParseUrlEncodedConfig(1000))
    assert config != ParseBodyConfig(urlencoded=ParseUrlEncodedConfig(1))
    assert config.multipart is not ParseBodyConfig().multipart
    assert default_parse_body_config() == config


def test_the_default_of_the_process_can_be_set(restored: None) -> None:
    config = ParseBodyConfig(urlencoded=ParseUrlEncodedConfig(max_arguments=1))
    set_parse_body_config(config)
    assert default_parse_body_config() is config
    with pytest.raises(HTTPInputError):
        parse_urlencoded(b"a=1&b=2")
    assert parse_urlencoded(b"a=1&b=2", config=ParseUrlEncodedConfig()) == {"a": [b"1"], "b": [b"2"]}
