"""Genuine components of the package coopihc in our bundles, against the package itself."""

import copy
import pickle
import random
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import chi2_contingency, chisquare

pytest.importorskip(
    "coopihc",
    reason="the package coopihc is not installed (docs/how-to/coopihc.md tells how to)",
    exc_type=ImportError,
)

import coopihc
from coopihc.agents.BaseAgent import BaseAgent
from coopihc.agents.ExampleAssistant import CoordinatedAssistant as TheirCoordinatedAssistant
from coopihc.agents.ExampleAssistant import CoordinatedAssistantWithRollout as TheirRolloutAssistant
from coopihc.agents.ExampleAssistant import ExampleAssistant
from coopihc.agents.ExampleUser import ExampleUser, PseudoRandomUser, PseudoRandomUserWithParams
from coopihc.agents.lqrcontrollers.IHCT_LQGController import IHCT_LQGController
from coopihc.agents.lqrcontrollers.IHDT_LQRController import IHDT_LQRController
from coopihc.base.elements import array_element, cat_element, discrete_array_element
from coopihc.base.Space import Space as TheirSpace
from coopihc.base.State import State as TheirState
from coopihc.base.StateElement import StateElement
from coopihc.bundle.Bundle import Bundle as TheirBundle
from coopihc.examples.simplepointing.assistants import ConstantCDGain
from coopihc.examples.simplepointing.envs import SimplePointingTask
from coopihc.examples.simplepointing.users import CarefulPointer
from coopihc.inference.BaseInferenceEngine import BaseInferenceEngine
from coopihc.inference.CascadedInferenceEngine import CascadedInferenceEngine as TheirCascade
from coopihc.inference.DualInferenceEngine import DualInferenceEngine as TheirDualInferenceEngine
from coopihc.interactiontask.ClassicControlTask import ClassicControlTask
from coopihc.interactiontask.ExampleTask import CoordinatedTask as TheirCoordinatedTask
from coopihc.interactiontask.ExampleTask import ExampleTask
from coopihc.observation.CascadedObservationEngine import CascadedObservationEngine as TheirObservationCascade
from coopihc.observation.ExampleObservationEngine import ExampleObservationEngine
from coopihc.observation.RuleObservationEngine import RuleObservationEngine as TheirRules
from coopihc.observation.utils import blind_engine_specification, oracle_engine_specification
from coopihc.policy.BasePolicy import BasePolicy
from coopihc.policy.DualPolicy import DualPolicy as TheirDualPolicy
from coopihc.policy.ELLDiscretePolicy import ELLDiscretePolicy
from coopihc.policy.ExamplePolicy import PseudoRandomPolicy

from interaction import (
    Assistant,
    Bundle,
    DualInferenceEngine,
    DualPolicy,
    EpisodeRandom,
    GameState,
    Grid,
    InteractionTask,
    RandomPolicy,
    Simulator,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
)
from interaction.assistants.coordination import CoordinatedAssistant, CoordinatedAssistantWithRollout
from interaction.checks import check_agent, check_bundle, check_task
from interaction.errors import ArgumentError, ContractError, SpaceError
from interaction.inference.engine import IdentityInferenceEngine
from interaction.interop.coopihc import CoopIHCDiscretePolicy, CoopIHCInferenceEngine, from_coopihc
from interaction.interop.mirror import Mirror
from interaction.interop.translation import space_of, spaces_of
from interaction.observation import DefaultObservationEngine
from interaction.tasks.coordination import CoordinatedTask
from interaction.turns import SOURCES
from interaction.users.coordination import PseudoRandomUser as OurPseudoRandomUser

SIGNIFICANCE = 0.001
EPISODES = 400
TEN = spaces.Discrete(10)
STEP = spaces.Discrete(3, start=-1)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, max_side=3)
THEIR_SOURCES = {  # the name of a reward in their bundle, for each of ours
    source: source.replace("user_task", "first_task").replace("assistant_task", "second_task") + "_reward"
    for source in SOURCES
}


def one_of(values):
    """A policy of theirs that draws uniformly from 0, …, N - 1, or from low to high."""
    element = discrete_array_element(init=values.get("low", 0), **values)
    return BasePolicy(action_state=TheirState(action=element))


def erring(rate):
    """A careful pointer that errs: the published one does not pass its error rate on to its policy."""
    user = CarefulPointer()
    careful = user.policy.compute_likelihood.__func__

    def compute_likelihood(self, action, observation):
        return careful(self, action, observation, error_rate=rate)

    user.policy.attach_likelihood_function(compute_likelihood)
    return user


def plain(theirs):
    """What a state of theirs holds, as lists of numbers."""
    return {name: np.asarray(value).tolist() for name, value in theirs.items()}


def listed(ours):
    return {name: np.asarray(value).tolist() for name, value in ours.items()}


def compare(theirs, ours, rounds, actions=(), start=None):
    """Play both bundles side by side; states, actions, rewards and the end must be the same in each round."""
    forced = {part: {n: np.asarray(v) for n, v in values.items()} for part, values in (start or {}).items()}
    theirs.reset(dic=forced)
    game = ours.reset(seed=0, start=start)
    for number in range(rounds):
        for role in ("task", "user", "assistant"):
            if role == "task" or getattr(ours, role) is not None:
                assert plain(theirs.game_state[f"{role}_state"]) == listed(game[f"{role}_state"]), number
        given = {"assistant_action": actions[number]} if actions else {}
        _, rewards, done = theirs.step(**given)
        step = ours.step(**given)
        game = step.game
        for role in ("user", "assistant"):
            if getattr(ours, role) is not None:
                expected = np.asarray(theirs.game_state[f"{role}_action"]["action"]).tolist()
                assert expected == np.asarray(game[f"{role}_action"]).tolist(), number
        for source, name in THEIR_SOURCES.items():
            assert np.allclose(np.asarray(rewards[name], float), getattr(step.rewards, source)), source
        assert done == step.terminated, number
        if done:
            assert plain(theirs.game_state["task_state"]) == listed(game.task_state)
            return number + 1
    return rounds


def begun(task):
    """A bundle of ours with a task of theirs, at the start of a game."""
    bundle = Bundle(from_coopihc(task), from_coopihc(ExampleUser()))
    bundle.reset(seed=0)
    return bundle


def alike(first, second, bins):
    """Say whether two samples come from one distribution (chi-square of homogeneity)."""
    counts = np.array([np.histogram(np.asarray(sample, int), bins)[0] for sample in (first, second)])
    counts = counts[:, counts.sum(axis=0) > 0]
    return chi2_contingency(counts).pvalue > SIGNIFICANCE


