"""An agent is a value: a state, an observation engine, an inference engine and a policy."""

import pickle

import numpy as np
import pytest

from interaction import (
    Assistant,
    Bundle,
    CascadedInferenceEngine,
    DeterministicPolicy,
    DualInferenceEngine,
    DualPolicy,
    EpisodeRandom,
    InferenceEngine,
    InteractionTask,
    RandomPolicy,
    RuleObservationEngine,
    Simulator,
    State,
    Transition,
    User,
    spaces,
)
from interaction.agent import Agent
from interaction.checks import check_bundle
from interaction.component import promise_of
from interaction.errors import ContractError, InteractionError, SpaceError, UnknownNameError
from interaction.inference.engine import IdentityInferenceEngine
from interaction.observation import DefaultObservationEngine

TWO, THREE = RandomPolicy(spaces.Discrete(2)), RandomPolicy(spaces.Discrete(3))
SPACE = spaces.Dict({"goal": spaces.Discrete(5)})
ROLES = pytest.mark.parametrize(("kind", "role"), [(User, "user"), (Assistant, "assistant")])


class Thinks(InferenceEngine):
    """Holds a number, so that one can tell two of them apart."""

    batched = True

    def __init__(self, level=0):
        self.level = level


class Seeker(User):
    """A user made by subclassing, whose goal is drawn."""

    state_space = SPACE

    def __init__(self, patience=3):
        super().__init__(policy=TWO, state_space=SPACE)
        self.patience = patience

    def reset(self, rng):
        return State(goal=rng.integers(0, 5))


@ROLES
def test_by_default_an_agent_sees_all_but_the_other_infers_nothing_and_has_no_state(kind, role):
    agent = kind(policy=TWO)
    assert agent.role == role
    assert agent.observation_engine == DefaultObservationEngine(role)
    assert agent.inference_engine == IdentityInferenceEngine()
    assert (agent.reset(EpisodeRandom(0)), agent.state_space) == (State(), spaces.Dict({}))


@ROLES
def test_an_agent_is_made_in_place_by_keyword(kind, role):
    engine = RuleObservationEngine(role, cost=1.0)
    agent = kind(
        policy=TWO,
        observation_engine=engine,
        inference_engine=Thinks(),
        state=State(goal=1),
        state_space=SPACE,
    )
    assert (agent.policy, agent.observation_engine, agent.inference_engine) == (TWO, engine, Thinks())
    assert agent.reset(EpisodeRandom(0)) == agent.reset(EpisodeRandom(1)) == State(goal=1)
    assert agent.state_space == SPACE


@ROLES
def test_components_come_by_keyword_only(kind, role):
    with pytest.raises(TypeError):
        kind(TWO)
    with pytest.raises(TypeError, match="colour"):
        kind(policy=TWO, colour="red")
    with pytest.raises(TypeError, match="policy"):
        kind()


def test_a_subclass_draws_its_own_state_the_same_alone_and_batched():
    batch = Seeker().reset(EpisodeRandom(0, episodes=np.arange(9))).goal
    assert [Seeker().reset(EpisodeRandom(0, episode)).goal for episode in range(9)] == batch.tolist()
    assert len(set(batch.tolist())) > 1


def test_a_reset_of_ones_own_is_lifted_unless_its_class_says_how_it_is_played():
    class Promises(Seeker):
        batched = False

        def reset(self, rng):
            return State(goal=0)

    class Inherits(Promises):
        pass

    class Plain(User):
        pass

    class Arrays(Seeker):
        batched = True

        def reset(self, rng):
            return State(goal=0)

    class Below(Arrays):
        def reset(self, rng):
            return State(goal=1)

    kinds = (Seeker, Promises, Inherits, Arrays, Below)
    assert [promise_of(kind()) for kind in kinds] == [None, False, False, True, None]
    assert promise_of(Plain(policy=TWO)) is True


PARTS = {
    "policy": THREE,
    "observation_engine": RuleObservationEngine("user", cost=0.5),
    "inference_engine": Thinks(7),
    "state": State(goal=4),
    "state_space": spaces.Dict({"goal": spaces.Discrete(9)}),
}


