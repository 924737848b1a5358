"""Trees of simulations against exact trees, alone and in batches, and what they keep count of."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from interaction import (
    Assistant,
    BelievingAssistant,
    Bundle,
    DeterministicPolicy,
    DiscretePolicy,
    EpisodeRandom,
    Grid,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    Policy,
    RandomPolicy,
    RuleObservationEngine,
    Samples,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
)
from interaction.batching import ways
from interaction.errors import ArgumentError, ContractError, UnknownFieldError
from interaction.inference.particles import at_positions
from interaction.planning import BeliefTree, BoltzmannPolicy, GreedyPolicy, MonteCarloTree
from interaction.planning.statistics import NOWHERE, Statistics, sights_of
from interaction.tasks.tiger import LISTEN, OPEN_LEFT, OPEN_RIGHT, TigerTask
from tests.interaction.test_belief_tree import BABY

RNG = EpisodeRandom(0, 0)
TWO = spaces.Discrete(2)
TIGER = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
PLACED = UserModelFilter(
    None, Samples({"task_state.tiger": stats.randint(0, 2)}, n=50), task_model=TigerTask()
)
START = State(round_index=0, task_state=State(heard=-1), previous_task_state=State(heard=-1))
DOORS = TigerTask.action_space
LOOKS = RuleObservationEngine("assistant", hide=["task_state.tiger"])


def tigers(rights):
    """The beliefs of some episodes, what they see, and their stream."""
    rng = EpisodeRandom(0, episodes=np.arange(len(rights)))
    belief = TIGER.initial(RNG).replace(log_weights=np.log(np.stack([1 - rights, rights], axis=-1)))
    heard = State(heard=np.full(len(rights), -1))
    return State(belief=belief), State(round_index=0, task_state=heard, previous_task_state=heard), rng


class Listens(DeterministicPolicy):
    batched = True
    action_space = DOORS

    def action(self, observation, state):
        return LISTEN


class Threshold(DeterministicPolicy):
    """Opens the door that it is sure of (0.9), and else listens: the optimal policy at a discount of .95."""

    action_space = DOORS

    def action(self, observation, state):
        right = np.exp(state.belief.log_weights[1])
        if right > 0.9:
            return OPEN_LEFT
        return OPEN_RIGHT if right < 0.1 else LISTEN


LISTENING = Assistant(policy=Listens(), observation_engine=LOOKS)


# Values against exact ones.


def test_one_action_is_worth_its_mean_reward():
    """Particles are spread evenly, so that of n tries the share of each is right to 2 / n. A door was tried
    30 times or more, and a tiger makes a difference of 110."""
    rights = np.array([0.03, 0.2, 0.5, 0.77, 0.97])
    state, seen, rng = tigers(rights)
    tree = MonteCarloTree(TIGER, DOORS, 400, 1, exploration=3.0)
    found = tree.values(state, seen, rng)
    exact = np.stack([np.full(5, -1.0), 110 * rights - 100, 10 - 110 * rights], axis=-1)
    assert np.abs(found - exact).max() < 110 * 2 / 30
    counts = [
        tree.tree(State(belief=TIGER.initial(RNG)), START, EpisodeRandom(0, k)).visits for k in range(3)
    ]
    assert np.min(counts) >= 30


@pytest.mark.parametrize("belief", [TIGER, PLACED])
def test_values_come_to_those_of_the_exact_tree(belief):
    """The best action's value in each of eight episodes, against the share of its particles. A part of the
    simulations tries what is worse: with 2,500 of them up to 2.5 less, and with 250 more than that."""
    _, seen, rng = tigers(np.full(8, 0.5))
    state = State(belief=belief.initial(rng))
    where = np.broadcast_to(state.belief.hidden.tiger, (8, belief.parameters.size))
    shares = (where * np.exp(state.belief.log_weights)).sum(axis=-1)
    tree = BeliefTree(TIGER, DOORS, 2, 0.95)
    exact = tree.values(*tigers(shares))
    few, many = (
        MonteCarloTree(belief, DOORS, simulations, 2, 0.95, exploration=0.3).values(state, seen, rng.at(0, 6))
        for simulations in (250, 2_500)
    )
    assert (exact.argmax(axis=-1) == LISTEN).all()
    assert (many.argmax(axis=-1) == LISTEN).all()
    less = exact[:, LISTEN] - many[:, LISTEN]
    assert less.min() > -0.5
    assert less.max() < 2.5
    assert few[:, LISTEN].mean() < many[:, LISTEN].mean() - 1.0


def test_the_crying_baby_is_fed_when_the_exact_tree_feeds_it():
    """Beliefs a good way from .2821, the bound between the two. Values of the better action to ±1.5."""
    hungry = np.array([0.02, 0.6, 0.9])
    rng = EpisodeRandom(1, episodes=np.arange(3))
    quiet = State(cries=np.zeros(3, int))
    seen = State(round_index=0, task_state=quiet, previous_task_state=quiet)
    beliefs = BABY.initial(RNG).replace(log_weights=np.log(np.stack([1 - hungry, hungry], axis=-1)))
    tree = MonteCarloTree(BABY, spaces.Discrete(2), 1_500, 4, 0.9, exploration=0.3)
    found = tree.values(State(belief=beliefs), seen, rng)
    one = START.replace(task_state=State(cries=0), previous_task_state=State(cries=0))
    tree = BeliefTree(BABY, spaces.Discrete(2), 4, 0.9)
    for row, values in enumerate(found):
        exact = tree.tree(beliefs.replace(log_weights=beliefs.log_weights[row]), one).values
        assert values.argmax() == exact.argmax()
        assert abs(values.max() - exact.max()) < 1.5


class Allows(DeterministicPolicy):
    """Lets the assistant act if it is good for the user, and else switches it off."""

    action_space = spaces.Discrete(2)

    def action(self, observation, state):
        return int(state.utility > 0)


class Switch(InteractionTask):
    """The assistant acts (0), is off (1) or asks (2), which the user answers. Hadfield-Menell et al. 2017."""

    state_space = spaces.Dict(asked=spaces.Discrete(2))

    def reset(self, rng):
        return State(asked=0)

    def on_user_action(self, game, rng):
        asked = game.task_state.asked
        paid = game.user_state.utility if asked and game.user_action else 0.0
        return Transition(game.task_state, paid, terminated=bool(asked))

    def on_assistant_action(self, game, rng):
        action = game.assistant_action
        if action == 2:
            return Transition(State(asked=1))
        return Transition(game.task_state, game.user_state.utility if action == 0 else 0.0, True)


ASKED = State(
    round_index=0,
    task_state=State(asked=0),
    previous_task_state=State(asked=0),
    user_action=0,
    assistant_action=0,
)
ANSWERS = User(policy=Allows(), state=State(utility=0.0), state_space=spaces.Dict(utility=spaces.real()))


@pytest.mark.parametrize(
    "parameters", [Grid({"utility": np.linspace(-2, 3, 101)}), Samples({"utility": stats.norm(0.5)}, n=300)]
)
def test_a_user_who_answers_in_the_next_round(parameters):
    """Asking is worth E[max(U, 0)], discounted once; a particle is met by all actions, and is a whole user.

    400 or more tries spread evenly over candidates between −3 and 4: to 0.05."""
    one = UserModelFilter(ANSWERS, parameters, task_model=Switch())
    belief = one.initial(RNG)
    tree = MonteCarloTree(one, spaces.Discrete(3), 2_000, 3, 0.5, exploration=3.0)
    root = tree.tree(State(belief=belief), ASKED, EpisodeRandom(3))
    assert root.visits.min() > 400
    weights, utility = np.exp(belief.log_weights), belief.users.utility
    exact = [weights @ utility, 0.0, 0.5 * weights @ np.maximum(utility, 0)]
    assert np.allclose(root.values, exact, atol=0.05)
    if isinstance(parameters, Grid):
        assert np.allclose(BeliefTree(one, spaces.Discrete(3), 3, 0.5).tree(belief, ASKED).values, exact)


class Sure(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        return np.array([0.5, 0.5])


class Pays(InteractionTask):
    """1 in the assistant's turn, and 10 in the user's next one, which ends it."""

    state_space = spaces.Dict(x=spaces.Discrete(2))

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state, 10.0, terminated=game.round_index > 0)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state, 1.0)


def test_every_reward_counts_as_in_the_exact_tree():
    """Those of the user's turns and of looks, too: 1 + 0.5 · 10, and three rounds of 1 with looks of 0.25."""
    seen = State(
        round_index=0, task_state=State(), previous_task_state=State(), user_action=0, assistant_action=0
    )
    costly = RuleObservationEngine("assistant", hide=["task_state.x"], cost=0.25)
    for task, depth, expected in (
        (Pays(), 2, 6.0),
        (Lasts(), 3, 1 + 0.5 * 0.75 + 0.25 * 0.75 - 0.125 * 0.25),
    ):
        one = UserModelFilter(User(policy=Sure()), Grid({"task_state.x": [0, 1]}), task_model=task)
        state = State(belief=one.initial(RNG))
        exact = BeliefTree(one, spaces.Discrete(2), depth, 0.5, costly).values(state, seen, RNG)
        found = MonteCarloTree(one, spaces.Discrete(2), 20, depth, 0.5, observation_engine=costly)
        assert np.allclose(found.values(state, seen, EpisodeRandom(0)), exact, atol=1e-12)
        assert np.allclose(exact, expected)


