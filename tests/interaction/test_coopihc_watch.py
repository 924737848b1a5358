"""Whatever a component of the package coopihc keeps between calls is found, or does no harm."""

import copy
import itertools
import os
import random
import subprocess
import sys
import threading
from collections import deque
from enum import Enum
from functools import cached_property

import numpy as np
import pytest
from scipy.stats import randint

pytest.importorskip(
    "coopihc",
    reason="the package coopihc is not installed (docs/how-to/coopihc.md tells how to)",
    exc_type=ImportError,
)

from coopihc.agents.BaseAgent import BaseAgent
from coopihc.agents.ExampleUser import ExampleUser
from coopihc.base.elements import array_element, discrete_array_element
from coopihc.base.Space import Space as TheirSpace
from coopihc.base.State import State as TheirState
from coopihc.base.StateElement import StateElement
from coopihc.bundle.Bundle import Bundle as TheirBundle
from coopihc.inference.BaseInferenceEngine import BaseInferenceEngine
from coopihc.inference.CascadedInferenceEngine import CascadedInferenceEngine as TheirCascade
from coopihc.interactiontask.ExampleTask import CoordinatedTask as TheirCoordinatedTask
from coopihc.interactiontask.ExampleTask import ExampleTask
from coopihc.observation.ExampleObservationEngine import ExampleObservationEngine
from coopihc.observation.RuleObservationEngine import RuleObservationEngine
from coopihc.observation.utils import oracle_engine_specification
from coopihc.policy.BasePolicy import BasePolicy
from coopihc.policy.ELLDiscretePolicy import ELLDiscretePolicy

from interaction import (
    Assistant,
    Bundle,
    EpisodeRandom,
    GameState,
    Grid,
    InteractionTask,
    RandomPolicy,
    State,
    Transition,
    User,
    UserModelFilter,
    fit,
    spaces,
)
from interaction.checks import check_agent, check_task
from interaction.errors import ArgumentError, ContractError, SpaceError
from interaction.interop.coopihc import from_coopihc

TEN = spaces.Discrete(10)
STEP = spaces.Discrete(3, start=-1)


def moves(low, high):
    return TheirState(action=discrete_array_element(init=max(low, 0), low=low, high=high))


class Slotted:
    __slots__ = ("count",)

    def __init__(self):
        self.count = 0


class Keeps(ExampleTask):
    """Keeps something between its calls, in one of many places; the reward tells how often it was called."""

    def __init__(self, where):
        super().__init__()
        self.where = where
        self.made = {
            "deque": deque,
            "iterator": itertools.count,
            "slots": Slotted,
            "object array": lambda: np.array([[]], object).repeat(1, axis=0),
            "buffer": list,
            "mapping": dict,
            "bytearray": bytearray,
            "first": lambda: 1,
            "inner": lambda: [TheirBundle(task=ExampleTask(), user=ExampleUser())],
            "set": set,
        }.get(where, lambda: None)()
        if where in ("buffer", "mapping", "first"):
            setattr(self, where, self.made)
        if where == "object array":
            self.made = np.empty(1, object)
            self.made[0] = []

    def on_user_action(self, *args, **kwargs):
        return self.state, getattr(self, "in_" + self.where.replace(" ", "_"))(), False

    def in_deque(self):
        self.made.append(1)
        return len(self.made)

    def in_iterator(self):
        return next(self.made)

    def in_slots(self):
        self.made.count += 1
        return self.made.count

    def in_object_array(self):
        self.made[0].append(1)
        return len(self.made[0])

    def in_buffer(self):
        self.buffer.append(1)
        return len(self.buffer)

    def in_mapping(self):
        self.mapping[len(self.mapping)] = 1
        return len(self.mapping)

    def in_bytearray(self):
        self.made.append(1)
        return len(self.made)

    def in_set(self):
        self.made.add((len(self.made), 1))
        return len(self.made)

    def in_first(self):
        if hasattr(self, "first"):
            del self.first
            return 1
        return 0

    def in_inner(self):
        self.made[0].step()
        return int(self.made[0].game_state["task_state"]["x"])

    def in_closure(self):
        return self.counter()

    def in_game_state(self):
        count = int("memory" in self.bundle.game_state)
        self.bundle.game_state["memory"] = TheirState()
        return count

    def in_game_info(self):
        count = int("memory" in self.bundle.game_state["game_info"])
        self.bundle.game_state["game_info"]["memory"] = discrete_array_element(N=2)
        return count

    def in_bundle(self):
        self.bundle.last = 1
        return 0

    def in_partner(self):
        self.bundle.user.last = 1
        return 0


