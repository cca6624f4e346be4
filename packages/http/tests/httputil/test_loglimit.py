"""What one peer can write into the log."""

from waterspout.httputil import LogLimit


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_LG3_a_peer_gets_its_records_and_then_none_until_the_period_is_over() -> None:
    clock = Clock()
    limit = LogLimit(3, 10, clock=clock)
    assert [limit.allows("a") for _ in range(5)] == [True, True, True, False, False]
    assert limit.suppressed("a") == 2
    clock.now += 9.9
    assert not limit.allows("a")
    clock.now += 0.1
    assert limit.allows("a")
    assert limit.suppressed("a") == 0


def test_LG3_peers_do_not_count_for_each_other() -> None:
    limit = LogLimit(1)
    assert limit.allows("a")
    assert limit.allows("b")
    assert not limit.allows("a")
    assert limit.suppressed("unknown") == 0


def test_LG3_memory_is_bounded_and_the_longest_silent_peer_is_forgotten() -> None:
    limit = LogLimit(1, peers=2)
    for peer in ("a", "b", "a", "c"):
        limit.allows(peer)
    assert not limit.allows("a")  # stayed, for it was heard of after b
    assert limit.allows("b")
    for number in range(1000):
        limit.allows(str(number))
    assert len(limit._seen) == 2