class Echoes(InteractionTask):
    """Pays for the user's last action, if there is one, taken once more: at once, and for none 0.25."""

    state_space = spaces.Dict(x=spaces.Discrete(2))

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        if game.user_action is None:
            return Transition(game.task_state, 0.25)
        return Transition(game.task_state, 1.0 if game.assistant_action == game.user_action else 0.0)


@pytest.mark.parametrize(("user", "expected"), [(None, [0.25, 0.25]), (User(policy=Sure()), [0.0, 1.0])])
def test_the_task_is_played_on_from_what_the_user_did_last(user, expected):
    evidence = [] if user is None else ["user_action"]
    one = UserModelFilter(user, Grid({"task_state.x": [0, 1]}), task_model=Echoes(), evidence=evidence)
    state, nothing = State(belief=one.initial(RNG)), State()
    action = None if user is None else 1
    seen = State(round_index=0, task_state=nothing, previous_task_state=nothing, user_action=action)
    for planner in (BeliefTree(one, TWO, 1), MonteCarloTree(one, TWO, 6, 1)):
        assert np.allclose(planner.values(state, seen, EpisodeRandom(0)), expected)


class Lasts(Pays):
    def on_user_action(self, game, rng):
        return Transition(game.task_state)


def test_simulations_go_on_with_what_the_assistant_believes():
    """At .97 the policy that opens above .9 listens once more only if it hears the other side. Did it begin
    at its prior, it would never open, and listening were worth −1.95.

    0.95 · (.829 (9.4) − .171) − 1 = 6.2; a tiger more or less among 100 tries is worth 1.05: four of them."""
    base = BelievingAssistant(TIGER, Threshold())
    tree = MonteCarloTree(TIGER, DOORS, 300, 2, 0.95, assistant=base, patience=10_000)
    state, seen, _ = tigers(np.array([0.97]))
    found = tree.values(state, seen, EpisodeRandom(0, episodes=np.arange(1)))[0]
    assert abs(found[LISTEN] - 6.2) < 4 * 1.05