@pytest.mark.parametrize("name", PARTS)
def test_replace_gives_another_agent_that_differs_in_the_named_part_alone(name):
    agent = User(policy=TWO, state=State(goal=1), state_space=SPACE)
    before = repr(agent)
    other = agent.replace(**{name: PARTS[name]})
    assert getattr(other, name) == PARTS[name]
    assert all(getattr(other, part) is getattr(agent, part) for part in PARTS if part != name)
    assert repr(agent) == before
    assert other != agent
    assert other.replace(**{name: getattr(agent, name)}) == agent


def test_replace_takes_several_parts_and_keeps_the_class_and_its_own_attributes():
    other = Seeker(patience=8).replace(policy=THREE, inference_engine=Thinks())
    assert (type(other), other.patience, other.policy) == (Seeker, 8, THREE)
    assert other.inference_engine == Thinks()
    assert Seeker().replace() == Seeker()


@pytest.mark.parametrize("name", ["polcy", "patience", "role", "reset", "batched"])
def test_replace_refuses_what_is_no_part_and_lists_the_parts(name):
    with pytest.raises(UnknownNameError, match=r"Seeker\.replace: .*Valid names: policy, observation_engine"):
        Seeker().replace(**{name: 1})


WRONG = [
    ({"policy": RandomPolicy}, "policy: expected a Policy, got the class RandomPolicy; make an instance"),
    ({"policy": 3}, "policy: expected a Policy, got 3"),
    ({"policy": Thinks()}, "policy: expected a Policy, got Thinks"),
    ({"observation_engine": TWO}, "observation_engine: expected a.* ObservationEngine"),
    ({"observation_engine": DefaultObservationEngine}, "DefaultObservationEngine; make an instance"),
    ({"inference_engine": Thinks}, "inference_engine: .*the class Thinks; make an instance"),
    ({"inference_engine": TWO}, "inference_engine: expected a.* InferenceEngine"),
    ({"state": {"goal": 1}, "state_space": SPACE}, "state: expected a State"),
    ({"state": State(goal=1), "state_space": {"goal": 5}}, "state_space: expected a Dict"),
    ({"state_space": spaces.Discrete(3)}, "state_space: expected a Dict"),
]


