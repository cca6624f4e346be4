import logging
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.httputil import (
    HTTPFile,
    HTTPHeaders,
    HTTPInputError,
    ParseBodyConfig,
    ParseMultipartConfig,
    parse_body_arguments,
    parse_multipart_form_data,
)

Form = tuple[dict[str, list[bytes]], dict[str, list[HTTPFile]]]
DISPOSITION = b'Content-Disposition: form-data; name="a"'


def part(head: bytes = DISPOSITION, body: bytes = b"v") -> bytes:
    return b"--B\r\n" + head + b"\r\n\r\n" + body + b"\r\n"


def parse(data: bytes, boundary: bytes = b"B", config: ParseMultipartConfig | None = None, **kw: str) -> Form:
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    parse_multipart_form_data(boundary, data, arguments, files, config=config, **kw)
    return arguments, files


def parse_one(head: bytes, body: bytes = b"v", **kw: str) -> Form:
    return parse(part(head, body) + b"--B--\r\n", **kw)


def refused(data: bytes, match: str, config: ParseMultipartConfig | None = None, **kw: str) -> None:
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    with pytest.raises(HTTPInputError, match=match) as caught:
        parse_multipart_form_data(b"B", data, arguments, files, config=config, **kw)
    assert caught.value.status == 400
    assert (arguments, files) == ({}, {})


def refused_head(head: bytes, match: str, **kw: str) -> None:
    refused(part(head) + b"--B--", match, **kw)


def test_fields_and_files_are_kept_apart() -> None:
    arguments, files = parse(
        part(body=b"1")
        + part(body=b"")
        + part(b'content-disposition: form-data; name=f; filename="x.txt"\r\nContent-Type: text/plain', b"\r\n\x00--B")
        + part(b'Content-Disposition: form-data; name="f"; filename="y"', b"2")
        + part(b'Content-Disposition: form-data; name="none chosen"; filename=""', b"")
        + b"--B--\r\n"
    )
    assert arguments == {"a": [b"1", b""], "none chosen": [b""]}
    assert files == {
        "f": [
            {"filename": "x.txt", "body": b"\r\n\x00--B", "content_type": "text/plain"},
            {"filename": "y", "body": b"2", "content_type": "application/unknown"},
        ]
    }
    assert files["f"][0].filename == "x.txt"


def test_fields_are_added_to_what_is_there() -> None:
    arguments = {"a": [b"0"]}
    parse_multipart_form_data(b"B", part() + b"--B--", arguments, {})
    assert arguments == {"a": [b"0", b"v"]}


def test_empty_form_has_no_parts() -> None:
    assert parse(b"--B--") == parse(b"\r\n--B--\r\n") == ({}, {})


def test_names_are_utf8() -> None:
    assert parse_one('Content-Disposition: form-data; name="é"'.encode())[0] == {"é": [b"v"]}
    refused_head('Content-Disposition: form-data; name="é"'.encode("latin-1"), "not UTF-8")


def test_quotes_around_the_boundary_are_dropped() -> None:
    assert parse(part() + b"--B--", b'"B"') == ({"a": [b"v"]}, {})


@pytest.mark.parametrize(
    "filename", ["a;b.txt", 'a"b.txt', 'a";b.txt', 'a;"b.txt', 'a";";.txt', 'a\\"b.txt', "a\\b.txt", "C:\\x", "é\u2603"]
)
def test_quoted_filenames_are_unquoted(filename: str) -> None:
    quoted = filename.replace("\\", "\\\\").replace('"', '\\"')
    files = parse_one(f'Content-Disposition: form-data; name="f"; filename="{quoted}"'.encode())[1]
    assert files["f"][0].filename == filename


def test_delimiter_may_be_padded_but_not_longer() -> None:
    assert parse(b"--B \t \r\n" + part()[5:] + b"--B-- \r\nepilogue")[0] == {"a": [b"v"]}
    refused(b"--B" + b" " * 300 + b"\r\n" + part()[5:] + b"--B--", "delimiter line")
    refused(part(body=b"v\r\n--Bx\r\nw") + b"--B--", "delimiter line")
    refused(part(body=b"v\r\n--B\nw") + b"--B--", "delimiter line")
    refused(b"--B\n" + part()[5:] + b"--B--", "delimiter line")