def test_the_policy_of_the_simulations_pays_for_its_choices():
    class Dear(Listens):
        def sample(self, observation, state, rng):
            return LISTEN, -5.0

    def worth(policy, patience):
        assistant = Assistant(policy=policy, observation_engine=LOOKS)
        tree = MonteCarloTree(TIGER, DOORS, 12, 3, assistant=assistant, patience=patience)
        return tree.values(State(belief=TIGER.initial(RNG)), START, EpisodeRandom(0))[LISTEN]

    assert worth(Listens(), 99) == -3.0
    assert worth(Dear(), 99) == -13.0  # the first action is the tree's


def test_no_two_draws_of_a_search_are_the_same_number():
    """Of neither agent and of no turn: whoever looks, infers, acts or moves the task has an address."""
    drawn = []

    def noting(rng):
        drawn.extend(np.ravel(rng.random()))

    class Looks(RuleObservationEngine):
        def observe(self, game, rng):
            noting(rng)
            return super().observe(game, rng)

    class Thinks(InferenceEngine):
        batched = True

        def infer(self, observation, state, rng):
            noting(rng)
            return state, 0.0

    class Acts(RandomPolicy):
        def sample(self, observation, state, rng):
            noting(rng)
            return super().sample(observation, state, rng)

    class Moves(Lasts):
        batched = True

        def on_user_action(self, game, rng):
            noting(rng)
            return Transition(game.task_state)

        on_assistant_action = on_user_action

    user, assistant = (
        kind(policy=Acts(TWO), observation_engine=Looks(role), inference_engine=Thinks())
        for kind, role in ((User, "user"), (Assistant, "assistant"))
    )
    one = UserModelFilter(user, Grid({"task_state.x": [0, 1]}), task_model=Moves())
    seen = State(round_index=5, task_state=State(), previous_task_state=State(), user_action=0)
    tree = MonteCarloTree(one, TWO, simulations=4, depth=3, assistant=assistant, patience=9)
    tree.values(State(belief=one.initial(RNG)), seen, EpisodeRandom(0))
    # The assistant's first action is the tree's, and after its last one the user still acts and it looks.
    assert len(drawn) == 4 * (1 + 2 * 8 + 6)
    assert len(set(drawn)) == len(drawn)