@ROLES
@pytest.mark.parametrize(("parts", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_a_wrong_part_is_an_error_that_names_the_agent_and_the_part(kind, role, parts, message):
    with pytest.raises(ContractError, match=f"{kind.__name__}: .*{message.split(':')[-1].strip()}"):
        kind(**{"policy": TWO, **parts})


@pytest.mark.parametrize(("parts", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_replace_refuses_the_same_wrong_parts(parts, message):
    with pytest.raises(ContractError):
        User(policy=TWO, state=State(goal=1), state_space=SPACE).replace(**parts)


def test_a_space_without_fields_does_not_serve_a_state_with_some():
    with pytest.raises(ContractError, match=r"User: the state has fields \(goal\), but state_space has none"):
        User(policy=TWO, state=State(goal=1), state_space=spaces.Dict({}))
    with pytest.raises(InteractionError):
        User(policy=TWO, state_space=spaces.Dict({})).replace(state=State(goal=1))


SELF = Assistant(policy=TWO, inference_engine=Thinks(1))


def primary():
    return Assistant(
        policy=DualPolicy(primary=THREE, dual=TWO),
        inference_engine=DualInferenceEngine(primary=Thinks(9), dual=Thinks(1)),
    )


def test_the_dual_of_an_assistant_is_the_simulated_self():
    agent = primary()
    before = repr(agent)
    assert agent.dual() == SELF
    assert repr(agent) == before
    assert agent != SELF


def test_the_dual_of_a_dual_is_itself():
    assert primary().dual().dual() == primary().dual()
    assert SELF.dual() is SELF


@pytest.mark.parametrize("policy", [True, False])
@pytest.mark.parametrize("inference", [True, False])
def test_either_part_may_stay_primary(policy, inference):
    agent = primary()
    twin = agent.dual(policy=policy, inference_engine=inference)
    assert twin.policy == (TWO if policy else agent.policy)
    assert twin.inference_engine == (Thinks(1) if inference else agent.inference_engine)


def test_a_dual_inside_a_cascade_is_found():
    agent = SELF.replace(inference_engine=CascadedInferenceEngine([primary().inference_engine, Thinks(2)]))
    assert agent.dual().inference_engine == CascadedInferenceEngine([Thinks(1), Thinks(2)])


def test_the_dual_keeps_the_class_the_state_and_the_own_attributes():
    user = Seeker(patience=5).replace(policy=DualPolicy(primary=THREE, dual=TWO))
    assert user.dual() == Seeker(patience=5)


def test_agents_are_equal_when_their_parts_are():
    assert User(policy=RandomPolicy(spaces.Discrete(2))) == User(policy=TWO)
    assert User(policy=TWO) != Assistant(policy=TWO)
    assert User(policy=TWO) != User(policy=THREE)
    assert Seeker(1) != Seeker(2)
    assert pickle.loads(pickle.dumps(primary())) == primary()


def test_agents_of_one_class_share_nothing_that_changes():
    first, second = User(policy=TWO), User(policy=TWO)
    first.replace(state=State(goal=1), state_space=SPACE)
    assert second.state == State()
    assert isinstance(first, Agent)
    assert first == second


TARGETS = spaces.Dict({"targets": spaces.Box(0, 9, (2,), np.int64)})
GOAL = spaces.Dict({"goal": spaces.Discrete(10)})


class Row(InteractionTask):
    """Two targets out of ten."""

    batched = True
    state_space = TARGETS

    def reset(self, rng):
        return State(targets=rng.integers(0, 10, (2,)))

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    on_assistant_action = on_user_action


class Picks(User):
    """Picks one of the task's targets as its goal."""

    def __init__(self):
        super().__init__(policy=TWO, state=State(goal=0), state_space=GOAL)

    def reset_in(self, game, rng):
        chosen = np.asarray(rng.integers(0, 2))[..., None]
        return State(goal=np.take_along_axis(game.task_state.targets, chosen, axis=-1)[..., 0])


class Follows(Assistant):
    """Begins with what the user has begun with."""

    def __init__(self):
        super().__init__(policy=TWO, state=State(goal=0), state_space=GOAL)

    def reset_in(self, game, rng):
        return State(goal=game.user_state.goal)


def test_an_agent_may_begin_according_to_the_game():
    bundle = Bundle(Row(), Picks(), Follows(), max_rounds=1)
    runs = bundle.run(50, seed=0)
    goals, targets = runs["user_state.goal"], runs["task_state.targets"]
    assert (targets == goals[..., None]).any(axis=-1).all()
    assert (runs["assistant_state.goal"] == goals).all()
    assert bundle.reset(seed=0, episode=9).user_state.goal == goals[9, 0]
    check_bundle(bundle)


def test_it_begins_according_to_what_is_forced():
    forced = {"task_state": {"targets": np.array([3, 3])}}
    runs = Bundle(Row(), Picks(), Follows(), max_rounds=1).run(5, seed=0, start=forced)
    assert (runs["user_state.goal"] == 3).all()
    forced |= {"user_state": {"goal": 7}}
    runs = Bundle(Row(), Picks(), Follows(), max_rounds=1).run(5, seed=0, start=forced)
    assert (runs["user_state.goal"] == 7).all()
    assert (runs["assistant_state.goal"] == 7).all()


def test_a_simulated_user_begins_according_to_what_the_observer_sees():
    simulator = Simulator(Row(), Picks(), Follows(), max_rounds=1)
    seen = State(task_state=State(targets=np.array([6, 6])))
    rollout = simulator.rollout(seen, EpisodeRandom(), record=("user_state.goal",))
    assert rollout.values["user_state.goal"] == 6


class Waiting(RandomPolicy):
    """Counts as having waited before its first action."""

    first_action = 1


class Repeating(DeterministicPolicy):
    """Does what it did last, and at first what counts as that."""

    action_space = spaces.Discrete(3)
    first_action = 1

    def action(self, observation, state):
        return observation.user_action


def test_a_policy_may_say_what_stands_for_its_first_action():
    waiting = Waiting(spaces.Discrete(3, start=-1))
    user = User(policy=DualPolicy(waiting, TWO))
    assert Bundle(Row(), user).reset(seed=0).user_action == 1
    for state in (None, State()):
        simulator = Simulator(user_model=User(policy=Repeating()))
        assert simulator.predict_user_action(State(task_state=State()), EpisodeRandom(), state) == 1
    with pytest.raises(SpaceError, match=r"Waiting.first_action: expected a value in Discrete\(1\), got 1"):
        Bundle(Row(), User(policy=Waiting(spaces.Discrete(1))))
