"""Each misuse raises an error of ours that names what was expected, what was got, and where."""

import traceback
from functools import partial

import numpy as np
import pytest
from scipy import stats

from interaction import (
    Assistant,
    BelievingAssistant,
    Bundle,
    CascadedInferenceEngine,
    CascadedObservationEngine,
    DeterministicPolicy,
    DiscretePolicy,
    DualInferenceEngine,
    DualPolicy,
    EpisodeRandom,
    GaussianNoise,
    Grid,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    Policy,
    RandomPolicy,
    RuleObservationEngine,
    Samples,
    Simulator,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
)
from interaction.batching import ways
from interaction.checks import check_task
from interaction.errors import ArgumentError, InteractionError, UnknownNameError
from interaction.inference.engine import IdentityInferenceEngine
from interaction.planning import BeliefTree, MonteCarloTree, RolloutReturns
from interaction.tasks.coordination import CoordinatedTask
from interaction.tasks.tiger import TigerTask
from interaction.users.coordination import PseudoRandomUser

RANDOM = RandomPolicy(spaces.Discrete(10))


def played_by(space):
    bundle = Bundle(Still(), User(policy=RandomPolicy(space)))
    bundle.reset(seed=0)
    return bundle


class Still(InteractionTask):
    state_space = spaces.Dict(x=spaces.Discrete(10))

    def reset(self, rng):
        return State(x=1)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    on_assistant_action = on_user_action


class Moves(Still):
    def __init__(self, given):
        self.given = given

    def on_user_action(self, game, rng):
        return self.given


class Without(Still):
    def reset(self):
        return State(x=1)


class Sees(ObservationEngine):
    def __init__(self, given):
        self.given = given

    def observe(self, game, rng):
        return self.given


class Thinks(InferenceEngine):
    def __init__(self, given):
        self.given = given

    def infer(self, observation, state, rng):
        return self.given


class Weighs(DiscretePolicy):
    action_space = spaces.Discrete(3)

    def __init__(self, given):
        self.given = given

    def probabilities(self, observation, state):
        return self.given


def played(task=None, episodes=0, start=None, over=None, record="all", **user):
    bundle = Bundle(task or Still(), User(**{"policy": RANDOM} | user), max_rounds=2)
    if episodes:
        return bundle.run(episodes, seed=0, start=start, over=over, record=record)
    bundle.reset(seed=0)
    return bundle.step()


GIVEN = {
    "a dict for an observation": (
        {"observation_engine": Sees(({"a": 1}, 0.0))},
        r"Sees.observe: expected a State .*'a': 1",
    ),
    "None for an observation": (
        {"observation_engine": Sees((None, 0.0))},
        r"Sees.observe: expected a State .*NoneType",
    ),
    "3 for an observation": ({"observation_engine": Sees((3, 0.0))}, r"Sees.observe: expected a State .*3"),
    "an observation alone": (
        {"observation_engine": Sees(State(x=1))},
        r"Sees.observe: expected \(observation, reward\)",
    ),
    "three from observe": (
        {"observation_engine": Sees((State(), 0.0, 1))},
        r"Sees.observe: expected \(observation, reward\)",
    ),
    "a dict for a state": (
        {"inference_engine": Thinks(({"a": 1}, 0.0))},
        r"inference engine.*expected a State.*dict|a State, got",
    ),
    "None for a state": ({"inference_engine": Thinks((None, 0.0))}, r"expected a State, got None"),
    "a state alone": ({"inference_engine": Thinks(State())}, r"Thinks.infer: expected \(state, reward\)"),
    "no Transition": ({"task": Moves(None)}, r"Moves.on_user_action: expected Transition\(.*got None"),
    "a State for a Transition": (
        {"task": Moves(State(x=1))},
        r"Moves.on_user_action: expected Transition\(.*State\(x=",
    ),
    "two for a Transition": (
        {"task": Moves((State(x=1), 0.0))},
        r"Moves.on_user_action: expected Transition\(",
    ),
    "too few probabilities": (
        {"policy": Weighs(np.ones(2) / 2)},
        r"Weighs.probabilities: expected one for each of the 3",
    ),
    "too many probabilities": (
        {"policy": Weighs(np.ones(4) / 4)},
        r"Weighs.probabilities: expected one for each of the 3",
    ),
    "a short list of probabilities": (
        {"policy": Weighs([0.5, 0.5])},
        r"Weighs.probabilities: expected one for each",
    ),
    "probabilities below zero": ({"policy": Weighs(np.array([-1.0, 1, 1]))}, r"expected finite weights >= 0"),
    "NaN for a probability": (
        {"policy": Weighs(np.array([np.nan, 0.5, 0.5]))},
        r"expected finite weights >= 0",
    ),
    "probabilities that do not sum to one": (
        {"policy": Weighs(np.array([0.5, 0.5, 0.5]))},
        r"Weighs.probabilities: expected numbers that sum to one, got the sum 1.5",
    ),
    "a list of such": (
        {"policy": Weighs([0.2, 0.2, 0.2])},
        r"Weighs.probabilities: expected numbers that sum",
    ),
    "a reset without rng": (
        {"task": Without()},
        r"Without.reset\(\) cannot be called .*write reset\(self, rng\)",
    ),
    "a rule of the other role": (
        {"observation_engine": RuleObservationEngine("assistant")},
        r"user: its observation engine .* what the assistant sees",
    ),
    "such a rule in a cascade": (
        {"observation_engine": CascadedObservationEngine([RuleObservationEngine("assistant")])},
        r"user: its observation engine .* what the assistant sees",
    ),
}