# As good as the optimal policy.


def test_the_tiger_is_met_as_by_the_optimal_policy():
    """100 games of 6 rounds, with the same random numbers as those of the optimal policy, which listens until
    it has heard one side twice more than the other. Of the discounted returns, 1.5 less are allowed and two
    standard errors of the difference, of which each is below 1."""
    planner = MonteCarloTree(TIGER, DOORS, 300, 4, 0.95, exploration=0.3, patience=20, assistant=LISTENING)
    returns = []
    for policy in (Threshold(), GreedyPolicy(planner)):
        bundle = Bundle(TigerTask(), assistant=BelievingAssistant(TIGER, policy), max_rounds=6)
        runs = bundle.run(100, seed=0)
        returns.append(runs["rewards.assistant_task"] @ 0.95 ** np.arange(6))
    less = returns[0] - returns[1]
    error = less.std(ddof=1) / np.sqrt(100)
    assert error < 1.0
    assert less.mean() < 1.5 + 2 * error


def test_who_searches_asks_and_then_answers():
    one = UserModelFilter(None, Grid({"task_state.right": [0, 1]}), task_model=Ask())
    policy = GreedyPolicy(MonteCarloTree(one, spaces.Discrete(4), 400, 3, 0.95))
    runs = Bundle(Ask(), assistant=BelievingAssistant(one, policy), max_rounds=5).run(12, seed=0)
    assert (runs.returns == 9.0).all()  # −1 and 10


class Ask(InteractionTask):
    """One of two answers is right. Asking costs 1 and tells it; waiting costs nothing; an answer ends it."""

    state_space = spaces.Dict(right=spaces.Discrete(2), told=spaces.Discrete(3, start=-1))

    def reset(self, rng):
        return State(right=rng.integers(0, 2), told=-1)

    def on_assistant_action(self, game, rng):
        state, action = game.task_state, game.assistant_action
        if action == 0:
            return Transition(state.replace(told=state.right), -1.0)
        if action == 1:
            return Transition(state)
        return Transition(state, 10.0 if action - 2 == state.right else -100.0, True)

    def outcome_log_prob(self, before, after):
        told = before.task_state.right if before.assistant_action == 0 else before.task_state.told
        return 0.0 if after.task_state.told == told else -np.inf


# One episode and a batch.


class NoisyEye(ObservationEngine):
    def __init__(self, noise=1.0):
        self.noise = noise

    def observe(self, game, rng):
        blur = self.noise * rng.normal() if self.noise else 0.0
        return State(seen=game.task_state.x + blur), 0.0