def pendulum(noise):
    """The published example of feedback control with an estimate."""
    np.random.seed(0)  # noqa: NPY002
    inertia, damping, delay, lag = 0.25, 0.2, 0.03, 0.04
    first = damping / (delay * lag * inertia)
    second = 1 / (delay * lag) + (1 / delay + 1 / lag) * damping / inertia
    third = damping / inertia + 1 / delay + 1 / lag
    dynamics = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, -first, -second, -third]])
    control = np.array([[0, 0, 0, 1 / (delay * lag * inertia)]]).T
    noise = {"F": np.diag([0, 0, 0, 0.001]), "G": 0.03 * np.diag([1, 1, 0, 0]), "H": np.array(0.08)}
    mode = {"discrete_dynamics": False, "noise": noise, "timespace": "continuous"}
    task = ClassicControlTask(0.01, dynamics, control, **noise, **mode)
    user = IHCT_LQGController(
        "user", 0.01, np.diag([1, 0.01, 0, 0]), np.array([[1e-3]]), np.diag([1, 0.1, 0.01, 0]),
        np.diag([1, 1, 1, 0]), np.diag([0.01, 0.01, 0.05, 0]), noise=noise,
    )  # fmt: skip
    return task, user


class TestAgainstThePackage:
    """The package in its own bundle, and its components wrapped in ours."""

    def test_the_example_alone(self):
        theirs = TheirBundle(task=ExampleTask(), user=ExampleUser())
        ours = Bundle(from_coopihc(ExampleTask()), from_coopihc(ExampleUser()))
        assert compare(theirs, ours, 20) == 4

    @given(x=st.integers(-1, 3), goal=st.integers(-4, 4))
    @settings(max_examples=25, deadline=None)
    def test_the_example_from_anywhere(self, x, goal):
        theirs = TheirBundle(task=ExampleTask(), user=ExampleUser())
        ours = Bundle(from_coopihc(ExampleTask()), from_coopihc(ExampleUser()))
        start = {"task_state": {"x": x}, "user_state": {"goal": max(goal, -1)}}
        compare(theirs, ours, 6, start=start)

    def test_the_example_with_an_assistant(self):
        theirs = TheirBundle(task=ExampleTask(), user=ExampleUser(), assistant=ExampleAssistant())
        parts = map(from_coopihc, (ExampleTask(), ExampleUser(), ExampleAssistant()))
        assert compare(theirs, Bundle(*parts), 20) == 4

    def test_the_coordination_task_with_its_user_alone(self):
        user = PseudoRandomUserWithParams(p=[1, 5, 7])
        theirs = TheirBundle(task=TheirCoordinatedTask(), user=copy.deepcopy(user))
        ours = Bundle(from_coopihc(TheirCoordinatedTask()), from_coopihc(user))
        assert compare(theirs, ours, 200) == 101

    @given(
        p=st.lists(st.integers(-10, 10), min_size=3, max_size=3),
        x=st.integers(0, 9),
        actions=st.lists(st.integers(0, 9), min_size=8, max_size=8),
    )
    @settings(max_examples=30, deadline=None)
    def test_the_coordination_task_against_given_assistant_actions(self, p, x, actions):
        user = PseudoRandomUserWithParams(p=p)
        assistant = BaseAgent("assistant", agent_policy=one_of({"N": 10}))
        theirs = TheirBundle(
            task=TheirCoordinatedTask(), user=copy.deepcopy(user), assistant=copy.deepcopy(assistant)
        )
        ours = Bundle(*map(from_coopihc, (TheirCoordinatedTask(), user, assistant)))
        compare(theirs, ours, 8, actions, start={"task_state": {"x": x}})

    @given(data=st.data())
    @settings(max_examples=20, deadline=None)
    def test_pointing_without_errors(self, data):
        cells = data.draw(st.lists(st.integers(0, 30), min_size=11, max_size=11, unique=True))
        gains = data.draw(st.lists(st.integers(0, 3), min_size=30, max_size=30))
        targets = sorted(cells[1:])
        start = {
            "task_state": {"position": cells[0], "targets": np.array(targets)},
            "user_state": {"goal": data.draw(st.sampled_from(targets))},
        }
        task, user = SimplePointingTask(), CarefulPointer()
        assistant = BaseAgent("assistant", agent_policy=one_of({"low": 0, "high": 3}))
        theirs = TheirBundle(task=task, user=user, assistant=assistant)
        ours = Bundle(*map(from_coopihc, (task, user, assistant)))
        compare(theirs, ours, 30, gains, start)

    def test_pointing_by_chance(self):
        np.random.seed(1)  # noqa: NPY002
        task, user = SimplePointingTask(), erring(0.3)
        user.policy.rng = np.random.default_rng(2)
        assistant = BaseAgent("assistant", agent_policy=one_of({"low": 1, "high": 2}))
        for number, space in enumerate((user.policy.action_state, assistant.policy.action_state)):
            space["action"].space.rng = np.random.default_rng(3 + number)
        theirs = TheirBundle(task=task, user=user, assistant=assistant)
        found = {"position": [], "goal": [], "first target": [], "right": [], "gain": [], "rounds": []}
        for _ in range(EPISODES):
            state = theirs.reset()
            position, goal = int(state["task_state"]["position"]), int(state["user_state"]["goal"])
            assert goal in state["task_state"]["targets"]
            _, _, done = theirs.step()
            found["position"].append(position)
            found["goal"].append(goal)
            found["first target"].append(int(state["task_state"]["targets"][0]))
            found["right"].append(int(np.sign(goal - position) == state["user_action"]["action"]))
            found["gain"].append(int(state["assistant_action"]["action"]))
            rounds = 1
            while not done:
                _, _, done = theirs.step()
                rounds += 1
            found["rounds"].append(rounds)
        ours = Bundle(*map(from_coopihc, (task, user, assistant)))
        runs = ours.run(EPISODES, seed=4, record="all")
        goal, target = runs["user_state.goal"][:, 0], runs["task_state.targets"][:, 0]
        assert (target == goal[:, None]).any(axis=1).all()
        position = [ours.reset(seed=4, episode=episode).task_state.position for episode in range(EPISODES)]
        right = np.sign(goal - position) == runs["user_action"][:, 0]
        bins = np.arange(-0.5, 32)
        assert alike(found["position"], position, bins)
        assert alike(found["goal"], goal, bins)
        assert alike(found["first target"], target[:, 0], bins)
        assert alike(found["right"], right, [-0.5, 0.5, 1.5])
        assert alike(found["gain"], runs["assistant_action"][:, 0], bins)
        assert alike(found["rounds"], runs.lengths, [0, 3, 6, 9, 12, 15, 20, 30, 60])

    def test_a_random_policy_draws_uniformly(self):
        user = BaseAgent("user", agent_policy=one_of({"low": -1, "high": 1}))
        runs = Bundle(from_coopihc(ExampleTask()), from_coopihc(user), max_rounds=1).run(900, seed=0)
        counts = np.unique(runs["user_action"], return_counts=True)[1]
        assert len(counts) == 3
        assert chisquare(counts).pvalue > SIGNIFICANCE

    def test_feedback_control(self):
        a, b = np.array([[0, 1], [-3, -1.2]]), np.array([[0], [1]])
        task = ClassicControlTask(0.002, a, b, discrete_dynamics=False)
        user = IHDT_LQRController("user", np.array([[1, 0], [0, 0]]), 1e-4 * np.array([[1]]))
        ours_task = from_coopihc(task)
        ours = Bundle(ours_task, from_coopihc(user, task=ours_task))
        start = {"task_state": {"x": np.array([[0.5], [0.0]])}}
        assert compare(TheirBundle(task=task, user=user), ours, 50, start=start) == 50

    def test_optimal_control_with_a_kalman_filter(self, monkeypatch):
        """The published example of an LQG controller, whose policy reads the estimate of the same turn."""
        monkeypatch.setattr(
            np.random, "multivariate_normal", lambda mean, _, size: np.zeros((size, len(mean)))
        )
        task, user = pendulum(noise="off")
        x = np.array([[0.5], [0], [0], [0]])
        theirs = TheirBundle(task=copy.deepcopy(task), user=copy.deepcopy(user))
        theirs.reset(dic={"task_state": {"x": x}, "user_state": {"xhat": x}})
        wrapped = from_coopihc(task)
        ours = Bundle(wrapped, from_coopihc(user, task=wrapped, truth=True))
        ours.reset(seed=0, start={"task_state": {"x": x}, "user_state": {"xhat": x}})
        for _ in range(40):
            state, rewards, _ = theirs.step()
            game, paid, _, _ = ours.step()
            for source, name in THEIR_SOURCES.items():
                expected = np.asarray(rewards[name], float).item()
                assert np.isclose(getattr(paid, source), expected, rtol=0.02, atol=1e-4), source
            # The gains are the limit of an iteration from a random start, and differ in the fourth digit;
            # with the estimate of the turn before, the velocities differ by 0.03.
            place = [state["task_state"]["x"][:2], state["user_state"]["xhat"][:2]]
            ours_place = [game.task_state.x[:2], game.user_state.xhat[:2]]
            assert np.allclose(place, ours_place, rtol=0, atol=4e-3)

    def test_an_engine_that_is_paid_by_the_true_state_with_noise(self):
        """The reward of their Kalman filter is (x - x̂)ᵀ U (x - x̂) with the state as it is."""
        task, user = pendulum(noise="on")
        wrapped = from_coopihc(task)
        ours = Bundle(wrapped, from_coopihc(user, task=wrapped, truth=True))
        game = ours.reset(seed=0, start={"task_state": {"x": np.array([[0.5], [0], [0], [0]])}})
        for _ in range(20):
            true = game.task_state.x
            game, paid, _, _ = ours.step()
            assert not np.array_equal(game.user_observation.task_state.x, true)
            assert np.array_equal(game.user_observation.true_task_state.x, true)
            error = true - game.user_state.xhat
            assert np.isclose(paid.user_inference, (error.T @ user.U @ error).item())
        with pytest.raises(ContractError, match=r"bundle\.task\.state holds the true state.*truth=True"):
            Bundle(wrapped, from_coopihc(user, task=wrapped)).run(1, seed=0)

    def test_another_observation_engine_has_to_show_the_true_state_too(self):
        task, user = pendulum(noise="on")
        wrapped = from_coopihc(task)
        ours = from_coopihc(user, task=wrapped, truth=True)
        clear = Bundle(
            wrapped, ours.replace(observation_engine=DefaultObservationEngine("user")), max_rounds=2
        )
        with pytest.raises(ContractError, match=r"observation\.extend\(true_task_state=game\.task_state\)"):
            clear.run(1, seed=0)
        shown = Bundle(wrapped, ours.replace(observation_engine=ShowsTruth("user")), max_rounds=2)
        assert shown.run(1, seed=0).lengths == 2