def counter():
    count = 0

    def step():
        nonlocal count
        count += 1
        return count

    return step


@pytest.mark.parametrize(
    "where",
    ["deque", "iterator", "slots", "object array", "buffer", "mapping", "bytearray", "set", "first", "inner",
     "closure", "game_state", "game_info", "bundle", "partner"],
)  # fmt: skip
def test_the_same_call_gives_the_same_or_an_error(where):
    task = Keeps(where)
    if where == "closure":
        task.counter = counter()
    wrapped = from_coopihc(task)
    game = GameState(task_state=State(x=0), turn_index=1, user_action=1)
    found = set()
    for _ in range(4):
        try:
            found.add(wrapped.on_user_action(game, EpisodeRandom()).reward)
        except ContractError as error:
            found.add("refused" if "Keeps." in str(error) or "bundle." in str(error) else str(error))
    assert found <= {min(found, key=str), "refused"}


def test_what_a_row_of_a_batch_sets_back_is_found_too():
    class Clicks(ExampleTask):
        def __init__(self):
            super().__init__()
            self.clicked = False

        def on_user_action(self, *args, **kwargs):
            self.clicked = bool(self.user_action == 1)
            return self.state, 0, False

        def on_assistant_action(self, *args, **kwargs):
            return self.state, float(self.clicked), False

    user = BaseAgent("user", agent_policy=BasePolicy(action_state=moves(0, 1)))
    bundle = Bundle(
        from_coopihc(Clicks()), from_coopihc(user), Assistant(policy=RandomPolicy(TEN)), max_rounds=1
    )
    for seed in range(6):
        with pytest.raises(ContractError, match=r"Clicks\.clicked"):
            bundle.run(4, seed=seed)


class Mode(Enum):
    SLOW = 1
    FAST = 2


class Ordinary(ExampleTask):
    def __init__(self):
        super().__init__()
        self.modes = {Mode.SLOW, Mode.FAST}
        self.grid = {"walls": {(0, 1), (2, 3)}, "cost": np.zeros((3, 3))}
        self.best = np.float64("nan")
        self.own = self.state["x"]
        self.memory = TheirState()
        self.kind = np.int64(3)

    @cached_property
    def table(self):
        return [1, 2, 3]

    def on_user_action(self, *args, **kwargs):
        self.kind = np.int64(3)
        return self.state, self.table[1] + int(self.own) - int(self.state["x"]), False


def test_what_does_not_change_raises_no_alarm():
    task = from_coopihc(Ordinary())
    check_task(task, user_action_space=STEP)


def test_a_base_method_called_by_the_class_of_self():
    class Old(ExampleTask):
        def reset(self, dic=None):
            super(self.__class__, self).reset(dic)
            self.state["x"] = 2

    assert Bundle(from_coopihc(Old()), from_coopihc(ExampleUser())).reset(seed=0).task_state.x == 2


def test_a_policy_that_holds_a_policy():
    class Outer(BasePolicy):
        def __init__(self):
            super().__init__(action_state=moves(0, 9))
            self.inner = BasePolicy(action_state=moves(0, 9))

        def sample(self, agent_observation=None, agent_state=None):
            return int(self.inner.sample(self.observation, TheirState())[0]), 0

    user = from_coopihc(BaseAgent("user", agent_policy=Outer()))
    check_agent(user, from_coopihc(TheirCoordinatedTask()))


def test_parts_are_kept():
    class Swaps(BaseInferenceEngine):
        def infer(self, agent_observation=None):
            self.host._attach_policy(BasePolicy(action_state=moves(0, 3)))
            return {}, 0

    class Replaces(BasePolicy):
        def sample(self, agent_observation=None, agent_state=None):
            self.action_state = moves(0, 1)
            return 1, 0

    task = from_coopihc(TheirCoordinatedTask())
    for user in (
        BaseAgent("user", agent_policy=BasePolicy(action_state=moves(0, 9)), agent_inference_engine=Swaps()),
        BaseAgent("user", agent_policy=Replaces(action_state=moves(0, 9))),
    ):
        bundle = Bundle(task, from_coopihc(user))
        bundle.reset(seed=0)
        for _ in range(2):
            with pytest.raises(ContractError, match="was replaced in a call"):
                bundle.step()