class Tells(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        p = 1 / (1 + np.exp(-state.slope * observation.seen))
        return np.stack([1 - p, p])


class Placed(InteractionTask):
    """The assistant puts a number, and is paid if the user then tells it; now and then it ends."""

    state_space = spaces.Dict(x=spaces.Discrete(3))

    def reset(self, rng):
        return State(x=1)

    def on_user_action(self, game, rng):
        paid = 1.0 if game.user_action == (game.task_state.x > 1) else -1.0
        return Transition(game.task_state, paid, rng.random() < 0.1)

    def on_assistant_action(self, game, rng):
        return Transition(State(x=game.assistant_action))


@pytest.mark.parametrize("rows", [3, 12])
def test_an_episode_of_a_batch_has_the_values_that_it_has_alone(rows):
    """To the bit, also where a batch is searched part by part."""
    state, seen, rng = tigers(np.linspace(0.1, 0.9, rows))
    for tree in (
        MonteCarloTree(TIGER, DOORS, 30, 4, 0.95),
        MonteCarloTree(TIGER, DOORS, 30, 4, 0.95, patience=3, assistant=LISTENING),
    ):
        together = tree.values(state, seen, rng.at(0, 6))
        for row in range(rows):
            log_weights = state.belief.log_weights[row]
            alone = State(belief=state.belief.replace(log_weights=log_weights))
            stream = EpisodeRandom(0, row).at(0, 6)
            assert (tree.values(alone, START, stream) == together[row]).all()


def test_batches_are_searched_in_parts(monkeypatch):
    state, seen, rng = tigers(np.linspace(0.1, 0.9, 11))
    tree = MonteCarloTree(TIGER, DOORS, 20, 3)
    whole = tree.values(state, seen, rng.at(0, 6))
    monkeypatch.setattr("interaction.planning.monte_carlo_tree._MOST", 20 * 3 * 4)
    assert (tree.values(state, seen, rng.at(0, 6)) == whole).all()


@pytest.mark.parametrize(
    ("eye", "parameters"),
    [
        (NoisyEye(0.0), Grid({"slope": [-1.0, 0.2, 1.0]})),
        (NoisyEye(), Samples({"slope": stats.norm()}, n=20)),
    ],
)
def test_games_with_a_user_are_the_same_in_a_batch(eye, parameters):
    user = User(
        policy=Tells(),
        observation_engine=eye,
        state=State(slope=1.0),
        state_space=spaces.Dict(slope=spaces.real()),
    )
    one = UserModelFilter(user, parameters, task_model=Placed())
    base = BelievingAssistant(one, BoltzmannPolicy(lambda o, s: np.zeros(3), 1.0, spaces.Discrete(3)))
    for assistant in (None, base):
        planner = MonteCarloTree(one, spaces.Discrete(3), 12, 3, 0.9, assistant=assistant)
        bundle = Bundle(Placed(), user, BelievingAssistant(one, GreedyPolicy(planner)), max_rounds=3)
        runs = bundle.run(10, seed=0)
        assert len(np.unique(runs["assistant_action"])) > 1
        for index in (0, 4, 9):
            assert bundle.run([index], seed=0) == runs.episode(index)


class Leans(DiscretePolicy):
    """An assistant's policy whose leaning, drawn at the start of a game, nobody else knows."""

    action_space = DOORS

    def probabilities(self, observation, state):
        return np.array([1 - state.leaning, state.leaning, 0.0])


class Leaning(Assistant):
    state_space = spaces.Dict(leaning=spaces.real(0.0, 1.0), count=spaces.whole(0))

    def reset(self, rng):
        return State(leaning=rng.random(), count=0)


def test_what_the_assistant_does_not_know_of_itself_begins_anew():
    """In each simulation, for each episode alone; and what it knows does not."""
    assistant = Leaning(policy=Leans(), observation_engine=LOOKS)
    tree = MonteCarloTree(TIGER, DOORS, 400, 2, assistant=assistant, patience=10_000)
    state, seen, rng = tigers(np.full(9, 0.5))
    found = tree.values(state, seen, rng.at(0, 6))
    alone = State(belief=TIGER.initial(RNG))
    assert (tree.values(alone, START, EpisodeRandom(0, 4).at(0, 6)) == found[4]).all()
    # Half of the actions that follow open a door: −1 for listening, 0.5 (−1) + 0.5 (−45); the deviation of a
    # simulation's return is 45, and there are more than 100 of listening in each of nine episodes.
    assert abs(found[:, LISTEN].mean() + 24) < 4 * 45 / np.sqrt(9 * 100)
    known = tree.values(state.extend(leaning=np.zeros(9)), seen, rng.at(0, 6))
    assert (known[:, LISTEN] == -2.0).all()


class Pairs(InteractionTask):
    """Pays for the two numbers of an action, and for one that is hidden."""

    state_space = spaces.Dict(x=spaces.Discrete(2), last=spaces.whole(0, 2, (2,)))

    def reset(self, rng):
        return State(x=0, last=np.zeros(2, int))

    def on_assistant_action(self, game, rng):
        action = game.assistant_action
        return Transition(game.task_state.replace(last=action), 1.0 * action[0] + 10.0 * action[1])


@pytest.mark.parametrize("rows", [None, 3, 20])
def test_actions_may_be_arrays(rows):
    one = UserModelFilter(None, Grid({"task_state.x": [0, 1]}), task_model=Pairs(), evidence=())
    rng = EpisodeRandom(0) if rows is None else EpisodeRandom(0, episodes=np.arange(rows))
    last = np.zeros(2 if rows is None else (rows, 2), int)
    seen = State(round_index=0, task_state=State(last=last), previous_task_state=State(last=last))
    tree = MonteCarloTree(one, spaces.MultiDiscrete([2, 3]), 60, 1)
    values = tree.values(State(belief=one.initial(rng)), seen, rng.at(0, 6))
    assert np.allclose(values, [0, 10, 20, 1, 11, 21])
    assert (tree.best(State(belief=one.initial(rng)), seen, rng) == [1, 2]).all()
    deep = MonteCarloTree(one, spaces.MultiDiscrete([2, 3]), 60, 3)
    assert np.isfinite(deep.values(State(belief=one.initial(rng)), seen, rng)).all()


class Asks(Policy):
    """In natural code: asks its planner, and doubts small differences."""

    action_space = DOORS

    def __init__(self, planner):
        self.planner = planner

    def sample(self, observation, state, rng):
        values = self.planner.values(state, observation, rng)
        if values.max() - values[LISTEN] < 3.0:
            return LISTEN, 0.0
        return values.argmax(), 0.0


def test_a_policy_in_natural_code_asks_for_all_episodes_at_once():
    planner = MonteCarloTree(TIGER, DOORS, 30, 2, 0.95, assistant=LISTENING)
    bundle = Bundle(TigerTask(), assistant=BelievingAssistant(TIGER, Asks(planner)), max_rounds=4)
    runs = bundle.run(15, seed=2)
    assert ways(bundle)["assistant policy.sample"] == "lifted"
    assert len(np.unique(runs["assistant_action"])) > 1
    for index in (0, 14):
        assert bundle.run([index], seed=2) == runs.episode(index)


def test_a_planner_is_a_value():
    tree = MonteCarloTree(TIGER, DOORS, 30, 2, 0.95, assistant=LISTENING)
    twin = pickle.loads(pickle.dumps(tree))
    assert twin == tree
    assert tree != MonteCarloTree(TIGER, DOORS, 30, 3, 0.95, assistant=LISTENING)
    state = State(belief=TIGER.initial(RNG))
    assert (twin.values(state, START, EpisodeRandom(0)) == tree.values(state, START, EpisodeRandom(0))).all()


def test_another_stream_gives_other_values():
    tree = MonteCarloTree(TIGER, DOORS, 30, 3)
    first, again, other = (
        tree.values(State(belief=TIGER.initial(RNG)), START, EpisodeRandom(seed)) for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).any()
    assert tree.draws


# The tree itself.


def test_a_tree_shows_what_was_done_and_seen():
    tree = MonteCarloTree(TIGER, DOORS, 200, 3, 0.95)
    state = State(belief=TIGER.initial(RNG))
    root = tree.tree(state, START, EpisodeRandom(5))
    assert (root.values == tree.values(state, START, EpisodeRandom(5))).all()
    assert root.visits.sum() == 200
    assert [len(branch) for branch in root.branches] == [2, 1, 1]
    assert sorted(seen.task_state.heard for seen, _ in root.branches[LISTEN]) == [0, 1]
    assert root.branches[OPEN_LEFT][0][0].task_state.heard == -1
    for action, branch in enumerate(root.branches):
        below = [node.visits.sum() for _, node in branch]
        assert sum(below) == root.visits[action] - len(branch)  # the first that came to each ended there
    deeper = [
        node for branch in root.branches for _, child in branch for b in child.branches for _, node in b
    ]
    assert deeper
    assert all(not branch for node in deeper for branch in node.branches)  # three actions, and no more
    with pytest.raises(ArgumentError, match="stream of one episode"):
        tree.tree(state, START, EpisodeRandom(0, episodes=np.arange(2)))


def test_patience_lets_simulations_pass_before_a_node_is_entered():
    tree = MonteCarloTree(TIGER, DOORS, 200, 3, 0.95, patience=7, assistant=LISTENING)
    root = tree.tree(State(belief=TIGER.initial(RNG)), START, EpisodeRandom(5))
    for action, branch in enumerate(root.branches):
        below = sum(node.visits.sum() for _, node in branch)
        passed = root.visits[action] - below
        assert passed <= 7 * len(branch)
        assert passed == min(7, root.visits[action]) or len(branch) > 1


def test_every_new_sight_is_a_node_of_its_own():
    one = UserModelFilter(None, Grid({"task_state.x": [0, 1]}), task_model=Pays(), evidence=())
    tree = MonteCarloTree(one, spaces.Discrete(2), 20, 2, observation_engine=NoisyEye())
    seen = State(round_index=0, task_state=State(), previous_task_state=State())
    root = tree.tree(State(belief=one.initial(RNG)), seen, EpisodeRandom(0))
    assert sum(len(branch) for branch in root.branches) == 20
    assert np.isnan(root.branches[0][0][1].values).all()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=25), st.integers(1, 3))