class ShowsTruth(DefaultObservationEngine):
    def observe(self, game, rng):
        observation, reward = super().observe(game, rng)
        return observation.extend(true_task_state=game.task_state), reward


class Learner(BaseInferenceEngine):
    """Writes into what it observes, as engines of theirs do: counts the rounds in which x was even."""

    def infer(self, agent_observation=None):
        seen = self.observation
        state = seen["user_state"]
        if int(seen["task_state"]["x"]) % 2 == 0:
            state["even"][...] = state["even"] + 1
        state["trace"][...] = np.roll(state["trace"], 1)
        state["trace"][0] = float(seen["task_state"]["x"])
        return state, -0.25


class Waits(BasePolicy):
    """Looks at the round, the turn and its own state; thinking has a cost."""

    @BasePolicy.default_value
    def sample(self, agent_observation=None, agent_state=None):
        bundle = self.host.bundle
        assert (int(bundle.turn_number), int(agent_observation["game_info"]["turn_index"])) == (1, 0)
        moves = int(bundle.round_number) + int(agent_state["even"])
        assert int(agent_observation["game_info"]["round_index"]) == int(bundle.round_number)
        return (1 if moves % 3 else 0), -0.5


def learner(**kwargs):
    state = TheirState(
        even=discrete_array_element(init=0, low=0, high=1000),
        trace=array_element(init=np.zeros(3), low=np.full(3, -9.0), high=np.full(3, 9.0)),
    )
    action = TheirState(action=discrete_array_element(init=0, low=-1, high=1))
    parts = {"agent_policy": Waits(action_state=action), "agent_inference_engine": Learner()} | kwargs
    return BaseAgent("user", agent_state=state, **parts)


class RepairedDualPolicy(TheirDualPolicy):
    """The published `DualPolicy` cannot be made, since it sets and deletes properties that do not let it."""

    action_state = TheirDualPolicy.action_state.setter(lambda self, value: None).deleter(lambda self: None)
    host = TheirDualPolicy.host.deleter(lambda self: None)