class TestWhatAnAgentSees:
    def play(self, make, rounds=8, task=ExampleTask):
        """Play a user in both bundles; give the actions of each."""
        theirs = TheirBundle(task=task(), user=make())
        ours = Bundle(from_coopihc(task()), from_coopihc(make()))
        theirs.reset()
        ours.reset(seed=0)
        found = [], []
        for _ in range(rounds):
            _, rewards, done = theirs.step()
            step = ours.step()
            found[0].append((int(theirs.game_state["user_action"]["action"]), float(sum(rewards.values()))))
            found[1].append((int(step.game.user_action), float(step.rewards.total)))
            if done:
                break
        return found

    def test_a_policy_sees_what_was_inferred_in_its_turn(self):
        class Homeward(BaseInferenceEngine):
            @BaseInferenceEngine.default_value
            def infer(self, agent_observation=None):
                state = agent_observation["user_state"]
                if agent_observation["task_state"]["x"] >= 2:
                    state["goal"][...] = -1
                return state, 0

        theirs, ours = self.play(lambda: ExampleUser(override_inference_engine=(Homeward(), {})))
        assert theirs == ours
        assert (-1, -1.0) in ours

    def test_methods_bound_to_an_engine_and_overrides_of_an_agent(self):
        def bound():
            user = ExampleUser()

            def infer(self, agent_observation=None):
                state = self.observation["user_state"]
                state["goal"][...] = 2
                return state, -2

            user.inference_engine.bind(infer, "infer")
            return user

        class Overrides(ExampleUser):
            def observe(self, *args, **kwargs):
                seen, reward = super().observe(*args, **kwargs)
                seen = copy.deepcopy(seen)
                seen["task_state"]["x"][...] = 4
                self.inference_engine.buffer[-1] = seen
                return seen, reward - 3

        for make in (bound, Overrides):
            theirs, ours = self.play(make, rounds=4)
            assert theirs == ours

    def test_an_engine_that_writes_into_the_state_of_its_host(self):
        class Settles(BaseInferenceEngine):
            def infer(self, agent_observation=None):
                self.host.state["goal"][...] = 2
                return super().infer(agent_observation=agent_observation)

        theirs, ours = self.play(lambda: ExampleUser(override_inference_engine=(Settles(), {})))
        assert theirs == ours
        assert ours[-1] == (0, -1.0)

    def test_what_is_inferred_may_have_another_shape_and_lack_a_field(self):
        class Shapes(BaseInferenceEngine):
            def infer(self, agent_observation=None):
                return {"trace": np.full(self.shape, 0.5)}, 0

        def engine(*shape):
            shapes = Shapes()
            shapes.shape = shape
            three = np.zeros(3)
            state = TheirState(
                goal=discrete_array_element(init=3, low=0, high=9),
                trace=array_element(init=three, low=three, high=three + 1),
            )
            return from_coopihc(
                BaseAgent("user", agent_state=state, agent_inference_engine=shapes)
            ).inference_engine

        state = State(goal=3, trace=np.zeros(3))
        seen = State(task_state=State(x=0), user_state=State(goal=3))
        inferred = engine(3, 1).infer(seen, state, EpisodeRandom())[0]
        assert inferred == State(goal=3, trace=np.full(3, 0.5))
        with pytest.raises(ContractError, match=r"state\['trace'\]: expected the shape \(3,\), got \(4,\)"):
            engine(4).infer(seen, state, EpisodeRandom())

    def test_rules_are_worked_out_for_each_game(self):
        rules = RuleObservationEngine(
            deterministic_specification=oracle_engine_specification,
            extradeterministicrules={("task_state", "x"): (lambda value, game_state: value + 1, ())},
        )
        engine = from_coopihc(rules)
        for task_state in (State(x=1), State(x=1, y=2.0), State(y=2.0)):
            seen, _ = engine.observe(GameState(task_state=task_state), EpisodeRandom())
            expected = {name: value + (name == "x") for name, value in task_state.items()}
            assert dict(seen.task_state) == expected

    def test_what_is_hidden_is_an_error_and_no_default(self):
        class Counts(BasePolicy):
            @BasePolicy.default_value
            def sample(self, agent_observation=None, agent_state=None):
                return int(self.host.bundle.round_number) % 10, 0

        class Copies(BasePolicy):
            @BasePolicy.default_value
            def sample(self, agent_observation=None, agent_state=None):
                return self.host.bundle.assistant.action, 0

        for policy in (Counts, Copies):
            user = BaseAgent(
                "user",
                agent_policy=policy(action_state=moves(0, 9)),
                agent_observation_engine=ExampleObservationEngine("task_state"),
            )
            bundle = Bundle(from_coopihc(TheirCoordinatedTask()), from_coopihc(user))
            bundle.reset(seed=0)
            with pytest.raises(ContractError, match=r"round_index|does not observe it"):
                bundle.step()

    def test_the_action_of_an_agent_is_not_the_tasks_to_change(self):
        class Triples(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                delta = self.user_action
                delta *= 3

        bundle = Bundle(from_coopihc(Triples()), from_coopihc(ExampleUser()))
        bundle.reset(seed=0)
        with pytest.raises(ContractError, match=r"changed bundle\.user\.policy\.action_state\['action'\]"):
            bundle.step()

    def test_entries_of_an_action_keep_their_order(self):
        class Both(BasePolicy):
            def __init__(self):
                move = discrete_array_element(init=0, low=-1, high=5)
                super().__init__(action_state=TheirState(move=move, click=discrete_array_element(N=10)))

            def sample(self, agent_observation=None, agent_state=None):
                return (2, 7), 0

        class Reads(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                move, _ = self.user_action
                return self.state, int(move), False

        user = from_coopihc(BaseAgent("user", agent_policy=Both()))
        space = user.policy.action_space
        assert list(space.spaces) == ["move", "click"]
        native = User(policy=RandomPolicy(space))
        for partner in (user, native):
            bundle = Bundle(from_coopihc(Reads(), user=partner), native, max_rounds=1)
            runs = bundle.run(5, seed=0)
            assert (runs.returns == runs["user_action.move"][:, 0]).all()
        bundle = Bundle(from_coopihc(Reads()), user)
        bundle.reset(seed=0)
        with pytest.raises(ContractError, match=r"entries have an order .* name the user"):
            bundle.step()

    def test_a_single_entry_of_another_name_is_the_action(self):
        policy = BasePolicy(action_state=TheirState(gain=discrete_array_element(N=10)))
        engine = ExampleObservationEngine("user_action")
        user = from_coopihc(BaseAgent("user", agent_policy=policy, agent_observation_engine=engine))
        game = Bundle(from_coopihc(TheirCoordinatedTask()), user).reset(seed=0)
        assert user.observation_engine.observe(game, EpisodeRandom())[0] == State(user_action=0)

    def test_a_part_of_an_observation_that_is_no_state(self):
        class Flat(ExampleObservationEngine):
            def observe(self, game_state=None):
                return game_state["task_state"], 0

        user = from_coopihc(ExampleUser(override_observation_engine=(Flat("x"), {})))
        bundle = Bundle(from_coopihc(ExampleTask()), user)
        bundle.reset(seed=0)
        with pytest.raises(ContractError, match="'x' is StateElement"):
            bundle.step()

    def test_the_space_of_a_partner_that_was_not_named(self):
        class Relative(BasePolicy):
            @BasePolicy.default_value
            def sample(self, agent_observation=None, agent_state=None):
                x = agent_observation["task_state"]["x"]
                return (1 if x / x.space.high < 0.5 else 0), 0

        def user():
            return BaseAgent("user", agent_policy=Relative(action_state=moves(-1, 1)))

        bundle = Bundle(from_coopihc(ExampleTask()), from_coopihc(user()))
        bundle.reset(seed=0)
        with pytest.raises(ContractError, match=r"the space of 'x' is not known.*name it"):
            bundle.step()
        bundle = Bundle(from_coopihc(ExampleTask()), from_coopihc(user(), task=ExampleTask()), max_rounds=5)
        assert bundle.run(1, seed=0)["task_state.x"][0, -1] == 2


class TestNumbers:
    def test_generators_that_spaces_make_anew_are_ours(self):
        class Draws(ExampleTask):
            def __init__(self):
                super().__init__()
                three = np.zeros(3)
                self.state["targets"] = discrete_array_element(init=three, low=three, high=three + 99)

            def finit(self):
                self.state["far"] = discrete_array_element(init=0, low=0, high=10**6)

            def reset(self, dic=None):
                self.state["far"].reset()
                self.state["targets"][0] = self.state["targets"].space[0].sample()
                self.state["targets"][1] = np.random.default_rng().integers(99)

        before = np.random.default_rng
        bundle = Bundle(from_coopihc(Draws()), from_coopihc(ExampleUser()))
        found = [bundle.reset(seed=0, episode=episode).task_state for episode in (0, 1, 0)]
        assert found[0] == found[2]
        assert found[0] != found[1]
        assert np.random.default_rng is before

    @pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint8, np.int16])
    def test_narrow_types(self, dtype):
        class Narrow(ExampleTask):
            def __init__(self):
                super().__init__()
                low = np.zeros((), dtype)
                self.state["y"] = array_element(init=low, low=low, high=low + 9, dtype=dtype)

        task = from_coopihc(Narrow())
        check_task(task, user_action_space=STEP)
        bundle = Bundle(task, from_coopihc(ExampleUser()))
        bundle.reset(seed=0, random=True)
        bundle.step()
        value = 0.1 if dtype is np.float32 else 7
        bundle.reset(seed=0, start={"task_state": {"y": value}})
        assert bundle.step().game.task_state.y == pytest.approx(value, rel=1e-6)

    def test_a_value_that_a_narrow_element_cannot_hold(self):
        class Counts(ExampleTask):
            def __init__(self):
                super().__init__()
                low = np.zeros(2, np.int8)
                self.state["n"] = array_element(init=low, low=low, high=low + 100, dtype=np.int8)

        class Sums(BasePolicy):
            @BasePolicy.default_value
            def sample(self, agent_observation=None, agent_state=None):
                return int(agent_observation["task_state"]["n"].view(np.ndarray).sum()), 0

        user = from_coopihc(BaseAgent("user", agent_policy=Sums(action_state=moves(0, 999))), task=Counts())
        seen = State(task_state=State(x=0, n=np.array([300, 1])))
        assert user.policy.sample(seen, State(), EpisodeRandom())[0] == 301
        small = State(task_state=State(x=0, n=np.array([3, 1])))
        assert user.policy.sample(small, State(), EpisodeRandom())[0] == 4

    def test_what_was_shown_once_does_not_matter_later(self):
        class Adds(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                self.state["x"] += 1

        task = from_coopihc(Adds())

        def moved(x):
            game = GameState(task_state=State(x=x), turn_index=1, user_action=1)
            return task.on_user_action(game, EpisodeRandom()).state.x

        assert [moved(4), moved(2.5), moved(4)] == [4, 3.5, 4]  # clipped, not clipped, clipped

    def test_whole_floats_are_integers(self):
        class Rounds(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                self.state["x"] = self.state["x"] + np.round(1.2 * self.user_action)

        bundle = Bundle(from_coopihc(Rounds()), from_coopihc(ExampleUser()))
        bundle.reset(seed=0)
        assert bundle.step().game.task_state.x == 1

    def test_categories_are_not_clipped(self):
        class Kinds(ExampleTask):
            def __init__(self):
                super().__init__()
                kinds = TheirSpace(array=np.array([7, 3, -1]))
                self.state["kind"] = StateElement(3, kinds, out_of_bounds_mode="clip")

        assert Bundle(from_coopihc(Kinds()), from_coopihc(ExampleUser())).reset(seed=0).task_state.kind == 3

    def test_a_likelihood_over_values_that_do_not_follow(self):
        def likelihood(self, action, observation):
            return {-2: 0.5, 1: 0.25, 5: 0.25}[int(action[0])]

        action = TheirState(action=StateElement(1, TheirSpace(array=np.array([-2, 1, 5]))))
        policy = ELLDiscretePolicy(action)
        policy.attach_likelihood_function(likelihood)
        user = from_coopihc(BaseAgent("user", agent_policy=policy))

        class Waits(InteractionTask):
            state_space = spaces.Dict({})

            def reset(self, rng):
                return State()

            def on_user_action(self, game, rng):
                return Transition(game.task_state)

        check_agent(user, Waits())
        assert user.policy.log_prob(5, State(), State()) == pytest.approx(np.log(0.25))
        assert user.policy.log_prob(4, State(), State()) == -np.inf


class TestEdges:
    def test_a_batched_stream_keeps_no_lock(self):
        task = from_coopihc(ExampleTask())
        game = GameState(task_state=State(x=0), turn_index=1, user_action=1)
        with pytest.raises(ArgumentError, match="batch has no single key"):
            task.on_user_action(game, EpisodeRandom(episodes=np.arange(3)))
        found = []
        other = threading.Thread(target=lambda: found.append(task.on_user_action(game, EpisodeRandom())))
        other.start()
        other.join(10)
        assert len(found) == 1

    def test_an_exception_after_a_new_state(self):
        class Fails(ExampleTask):
            def on_user_action(self, *args, **kwargs):
                if self.user_action == 0:
                    self.state = TheirState(x=discrete_array_element(init=4, low=-1, high=4))
                    raise RuntimeError("no")
                self.state["x"] += 1
                return self.state, 0, False

        task = from_coopihc(Fails())
        game = GameState(task_state=State(x=0), turn_index=1, user_action=1)
        with pytest.raises(RuntimeError):
            task.on_user_action(game.replace(user_action=0), EpisodeRandom())
        assert task.on_user_action(game, EpisodeRandom()).state.x == 1

    def test_parts_and_not_what_their_host_holds(self):
        class Costs(BaseInferenceEngine):
            def __init__(self, cost):
                super().__init__()
                self.cost = cost

            def infer(self, agent_observation=None):
                return {}, -self.cost

        first = Costs(1)
        user = ExampleUser(override_inference_engine=(TheirCascade([first, Costs(10)]), {}))
        cascade = user.inference_engine
        observation = State(task_state=State(x=0), user_state=State(goal=1))
        for part, cost in ((first, -1), (cascade, -11)):
            engine = from_coopihc(part)
            assert engine.infer(observation, State(goal=1), EpisodeRandom())[1] == cost
        assert first.host is user
        old = user.policy
        user._attach_policy(BasePolicy(action_state=moves(-1, 1)))
        assert repr(from_coopihc(old)) == "CoopIHCPolicy(ExamplePolicy)"
        assert from_coopihc(old).sample(observation, State(goal=1), EpisodeRandom())[0] == 1
        with pytest.raises(ArgumentError, match="is the user, got 'assistant'"):
            from_coopihc(cascade, role="assistant")

    def test_a_class_of_a_script_is_left_alone(self, tmp_path):
        script = tmp_path / "script.py"
        script.write_text(
            "from coopihc.interactiontask.ExampleTask import ExampleTask\n"
            "from coopihc.agents.ExampleUser import ExampleUser\n"
            "from interaction import Bundle\n"
            "from interaction.interop.coopihc import from_coopihc\n"
            "GAIN = 1\n"
            "class Task(ExampleTask):\n"
            "    made = 0\n"
            "    def on_user_action(self, *a, **k):\n"
            "        self.state['x'][...] = self.state['x'] + GAIN * self.user_action\n"
            "        return self.state, 0, False\n"
            "def x(task):\n"
            "    bundle = Bundle(task, from_coopihc(ExampleUser()))\n"
            "    bundle.reset(seed=0)\n"
            "    return bundle.step().game.task_state.x\n"
            "first = from_coopihc(Task())\n"
            "Task.made, GAIN = 5, 3\n"
            "own = Task.on_user_action.__globals__ is globals()\n"
            "print(x(first), x(from_coopihc(Task())), Task.made, own)\n"
        )
        shown = subprocess.run(
            [sys.executable, script], capture_output=True, text=True, check=True, env={**os.environ}
        )
        assert shown.stdout.split() == ["1", "3", "5", "True"]

    def test_fields_that_a_state_cannot_have(self):
        task = ExampleTask()
        task.state["keys"] = discrete_array_element(N=2)
        with pytest.raises(ContractError, match=r"ExampleTask\.state\['keys'\]: a field of a State"):
            from_coopihc(task)

    def test_a_native_partner_of_any_kind(self):
        class Odd(InteractionTask):
            state_space = spaces.Dict({"name": spaces.Text(5), "x": spaces.Discrete(5)})

            def reset(self, rng):
                return State(name="abc", x=0)

            def on_user_action(self, game, rng):
                return Transition(game.task_state.replace(x=1))

        task = Odd()
        user = from_coopihc(ExampleUser(), task=task)
        assert Bundle(task, user, max_rounds=2).run(2, seed=0)["user_action"].tolist() == [[1, 1], [1, 1]]
        both = User(policy=RandomPolicy(spaces.Dict({"a": TEN, "b": TEN})))
        from_coopihc(ExampleTask(), user=both)

    def test_a_forced_action_with_several_entries(self):
        policy = BasePolicy(
            action_state=TheirState(a=discrete_array_element(N=3), b=discrete_array_element(N=3))
        )
        bundle = Bundle(from_coopihc(ExampleTask()), from_coopihc(BaseAgent("user", agent_policy=policy)))
        game = bundle.reset(seed=0, start={"user_action": {"a": 2}})
        assert game.user_action == State(a=2, b=0)

    def test_a_user_who_draws_nothing_while_it_looks_is_fitted(self):
        task, user = from_coopihc(TheirCoordinatedTask()), leaning_with_noise(lambda value, game_state: value)
        data = Bundle(task, user, max_rounds=30).run(1, seed=0, start={"user_state": {"bias": 8}})
        tree = fit(task, user, data, {"bias": randint(1, 10)}, alone=True, draws=20, chains=1, progress=False)
        presses, bias = data["user_action"].sum(), np.arange(1, 10)
        weights = (bias / 10) ** presses * (1 - bias / 10) ** (30 - presses)
        exact = (weights * bias).sum() / weights.sum()
        spread = np.sqrt((weights * (bias - exact) ** 2).sum() / weights.sum())
        assert abs(float(tree["posterior"]["bias"].mean()) - exact) < 3 * spread / np.sqrt(20)  # of 20 draws

    @pytest.mark.parametrize(
        "draw",
        [np.random.normal, random.random],
        ids=["numpy", "python"],
    )
    def test_a_user_who_draws_has_no_likelihood(self, draw):
        def noisy(value, game_state):
            return value + draw()

        user = leaning_with_noise(noisy)
        task = from_coopihc(TheirCoordinatedTask())
        table = Bundle(task, user, max_rounds=5).run(1, seed=0)
        with pytest.raises(ContractError, match="the user draws random numbers"):
            fit(task, user, table, {"bias": randint(1, 10)}, alone=True, progress=False)


def leaning_with_noise(noise):
    def likelihood(self, action, observation):
        right = float(observation["user_state"]["bias"]) / 10
        return right if action[0] == 1 else 1 - right

    policy = ELLDiscretePolicy(moves(0, 1))
    policy.attach_likelihood_function(likelihood)
    engine = RuleObservationEngine(
        deterministic_specification=oracle_engine_specification,
        extraprobabilisticrules={("task_state", "x"): (noise, ())},
    )
    state = TheirState(bias=discrete_array_element(init=5, low=1, high=9))
    return from_coopihc(
        BaseAgent("user", agent_policy=policy, agent_state=state, agent_observation_engine=engine)
    )


def test_a_filter_over_users_who_begin_according_to_the_game():
    """A user of theirs who picks a goal among the task's targets: the goal is inferred."""
    from coopihc.examples.simplepointing.envs import SimplePointingTask
    from coopihc.examples.simplepointing.users import CarefulPointer

    task = from_coopihc(SimplePointingTask(gridsize=15, number_of_targets=4))
    user = from_coopihc(CarefulPointer(), task=task)
    belief_filter = UserModelFilter(user, Grid({"goal": range(15)}))
    watching = Assistant(
        policy=RandomPolicy(spaces.Discrete(2, start=1)),
        inference_engine=belief_filter,
        state=State(belief=belief_filter.initial(EpisodeRandom())),
        state_space=spaces.Dict({"belief": belief_filter.space}),
    )
    runs = Bundle(task, user, watching, max_rounds=30).run(40, seed=1)
    weights = runs["assistant_state.belief.log_weights"][:, -1]
    goals = runs["user_state.goal"][:, 0]
    assert (np.exp(weights[np.arange(40), goals]) > 0).all()
    assert np.exp(weights).astype(bool).sum(axis=1).mean() < 8  # about 4.3 of 15 goals are left
    with pytest.raises(SpaceError):
        Bundle(task, user).reset(start={"user_state": {"goal": 15}})
