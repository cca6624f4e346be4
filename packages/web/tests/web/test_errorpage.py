"""Error pages."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from waterspout.httputil import HTTPHeaders
from waterspout.template import DictLoader
from waterspout.web._errorpage import choose_format, problem, render, render_short, small_page
from waterspout.web._errorreport import Report, Route, build_report

FORMATS = ("html", "json", "text")
SECRET = "correct horse battery staple"
PASSWORD, IN_A_DICT = "hunter2-hunter2", "in-a-dict"
# Kept away from the lines that the pages show: source is shown as it is.
FIELDS = {"Authorization": "Bearer abc", "Cookie": "sid=1", "Accept": "text/html"}
HIDDEN = (SECRET, PASSWORD, IN_A_DICT, "tok-in-query", "Bearer abc", "sid=1")


class Request:
    method: str | None = "POST"
    uri: str | None = "/pay?token=tok-in-query&page=2"
    version = "HTTP/1.1"
    remote_ip = "127.0.0.1"

    def __init__(self, **headers: str) -> None:
        self.headers = HTTPHeaders({name.replace("_", "-"): value for name, value in headers.items()})


def fail(action: Any) -> BaseException:
    try:
        action()
    except BaseException as error:
        return error
    raise AssertionError("no error was raised")


def divide(password: str = PASSWORD, amount: int = 7) -> float:
    settings = {"cookie_secret": IN_A_DICT, "port": 8888}
    return amount / (len(settings) - 2)


def report(error: BaseException | None = None, **options: Any) -> Report:
    request = options.pop("request", None) or Request(**FIELDS)
    return build_report(
        options.pop("status", 500), "Internal Server Error", request, error, known_secrets=[SECRET], **options
    )


class Tags(HTMLParser):
    """Start tags and their attributes, as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "html"),
        ("application/json", "json"),
        ("application/problem+json", "json"),
        ("text/plain, application/json;q=0.5", "text"),
        ("*/*", "text"),
        ("", "text"),
        (None, "text"),
        ("image/png", "text"),
        ("text/html;q=0, application/json", "json"),
    ],
)
def test_the_format_follows_the_accept_header(accept: str | None, expected: str) -> None:
    assert choose_format(accept) == expected


@pytest.mark.parametrize("format", FORMATS)
def test_the_page_shows_error_line_request_and_route(format: str) -> None:
    error = fail(divide)
    page = render(report(error, matched=Route("/pay", "PayHandler")), format).decode()
    for part in ("ZeroDivisionError", "division by zero", "test_errorpage.py", "POST", "page=2", "return amount / "):
        assert part in page
    if format != "text":
        assert "PayHandler" in page
        assert "amount" in page


@pytest.mark.parametrize("format", FORMATS)
def test_RW9_secrets_in_locals_headers_query_and_text_are_masked(format: str) -> None:
    def act() -> None:
        note = f"failed with {SECRET}"
        parts = [SECRET, {"inner": SECRET.encode()}]
        raise ValueError(note, parts)

    page = render(report(fail(act)), format).decode()
    page += render(report(fail(divide)), format).decode()
    for secret in HIDDEN:
        assert secret not in page
    if format != "text":
        assert "8888" in page


def test_RW9_a_secret_is_masked_before_a_long_text_is_cut() -> None:
    def act() -> None:
        text = "x" * 110 + SECRET + "y" * 500  # reprlib would keep both ends
        raise ValueError(len(text))

    page = render(report(fail(act)), "json").decode()
    assert "xxxx" in page
    assert "correct" not in page
    assert "staple" not in page


def test_RW9_whatever_is_shown_is_escaped() -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"

    def act() -> None:
        value = attack
        error = ValueError(value)
        error.add_note(attack)
        raise error

    request = Request(X_Evil=attack)
    request.uri, request.method = "/" + attack, attack
    routes = [Route(attack, attack, attack)]
    shown = report(fail(act), request=request, routes=routes, matched=routes[0])
    page = Tags(render(shown, "html").decode())
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert attack in page.text


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = Tags(render(report(fail(divide), routes=[Route("/", "X")]), "html").decode())
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    names = {name for _, attributes in page.tags for name in attributes}
    assert not {name for name in names if name in ("src", "href", "style") or name.startswith("on")}


