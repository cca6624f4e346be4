import pytest

from waterspout.httputil import (
    HTTPInputError,
    RequestStartLine,
    ResponseStartLine,
    parse_request_start_line,
    parse_response_start_line,
)


def test_request_line_has_method_path_and_version() -> None:
    line = parse_request_start_line("GET /foo?a=b HTTP/1.1")
    assert line == RequestStartLine("GET", "/foo?a=b", "HTTP/1.1")
    assert (line.method, line.path, line.version) == tuple(line)


@pytest.mark.parametrize("line", ["OPTIONS * HTTP/1.1", "CONNECT a:80 HTTP/1.0", "M-SEARCH http://a/ HTTP/1.9"])
def test_request_line_with_other_targets_methods_and_minor_versions(line: str) -> None:
    assert " ".join(parse_request_start_line(line)) == line


REFUSED = {
    "RL1_two_spaces": "GET  / HTTP/1.1",
    "RL2_tabs": "GET\t/\tHTTP/1.1",
    "RL3_leading_space": " GET / HTTP/1.1",
    "RL4_trailing_space": "GET / HTTP/1.1 ",
    "RL6_lower_case_version": "GET / http/1.1",
    "RL7_long_version": "GET / HTTP/1.01",
    "RL8_no_version": "GET /",
    "RL9_nul": "GET /\0x HTTP/1.1",
    "RL10_cr": "GET /a\rb HTTP/1.1",
    "RL11_del": "GET /\x7f HTTP/1.1",
    "RL13_no_token": "GE(T / HTTP/1.1",
    "RL26_space_in_target": "GET /a b HTTP/1.1",
    "RL28_vertical_tab": "GET / HTTP/1.1\x0b",
    "newline_at_end": "GET / HTTP/1.1\n",
    "empty": "",
    "unicode_digit": "GET / HTTP/1.\u0661",
    "wide_target": "GET /\u2603 HTTP/1.1",
}


@pytest.mark.parametrize("compat", ["tornado", "waterspout"])
@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED)
def test_request_line_is_refused(line: str, compat: str) -> None:
    with pytest.raises(HTTPInputError) as caught:
        parse_request_start_line(line, compat=compat)
    assert caught.value.status == 400


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/0.9"])
def test_RL5_other_major_version_is_505(version: str) -> None:
    with pytest.raises(HTTPInputError) as caught:
        parse_request_start_line(f"GET / {version}")
    assert caught.value.status == 505


@pytest.mark.parametrize("line", ["GET /\xff\xfe HTTP/1.1", "GET /a#frag HTTP/1.1"])
def test_RL12_RL19_non_ascii_and_fragment_are_refused_unless_compatible(line: str) -> None:
    with pytest.raises(HTTPInputError):
        parse_request_start_line(line)
    assert parse_request_start_line(line, compat="tornado").path in line


def test_status_line_has_version_code_and_reason() -> None:
    line = parse_response_start_line("HTTP/1.1 200 OK")
    assert line == ResponseStartLine("HTTP/1.1", 200, "OK")
    assert (line.version, line.code, line.reason) == tuple(line)
    assert parse_response_start_line("HTTP/1.0 404 Not  Found\t\xe9") == ("HTTP/1.0", 404, "Not  Found\t\xe9")
    assert parse_response_start_line("HTTP/1.1 599 ") == ("HTTP/1.1", 599, None)


@pytest.mark.parametrize(
    "line",
    ["garbage", "HTTP/1.1 99 X", "HTTP/1.1 1000 X", "HTTP/1.1 2x0 X", "HTTP/1.1  200 OK", "HTTP/1.1 200", "ICY 200 OK",
     "HTTP/1.1 +20 OK", "HTTP/1.1 200 O\0K", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 \u0662\u0660\u0660 OK", ""],
)  # fmt: skip
def test_CL2_malformed_status_line_is_refused(line: str) -> None:
    for compat in ("tornado", "waterspout"):
        with pytest.raises(HTTPInputError, match="malformed HTTP status line"):
            parse_response_start_line(line, compat=compat)


def test_CL2_other_major_version_in_a_status_line_is_named() -> None:
    with pytest.raises(HTTPInputError, match=r"HTTP/2\.0"):
        parse_response_start_line("HTTP/2.0 200 OK")


def test_status_below_100_is_refused_unless_compatible() -> None:
    with pytest.raises(HTTPInputError):
        parse_response_start_line("HTTP/1.1 099 X")
    assert parse_response_start_line("HTTP/1.1 099 X", compat="tornado").code == 99