def test_equal_sights_are_the_same_child(steps, patience):
    """Followed from the root by an action and a sight, in two trees, against a dictionary."""
    statistics = Statistics(2, len(steps), 2, 1.0, patience)
    known, came = {}, {}
    roots = np.zeros(2, int)
    for action, sight in steps:
        both = np.array([[sight, 7], [1 - sight, 7]])
        found = statistics.follow(np.arange(2), roots, np.array([action, 1 - action]), both)
        for tree, key in enumerate(((0, action, sight), (1, 1 - action, 1 - sight))):
            came[key] = came.get(key, 0) + 1
            if came[key] <= patience:
                assert found[tree] == NOWHERE
            else:
                assert found[tree] == known.setdefault(key, found[tree])
    for tree in range(2):
        numbers = [number for key, number in known.items() if key[0] == tree]
        assert len(set(numbers)) == len(numbers)


def test_the_action_with_the_highest_bound_is_taken():
    statistics = Statistics(1, 10, 3, 0.5, 1)
    tree, root = np.zeros(1, int), np.zeros(1, int)
    tried = []
    for returns in (4.0, 2.0, 3.0):
        tried.append(int(statistics.choose(tree, root)[0]))
        statistics.add(tree, root, np.array(tried[-1:]), np.array([returns]))
        statistics.widen(np.array([returns]))
    assert tried == [0, 1, 2]
    statistics.add(tree, root, np.array([0]), np.array([2.5]))
    bounds = np.array([3.25, 2.0, 3.0]) + 0.5 * 2.0 * np.sqrt(np.log(4) / np.array([2, 1, 1]))
    assert statistics.choose(tree, root)[0] == bounds.argmax() == 2