def test_the_applications_frames_come_first_and_the_innermost_is_open() -> None:
    error = fail(lambda: json.loads("{", parse_float=divide))
    shown = report(error).failures[0]
    assert [frame.own for frame in shown.frames][0] is True
    assert any(not frame.own for frame in shown.frames)
    assert [frame.function for frame in shown.own_frames()] == ["<lambda>", "fail"]
    page = Tags(render(report(error), "html").decode())
    opened = [attributes for tag, attributes in page.tags if tag == "details"]
    assert "open" in opened[0]
    assert all("open" not in attributes for attributes in opened[1:])


def test_frames_of_templates_are_the_applications() -> None:
    loader = DictLoader({"page.html": "{% set user = 'ben' %}\n{{ 1 / 0 }}"})
    frame = report(fail(loader.load("page.html").generate)).failures[0].own_frames()[0]
    assert (frame.file, frame.line, frame.variables) == ("page.html", 2, (("user", "'ben'"),))
    assert (2, "{{ 1 / 0 }}  # page.html:2") in frame.source


def test_what_led_to_an_error_is_shown_with_how() -> None:
    def act() -> None:
        try:
            try:
                divide()
            except ZeroDivisionError as error:
                raise KeyError("x") from error
        except KeyError:
            raise ValueError("y")  # noqa: B904 - the context is what is tested

    relations = [(failure.kind, failure.relation) for failure in report(fail(act)).failures]
    assert relations == [
        ("ValueError", ""),
        ("KeyError", "was being handled when it happened"),
        ("ZeroDivisionError", "was the direct cause"),
    ]


def test_the_parts_of_a_group_are_shown() -> None:
    group = ExceptionGroup("both", [fail(divide), ValueError("second")])  # type: ignore[list-item]
    assert [failure.kind for failure in report(group).failures] == ["ExceptionGroup", "ZeroDivisionError", "ValueError"]


def test_strange_variables_do_not_break_the_page() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no")

        __str__ = __repr__

    class BrokenError(Exception):
        __str__ = Broken.__repr__

    def act() -> None:
        broken = Broken()
        endless: list[Any] = []
        endless.append(endless)
        huge = {number: "x" * 10_000 for number in range(10_000)}
        raise BrokenError(broken, endless, huge)

    error = fail(act)
    for format in FORMATS:
        assert len(render(report(error), format)) < 60_000
    assert report(error).failures[0].message == "<str failed: RuntimeError>"


def test_a_deep_recursion_shows_its_beginning_and_end() -> None:
    def dive(depth: int) -> int:
        return dive(depth + 1) if depth < 300 else 1 // 0

    frames = report(fail(lambda: dive(0))).failures[0].frames
    assert len(frames) <= 60
    assert frames[-1].variables[0] == ("depth", "300")


def test_a_404_lists_the_routes() -> None:
    routes = [Route("/", "Home", "home"), Route("/story/([0-9]+)", "Story")]
    for format in FORMATS:
        page = render(report(status=404, routes=routes), format).decode()
        assert "/story/([0-9]+)" in page
        assert "Story" in page
    assert json.loads(render(report(status=404, routes=routes), "json"))["routes"][0]["name"] == "home"


def test_a_lone_surrogate_does_not_break_the_page() -> None:
    for format in FORMATS:
        assert render(report(ValueError("\ud800")), format)


def test_the_short_form_is_a_few_lines_for_the_terminal() -> None:
    lines = render_short(report(fail(divide))).splitlines()
    assert lines[0] == "500 Internal Server Error: POST /pay?token=***&page=2 (127.0.0.1)"
    assert lines[1] == "ZeroDivisionError: division by zero"
    assert lines[2].endswith("in divide")
    assert any(line.startswith("  >") and "return amount" in line for line in lines)
    assert len(lines) <= 6


def test_LG1_the_short_form_shows_no_control_characters_of_the_request() -> None:
    request = Request()
    request.uri = "/\x1b[31m\nGET /"
    assert "\x1b" not in render_short(report(request=request))
    assert len(render_short(report(request=request)).splitlines()) == 1


def test_RW3_the_small_page_has_status_and_reason_escaped_and_nothing_else() -> None:
    assert small_page(404, "Not Found") == "<html><title>404: Not Found</title><body>404: Not Found</body></html>"
    assert "<script>" not in small_page(400, "<script>")


def test_a_problem_is_json_with_status_and_title() -> None:
    assert json.loads(problem(422, "Unprocessable", "no name", errors=[1])) == {
        "type": "about:blank",
        "title": "Unprocessable",
        "status": 422,
        "detail": "no name",
        "errors": [1],
    }
