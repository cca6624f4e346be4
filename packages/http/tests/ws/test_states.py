from waterspout.ws import State
from waterspout.ws._states import TRANSITIONS, Happening


def test_every_way_ends_closed_after_one_close_in_each_direction_at_most() -> None:
    ways = [(State.OPEN, ())]
    ends = set()
    while ways:
        state, happened = ways.pop()
        following = [(h, TRANSITIONS[state, h]) for h in Happening if (state, h) in TRANSITIONS]
        if not following:
            ends.add(state)
        for happening, after in following:
            assert happening not in happened
            ways.append((after, (*happened, happening)))
    assert ends == {State.CLOSED}


def test_every_state_can_be_reached() -> None:
    assert set(TRANSITIONS.values()) | {State.OPEN} == set(State)


def test_nothing_is_received_after_the_peer_has_failed_or_closed() -> None:
    for state in (State.PEER_CLOSED, State.FAILED, State.CLOSED):
        assert (state, Happening.CLOSE_RECEIVED) not in TRANSITIONS
        assert (state, Happening.PROTOCOL_BROKEN) not in TRANSITIONS