@pytest.mark.parametrize("episodes", [0, 1, 2, 3, 20])
@pytest.mark.parametrize(("arguments", "words"), GIVEN.values(), ids=GIVEN)
def test_what_components_give_by_mistake_is_named(arguments, words, episodes):
    with pytest.raises(InteractionError, match=words):
        played(episodes=episodes, **arguments)


def coordination():
    bundle = Bundle(CoordinatedTask(), PseudoRandomUser(), Assistant(policy=RANDOM), max_rounds=3)
    bundle.reset(seed=0)
    return bundle


def rollout(**options):
    simulator = Simulator(CoordinatedTask(), PseudoRandomUser(), max_rounds=3)
    return simulator.rollout(State(task_state=State(x=1)), EpisodeRandom(0), **options)


def seeing(**rules):
    user = User(policy=RANDOM, observation_engine=RuleObservationEngine("user", **rules))
    return Bundle(CoordinatedTask(), user, Assistant(policy=RANDOM))


class Reads(DeterministicPolicy):
    """Reads what a function of the observation and the state reads."""

    action_space = spaces.Discrete(10)

    def __init__(self, read):
        self.read = read

    def action(self, observation, state):
        return self.read(observation, state)


class Unread(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        return np.array([state.goal, 1 - state.goal])


def reading(read, episodes=None):
    bundle = Bundle(CoordinatedTask(), User(policy=Reads(read)), Assistant(policy=RANDOM), max_rounds=3)
    if episodes is not None:
        return bundle.run(episodes, seed=0)
    bundle.reset(seed=0)
    return bundle.step()


def unread(read, *words):
    """The error names the component and what is there, alone and in a batch."""
    return {
        f"{words[0]} {episodes}": (
            partial(reading, read, episodes),
            rf"Reads\.action reads a state: .*{words[1]}",
        )
        for episodes in (None, 1, 30)
    }


CALLS = {
    "NaN among the probabilities of other actions": (
        lambda: Weighs(np.array([np.nan, 0.5, 0.5])).log_prob(1, State(), State()),
        r"Weighs.probabilities: expected numbers >= 0, got .*nan",
    ),
    "a probability below zero": (
        lambda: Weighs(np.array([-0.5, 1.0, 0.5])).log_prob(0, State(), State()),
        r"Weighs.probabilities: expected numbers >= 0",
    ),
    "a log_prob that reads what is not there": (
        lambda: Simulator(user_model=User(policy=Unread())).user_action_log_prob(
            0, State(task_state=State()), EpisodeRandom(0), over={"user_action": [0]}
        ),
        r"Unread.log_prob reads a state: there is no 'goal'",
    ),
    **unread(lambda seen, state: seen.task_state.z, "a field misspelt", "no 'z'.*Valid names: x"),
    **unread(lambda seen, state: state.goal, "a field of its own", "no 'goal'.*Valid names: none"),
    **unread(lambda seen, state: seen.task_state["z"], "an entry misspelt", "no 'z'.*Valid names: x"),
    **unread(lambda seen, state: state["goal"], "an entry of its own", "no 'goal'.*Valid names: none"),
    **unread(
        lambda seen, state: seen["assistant_state"],
        "an entry that it does not see",
        "no 'assistant_state'.*does not see the other one's state",
    ),
    **unread(
        lambda seen, state: seen.assistant_state.x,
        "what it does not see",
        "no 'assistant_state'.*does not see the other one's state",
    ),
    "a path to hide that there is not": (
        lambda: seeing(hide=["task_state.y"]),
        r"RuleObservationEngine\('user'\): hide: there is no 'task_state.y'. Did you mean 'task_state.x'",
    ),
    "a path to hide that is hidden": (
        lambda: seeing(hide=["assistant_state"]),
        "hide: there is no 'assistant_state'",
    ),
    "a path to see that there is not": (lambda: seeing(see=["tsk_state"]), "see: there is no 'tsk_state'"),
    "a path to transform": (
        lambda: seeing(transform={"task_state.y": abs}),
        "transform: there is no 'task_st",
    ),
    "a number for a function of noise": (
        lambda: seeing(noise={"task_state.x": 2.0}),
        r"RuleObservationEngine: noise: task_state.x: expected a function of \(value, rng\).*got 2.0",
    ),
    "a number for a function": (
        lambda: seeing(transform={"task_state.x": 2.0}),
        r"RuleObservationEngine: transform: task_state.x: expected a function of the value, got 2.0",
    ),
    "a check in which nobody acts": (
        lambda: check_task(Still()),
        r"check_task: expected who acts in the task: user_action_space=.*got none of them",
    ),
    "noise on what is not seen": (
        lambda: seeing(see=["user_action"], noise={"task_state.x": GaussianNoise(1.0)}),
        "noise: there is no 'task_state.x'",
    ),
    "a path of the first in a cascade": (
        lambda: Bundle(
            CoordinatedTask(),
            User(
                policy=RANDOM,
                observation_engine=CascadedObservationEngine([RuleObservationEngine("user", hide=["x"])]),
            ),
        ),
        "hide: there is no 'x'",
    ),
    "probabilities that do not sum to one": (
        lambda: Weighs(np.array([0.5, 0.5, 0.5])).log_prob(0, State(), State()),
        r"Weighs.probabilities: expected numbers that sum to one, got the sum 1.5",
    ),
    "too few probabilities": (
        lambda: Weighs([0.5, 0.5]).log_prob(0, State(), State()),
        r"Weighs.probabilities: expected one for each of the 3 actions",
    ),
    "a policy without its name": (
        lambda: User(RANDOM),
        r"User: .*as in User\(policy=\.\.\.\); got RandomPolicy",
    ),
    "no policy": (User, r"User: .*got no policy"),
    "a ragged start": (
        lambda: played(episodes=2, start={"task_state": {"x": [[1, 2], [3]]}}),
        r"start: task_state.x: expected entries of one length, got \[\[1, 2\], \[3\]\]",
    ),
    "a ragged over": (
        lambda: played(episodes=2, over={"task_state.x": [[1, 2], [3]]}),
        r"over: task_state.x: expected entries of one length",
    ),
    "a start that is no mapping": (lambda: played(episodes=2, start=3), r"start: expected a mapping .*got 3"),
    "a text for a shape": (
        lambda: EpisodeRandom(0).random("a"),
        r"rng.random: expected lengths >= 0, got shape='a'",
    ),
    "episodes as an array without axes": (
        lambda: played(episodes=np.array(3)),
        r"expected a number of episodes or a list of their indices, got array\(3\)",
    ),
    "a path of a rollout that is given twice": (
        lambda: rollout(start={"task_state": {"x": 1}}, over={"task_state.x": [0, 1]}),
        r"rollout: task_state\.x is both in start and in over",
    ),
    "a wrong path of a rollout": (lambda: rollout(record=("nope",)), r"record: there is no 'nope'"),
    "a wrong path of a run": (lambda: played(episodes=2, record=["nope"]), r"record: there is no 'nope'"),
    "a turn that is a float": (lambda: coordination().reset(seed=0, go_to=0.0), r"go_to: there is no 0.0"),
    "rounds below zero": (
        lambda: Bundle(Still(), User(policy=RANDOM), max_rounds=-3),
        r"max_rounds .*got -3",
    ),
    "True for an action": (
        lambda: coordination().step(user_action=True),
        r"user_action: .*got True; write int",
    ),
    "True for a float": (
        lambda: played_by(spaces.real()).step(user_action=True),
        r"user_action: expected a value in Box.*got True; write float\(\.\.\.\)$",
    ),
    "True for an array": (
        lambda: played_by(spaces.real(shape=2)).step(user_action=True),
        r"user_action: expected a value in Box.*got True$",
    ),
    "True for an action of parts": (
        lambda: played_by(spaces.Dict(a=spaces.Discrete(2))).step(user_action=True),
        r"user_action: expected a value in Dict.*got True$",
    ),
    "a complex number": (
        lambda: played_by(spaces.real()).step(user_action=1j),
        r"user_action: expected a value in Box.*got 1j$",
    ),
    "a provenance of 7": (
        lambda: coordination().reset(start=coordination().game.replace(provenance=7)),
        r"provenance: expected one of \[0, 1, 2\], got 7",
    ),
    "an engine for a list of them": (
        lambda: CascadedInferenceEngine(IdentityInferenceEngine()),
        r"CascadedInferenceEngine: expected a list of parts",
    ),
    "a class in a cascade": (
        lambda: CascadedObservationEngine([RuleObservationEngine]),
        r"expected an instance of ObservationEngine, got the class RuleObservationEngine",
    ),
    "a class for a policy": (
        lambda: DualPolicy(RandomPolicy, RANDOM),
        r"DualPolicy: .*got the class RandomPolicy",
    ),
    "a policy for an engine": (
        lambda: DualInferenceEngine(RANDOM, IdentityInferenceEngine()),
        r"DualInferenceEngine: expected an instance of InferenceEngine, got RandomPolicy",
    ),
}


SIMULATOR = Simulator(
    task_model=CoordinatedTask(), user_model=User(policy=RANDOM), assistant=Assistant(policy=RANDOM)
)
GAME = coordination().game
FILTER = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
BELIEF = State(belief=FILTER.initial(EpisodeRandom(0)))
SEEN = State(
    round_index=0, task_state=State(heard=-1), previous_task_state=State(heard=-1), assistant_action=0
)
THREE = spaces.Discrete(3)
ACTING = Assistant(policy=RandomPolicy(THREE))
ASKED = {  # what is asked of a stream
    "Simulator.rollout": lambda rng: SIMULATOR.rollout(coordination().game, rng),
    "Simulator.predict_user_action": lambda rng: SIMULATOR.predict_user_action(GAME, rng),
    "Simulator.predict_assistant_action": lambda rng: SIMULATOR.predict_assistant_action(GAME, rng),
    "Simulator.user_action_log_prob": lambda rng: SIMULATOR.user_action_log_prob(
        0, GAME, rng, over={"user_action": [0]}
    ),
    "Simulator.assistant_action_log_prob": lambda rng: SIMULATOR.assistant_action_log_prob(
        0, GAME, rng, over={"assistant_action": [0]}
    ),
    "UserModelFilter.initial": FILTER.initial,
    "UserModelFilter.update": lambda rng: FILTER.update(BELIEF.belief, SEEN, rng),
    "BeliefTree.values": lambda rng: BeliefTree(FILTER, THREE, depth=1).values(BELIEF, SEEN, rng),
    "MonteCarloTree.values": lambda rng: searching().values(BELIEF, SEEN, rng),
    "MonteCarloTree.tree": lambda rng: searching().tree(BELIEF, SEEN, rng),
    "RolloutReturns.returns": lambda rng: RolloutReturns(FILTER, THREE, ACTING, 1, 2).returns(
        BELIEF, SEEN, rng
    ),
}


def searching():
    particles = Samples({"task_state.tiger": stats.randint(0, 2)}, n=10)
    return MonteCarloTree(UserModelFilter(None, particles, task_model=TigerTask()), THREE, 10, 1)


@pytest.mark.parametrize("rng", [0, np.random.default_rng(0), None], ids=["a number", "numpy's", "none"])
@pytest.mark.parametrize("name", [*ASKED, "spaces.sample"])
def test_what_is_no_stream_is_named(name, rng):
    ask = ASKED.get(name, lambda rng: spaces.sample(THREE, rng))
    with pytest.raises(
        ArgumentError, match=rf"{name}: rng: expected a stream, as in EpisodeRandom\(seed\), got"
    ):
        ask(rng)


@pytest.mark.parametrize("name", [name for name in ASKED if name != "MonteCarloTree.tree"])
def test_a_batch_of_no_episodes_is_named(name):
    with pytest.raises(
        ArgumentError, match=rf"{name}: rng: expected the stream of an episode or more, got .* none"
    ):
        ASKED[name](EpisodeRandom(0, episodes=np.arange(0)))


def test_a_run_of_no_episodes_is_empty_whoever_plays():
    ears = BelievingAssistant(FILTER, RandomPolicy(THREE))
    runs = Bundle(TigerTask(), assistant=ears, max_rounds=2).run(0, seed=0)
    assert runs.returns.shape == (0,)


@pytest.mark.parametrize("axis", [[1, 1], [0.5, 0.2, 0.5], [True, True], [0.0, -0.0]])
def test_a_candidate_that_is_given_twice_is_named(axis):
    with pytest.raises(ArgumentError, match=r"Grid: a: expected candidates that differ, got .* 2 times"):
        Grid({"b": [1], "a": axis})


@pytest.mark.parametrize(("call", "words"), CALLS.values(), ids=CALLS)
def test_a_call_by_mistake_is_named(call, words):
    with pytest.raises(InteractionError, match=words):
        call()


def test_what_numpys_generators_offer_is_told_in_terms_of_the_stream():
    for name, remedy in {
        "choice": "rng.categorical",
        "permutation": r"rng\.shuffle.*It draws by",
        "uniform": "rng.random",
        "poisson": "It draws by",
    }.items():
        with pytest.raises(AttributeError, match=rf"the stream has no '{name}'.*{remedy}"):
            getattr(EpisodeRandom(0), name)
        with pytest.raises(AttributeError) as found:
            getattr(EpisodeRandom(0), name)
        assert found.value.name == name
        assert "Did you mean" not in "".join(traceback.format_exception(found.value))
    assert not hasattr(EpisodeRandom(0), "choice")


class DrawsAPlace(Policy):
    """Draws one of the places that are free, in each way that the stream names in place of `choice`."""

    action_space = spaces.Discrete(400)

    def __init__(self, way):
        self.way = way
        self.items = list(range(20))

    def sample(self, observation, state, rng):
        free = observation.task_state.free
        if self.way == "by weights":
            return rng.categorical(free), 0.0
        if self.way == "by weights that are plain":
            return rng.categorical([1.0] * 400), 0.0
        if self.way == "of a list":
            return self.items[rng.integers(0, len(self.items))], 0.0
        items = np.flatnonzero(free)
        return items[rng.integers(0, len(items))], 0.0


@pytest.mark.parametrize("way", ["by weights", "by weights that are plain", "of a list", "of some"])
def test_what_is_to_be_written_in_place_of_choice_is_lifted(way):
    class Free(InteractionTask):
        def reset(self, rng):
            return State(free=rng.random((40,)) < 0.9)

        def on_user_action(self, game, rng):
            return Transition(State(free=rng.random((40,)) < 0.9))

    bundle = Bundle(Free(), User(policy=DrawsAPlace(way)), max_rounds=3)
    runs = bundle.run(1_000, seed=0)
    assert ways(bundle)["user policy.sample"] == "lifted"
    for episode in (3, 700):
        assert bundle.run([episode], seed=0) == runs.episode(episode)


def test_a_draw_that_nobody_offers_is_told_where_a_component_asks_for_it():
    class Misspelt(CoordinatedTask):
        batched = None

        def on_user_action(self, game, rng):
            return Transition(game.task_state, rng.unifrom())

    bundle = Bundle(Misspelt(), PseudoRandomUser(), max_rounds=1)
    with pytest.raises(AttributeError, match=r"the stream has no 'unifrom'.*It draws by"):
        bundle.run(20, seed=0)
    bundle.reset(seed=0)
    with pytest.raises(AttributeError, match=r"the stream has no 'unifrom'.*It draws by"):
        bundle.step()


class Replaces(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(goel=1), 0.0


class StillReplaces(Still):
    batched = None

    def on_user_action(self, game, rng):
        return Transition(game.task_state.replace(xx=1))


class ResetReplaces(Still):
    batched = None

    def reset(self, rng):
        return State(x=1).replace(xx=1)


@pytest.mark.parametrize(
    ("bundle", "who"),
    [
        (
            Bundle(
                Still(), User(policy=RANDOM, inference_engine=Replaces(), state=State(goal=1)), max_rounds=2
            ),
            "Replaces.infer",
        ),
        (Bundle(StillReplaces(), User(policy=RANDOM), max_rounds=2), "StillReplaces.on_user_action"),
        (Bundle(ResetReplaces(), User(policy=RANDOM), max_rounds=2), "ResetReplaces.reset"),
    ],
)
def test_a_field_that_cannot_be_replaced_is_told_with_who_does_it(bundle, who):
    def play():
        bundle.reset(seed=0)
        bundle.step()

    with pytest.raises(UnknownNameError, match=r"State\.replace: there is no") as alone:
        play()
    assert alone.value.__notes__ == [f"raised by {who}"]
    for episodes in (2, 50):
        with pytest.raises(UnknownNameError, match=r"State\.replace: there is no") as together:
            bundle.run(episodes, seed=0)
        assert together.value.__notes__ == [f"raised by {who} in episode 0, round 0"]


def test_a_field_that_is_not_there_may_be_asked_for():
    assert reading(lambda seen, state: 3 if hasattr(seen, "assistant_state") else 5).game.user_action == 5
    assert reading(lambda seen, state: getattr(state, "goal", 7)).game.user_action == 7
