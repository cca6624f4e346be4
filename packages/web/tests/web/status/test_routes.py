"""Numbers by route template, however many templates there are."""

from __future__ import annotations

from waterspout.web.status._routes import MAX_ROUTES, OTHERS, UNKNOWN, Routes


class Rule:
    def __init__(self, template: str | None) -> None:
        self.template = template


def routes() -> Routes:
    return Routes(frozenset({"/poll"}), frozenset({"/status"}))


def test_route_is_found_by_its_template_not_by_its_rule() -> None:
    found = routes()
    assert found.of(Rule("/story/{}")) is found.of(Rule("/story/{}"))
    assert [route.name for route in found] == ["/story/{}"]


def test_paths_without_a_route_share_one() -> None:
    found = routes()
    assert found.of(None) is found.of(Rule(None)) and found.of(None).name == UNKNOWN


def test_long_poll_and_the_page_itself_are_known_as_such() -> None:
    found = routes()
    assert found.of(Rule("/poll")).waits and not found.of(Rule("/")).waits
    assert found.of(Rule("/status")).hidden
    assert [route.name for route in found] == ["/poll", "/"]


def test_templates_without_end_share_one_route_and_no_more_memory() -> None:
    found = routes()
    for number in range(10 * MAX_ROUTES):
        found.of(Rule(f"/{number}")).over[2] += 1
    assert len(list(found)) == MAX_ROUTES + 1 and len(found._by_rule) <= 2 * MAX_ROUTES
    assert found.of(Rule("/99999")).name == OTHERS
    assert sum(route.over[2] for route in found) == 10 * MAX_ROUTES
    assert found.of(Rule("/status")).hidden  # also when it is asked for last
