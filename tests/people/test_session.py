"""A session is the fold of its events: it takes what is right, refuses the rest, and replays to the bit."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interaction import Bundle, RuleObservationEngine, State, spaces
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.errors import ArgumentError, EpisodeError, InteractionError, SpaceError, UnknownNameError
from interaction.membership import membership
from interaction.people import Condition, Event, Person, ReplayError, Session, pilot, replay
from interaction.people.actions import read_action
from interaction.people.events import encode
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser
from tests.interaction.bundles import draw_bundle
from tests.people.making import bandit, begin, log_of, moves, play, study, whole_study

ALL = list(HealthCheck)


def stands(session):
    """Give all that a session is."""
    game = session.waiting and (session.waiting.episode, session.waiting.game, session.waiting.over)
    return (
        session.number,
        session.steps,
        session.opening,
        session.over,
        session.restarts,
        game,
        session.rounds,
    )


def test_a_session_shows_everything_in_order():
    session, log = begin(whole_study())
    shown = [session.prompt.kind]
    while not session.over:
        play(session, log, 1)
        if session.prompt.kind != shown[-1]:
            shown.append(session.prompt.kind)
    expected = ["page", "turn", "break", "turn", "break", "turn", "questions", "page", "end"]
    assert shown == expected
    assert [event.sequence for event in log] == list(range(len(log)))
    practice = [event.payload["episode"] for event in log if event.kind == "action"]
    assert practice == [episode for episode in range(4) for _ in range(4)]


def test_what_was_logged_gives_itself():
    session, log = begin(whole_study())
    play(session, log)
    text = json.dumps([event._asdict() for event in log])
    again = replay(session.study, [Event(**event) for event in json.loads(text)])
    assert stands(again) == stands(session)


@pytest.mark.parametrize("events", [1, 2, 5, 9])
def test_a_session_goes_on_where_its_log_stops(events):
    session, log = begin(whole_study())
    play(session, log, events)
    resumed, rest = replay(session.study, log), list(log)
    assert stands(resumed) == stands(session)
    assert play(resumed, rest) == play(session, log)


def test_a_log_of_other_code_names_the_first_event_that_differs():
    session, log = begin(study())
    play(session, log)
    lucky = study({"plain": Condition(bandit().replace(task=type(bandit().task)([0.9, 0.1])))})
    with pytest.raises(
        ReplayError, match=r"session 's' does not replay: event 2 \(action\): digest: '\w+' was"
    ):
        replay(lucky, log)
    with pytest.raises(ReplayError, match=r"Since it began: fingerprint was \w+, is \w+\.$"):
        replay(lucky, log)
    longer = study({"plain": Condition(bandit(max_rounds=5))})
    with pytest.raises(ReplayError, match=r"event 4 \(action\): digest"):
        replay(longer, log)


def test_a_log_with_a_hole_or_a_forged_event_does_not_replay():
    session, log = begin(study())
    play(session, log)
    with pytest.raises(ReplayError, match=r"event 3 \(action\): expected event 2 of this session"):
        replay(session.study, log[:2] + log[3:])
    forged = log[3]._replace(payload=log[3].payload | {"action": 1 - log[3].payload["action"]})
    with pytest.raises(ReplayError, match=r"event 3 \(action\): digest"):
        replay(session.study, [*log[:3], forged, *log[4:]])
    with pytest.raises(ReplayError, match=r"event 0 \(action\): EpisodeError: the session has not begun"):
        replay(session.study, [log[1]._replace(sequence=0)])


WRONG = [
    ("action", {"action": 2}, SpaceError, r"expected a value in Discrete\(2\), got 2"),
    ("action", {"action": True}, SpaceError, "got True"),
    ("action", {"action": 1.0}, SpaceError, "got 1.0"),
    ("action", {"action": None}, SpaceError, "got None"),
    ("action", {}, SpaceError, "got None"),
    ("action", {"action": [1]}, SpaceError, r"got array\(\[1\]\)"),
    ("action", {"action": 10**400}, SpaceError, "got 1000"),
    ("action", {"action": {"$array": [1], "dtype": "O", "shape": [1]}}, SpaceError, "action"),
    ("action", {"action": 1, "episode": 1}, ArgumentError, "expected episode 0, got 1"),
    ("action", {"action": 1, "round": 1}, ArgumentError, "expected round 0, got 1"),
    ("action", {"action": 1, "sown": 3}, UnknownNameError, "Did you mean 'shown'"),
    ("action", {"action": 1, "shown": "soon"}, ArgumentError, "expected ms, got 'soon'"),
    ("action", {"action": 1, "shown": float("nan")}, ArgumentError, "expected ms, got nan"),
    ("action", {"action": 1, "path": [[1, 2]]}, ArgumentError, r"expected \[\[ms, x, y\]"),
    ("action", {"action": 1, "by": 3}, ArgumentError, "expected a word"),
    ("page", {}, EpisodeError, "'page' came, but what is shown is a turn"),
    ("answer", {"values": {}}, EpisodeError, "'answer' came"),
    ("ended", {}, EpisodeError, "'ended' came"),
    ("began", {}, EpisodeError, "has begun already"),
    ("actoin", {}, UnknownNameError, "Did you mean 'action'"),
    ("action", [1], ArgumentError, "expected a dict"),
]


@pytest.mark.parametrize(("kind", "payload", "error", "message"), WRONG)
def test_what_is_wrong_is_refused_and_changes_nothing(kind, payload, error, message):
    session, log = begin(study())
    play(session, log, 1)
    session.waiting = session.waiting.begin(session.waiting.bundle, "user", log[0].payload["seed"], 0)
    before = stands(session)
    with pytest.raises(error, match=message):
        session.accept(kind, payload)
    assert stands(session) == before


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["$array", "$state", "$float", "dtype", "shape", "a", "arm"]), inner),
    ),
    max_leaves=5,
)
NAMED = ["step", "values", "action", "episode", "round", "shown", "acted", "path", "by", "condition", "seed"]
SPACES = [
    spaces.Discrete(2),
    spaces.Choice([2, 5]),
    spaces.real(0.0, 1.0),
    spaces.MultiBinary(2),
    spaces.Dict(arm=spaces.Discrete(2), a=spaces.real(shape=(2,))),
    spaces.Text(3),
]


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_whatever_comes_from_outside_is_taken_or_refused_with_a_reason(data):
    session, _ = begin(whole_study())
    play(session, [], data.draw(st.sampled_from([0, 2, 6, 19])))
    kind = data.draw(st.sampled_from(["began", "page", "answer", "action", "ended"]))
    payload = data.draw(st.one_of(JSON, st.dictionaries(st.sampled_from(NAMED), JSON)))
    before = stands(session)
    try:
        kept = session.accept(kind, payload)
    except InteractionError:
        assert stands(session) == before
    else:
        json.dumps(kept, allow_nan=False)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SPACES), JSON)
def test_an_action_is_in_its_space_or_refused(space, found):
    try:
        action = read_action(space, found)
    except SpaceError:
        return
    assert membership(space).violation(action) is None
    assert State(a=read_action(space, encode(action))) == State(a=action)


@pytest.mark.parametrize("depth", [49, 60, 900])
def test_what_is_nested_too_deeply_is_refused(depth):
    listed, inside = json.loads("[" * depth + "]" * depth), 1
    for _ in range(depth):
        inside = {"$state": {"a": inside}}
    for found in (listed, inside):
        with pytest.raises(SpaceError, match=r"expected a value in Discrete\(2\), got "):
            read_action(spaces.Discrete(2), found)


def test_answers_are_checked():
    session, log = begin(whole_study())
    while session.prompt.kind != "questions":
        play(session, log, 1)
    for values in (
        {"ease": 8},
        {"ease": 3.5},
        {"ease": True},
        {"easy": 3},
        {},
        None,
        {"ease": 3, "hand": "both"},
    ):
        with pytest.raises(ArgumentError):
            session.accept("answer", {"values": values})
    with pytest.raises(ArgumentError, match="expected step 8, got 3"):
        session.accept("answer", {"step": 3, "values": {}})
    kept = session.accept("answer", {"values": {"ease": 3, "hand": "left"}})
    assert kept == {"step": 8, "values": {"ease": 3, "hand": "left"}}


def test_an_error_of_a_component_leaves_the_session_as_it_was():
    class Breaks(CoordinatedTask):
        def on_user_action(self, game, rng):
            if game.user_action == 3:
                raise RuntimeError("broken")
            return super().on_user_action(game, rng)

    bundle = Bundle(
        Breaks(), Person(spaces.Discrete(10)), CoordinatedAssistant(PseudoRandomUser()), max_rounds=9
    )
    session, log = begin(study({"one": Condition(bundle)}))
    play(session, log, 2)
    before = stands(session)
    with pytest.raises(RuntimeError, match="broken"):
        session.accept("action", {"action": 3})
    assert stands(session) == before
    session.accept("action", {"action": 4})


def test_a_session_that_has_not_begun_takes_its_opening_alone():
    made = study()
    with pytest.raises(EpisodeError, match="has not begun"):
        _ = Session(made).prompt
    for wrong in (
        {},
        {"condition": "other", "seed": 1},
        {"condition": "plain", "seed": -1},
        {"condition": "plain"},
    ):
        session = Session(made)
        with pytest.raises((ArgumentError, UnknownNameError)):
            session.accept("began", wrong)
        session.accept("began", made.opening(0))


def test_an_end_takes_notes_alone():
    session, log = begin(study())
    play(session, log)
    assert session.accept("noted", {"what": "hidden", "at": 3.0}) == {"what": "hidden", "at": 3.0}
    with pytest.raises(EpisodeError, match="the session is over"):
        session.accept("ended", {})


def test_who_begins_again_plays_other_episodes_and_it_all_replays():
    session, log = begin(whole_study())
    play(session, log, 8)
    log.append(log_of(session, log, "restarted", {"away": 7200.0}))
    assert session.prompt.number == 0
    play(session, log)
    assert [event.payload["episode"] for event in log if event.kind == "action"][::4] == [0, 1, 2, 3, 4, 5]
    assert stands(replay(session.study, log)) == stands(session)


@pytest.mark.parametrize("ahead", [False, True])
@settings(max_examples=40, deadline=None, suppress_health_check=ALL)
@given(data=st.data())
def test_whatever_is_played_replays_to_the_bit(ahead, data):
    bundle = draw_bundle(lambda options: data.draw(st.sampled_from(list(options))))
    role = "user" if bundle.user is not None else "assistant"
    simulated = getattr(bundle, role)
    space = simulated.policy.action_space
    finite = spaces.count(space) is not None
    condition = Condition(
        bundle.replace(**{role: Person(space, role=role)}), simulated, ahead=ahead and finite
    )
    made = study({"one": condition})
    log = pilot(made, 1, seed=3)
    text = json.dumps([event._asdict() for event in log])
    again = replay(made, [Event(**event) for event in json.loads(text)])
    assert again.over
    session = Session(made)
    for event in log:
        if ahead:
            session.think_ahead() if session.opening else None
        assert session.accept(event.kind, event.payload) == event.payload
    assert stands(session) == stands(again)


def test_the_answers_to_all_actions_are_those_that_come_after():
    user = PseudoRandomUser(p0=1, p1=5, p2=7)
    bundle = Bundle(CoordinatedTask(), Person(spaces.Discrete(10)), CoordinatedAssistant(user), max_rounds=20)
    session, log = begin(study({"one": Condition(bundle, user, ahead=True)}, episodes=1))
    while session.prompt.kind == "turn":
        waiting = session.waiting
        session.think_ahead()
        known, prepared = session._ahead
        assert known is waiting
        assert len(prepared) == 10
        for action in range(10):
            after = waiting.act(action)
            found = prepared[str(action)]
            assert (found.game, found.over, found.paid) == (after.game, after.over, after.paid)
            assert found.rounds == after.rounds
            assert found.digest == after.digest
        play(session, log, 1)


def test_a_person_sees_what_the_observation_engine_lets_through():
    engine = RuleObservationEngine("user", see=["task_state.outcome"])
    session, _ = begin(study({"one": Condition(bandit(observation_engine=engine))}))
    expected = State(task_state=State(outcome=-1), previous_task_state=State(outcome=-1))
    assert session.prompt.observation == expected


def test_a_person_may_sit_in_the_seat_of_the_assistant():
    user = PseudoRandomUser(p0=1, p1=5, p2=7)
    bundle = Bundle(CoordinatedTask(), user, Person(spaces.Discrete(10), role="assistant"), max_rounds=30)
    session, log = begin(study({"one": Condition(bundle)}, episodes=1))
    while not session.over:
        action = session.prompt.observation.user_action if session.prompt.kind == "turn" else 0
        assert session.prompt.kind != "turn" or "user_state" not in session.prompt.observation
        log.append(log_of(session, log, *moves(session, action)))
    assert sum(event.kind == "action" for event in log) == 9  # agrees each time, up to x = 9
    assert stands(replay(session.study, log)) == stands(session)


def test_an_episode_that_ends_before_the_person_acts_is_passed():
    class EndsAtOnce(CoordinatedTask):
        def on_user_action(self, game, rng):
            return super().on_user_action(game, rng)._replace(terminated=game.user_action >= 0)

    bundle = Bundle(
        EndsAtOnce(), PseudoRandomUser(), Person(spaces.Discrete(10), role="assistant"), max_rounds=3
    )
    session, log = begin(study({"one": Condition(bundle)}))
    assert session.prompt.kind == "end"
    assert [(ended.episode, ended.index) for ended in session.rounds] == [(0, 0), (1, 0)]
    assert stands(replay(session.study, play(session, log))) == stands(session)


@pytest.mark.parametrize(
    ("space", "found", "expected"),
    [
        (spaces.real(0.0, 1.0), 1, 1.0),
        (spaces.real(0.0, 1.0, (2,)), [0, 0.5], np.array([0.0, 0.5])),
        (spaces.MultiBinary(2), [1, 0], np.array([1, 0])),
        (spaces.Choice([2, 5]), 5, 5),
        (
            spaces.Dict(arm=spaces.Discrete(2), sure=spaces.real(0.0, 1.0)),
            {"arm": 1, "sure": 1},
            State(arm=1, sure=1.0),
        ),
        (spaces.Text(5), "yes", "yes"),
    ],
)
def test_an_action_may_come_as_plain_json(space, found, expected):
    action = read_action(space, found)
    assert State(a=action) == State(a=expected)
    assert type(action) is type(expected)