class TestEngines:
    def test_an_engine_that_writes_into_its_observation(self):
        theirs = TheirBundle(task=ExampleTask(), user=learner())
        task = from_coopihc(ExampleTask())
        user = from_coopihc(learner())
        compare(theirs, Bundle(task, user), 12)
        check_agent(user, task)

    def test_engines_in_a_row(self):
        def user():
            return learner(agent_inference_engine=TheirCascade([Learner(), Learner()]))

        compare(
            TheirBundle(task=ExampleTask(), user=user()),
            Bundle(from_coopihc(ExampleTask()), from_coopihc(user())),
            8,
        )

    def test_the_defaults_become_ours(self):
        user = from_coopihc(ExampleUser())
        assert type(user.observation_engine) is DefaultObservationEngine
        assert type(user.inference_engine) is IdentityInferenceEngine

    def test_also_where_the_agent_has_played_already(self):
        theirs = TheirBundle(task=ExampleTask(), user=ExampleUser())
        theirs.reset()
        theirs.step()
        mapping = theirs.user.observation_engine.mapping
        user = from_coopihc(theirs.user)
        assert type(user.observation_engine) is DefaultObservationEngine
        assert theirs.user.observation_engine.mapping is mapping

    def test_rules(self):
        def doubled(value, game_state, factor):
            return value * factor

        def user():
            rules = TheirRules(
                deterministic_specification=oracle_engine_specification,
                extradeterministicrules={("task_state", "x"): (doubled, (2,))},
            )
            return ExampleUser(override_observation_engine=(rules, {}))

        task, wrapped = from_coopihc(ExampleTask()), from_coopihc(user())
        game = Bundle(task, wrapped).reset(seed=0, start={"task_state": {"x": 2}})
        seen, reward = wrapped.observation_engine.observe(game, EpisodeRandom())
        assert (seen.user_state, seen.task_state, seen.round_index) == (State(goal=4), State(x=4), 0)
        assert (seen.user_action, reward) == (0, 0.0)
        check_agent(wrapped, task)
        compare(TheirBundle(task=ExampleTask(), user=user()), Bundle(task, wrapped), 9)

    def test_noise_comes_from_our_stream(self):
        def disturbed(value, game_state):
            return value + np.random.normal(0, 1)  # noqa: NPY002

        rules = TheirRules(
            deterministic_specification=oracle_engine_specification,
            extraprobabilisticrules={("task_state", "x"): (disturbed, ())},
        )
        engine = from_coopihc(rules)
        assert rules.__dict__.get("host") is None
        game = Bundle(from_coopihc(ExampleTask()), from_coopihc(ExampleUser())).reset(seed=0)
        values = [engine.observe(game, EpisodeRandom(0, episode))[0].task_state.x for episode in (0, 1, 2, 0)]
        assert values[0] == values[3]
        assert len({*values}) == 3

    def test_what_is_not_seen_is_not_there(self):
        blind = TheirRules(deterministic_specification=blind_engine_specification)
        user = from_coopihc(ExampleUser(override_observation_engine=(blind, {})))
        bundle = Bundle(from_coopihc(ExampleTask()), user)
        bundle.reset(seed=0)
        with pytest.raises(ContractError, match=r"ExampleUser.sample .*task_state.*It sees"):
            bundle.step()

    def test_a_single_part_of_the_state(self):
        engine = from_coopihc(ExampleObservationEngine("task_state"))
        game = Bundle(from_coopihc(ExampleTask()), from_coopihc(ExampleUser())).reset(seed=0)
        assert engine.observe(game, EpisodeRandom())[0] == State(task_state=State(x=0))

    def test_observation_engines_in_a_row(self):
        cascade = TheirObservationCascade([ExampleObservationEngine("task_state"), TheirRules()])
        seen, _ = from_coopihc(cascade).observe(
            Bundle(from_coopihc(ExampleTask()), from_coopihc(ExampleUser())).reset(seed=0), EpisodeRandom()
        )
        assert seen.task_state == State(x=0)

    def test_duals_become_ours(self):
        action = TheirState(action=discrete_array_element(init=0, N=10))
        policy = RepairedDualPolicy(one_of({"N": 10}), PseudoRandomPolicy(action_state=action))
        engine = TheirDualInferenceEngine(Learner(), BaseInferenceEngine())
        state = TheirState(
            **{name: discrete_array_element(init=1, low=0, high=9) for name in ("p0", "p1", "p2")},
            even=discrete_array_element(init=0, low=0, high=99),
            trace=array_element(init=np.zeros(3), low=np.full(3, -9.0), high=np.full(3, 9.0)),
        )
        user = from_coopihc(
            BaseAgent("user", agent_policy=policy, agent_inference_engine=engine, agent_state=state)
        )
        assert isinstance(user.policy, DualPolicy)
        assert isinstance(user.inference_engine, DualInferenceEngine)
        assert isinstance(user.inference_engine.primary, CoopIHCInferenceEngine)
        dual = user.dual()
        assert type(dual.inference_engine) is IdentityInferenceEngine
        task = CoordinatedTask()
        check_agent(user, task, Assistant(policy=RandomPolicy(TEN)))
        simulator = Simulator(task, user)
        game = Bundle(task, user, Assistant(policy=RandomPolicy(TEN))).reset(seed=0)
        predicted = {simulator.predict_user_action(game, EpisodeRandom(0, episode)) for episode in range(9)}
        assert predicted == {8}  # (8 + 0) mod 10: the dual policy, which draws nothing

    def test_their_rollout_engine_is_split_into_its_two_parts(self):
        theirs = TheirRolloutAssistant(
            TheirCoordinatedTask(), PseudoRandomUserWithParams(p=[1, 5, 7]), [5, 7]
        )
        assistant = from_coopihc(theirs)
        assert isinstance(assistant.inference_engine, DualInferenceEngine)
        assert type(assistant.dual().inference_engine) is IdentityInferenceEngine


class TestCoordination:
    """The published examples do not coordinate; ours do, with the same user and task."""

    USER = PseudoRandomUserWithParams(p=[1, 5, 7])

    def test_the_published_example_does_not(self):
        theirs = TheirBundle(
            task=TheirCoordinatedTask(),
            user=copy.deepcopy(self.USER),
            assistant=TheirCoordinatedAssistant(user_model=copy.deepcopy(self.USER)),
        )
        theirs.reset(go_to=3)
        for _ in range(100):
            state, _, done = theirs.step()
            assert state["task_state"]["x"] <= 1
            if done:
                break

    def test_nor_does_the_published_one_with_rollouts(self):
        theirs = TheirBundle(
            task=TheirCoordinatedTask(),
            user=copy.deepcopy(self.USER),
            assistant=TheirRolloutAssistant(TheirCoordinatedTask(), copy.deepcopy(self.USER), [5, 7]),
        )
        theirs.reset()
        for _ in range(100):
            state, _, _ = theirs.step()
            assert (int(state["task_state"]["x"]), int(state["assistant_state"]["p0"])) == (1, 0)

    def test_wrapped_that_one_says_what_is_wrong_with_it(self):
        task, user = from_coopihc(TheirCoordinatedTask()), from_coopihc(self.USER)
        theirs = TheirRolloutAssistant(TheirCoordinatedTask(), copy.deepcopy(self.USER), [5, 7])
        bundle = Bundle(task, user, from_coopihc(theirs, task=task))
        bundle.reset(seed=0)
        with pytest.raises(ContractError, match=r"infer changed bundle\.assistant\.policy\.action_state"):
            bundle.step()

    @pytest.mark.parametrize("make", [CoordinatedAssistant, "rollout"])
    def test_ours_does_with_the_same_wrapped_user_and_task(self, make):
        task, user = from_coopihc(TheirCoordinatedTask()), from_coopihc(self.USER)
        assistant = CoordinatedAssistantWithRollout(task, user, 5, 7) if make == "rollout" else make(user)
        bundle = Bundle(task, user, assistant, max_rounds=100)
        runs = bundle.run(2, seed=0)
        assert (runs.lengths == 10).all()  # nine agreements, and the round that sees the ninth
        assert (runs.returns == -19).all()

    def test_theirs_does_in_our_bundle(self):
        """The published assistant itself, wrapped: its simulation cannot write into the real task here."""
        task, user = from_coopihc(TheirCoordinatedTask()), from_coopihc(self.USER)
        theirs = TheirCoordinatedAssistant(user_model=copy.deepcopy(self.USER))
        bundle = Bundle(task, user, from_coopihc(theirs, task=task), max_rounds=100)
        bundle.reset(seed=0)
        while not (step := bundle.step()).done:
            pass
        assert step.game.task_state.x == 9

    def test_their_task_our_user_our_rollout_assistant(self):
        task, user = from_coopihc(TheirCoordinatedTask()), OurPseudoRandomUser(1, 5, 7)
        bundle = Bundle(task, user, CoordinatedAssistantWithRollout(task, user, 5, 7), max_rounds=100)
        assert (bundle.run(3, seed=0).lengths == 10).all()

    def test_our_task_their_user_their_assistant(self):
        task, user = CoordinatedTask(), from_coopihc(self.USER)
        theirs = TheirCoordinatedAssistant(user_model=copy.deepcopy(self.USER))
        assistant = from_coopihc(theirs, task=TheirCoordinatedTask())
        runs = Bundle(task, user, assistant, max_rounds=100).run(2, seed=0)
        assert (runs.lengths == 10).all()

    def test_a_part_of_theirs_in_an_agent_of_ours(self):
        policy = PseudoRandomPolicy(action_state=TheirState(action=discrete_array_element(init=0, N=10)))
        space = spaces.Dict(dict.fromkeys(("p0", "p1", "p2"), TEN))
        user = User(policy=from_coopihc(policy), state=State(p0=1, p1=5, p2=7), state_space=space)
        assert policy.host is None
        task = CoordinatedTask()
        assistant = CoordinatedAssistant(OurPseudoRandomUser(1, 5, 7))
        check_agent(user, task, assistant)
        assert (Bundle(task, user, assistant, max_rounds=100).run(3, seed=0).lengths == 10).all()

    def test_a_part_of_ours_in_an_agent_of_theirs(self):
        user = from_coopihc(self.USER).replace(policy=OurPseudoRandomUser().policy)
        task = from_coopihc(TheirCoordinatedTask())
        bundle = Bundle(task, user, CoordinatedAssistant(user), max_rounds=100)
        assert (bundle.run(2, seed=0).lengths == 10).all()

    def test_the_hidden_parameter_of_their_user_is_inferred(self):
        """Each of ten users of theirs, with our rollout assistant that does not know p0."""
        task, user = from_coopihc(TheirCoordinatedTask()), from_coopihc(self.USER)
        model = OurPseudoRandomUser(0, 5, 7)
        assistant = CoordinatedAssistantWithRollout(CoordinatedTask(), model, 5, 7)
        start = {
            "assistant_state": {"user_model": {"p0": np.arange(10)}},
            "user_state": {"p0": np.arange(10)},
        }
        runs = Bundle(task, user, assistant, max_rounds=100).run(10, seed=0, start=start, record="all")
        assert (runs["assistant_state.p0"][:, -1] == np.arange(10)).all()


