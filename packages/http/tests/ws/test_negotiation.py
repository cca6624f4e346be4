import time

import pytest

from waterspout.httputil import HTTPInputError
from waterspout.ws import (
    DeflateOptions,
    ExtensionOffer,
    NegotiationError,
    PerMessageDeflate,
    accept_extensions,
    negotiate,
    offer_extensions,
    parse_offers,
)


def test_offers_are_parsed_in_order_with_their_parameters() -> None:
    header = 'permessage-deflate; client_max_window_bits ; Server_Max_Window_Bits="10" , X-Other;a=b,foo'
    assert parse_offers(header) == [
        ExtensionOffer("permessage-deflate", (("client_max_window_bits", None), ("server_max_window_bits", "10"))),
        ExtensionOffer("x-other", (("a", "b"),)),
        ExtensionOffer("foo", ()),
    ]
    assert parse_offers("") == []


@pytest.mark.parametrize(
    "header",
    ["a b", ";a", "a;", "a;=b", "a;b=", 'a;b="c d"', 'a;b="c', "a;b=c d", ",,", "a,,b", "a\x00", "é", "a;b c", "a/b"],
)
def test_malformed_header_is_refused(header: str) -> None:
    with pytest.raises(HTTPInputError):
        parse_offers(header)


def test_offers_are_bounded_and_linear() -> None:
    assert len(parse_offers(",".join(["a"] * 16))) == 16
    with pytest.raises(HTTPInputError):
        parse_offers(",".join(["a"] * 17))
    start = time.process_time()
    for header in ("a" + ";b=c" * 15_000, "a" + " " * 60_000 + "b", "a;" + " " * 60_000, "a" * 60_000 + '"'):
        try:
            negotiate(parse_offers(header))
        except HTTPInputError as error:
            assert len(str(error)) < 200
    assert time.process_time() - start < 1.0  # what is not linear takes minutes at these lengths


def served(header: str, **options: int | bool) -> tuple[str, PerMessageDeflate] | None:
    agreed = negotiate(parse_offers(header), DeflateOptions(**options))  # type: ignore[arg-type]
    return agreed and (agreed[1], agreed[0])


@pytest.mark.parametrize(
    ("header", "options", "answer", "deflate", "inflate"),
    [
        ("permessage-deflate", {}, "permessage-deflate", (15, True), (15, True)),
        ("permessage-deflate; client_max_window_bits", {}, "permessage-deflate", (15, True), (15, True)),
        (
            "permessage-deflate; client_max_window_bits",
            {"client_max_window_bits": 11, "server_max_window_bits": 12},
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=11",
            (12, True),
            (11, True),
        ),
        ("permessage-deflate", {"client_max_window_bits": 11}, "permessage-deflate", (15, True), (15, True)),
        (
            "permessage-deflate; client_max_window_bits=10; server_max_window_bits=9",
            {"client_max_window_bits": 12},
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=10",
            (9, True),
            (10, True),
        ),
        (
            "permessage-deflate; client_max_window_bits=8",
            {},
            "permessage-deflate; client_max_window_bits=8",
            (15, True),
            (8, True),
        ),
        (
            "permessage-deflate; server_max_window_bits=15",
            {},
            "permessage-deflate; server_max_window_bits=15",
            (15, True),
            (15, True),
        ),
        (
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            {},
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            (15, False),
            (15, False),
        ),
        (
            "permessage-deflate",
            {"server_no_context_takeover": True, "client_no_context_takeover": True},
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            (15, False),
            (15, False),
        ),
    ],
)
def test_server_agrees_to_every_parameter(header, options, answer, deflate, inflate) -> None:
    agreed = served(header, **options)
    assert agreed is not None
    text, extension = agreed
    assert text == answer
    assert (extension.deflate_bits, extension.deflate_takeover) == deflate
    assert (extension.inflate_bits, extension.inflate_takeover) == inflate