def test_boundary_inside_a_line_is_content() -> None:
    assert parse(part(body=b"x--B--\n--B\r--B--\n\r--B") + b"--B--")[0] == {"a": [b"x--B--\n--B\r--B--\n\r--B"]}


def test_only_the_first_final_delimiter_counts() -> None:
    assert parse(part() + b"--B--\r\n" + part(body=b"w") + b"--B--") == ({"a": [b"v"]}, {})


def test_part_without_body_may_share_the_line_end_with_the_delimiter() -> None:
    assert parse(b"--B\r\n" + DISPOSITION + b"\r\n\r\n--B--") == ({"a": [b""]}, {})


def test_MP1_more_parts_than_the_limit_are_refused_before_splitting() -> None:
    assert len(parse(part() * 100 + b"--B--")[0]["a"]) == 100
    refused(part() * 101 + b"--B--", "more than 100")
    refused(part() * 150 + b"--B--", "more than 100")
    body = part(body=b"x" * 50_000) * 150 + b"--B--"
    tracemalloc.start()
    refused(body, "more than 100")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_MP1_parsing_takes_less_memory_than_a_second_body() -> None:
    body = part(body=b"x" * 1_000_000) * 5 + b"--B--"
    tracemalloc.start()
    form = parse(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(form[0]["a"]) == 5
    assert peak < len(body) * 1.01


def test_MP1_limit_is_configurable() -> None:
    config = ParseMultipartConfig(max_parts=2)
    assert len(parse(part() * 2 + b"--B--", config=config)[0]["a"]) == 2
    refused(part() * 3 + b"--B--", "more than 2", config)


@pytest.mark.parametrize("compat", ["tornado", "waterspout"])
def test_MP2_raw_line_end_in_a_quoted_filename_is_refused(compat: str) -> None:
    for line_end in (b"\r\n", b"\n", b"\r"):
        head = DISPOSITION + b'; filename="x' + line_end + b'Content-Type: text/html"'
        refused_head(head, "malformed parameter|Invalid header value", compat=compat)


def test_MP3_filename_is_kept_and_safe_filename_is_safe() -> None:
    for filename, safe in ((b"../../etc/passwd", "passwd"), (b"C:\\x\\y", "y"), (b"..", None)):
        file = parse_one(DISPOSITION + b'; filename="' + filename + b'"')[1]["a"][0]
        assert (file.filename, file.safe_filename) == (filename.decode(), safe)
    refused_head(DISPOSITION + b'; filename="a\0b"', "Invalid header value")


def test_MP4_body_without_final_delimiter_is_refused() -> None:
    for cut in range(1, len(part()) + 5):
        data = (part() + b"--B--")[:-cut]
        refused(data, "final boundary|delimiter line|without its boundary")


@pytest.mark.parametrize(
    "boundary", ["a" * 300, "a" * 71, "", '""', '"a b"', '"a\\"b"', "a b", "é", '"a', '"a\rb"', "\u2603"]
)
def test_MP5_impossible_boundary_is_refused(boundary: str) -> None:
    with pytest.raises(HTTPInputError):
        parse_body_arguments(f"multipart/form-data; boundary={boundary}", part() + b"--B--", {}, {})
    with pytest.raises(HTTPInputError):
        parse(part() + b"--B--", boundary.encode())


def test_MP5_boundary_of_70_characters_is_the_longest() -> None:
    for length, compat in ((70, "waterspout"), (256, "tornado")):
        data = (part() + b"--B--").replace(b"--B", b"--" + b"b" * length)
        assert parse(data, b"b" * length, compat=compat)[0] == {"a": [b"v"]}
        with pytest.raises(HTTPInputError, match="boundary has"):
            parse(data, b"b" * (length + 1), compat=compat)


def test_MP6_headers_of_a_part_are_limited_in_number_and_size() -> None:
    fields = b"".join(b"\r\nX-%d: y" % i for i in range(7))
    assert parse_one(DISPOSITION + fields)[0] == {"a": [b"v"]}
    refused_head(DISPOSITION + fields + b"\r\nX: y", "more than 8 header lines")
    refused_head(DISPOSITION + b"\r\nX: y" * 3000, "over 10240 bytes|more than 8")
    long = b"\r\nX: " + b"y" * (10240 - len(DISPOSITION) - 5)
    assert parse_one(DISPOSITION + long)[0] == {"a": [b"v"]}
    refused_head(DISPOSITION + long + b"y", "over 10240 bytes")
    refused(b"--B\r\n" + b"y" * 20_000 + b"\r\n--B--", "over 10240 bytes")
    refused_head(DISPOSITION, "over 30 bytes", config=ParseMultipartConfig(max_part_header_size=30))


def test_MP7_nine_thousand_semicolons_take_linear_time() -> None:
    start = time.process_time()
    head = b'Content-Disposition: form-data; x="' + b";" * 9_000 + b'"; name="a"'
    assert parse_one(head)[0] == {"a": [b"v"]}
    assert time.process_time() - start < 0.2


def test_MP8_parts_without_headers_are_refused_without_a_log_record(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        refused(b"--B\r\n\r\nx\r\n" * 50 + b"--B--", "header|empty line")
        refused(b"--B\r\nx\r\n" * 50 + b"--B--", "header|empty line")
    assert caplog.records == []


def test_MP9_other_dispositions_are_refused() -> None:
    refused_head(b'Content-Disposition: attachment; name="a"', "form-data")
    refused_head(b"Content-Type: text/plain", "form-data")


def test_MP10_plain_filename_wins_unless_compatible() -> None:
    head = DISPOSITION + b"; filename=\"ok.txt\"; filename*=UTF-8''%e2%82%ac"
    assert parse_one(head)[1]["a"][0].filename == "ok.txt"
    assert parse_one(head, compat="tornado")[1]["a"][0].filename == "€"
    assert parse_one(DISPOSITION + b"; filename*=UTF-8''%e2%82%ac")[1]["a"][0].filename == "€"


@pytest.mark.parametrize("compat", ["tornado", "waterspout"])
@pytest.mark.parametrize("extended", [b"bogus''x", b"UTF-8''%ff", b"x"])
def test_MP11_malformed_extended_filename_is_refused(extended: bytes, compat: str) -> None:
    refused_head(DISPOSITION + b"; filename*=" + extended, "extended parameter", compat=compat)


def test_MP11_empty_filename_is_a_field() -> None:
    assert parse_one(DISPOSITION + b"; filename=") == ({"a": [b"v"]}, {})


def test_MP12_encoded_part_is_refused_and_plain_encodings_are_not() -> None:
    refused_head(DISPOSITION + b"\r\nContent-Transfer-Encoding: base64", "encoded as 'base64'")
    for encoding in (b"binary", b"8BIT", b"7bit"):
        assert parse_one(DISPOSITION + b"\r\nContent-Transfer-Encoding: " + encoding)[0] == {"a": [b"v"]}
    left = parse_one(DISPOSITION + b"\r\nContent-Transfer-Encoding: base64", b"dg==", compat="tornado")
    assert left[0] == {"a": [b"dg=="]}


@pytest.mark.parametrize("piece", [b"\r", b"\n", b"\r\n", b"\r\n--", b"\r\n--A", b"-"])
def test_MP13_near_delimiters_take_linear_time(piece: bytes) -> None:
    body = piece * (900_000 // len(piece))
    data = part(body=body) + b"--B--"
    start = time.process_time()
    assert parse(data)[0] == {"a": [body]}
    assert time.process_time() - start < 0.5


def test_MP14_content_type_without_boundary_is_refused() -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; x=y", "multipart/form-data;"):
        with pytest.raises(HTTPInputError, match="without a boundary"):
            parse_body_arguments(content_type, part() + b"--B--", {}, {})


def test_MP15_names_and_dispositions_must_be_there_once() -> None:
    refused_head(b'Content-Disposition: form-data; name="a\0"', "Invalid header value")
    refused_head(b"Content-Disposition: form-data", "without a name")
    refused_head(b'Content-Disposition: form-data; name=""', "without a name")
    refused_head(DISPOSITION + b"\r\n" + DISPOSITION, "more than one Content-Disposition")
    refused_head(DISPOSITION + b"\r\nContent-Type: a/b\r\ncontent-type: c/d", "more than one Content-Type")
    refused_head(DISPOSITION + b'; name="b"', "repeated parameter")


def test_MP16_preamble_and_epilogue_are_skipped() -> None:
    start = time.process_time()
    data = b"x" * 1_000_000 + b"\r\n" + part() + b"--B--\r\n" + b"y" * 1_000_000
    assert parse(data) == ({"a": [b"v"]}, {})
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("length", [b"+5", b"-1", b"0x1", b"", b"1 ", b"1_0", b"5", b"1, 1", b"9" * 30])
def test_MP18_wrong_content_length_of_a_part_is_refused(length: bytes) -> None:
    head = DISPOSITION + b"\r\nContent-Length: " + length
    if length == b"1 ":
        assert parse_one(head)[0] == {"a": [b"v"]}
    else:
        refused_head(head, "Content-Length")
    assert parse_one(head, compat="tornado")[0] == {"a": [b"v"]}


def test_MP23_nested_multipart_is_opaque() -> None:
    nested = b""
    for depth in range(100):
        nested = b"--N%d\r\nContent-Type: multipart/mixed; boundary=N%d\r\n\r\n" % (depth, depth + 1) + nested
    arguments, _ = parse_one(DISPOSITION + b"\r\nContent-Type: multipart/mixed; boundary=N99", nested)
    assert arguments == {"a": [nested]}


def test_MP24_two_boundaries_are_refused() -> None:
    with pytest.raises(HTTPInputError, match="repeated parameter"):
        parse_body_arguments("multipart/form-data; boundary=B; boundary=C", part() + b"--B--", {}, {})


def test_form_of_each_content_type_is_parsed_and_others_are_left() -> None:
    for content_type in ("multipart/form-data; boundary=B", 'Multipart/Form-Data;charset=x;boundary="B"'):
        arguments: dict[str, list[bytes]] = {}
        parse_body_arguments(content_type, part() + b"--B--", arguments, {})
        assert arguments == {"a": [b"v"]}
    for content_type in ("", "text/plain", "application/json", "multipart/form-datax; boundary=B", "multipart/mixed"):
        arguments = {}
        parse_body_arguments(content_type, part() + b"--B--", arguments, {})
        assert arguments == {}


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=B"])
def test_compressed_form_is_refused(content_type: str) -> None:
    headers = HTTPHeaders({"Content-Encoding": "gzip"})
    with pytest.raises(HTTPInputError, match="Unsupported Content-Encoding") as caught:
        parse_body_arguments(content_type, part() + b"--B--", {}, {}, headers)
    assert caught.value.status == 415


def test_multipart_can_be_switched_off() -> None:
    config = ParseBodyConfig(multipart=ParseMultipartConfig(enabled=False))
    with pytest.raises(HTTPInputError, match="disabled") as caught:
        parse_body_arguments("multipart/form-data; boundary=B", part() + b"--B--", {}, {}, config=config)
    assert caught.value.status == 415


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6),
            st.none() | st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6),
            st.binary(max_size=20).map(lambda body: body.replace(b"\r\n--B", b"")),
        ),
        max_size=5,
    )
)
def test_what_was_built_is_read_back(fields: list[tuple[str, str | None, bytes]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    expected: Form = {}, {}
    data = b""
    for name, filename, body in fields:
        head = f"Content-Disposition: form-data; name={quoted(name)}"
        if filename is None:
            expected[0].setdefault(name, []).append(body)
        else:
            head += f"; filename={quoted(filename)}"
            file = HTTPFile(filename=filename, body=body, content_type="application/unknown")
            expected[1].setdefault(name, []).append(file)
        data += part(head.encode(), body)
    assert parse(data + b"--B--\r\n") == expected


@given(st.lists(st.sampled_from([b"--B", b"--", b"\r\n", b"\n", b" ", DISPOSITION, b"x", b"--B\r\n", b"\r\n\r\n"])))
def test_any_pieces_give_a_form_or_an_input_error(pieces: list[bytes]) -> None:
    for compat in ("tornado", "waterspout"):
        try:
            arguments, files = parse(b"".join(pieces), compat=compat)
        except HTTPInputError:
            continue
        assert set(arguments) <= {"a"} and not files