class TestConformance:
    def test_the_example(self):
        task, user = from_coopihc(ExampleTask()), from_coopihc(ExampleUser())
        check_task(task, user_action_space=STEP, assistant_action_space=STEP)
        check_agent(user, task)

    def test_coordination(self):
        task = from_coopihc(TheirCoordinatedTask())
        check_task(task, user_action_space=TEN, assistant_action_space=TEN)
        check_agent(from_coopihc(PseudoRandomUser()), task)

    def test_pointing(self):
        task = from_coopihc(SimplePointingTask())
        user = from_coopihc(erring(0.1), task=task)
        assert isinstance(user.policy, CoopIHCDiscretePolicy)  # checked: its log_prob agrees with its samples
        assistant = from_coopihc(BaseAgent("assistant", agent_policy=one_of({"low": 0, "high": 2})))
        check_task(task, user=user, assistant=assistant)
        check_bundle(Bundle(task, user, assistant))
        check_agent(user, task, assistant)

    @pytest.mark.filterwarnings("ignore:You are trying to assign")
    def test_the_published_gain_is_what_it_is_there(self):
        """Its finit assigns another space to an action that exists: the package keeps the old one, 0 or 1."""
        task = from_coopihc(SimplePointingTask())
        gain = from_coopihc(ConstantCDGain(1), task=task)
        assert gain.policy.action_space == spaces.Discrete(2)
        theirs = TheirBundle(task=SimplePointingTask(), user=CarefulPointer(), assistant=ConstantCDGain(1))
        assert {int(theirs.assistant.policy.sample()[0]) for _ in range(50)} == {0, 1}