def test_sights_are_equal_where_they_look_equal():
    texts = {}
    one = sights_of(State(a=np.array([0.0, -0.0, 1.0]), b=2, c=None, d="no"), 3, texts)
    assert (one[0] == one[1]).all()
    assert (one[0] != one[2]).any()
    other = sights_of(
        State(a=np.zeros(3), b=np.full(3, 2), c=None, d=np.array(["no", "yes", "no"])), 3, texts
    )
    assert (other[0] == one[0]).all()
    assert (other[1] != one[1]).any()
    assert sights_of(State(a=np.zeros((2, 3)), b=(1, State(c=2))), 2, texts).shape == (2, 5)
    with_own = State(a=1, assistant_state=State(b=np.arange(2)))
    assert (sights_of(with_own, 2, texts) == sights_of(State(a=1), 2, texts)).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any), st.floats(0, 1, exclude_max=True))
def test_no_particle_without_weight_is_drawn(weights, position):
    weights = np.array(weights, float)
    found = at_positions(weights, np.array([position, 0.0, np.nextafter(1, 0)]))
    assert (weights[found] > 0).all()
    cumulated = np.cumsum(weights) / weights.sum()
    assert cumulated[found[0]] >= position - 1e-12


# Bad input.


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: MonteCarloTree(TIGER, DOORS, 0, 3),
            ArgumentError,
            "simulations: expected a number >= 1, got 0",
        ),
        (lambda: MonteCarloTree(TIGER, DOORS, 2, 3), ArgumentError, "one or more for each of the 3 actions"),
        (lambda: MonteCarloTree(TIGER, DOORS, 9, 0), ArgumentError, "a number of actions >= 1, got 0"),
        (lambda: MonteCarloTree(TIGER, DOORS, 9, True), ArgumentError, "a number of actions >= 1, got True"),
        (lambda: MonteCarloTree(TIGER, DOORS, 9, 3, 1.5), ArgumentError, r"factor in \(0, 1\], got 1.5"),
        (lambda: MonteCarloTree(TIGER, DOORS, 9, 3, exploration=-1), ArgumentError, "exploration: expected"),
        (lambda: MonteCarloTree(TIGER, DOORS, 9, 3, patience=0), ArgumentError, "patience: expected"),
        (lambda: MonteCarloTree(TIGER, spaces.real(), 9, 3), ContractError, "finite space"),
        (
            lambda: MonteCarloTree(TIGER, spaces.Dict(a=spaces.Discrete(2)), 9, 3),
            ContractError,
            "finite space of numbers",
        ),
        (
            lambda: MonteCarloTree(TIGER, spaces.Discrete(2), 9, 3, assistant=LISTENING),
            ContractError,
            r"a policy in Discrete\(2\), like the planner's actions, got one in Discrete\(3\)",
        ),
        (lambda: MonteCarloTree(TigerTask(), DOORS, 9, 3), ContractError, "expected a UserModelFilter"),
        (
            lambda: MonteCarloTree(TIGER, DOORS, 9, 3, assistant=Listens()),
            ContractError,
            "expected an Assistant",
        ),
    ],
)
def test_bad_input_is_an_error(make, error, message):
    with pytest.raises(error, match=message):
        make()


