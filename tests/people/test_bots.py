"""A bot is the simulated agent that it stands for, to the bit, and leaves the log of a person."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interaction import Bundle, CascadedObservationEngine, RuleObservationEngine, State, User, spaces
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.errors import ArgumentError
from interaction.people import Bot, Condition, Person, Session, pilot
from interaction.people.events import decode
from interaction.people.session import replaying
from interaction.tasks.coordination import CoordinatedTask
from interaction.tasks.pointing import PointingTask
from interaction.users.bandit import RescorlaWagnerUser
from interaction.users.coordination import PseudoRandomUser
from interaction.users.pointing import CarefulPointer
from tests.interaction.bundles import draw_bundle
from tests.people.making import bandit, study, whole_study


def piloted(made, seed=0):
    """Give the session of one bot: its log, and its rounds."""
    log, session = pilot(made, 1, seed), Session(made)
    return log, [ended for _ in replaying(session, log) for ended in session.rounds]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_episode_of_a_bot_is_that_of_the_simulated_agent_in_the_seat(data):
    bundle = draw_bundle(lambda options: data.draw(st.sampled_from(list(options))))
    role = data.draw(st.sampled_from([role for role in ("user", "assistant") if getattr(bundle, role)]))
    agent = getattr(bundle, role)
    person = Person(agent.policy.action_space, role=role)
    made = study({"one": Condition(bundle.replace(**{role: person}), agent)}, episodes=2)
    log, rounds = piloted(made)
    seed, number = log[0].payload["seed"], 0
    for episode in range(2):
        bundle.reset(seed, episode=episode)
        step = None
        while step is None or not step.done:
            step = bundle.step()
            found = rounds[number]
            assert (found.episode, found.index) == (
                episode,
                step.game.round_index - (step.game.turn_index == 0),
            )
            for part in ("task_state", "previous_task_state", "user_action", "assistant_action"):
                assert State(part=found.game[part]) == State(part=step.game[part])
            other = "assistant_state" if role == "user" else "user_state"
            assert found.game[other] == step.game[other]
            number += 1
    assert number == len(rounds)


def test_a_piloted_session_equals_the_run_of_the_simulated_user():
    user = CarefulPointer(error_rate=0.3)
    bundle = Bundle(PointingTask(9, 3), Person(spaces.Discrete(3, start=-1)), max_rounds=12)
    log, rounds = piloted(study({"one": Condition(bundle, user)}, episodes=5))
    runs = bundle.replace(user=user).run(range(5), seed=log[0].payload["seed"])
    for episode in range(5):
        played = [ended.game for ended in rounds if ended.episode == episode]
        assert len(played) == runs.lengths[episode]
        for path in ("position", "goal"):
            assert [game.task_state[path] for game in played] == (
                runs[f"task_state.{path}"][episode, : len(played)].tolist()
            )
        actions = [event.payload["action"] for event in log if event.payload.get("episode") == episode]
        assert actions == runs["user_action"][episode, : len(played)].tolist()
        total = sum(ended.rewards.total for ended in rounds if ended.episode == episode)
        assert total == runs.returns[episode]


def test_a_bot_looks_through_the_eyes_of_the_person():
    blind = RuleObservationEngine("user", hide=["task_state.outcome"])
    seeing = RescorlaWagnerUser()
    bundle = bandit(observation_engine=blind)
    with pytest.raises(AttributeError, match="outcome"):  # its inference needs what a person does not see
        pilot(study({"one": Condition(bundle, seeing)}), 1)
    guessing = User(policy=seeing.policy, state=seeing.state, state_space=seeing.state_space)
    log, _ = piloted(study({"one": Condition(bundle, guessing)}, episodes=1))
    engine = CascadedObservationEngine([blind, guessing.observation_engine])
    same = bundle.replace(user=guessing.replace(observation_engine=engine))
    runs = same.run(1, seed=log[0].payload["seed"])
    assert [event.payload["action"] for event in log[1:5]] == runs["user_action"][0].tolist()


def test_an_agent_that_begins_by_the_game_does_so():
    class Picks(CarefulPointer):
        def __init__(self):
            super().__init__(0.1)
            self.state = State(error_rate=0.1, bias=0)
            self.state_space = spaces.Dict(error_rate=spaces.real(0.0, 1.0), bias=spaces.Discrete(10))

        def reset_in(self, game, rng):
            return State(error_rate=0.1 + 0.05 * rng.integers(0, 5), bias=game.task_state.goal)

    bundle = Bundle(PointingTask(9, 3), Person(spaces.Discrete(3, start=-1)), max_rounds=12)
    log, _ = piloted(study({"one": Condition(bundle, Picks())}, episodes=3))
    runs = bundle.replace(user=Picks()).run(3, seed=log[0].payload["seed"])
    actions = [decode(event.payload["action"]) for event in log if event.kind == "action"]
    assert actions == [int(a) for e in range(3) for a in runs["user_action"][e, : runs.lengths[e]]]


def test_the_same_seed_gives_the_same_log_and_another_one_other_people():
    def someone(rng):
        return RescorlaWagnerUser(learning_rate=rng.random())

    made = whole_study(conditions={"one": Condition(bandit(), someone)})
    assert pilot(made, 3, seed=1) == pilot(made, 3, seed=1)
    assert pilot(made, 3, seed=1)[: len(pilot(made, 1))] == pilot(made, 1, seed=1)
    first, other = (pilot(made, 3, seed) for seed in (1, 2))
    assert [event.payload for event in first] != [event.payload for event in other]
    assert len({event.session for event in first}) == 3


def test_each_participant_has_parameters_of_their_own():
    met = []

    def someone(rng):
        met.append(rng.random())
        return RescorlaWagnerUser(learning_rate=met[-1])

    pilot(study({"one": Condition(bandit(), someone)}, episodes=1), 20)
    assert len(set(met)) == 20
    assert 0.3 < np.mean(met) < 0.7  # 0.5 ± 3 standard errors


def test_without_a_simulated_agent_the_actions_are_random():
    log = pilot(study({"one": Condition(bandit(max_rounds=50))}, episodes=4), 5, seed=0)
    counts = Counter(event.payload["action"] for event in log if event.kind == "action")
    assert abs(counts[1] - 500) < 4 * np.sqrt(250)  # four standard deviations of a fair coin
    assistant = Bundle(
        CoordinatedTask(), PseudoRandomUser(), Person(spaces.Discrete(10), role="assistant"), max_rounds=5
    )
    log = pilot(study({"one": Condition(assistant)}, episodes=1), 1)
    assert sum(event.kind == "action" for event in log) == 5


def test_pilots_are_spread_over_the_conditions():
    plain = Condition(bandit())
    log = pilot(study({"a": plain, "b": plain, "c": plain}, episodes=1), 9)
    counts = Counter(event.payload["condition"] for event in log if event.kind == "began")
    assert counts == {"a": 3, "b": 3, "c": 3}


def test_a_prompt_that_comes_again_is_answered_as_before():
    made = study()
    session = Session(made)
    began = session.accept("began", made.opening(0))
    bot = Bot(session.condition, began["seed"], 0, seed=0)
    first = bot.answer(session.prompt)[1]["action"]
    assert [bot.answer(session.prompt)[1]["action"] for _ in range(5)] == [first] * 5
    session.accept("action", {"action": first})
    bundle = made.condition("plain").simulate(None)
    runs = bundle.run(1, seed=began["seed"])
    assert bot.answer(session.prompt)[1]["action"] == runs["user_action"][0, 1]


def test_the_times_of_a_bot_are_those_of_a_clock():
    log = pilot(whole_study(), 1)
    times = [event.monotonic for event in log]
    assert times == sorted(times)
    waits = [event.payload["response_time"] for event in log if event.kind == "action"]
    assert all(0.2 < wait < 10 for wait in waits)
    assert len(set(waits)) > len(waits) / 2


@pytest.mark.parametrize("participants", [0, -1, 1.5, True, "many"])
def test_a_pilot_has_participants(participants):
    with pytest.raises(ArgumentError, match="expected a number >= 1"):
        pilot(study(), participants)


def test_a_planning_assistant_answers_a_bot_as_it_does_a_simulated_user():
    user = PseudoRandomUser(p0=1, p1=5, p2=7)
    bundle = Bundle(CoordinatedTask(), Person(spaces.Discrete(10)), CoordinatedAssistant(user), max_rounds=50)
    log, rounds = piloted(study({"one": Condition(bundle, user, ahead=True)}, episodes=1))
    runs = bundle.replace(user=user).run(1, seed=log[0].payload["seed"])
    assert [ended.game.task_state.x for ended in rounds] == runs["task_state.x"][0].tolist()