class TestPurity:
    def test_one_instance_in_two_bundles_and_in_its_own_simulation(self):
        task, user = from_coopihc(TheirCoordinatedTask()), from_coopihc(TestCoordination.USER)
        first = Bundle(task, user, CoordinatedAssistant(user), max_rounds=100)
        second = Bundle(task, user, CoordinatedAssistantWithRollout(task, user, 5, 7), max_rounds=100)
        first.reset(seed=0)
        second.reset(seed=0, start={"task_state": {"x": 4}})
        for number in range(5):
            one, two = first.step(), second.step()
            assert (one.game.task_state.x, two.game.task_state.x) == (number + 1, number + 5)

    def test_the_genuine_object_is_left_alone(self):
        theirs = TheirBundle(task=ExampleTask(), user=ExampleUser())
        theirs.reset()
        theirs.step()
        before = str(theirs.game_state)
        ours = Bundle(from_coopihc(theirs.task), from_coopihc(theirs.user))
        ours.run(3, seed=0)
        assert str(theirs.game_state) == before
        assert theirs.task.bundle is theirs
        assert theirs.user.bundle is theirs
        theirs.step()

    def test_a_batch_equals_its_single_episodes(self):
        task, user = SimplePointingTask(), erring(0.3)
        wrapped = from_coopihc(task)
        gain = from_coopihc(BaseAgent("assistant", agent_policy=one_of({"low": 0, "high": 2})))
        bundle = Bundle(wrapped, from_coopihc(user, task=wrapped), gain)
        assert wrapped.batched is False
        runs = bundle.run(6, seed=3, record="all")
        for episode in (0, 4):
            game = bundle.reset(seed=3, episode=episode)
            for number in range(runs.lengths[episode]):
                game = bundle.step().game
                assert game.task_state.position == runs["task_state.position"][episode, number]

    def test_global_random_numbers_are_as_before(self):
        bundle = Bundle(from_coopihc(ExampleTask()), from_coopihc(learner()), max_rounds=3)
        np.random.seed(5)  # noqa: NPY002
        random.seed(5)
        np.random.normal()  # noqa: NPY002  # its twin waits for its turn
        expected = np.random.RandomState(5).normal(size=4)
        bundle.run(3, seed=0)
        assert np.array_equal([np.random.normal() for _ in range(3)], expected[1:])  # noqa: NPY002
        assert random.random() == random.Random(5).random()

    def test_python_and_numpy_globals_draw_from_our_stream(self):
        class Restless(BasePolicy):
            def sample(self, agent_observation=None, agent_state=None):
                drawn = random.randrange(4) + int(np.random.randint(4)) + int(self.rng.integers(4))  # noqa: NPY002
                return drawn + self.python.randrange(4) + int(self.old.randint(4)), 0

        policy = Restless(action_state=TheirState(action=discrete_array_element(init=0, N=20)))
        policy.rng, policy.python = np.random.default_rng(0), random.Random(0)
        policy.old = np.random.RandomState(0)
        user = from_coopihc(BaseAgent("user", agent_policy=policy))
        task = from_coopihc(TheirCoordinatedTask())
        check_agent(user, task)
        actions = Bundle(task, user, max_rounds=1).run(200, seed=0)["user_action"]
        assert len(np.unique(actions)) > 8

    def test_it_is_a_value(self):
        user = from_coopihc(CarefulPointer(), task=SimplePointingTask())
        twin = pickle.loads(pickle.dumps(user))
        assert twin == user
        assert twin.policy == user.policy
        assert user != from_coopihc(CarefulPointer(), task=SimplePointingTask(gridsize=20))
        assert user != from_coopihc(erring(0.4), task=SimplePointingTask())
        assert repr(user) == "CoopIHCUser(CarefulPointer)"

    def test_two_threads_at_once(self):
        bundle = [
            Bundle(from_coopihc(ExampleTask()), from_coopihc(ExampleUser()), max_rounds=9) for _ in range(2)
        ]
        found = {}

        def play(number):
            found[number] = bundle[number].run(30, seed=0)["task_state.x"]

        threads = [threading.Thread(target=play, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (found[0] == [1, 2, 3, 4]).all()
        assert (found[1] == [1, 2, 3, 4]).all()

    def test_an_error_leaves_nothing_behind(self):
        class Fragile(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                self.state["x"] += 1
                if self.round_number == 1:
                    raise RuntimeError("broken")
                return self.state, 0, False

        task = from_coopihc(Fragile())
        bundle = Bundle(task, from_coopihc(ExampleUser()), max_rounds=5)
        bundle.reset(seed=0)
        game = bundle.step().game
        with pytest.raises(RuntimeError, match="broken") as caught:
            bundle.step()
        assert "Fragile" in caught.value.__notes__[0]
        assert task.on_user_action(game.replace(round_index=0), EpisodeRandom()).state == State(x=2)


class Remembers(ExampleTask):
    """Keeps what changes in an attribute."""

    def __init__(self):
        super().__init__()
        self.moves = 0
        self.seen = []
        self.latest = None

    def on_user_action(self, *args, **kwargs):
        getattr(self, self.how)()
        return self.state, 0, False

    def count(self):
        self.moves += 1

    def note(self):
        self.seen.append(1)

    def scribble(self):
        self.latest = int(self.user_action)
        self.drawn = [self.latest] * 2
        assert self.drawn[0] == self.latest

    def cache(self):
        if self.latest is None:
            self.latest = {"table": np.arange(3)}
        assert self.latest["table"][1] == 1


def remembers(how):
    task = Remembers()
    task.how = how
    return task


class TestWhatDoesNotFit:
    @pytest.mark.parametrize(("how", "name"), [("count", "moves"), ("note", "seen"), ("cache", "latest")])
    def test_what_changes_outside_the_state_is_named(self, how, name):
        bundle = begun(remembers(how))
        with pytest.raises(ContractError, match=rf"Remembers\.{name}: .*self\.state\['{name}'\].*scratch="):
            [bundle.step() for _ in range(2)]

    def test_what_is_written_before_it_is_read_does_no_harm(self):
        task = from_coopihc(remembers("scribble"))
        check_task(task, user_action_space=STEP)

    def test_a_cache_may_be_forgotten(self):
        task = from_coopihc(remembers("cache"), scratch=["latest"])
        check_task(task, user_action_space=STEP)

    def test_an_attribute_of_a_class_that_is_counted_up(self):
        class Counts(ExampleTask):
            moves = 0

            def on_user_action(self, *args, **kwargs):
                self.moves += 1
                return self.state, 0, False

        bundle = begun(Counts())
        with pytest.raises(ContractError, match=r"Counts\.moves"):
            [bundle.step() for _ in range(2)]

    @pytest.mark.parametrize("value", [[1, 2], 3, "left", {"a": 1}, None])
    def test_an_object_in_a_state(self, value):
        task = ExampleTask()
        dict.__setitem__(task.state, "history", value)
        with pytest.raises(ContractError, match=r"ExampleTask\.state\['history'\]: expected a StateElement"):
            from_coopihc(task)

    def test_a_nested_one(self):
        user = ExampleUser()
        user.state["beliefs"] = TheirState(flat=cat_element(3))
        dict.__setitem__(user.state["beliefs"], "log", [])
        with pytest.raises(ContractError, match=r"ExampleUser\.state\['beliefs'\]\['log'\]"):
            from_coopihc(user)

    def test_a_bundle_that_is_played(self):
        class Impatient(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                self.bundle.step()

        bundle = begun(Impatient())
        with pytest.raises(ContractError, match=r"Impatient asks for bundle\.step, .* Offered are bundle"):
            bundle.step()

    def test_a_partner_that_was_not_named(self):
        with pytest.raises(ContractError, match=r"bundle\.task\.gridsize.*from_coopihc\(component, task="):
            from_coopihc(CarefulPointer())

    def test_a_partner_of_ours_without_the_attribute(self):
        with pytest.raises(ContractError, match=r"bundle\.task\.gridsize.*CoordinatedTask has none"):
            from_coopihc(CarefulPointer(), task=CoordinatedTask())

    def test_a_partner_of_ours_with_it(self):
        class Corridor(InteractionTask):
            gridsize = 5
            state_space = spaces.Dict(
                {
                    "position": spaces.Discrete(5),
                    "targets": spaces.Box(0, 5, (2,), np.int64),
                    "kind": spaces.Choice([1, 4]),
                    "inner": spaces.Dict({"wide": spaces.Box(-np.inf, np.inf, (), np.float64)}),
                }
            )

            def reset(self, rng):
                return State(position=2, targets=np.array([0, 4]), kind=4, inner=State(wide=0.5))

            def on_user_action(self, game, rng):
                there = game.task_state.position == game.user_state.goal
                position = game.task_state.position + game.user_action
                return Transition(game.task_state.replace(position=position), -1.0, there)

        task = Corridor()
        user = from_coopihc(CarefulPointer(), task=task)
        runs = Bundle(task, user, max_rounds=9).run(8, seed=0)
        assert np.unique(runs["user_state.goal"]).tolist() == [0, 4]
        assert (runs.lengths == 3).all()

    def test_an_engine_that_remembers_observations(self):
        user = learner(agent_inference_engine=TheirCascade([Learner(buffer_depth=5)]))
        with pytest.raises(
            ContractError, match=r"inference_engine\.engine_list\[0\]\.buffer_depth: expected 1"
        ):
            from_coopihc(user)

    def test_an_attribute_that_cannot_be_copied(self):
        user = ExampleUser()
        user.policy.lock = threading.Lock()
        with pytest.raises(ContractError, match=r"ExampleUser\.policy\.lock cannot be kept as a value"):
            from_coopihc(user)

    def test_a_task_that_changes_the_user(self):
        class Meddles(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                self.bundle.user.state["goal"][...] = 2

        bundle = begun(Meddles())
        with pytest.raises(ContractError, match=r"action changed bundle\.user\.state\['goal'\]"):
            bundle.step()

    def test_a_policy_that_changes_its_state(self):
        class Forgets(BasePolicy):
            def sample(self, agent_observation=None, agent_state=None):
                self.state["even"][...] = 7
                return 0, 0

        action = TheirState(action=discrete_array_element(init=0, low=-1, high=1))
        user = from_coopihc(learner(agent_policy=Forgets(action_state=action)))
        bundle = Bundle(from_coopihc(ExampleTask()), user)
        bundle.reset(seed=0)
        with pytest.raises(ContractError, match=r"sample changed BaseAgent\.state\['even'\]"):
            bundle.step()

    def test_a_state_that_grows(self):
        class Grows(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                self.state["y"] = discrete_array_element(init=0, low=0, high=1)

        bundle = begun(Grows())
        with pytest.raises(ContractError, match=r"Grows\.state\['y'\] appeared"):
            bundle.step()

    def test_a_state_that_shrinks(self):
        class Shrinks(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                del self.state["x"]

        bundle = begun(Shrinks())
        with pytest.raises(ContractError, match=r"Shrinks\.state\['x'\] disappeared"):
            bundle.step()

    def test_a_value_outside_its_space(self):
        class Leaves(ExampleTask):
            def __init__(self):
                super().__init__()
                self.state["y"] = discrete_array_element(init=0, low=0, high=1)

            def on_user_action(self, *args, **kwargs):
                self.state["y"] += 3

        bundle = begun(Leaves())
        with pytest.raises(SpaceError, match=r"field 'y': expected a value in Discrete\(2\), got 3"):
            bundle.step()

    def test_a_state_of_another_object(self):
        class Anew(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                self.state = TheirState(x=discrete_array_element(init=3, low=-1, high=4))
                return self.state, np.array([[2.0]]), np.bool_(False)

        bundle = Bundle(from_coopihc(Anew()), from_coopihc(ExampleUser()), max_rounds=3)
        bundle.reset(seed=0)
        step = bundle.step()
        assert (step.game.task_state, step.rewards.user_task) == (State(x=3), 2.0)
        assert bundle.step().game.task_state == State(x=3)

    @pytest.mark.parametrize(
        ("result", "message"), [((1, 2), "expected \\(state, reward"), ((0, "a", False), "a number")]
    )
    def test_a_task_that_gives_something_else(self, result, message):
        class Odd(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                return result

        bundle = begun(Odd())
        with pytest.raises(ContractError, match=message):
            bundle.step()

    @pytest.mark.parametrize("thing", [3, None, ExampleTask, CoordinatedTask(), coopihc])
    def test_something_else(self, thing):
        with pytest.raises(ContractError, match="from_coopihc: expected one of CoopIHC's InteractionTask"):
            from_coopihc(thing)

    def test_wrong_arguments(self):
        with pytest.raises(ContractError, match=r"from_coopihc: task: expected one of CoopIHC's .* got 3"):
            from_coopihc(ExampleUser(), task=3)
        with pytest.raises(ArgumentError, match="role: expected 'user' or 'assistant', got 'boss'"):
            from_coopihc(ExampleUser(), role="boss")
        with pytest.raises(ArgumentError, match="ExampleUser is the user, got 'assistant'"):
            from_coopihc(ExampleUser(), role="assistant")
        with pytest.raises(ArgumentError, match="task: expected a task for ExampleUser"):
            from_coopihc(ExampleUser(), task=ExampleAssistant())
        with pytest.raises(ArgumentError, match="user: ExampleUser is the user itself"):
            from_coopihc(ExampleUser(), user=ExampleUser())
        with pytest.raises(ArgumentError, match="scratch: expected a list"):
            from_coopihc(ExampleUser(), scratch="cache")


class TestTranslation:
    @given(
        low=hnp.arrays(
            np.int64, hnp.array_shapes(min_dims=0, max_dims=3, max_side=3), elements=st.integers(-99, 99)
        ),
        span=st.integers(0, 50),
    )
    def test_whole_numbers_of_any_shape(self, low, span):
        element = discrete_array_element(init=low, low=low, high=low + span)
        space = space_of(element, "here")
        if low.shape == ():
            assert space == spaces.Discrete(span + 1, start=int(low))
        else:
            assert space == spaces.Box(low, low + span, low.shape, np.int64)

    @given(
        shape=hnp.array_shapes(min_dims=0, max_dims=3, max_side=3), dtype=st.sampled_from([np.float32, float])
    )
    def test_numbers_of_any_shape(self, shape, dtype):
        low = np.full(shape, -1.5, dtype)
        element = StateElement(low, TheirSpace(low=low, high=-low, dtype=dtype))
        assert space_of(element, "here") == spaces.Box(-1.5, 1.5, shape, dtype)

    @pytest.mark.filterwarnings("ignore:Warning. Instantiated Value")
    def test_numbers_without_bounds(self):
        assert space_of(array_element(shape=(2,)), "here") == spaces.Box(-np.inf, np.inf, (2,), np.float64)
        with np.errstate(invalid="ignore"):
            wide = space_of(discrete_array_element(low=0, high=np.inf, init=0), "here")
        assert wide == spaces.Box(0, np.iinfo(np.int64).max, (), np.int64)

    def test_categories(self):
        assert space_of(cat_element(4), "here") == spaces.Discrete(4)
        some = StateElement(5, TheirSpace(array=np.array([-2, 1, 5])))
        assert space_of(some, "here") == spaces.Choice([-2, 1, 5])
        with pytest.raises(ContractError, match="of the type bool"):
            space_of(StateElement(True, TheirSpace(low=np.array(False), high=np.array(True))), "here")

    @given(
        number=st.integers(-5, 5),
        vector=hnp.arrays(float, 3, elements=st.floats(-1, 1)),
        category=st.sampled_from([-2, 1, 5]),
    )
    def test_what_is_shown_is_read_back(self, number, vector, category):
        state = TheirState(
            number=discrete_array_element(init=0, low=-5, high=5),
            nested=TheirState(
                vector=array_element(init=np.zeros(3), low=-np.ones(3), high=np.ones(3)),
                category=StateElement(1, TheirSpace(array=np.array([-2, 1, 5]))),
            ),
        )
        mirror = Mirror(state)
        values = State(number=number, nested=State(vector=vector, category=category))
        mirror.show(values)
        assert mirror.read("here") == values
        assert mirror.changed(values) is None
        assert spaces_of(state, "here")["nested"]["category"] == spaces.Choice([-2, 1, 5])

    def test_a_value_that_an_element_cannot_hold_gets_another_one(self):
        mirror = Mirror(TheirState(x=discrete_array_element(init=0, low=0, high=5)))
        mirror.show(State(x=2.5, y=np.array([True, False]), name="left", nothing=None))
        assert mirror.read("here") == State(x=2.5, y=np.array([1, 0]))
        mirror.show(State(x=np.array([1.0, 2.0])))
        assert mirror.read("here") == State(x=np.array([1.0, 2.0]))

    def test_several_actions_at_once(self):
        class Both(BasePolicy):
            def sample(self, agent_observation=None, agent_state=None):
                assert int(agent_observation["user_action"]["left"]) in (0, 2) if agent_observation else True
                return (2, 0.5), 0

        class Reads(ExampleTask):
            def on_user_action(self, *args, user_action=None, **kwargs):
                left, right = self.user_action
                assert (int(left), float(right)) == (2, 0.5)
                return self.state, float(right), False

        action = TheirState(
            left=discrete_array_element(init=0, low=0, high=3),
            right=array_element(init=0.0, low=0.0, high=1.0),
        )
        user = BaseAgent("user", agent_policy=Both(action_state=action))
        task = from_coopihc(Reads(), user=user)
        wrapped = from_coopihc(user)
        assert list(wrapped.policy.action_space.spaces) == ["left", "right"]
        step = Bundle(task, wrapped)
        step.reset(seed=0)
        assert step.step().game.user_action == State(left=2, right=0.5)
        check_agent(wrapped, task)


class Simulates(ExampleTask):
    """Holds a bundle of theirs, which it plays, and counts in an attribute how often."""

    def __init__(self):
        super().__init__()
        self.inner = TheirBundle(task=ExampleTask(), user=ExampleUser())
        self.played = 0

    def on_user_action(self, *args, **kwargs):
        self.inner.step()
        if self.counts:
            self.played += 1
        self.state["x"] = int(self.inner.game_state["task_state"]["x"])
        return self.state, 0, False


@pytest.mark.parametrize("counts", [False, True])
def test_a_bundle_inside_is_always_as_it_was_wrapped(counts):
    task = Simulates()
    task.counts = counts
    bundle = Bundle(from_coopihc(task), from_coopihc(ExampleUser()), max_rounds=5)
    bundle.reset(seed=0)
    assert bundle.step().game.task_state.x == 1
    if counts:
        with pytest.raises(ContractError, match=r"Simulates\.played"):
            bundle.step()
    else:
        assert bundle.step().game.task_state.x == 1


class TestDifferences:
    """What docs/how-to/coopihc.md lists as different."""

    def test_clipped_elements_are_clipped(self):
        down = {"user_action": -1}
        theirs = TheirBundle(task=ExampleTask(), user=ExampleUser())
        theirs.reset()
        ours = Bundle(from_coopihc(ExampleTask()), from_coopihc(ExampleUser()))
        ours.reset(seed=0)
        for _ in range(3):
            theirs.step(**down)
            game = ours.step(**down).game
        assert int(theirs.game_state["task_state"]["x"]) == -3
        assert game.task_state.x == -1

    def test_each_episode_begins_anew(self):
        class Lasting(ExampleTask):
            def reset(self, dic=None):
                return

        theirs = TheirBundle(task=Lasting(), user=ExampleUser())
        ours = Bundle(from_coopihc(Lasting()), from_coopihc(ExampleUser()))
        for _ in range(2):
            theirs.reset()
            game = ours.reset(seed=0)
            theirs.step()
            ours.step()
        assert game.task_state.x == 0
        assert int(theirs.game_state["task_state"]["x"]) == 2

    def test_an_observation_is_no_way_into_the_game(self):
        class Vandal(BasePolicy):
            @BasePolicy.default_value
            def sample(self, agent_observation=None, agent_state=None):
                agent_observation["task_state"]["x"][...] = 3
                return 0, 0

        action = TheirState(action=discrete_array_element(init=0, low=-1, high=1))
        user = BaseAgent("user", agent_policy=Vandal(action_state=action))
        theirs = TheirBundle(task=ExampleTask(), user=copy.deepcopy(user))
        theirs.reset()
        theirs.step()
        ours = Bundle(from_coopihc(ExampleTask()), from_coopihc(user))
        ours.reset(seed=0)
        assert int(theirs.game_state["task_state"]["x"]) == 3
        assert ours.step().game.task_state.x == 0

    def test_a_task_may_return_nothing(self):
        class Silent(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                return None

        theirs = TheirBundle(task=Silent(), user=ExampleUser())
        theirs.reset()
        with pytest.raises(ValueError, match="too many values"):
            theirs.step()
        ours = Bundle(from_coopihc(Silent()), from_coopihc(ExampleUser()))
        ours.reset(seed=0)
        assert ours.step().rewards.user_task == -0.5


def test_a_reset_at_random_draws_from_their_spaces():
    bundle = Bundle(from_coopihc(ExampleTask()), from_coopihc(ExampleUser()))
    goals = {bundle.reset(seed=0, episode=episode, random=True).user_state.goal for episode in range(60)}
    assert len(goals) > 5


def test_a_game_of_theirs_begins_with_their_first_action():
    bundle = Bundle(from_coopihc(ExampleTask()), from_coopihc(ExampleUser()))
    game = bundle.reset(seed=0)
    assert isinstance(game, GameState)
    assert game.user_action == 0  # the first element of the space would be -1


def leaning(bias):
    """A user who presses the second of two buttons in `bias` of ten cases."""

    def compute_likelihood(self, action, observation):
        right = float(observation["user_state"]["bias"]) / 10
        return right if action[0] == 1 else 1 - right

    policy = ELLDiscretePolicy(TheirState(action=discrete_array_element(init=0, N=2)))
    policy.attach_likelihood_function(compute_likelihood)
    state = TheirState(bias=discrete_array_element(init=bias, low=1, high=9))
    return BaseAgent("user", agent_policy=policy, agent_state=state)


def test_what_a_user_of_theirs_is_like_can_be_inferred():
    task, user = from_coopihc(TheirCoordinatedTask()), from_coopihc(leaning(8))
    belief_filter = UserModelFilter(from_coopihc(leaning(1)), Grid({"bias": range(1, 10)}))
    watching = Assistant(
        policy=RandomPolicy(TEN),
        inference_engine=belief_filter,
        state=State(belief=belief_filter.initial(EpisodeRandom())),
        state_space=spaces.Dict({"belief": belief_filter.space}),
    )
    runs = Bundle(task, user, watching, max_rounds=60).run(4, seed=0)
    weights = np.exp(runs["assistant_state.belief.log_weights"][:, -1])
    mean = (weights * np.arange(1, 10)).sum(axis=1) / weights.sum(axis=1)
    assert abs(mean.mean() - 8) < 0.5  # two standard errors of 240 presses, and the prior's pull


class TestTakenFromABundle:
    """What is in a bundle of theirs has been made ready there, and is not made ready again."""

    class Counts(BaseAgent):
        def __init__(self):
            state = TheirState(calls=discrete_array_element(init=0, low=0, high=9))
            policy = BasePolicy(TheirState(action=cat_element(N=2)))
            super().__init__("user", agent_policy=policy, agent_state=state)

        def finit(self):
            self.state["calls"][...] = self.state["calls"] + 1

    def test_finit_is_called_once(self):
        alone = from_coopihc(self.Counts())
        user = self.Counts()
        TheirBundle(task=ExampleTask(), user=user)
        inside = from_coopihc(user)
        again = from_coopihc(ExampleTask(), user=inside)
        assert alone.reset(EpisodeRandom()).calls == inside.reset(EpisodeRandom()).calls == 1
        assert again._stage.bundle.user.state["calls"] == 1
        assert pickle.loads(pickle.dumps(inside)).reset(EpisodeRandom()).calls == 1

    def test_with_another_partner_it_is_called_again_as_in_another_bundle(self):
        user = self.Counts()
        TheirBundle(task=ExampleTask(), user=user)
        TheirBundle(task=ExampleTask(), user=user)
        assert int(user.state["calls"]) == 2
        other = self.Counts()
        TheirBundle(task=ExampleTask(), user=other)
        assert from_coopihc(other, task=ExampleTask()).reset(EpisodeRandom()).calls == 2


def test_a_later_version_of_the_same_number_is_refused(monkeypatch):
    """The repository's HEAD says 0.0.2, too; its engines have buffers of their own."""
    monkeypatch.setattr(coopihc, "BufferNotFilledError", Exception, raising=False)
    with pytest.raises(ContractError, match=r"published coopihc 0\.0\.2.*is a later one.*of the same number"):
        from_coopihc(ExampleTask())