@pytest.mark.parametrize(
    "header",
    [
        "permessage-deflate; foo",
        "permessage-deflate; foo=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=99",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=x",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true",
        "x-webkit-deflate-frame",
        "",
    ],
)
def test_WS12_offer_that_cannot_be_served_is_declined_and_the_next_one_taken(header: str) -> None:
    assert served(header) is None
    agreed = served(", ".join(filter(None, [header, "permessage-deflate"])))
    assert agreed is not None and agreed[0] == "permessage-deflate"


def test_WS13_window_of_8_bits_for_the_server_is_declined() -> None:
    assert served("permessage-deflate; server_max_window_bits=8") is None


@pytest.mark.parametrize(
    "options",
    [{"server_max_window_bits": 8}, {"client_max_window_bits": 16}, {"level": 10}, {"mem_level": 0}, {"level": -2}],
)
def test_options_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        DeflateOptions(**options)  # type: ignore[arg-type]


def test_client_offers_what_it_wants() -> None:
    assert offer_extensions() == "permessage-deflate; client_max_window_bits"
    options = DeflateOptions(True, True, 10, 11)
    assert offer_extensions(options) == (
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
        "server_max_window_bits=10; client_max_window_bits=11"
    )


OFFERED = DeflateOptions()


def test_client_takes_what_the_server_agrees_to() -> None:
    assert accept_extensions(None, OFFERED) is accept_extensions("", None) is None
    extension = accept_extensions("permessage-deflate", OFFERED)
    assert extension is not None
    assert (extension.deflate_bits, extension.inflate_bits) == (15, 15)
    assert (extension.deflate_takeover, extension.inflate_takeover) == (True, True)
    extension = accept_extensions(
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
        "server_max_window_bits=8; client_max_window_bits=9",
        OFFERED,
    )
    assert extension is not None
    assert (extension.deflate_bits, extension.inflate_bits) == (9, 8)
    assert (extension.deflate_takeover, extension.inflate_takeover) == (False, False)


def test_client_keeps_to_its_own_limits_where_the_server_sets_none() -> None:
    extension = accept_extensions("permessage-deflate", DeflateOptions(False, True, 15, 10))
    assert extension is not None
    assert (extension.deflate_bits, extension.deflate_takeover) == (10, False)


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ("permessage-deflate", None),
        ("foo", OFFERED),
        ("permessage-deflate, permessage-deflate", OFFERED),
        ("permessage-deflate; foo", OFFERED),
        ("permessage-deflate; client_max_window_bits", OFFERED),
        ("permessage-deflate; client_max_window_bits=8", OFFERED),
        ("permessage-deflate; server_max_window_bits=16", OFFERED),
        ("permessage-deflate; server_max_window_bits=11", DeflateOptions(server_max_window_bits=10)),
        ("permessage-deflate", DeflateOptions(server_max_window_bits=10)),
        ("permessage-deflate", DeflateOptions(server_no_context_takeover=True)),
        ("permessage-deflate;", OFFERED),
    ],
)
def test_client_fails_on_an_answer_that_does_not_fit_its_offer(header: str, options: DeflateOptions | None) -> None:
    with pytest.raises(NegotiationError):
        accept_extensions(header, options)


@pytest.mark.parametrize("client_options", [DeflateOptions(), DeflateOptions(True, True, 9, 9), DeflateOptions(True)])
@pytest.mark.parametrize(
    "server_options", [DeflateOptions(), DeflateOptions(True, True, 9, 9), DeflateOptions(False, True)]
)
def test_both_ends_agree_on_the_same_contexts(client_options: DeflateOptions, server_options: DeflateOptions) -> None:
    agreed = negotiate(parse_offers(offer_extensions(client_options)), server_options)
    assert agreed is not None
    server, header = agreed
    client = accept_extensions(header, client_options)
    assert client is not None
    assert (server.deflate_bits, server.deflate_takeover) == (client.inflate_bits, client.inflate_takeover)
    assert (client.deflate_bits, client.deflate_takeover) == (server.inflate_bits, server.inflate_takeover)
    for message in (b"hello" * 100, b"hello" * 100, bytes(range(256)) * 300):
        assert client.decompress(server.compress(message), True, len(message)) == message
        assert server.decompress(client.compress(message), True, len(message)) == message