class Reads(InteractionTask):
    """Reads what nobody told: its secret."""

    state_space = spaces.Dict(x=spaces.Discrete(2), secret=spaces.Discrete(2))

    def reset(self, rng):
        return State(x=0, secret=1)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state, float(game.task_state.secret))


class Boundless(Pays):
    def on_assistant_action(self, game, rng):
        return Transition(game.task_state, -np.inf if game.assistant_action else 0.0)


@pytest.mark.parametrize("rows", [None, 2, 20])
def test_a_search_says_what_it_cannot_know(rows):
    one = UserModelFilter(None, Grid({"task_state.x": [0, 1]}), task_model=Reads(), evidence=())
    seen = State(round_index=0, task_state=State(), previous_task_state=State())
    rng = EpisodeRandom(0) if rows is None else EpisodeRandom(0, episodes=np.arange(rows))
    with pytest.raises(UnknownFieldError, match="secret") as caught:
        MonteCarloTree(one, spaces.Discrete(2), 9, 2).values(State(belief=one.initial(RNG)), seen, rng)
    assert any("particles of its belief" in note for note in caught.value.__notes__)
    blind = State(task_state=State(), previous_task_state=State())
    with pytest.raises(UnknownFieldError, match="MonteCarloTree: expected round_index"):
        MonteCarloTree(one, spaces.Discrete(2), 9, 2).values(State(belief=one.initial(RNG)), blind, rng)


def test_returns_without_bounds_are_an_error():
    one = UserModelFilter(None, Grid({"task_state.x": [0, 1]}), task_model=Boundless(), evidence=())
    seen = State(round_index=0, task_state=State(), previous_task_state=State())
    with pytest.raises(ContractError, match="finite numbers, got a return of -inf"):
        MonteCarloTree(one, spaces.Discrete(2), 9, 2).values(State(belief=one.initial(RNG)), seen, RNG)


class Rare(InteractionTask):
    """Action 1 pays 10, now and then; the others pay nothing, so that the first returns are all the same."""

    state_space = spaces.Dict(x=spaces.Discrete(2))

    def reset(self, rng):
        return State(x=0)

    def on_assistant_action(self, game, rng):
        lucky = game.assistant_action == 1 and rng.random() < 0.3
        return Transition(game.task_state, 10.0 if lucky else 0.0)


def test_where_all_returns_are_the_same_each_action_has_its_turn():
    """Of 30 trees of 400 simulations none gives up the action that pays now and then (as 7 of 10 did)."""
    one = UserModelFilter(None, Grid({"task_state.x": [0, 1]}), task_model=Rare(), evidence=[])
    rng = EpisodeRandom(1, episodes=np.arange(30))
    x = State()
    seen = State(round_index=0, task_state=x, previous_task_state=x)
    values = MonteCarloTree(one, spaces.Discrete(3), 400, 1).values(State(belief=one.initial(rng)), seen, rng)
    assert (values.argmax(axis=-1) == 1).all()
    assert (np.abs(values[:, 1] - 3.0) < 4 * 10 * np.sqrt(0.21 / 100)).all()
