"""Plans against known results: the tiger, the crying baby, questions that cost, a switch, soft choices."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from interaction import (
    BelievingAssistant,
    Bundle,
    DeterministicPolicy,
    DiscretePolicy,
    EpisodeRandom,
    Grid,
    InteractionTask,
    ObservationEngine,
    Policy,
    Samples,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
)
from interaction.errors import ArgumentError, ContractError, UnknownFieldError, UnknownNameError
from interaction.planning import (
    BeliefTree,
    BoltzmannPolicy,
    ExpectedInformationGain,
    GreedyPolicy,
    MonteCarloTree,
    RolloutReturns,
    chances,
)
from interaction.planning.chances import Chances, outcomes
from interaction.tasks.tiger import LISTEN, OPEN_LEFT, OPEN_RIGHT, TigerTask

RNG = EpisodeRandom(0, 0)
TIGER = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
START = State(round_index=0, task_state=State(heard=-1), previous_task_state=State(heard=-1))
DOORS = TigerTask.action_space


def believing(right, one=TIGER):
    """The belief that the tiger is on the right with this probability."""
    with np.errstate(divide="ignore"):
        return one.initial(RNG).replace(log_weights=np.log([1 - right, right]))


# The tiger. Optimal values: computed by backward induction over the belief's closed form, see `optimal`.


def optimal(horizon, discount):
    """Backward induction over the number of hears to the right less those to the left."""
    odds = 0.85 / 0.15

    def value(net, left, memo):
        if left == 0:
            return 0.0
        if (net, left) not in memo:
            right = 1 / (1 + odds**-net)
            hears = 0.85 * right + 0.15 * (1 - right)
            listen = -1 + discount * (
                hears * value(net + 1, left - 1, memo) + (1 - hears) * value(net - 1, left - 1, memo)
            )
            again = discount * value(0, left - 1, memo)
            doors = [10 * p - 100 * (1 - p) + again for p in (right, 1 - right)]
            memo[net, left] = max(listen, *doors)
        return memo[net, left]

    return value(0, horizon, {})


PUBLISHED = {  # issue of Kaelbling et al. 1998, recomputed with exact fractions
    1.0: [-1, -2, 2.72, 2.42125, 3.60915, 5.618819],
    0.95: [-1, -1.95, 2.3098, 1.795544, 2.763096, 4.428531],
}


@pytest.mark.parametrize("discount", [1.0, 0.95])
def test_the_tigers_values_over_finite_horizons(discount):
    for horizon, expected in enumerate(PUBLISHED[discount], start=1):
        tree = BeliefTree(TIGER, DOORS, horizon, discount).tree(believing(0.5), START)
        assert np.isclose(tree.value, expected, atol=5e-7, rtol=0)
        assert np.isclose(tree.value, optimal(horizon, discount), atol=1e-10, rtol=0)


def test_the_tigers_value_without_end():
    """What lies beyond the depth d counts less than discount^d times the value itself: 0.75^36 · 1.9 = 6e-5,
    and 0.95^195 · 19.4 = 9e-4."""
    for discount, depth, expected in ((0.75, 36, 1.9334), (0.95, 195, 19.371368)):
        root = BeliefTree(TIGER, DOORS, depth, discount).tree(believing(0.5), START)
        assert root.values.argmax() == LISTEN
        assert abs(root.value - expected) < 1e-3
    for net, expected in ((1, -73.589744), (2, 19.371368), (3, 16.258951)):
        beyond = discount**depth * 2 * abs(expected)  # no belief that it comes to is worth twice as much
        assert abs(opening_after(net, root, discount, {}) - expected) < beyond + 1e-6


def opening_after(net, node, discount, memo):
    """The value of opening a door after so many more hears of the other side, followed through a tree."""
    if not node.branches:
        return 0.0
    if node not in memo:
        right = node.probabilities @ [game.task_state.tiger for game in node.games]
        more = round(np.log(right / (1 - right)) / np.log(0.85 / 0.15))
        action = LISTEN if abs(more) < net else OPEN_LEFT if more > 0 else OPEN_RIGHT
        later = sum(p * opening_after(net, after, discount, memo) for p, _, after in node.branches[action])
        memo[node] = node.rewards[action] + discount * later
    return memo[node]


def test_a_tree_shows_what_may_be_seen_and_meets_equal_beliefs_once():
    root = BeliefTree(TIGER, DOORS, 3).tree(believing(0.5), START)
    (first, left, after_left), (second, _, after_right) = root.branches[LISTEN]
    assert (first, second) == (0.5, 0.5)
    assert left.task_state.heard in (0, 1)
    assert np.allclose(sorted(after_left.probabilities), [0.15, 0.85])
    back = [node for branch in after_left.branches[LISTEN] for node in branch[2:]]
    again = [node for branch in after_right.branches[LISTEN] for node in branch[2:]]
    assert all(np.isclose(node.probabilities.sum(), 1.0) for node in back + again)
    assert [len(branch) for branch in root.branches] == [2, 1, 1]


def test_a_batch_of_beliefs_has_the_values_of_each():
    rng = EpisodeRandom(0, episodes=np.arange(4))
    rights = np.array([0.5, 0.9, 0.03, 0.97])
    belief = TIGER.initial(rng).replace(log_weights=np.log(np.stack([1 - rights, rights], axis=-1)))
    seen = State(
        round_index=0,
        task_state=State(heard=np.full(4, -1)),
        previous_task_state=State(heard=np.full(4, -1)),
    )
    tree = BeliefTree(TIGER, DOORS, 4, 0.9)
    found = tree.values(State(belief=belief), seen, rng)
    each = [tree.values(State(belief=believing(right)), START, RNG) for right in rights]
    assert np.allclose(found, each, atol=1e-9, rtol=0)
    assert tree.best(State(belief=belief), seen, rng).tolist() == [np.argmax(one) for one in each]


def test_who_plans_listens_and_opens_the_right_door():
    """Over 12 rounds, with a tree of depth 4, the doors are opened after two hears of one side more."""
    assistant = BelievingAssistant(TIGER, GreedyPolicy(BeliefTree(TIGER, DOORS, 4, 0.95)))
    runs = Bundle(TigerTask(), assistant=assistant, max_rounds=12).run(20, seed=0)
    net = np.zeros(20)
    for number in range(12):
        action = runs["assistant_action"][:, number]
        assert (action[net >= 2] == OPEN_LEFT).all()
        assert (action[net <= -2] == OPEN_RIGHT).all()
        assert (action[np.abs(net) < 2] == LISTEN).all()
        heard = runs["task_state.heard"][:, number]
        net = np.where(action == LISTEN, net + np.where(heard == 1, 1, -1), 0)


class Threshold(Policy):
    """Opens the door that it is sure of (0.9), and else listens."""

    action_space = DOORS

    def sample(self, observation, state, rng):
        right = np.exp(state.belief.log_weights[1])
        if right > 0.9:
            return OPEN_LEFT, 0.0
        return (OPEN_RIGHT if right < 0.1 else LISTEN), 0.0


def test_rollouts_go_on_with_what_the_assistant_believes():
    """Q(listen) at the belief 0.97, with the threshold policy from then on, by iteration over beliefs. Began
    the simulated assistant at its prior, it would be 18.14. 1,000 rollouts; four errors are allowed."""
    base = BelievingAssistant(TIGER, Threshold())
    planner = RolloutReturns(TIGER, DOORS, base, horizon=120, samples=1_000, discount=0.95)
    returns = planner.returns(State(belief=believing(0.97)), START, RNG)
    found, error = returns[:, LISTEN].mean(), returns[:, LISTEN].std(ddof=1) / np.sqrt(1_000)
    assert abs(found - threshold_value(0.97)) < 4 * error
    assert abs(threshold_value(0.97) - 24.38) < 0.01


def threshold_value(right):
    """Q(listen) of the policy that opens above 0.9, by iteration over the beliefs that it comes to."""

    def back(right, depth):
        hears = 0.85 * right + 0.15 * (1 - right)
        after = 0.85 * right / hears, 0.15 * right / (1 - hears)
        return -1 + 0.95 * (hears * value(after[0], depth - 1) + (1 - hears) * value(after[1], depth - 1))

    def value(right, depth):
        if depth == 0:
            return 0.0
        key = round(right, 9), depth
        if key not in memo:
            sure = max(right, 1 - right)
            opened = 10 * sure - 100 * (1 - sure)
            memo[key] = opened + 0.95 * value(0.5, depth - 1) if sure > 0.9 else back(right, depth)
        return memo[key]

    memo = {}
    return back(right, 150)


# The crying baby.

FEED, WAIT = 1, 0


class Baby(InteractionTask):
    """Source: Kochenderfer, Wheeler & Wray 2022, "Algorithms for decision making", appendix F.7."""

    state_space = spaces.Dict(hungry=spaces.Discrete(2), cries=spaces.Discrete(2))

    def reset(self, rng):
        return State(hungry=0, cries=0)

    def on_assistant_action(self, game, rng):
        hungry = game.task_state.hungry
        reward = -10.0 * hungry - 5.0 * (game.assistant_action == FEED)
        if game.assistant_action == FEED:
            hungry = 0
        elif hungry == 0:
            hungry = int(rng.random() < 0.1)
        cries = int(rng.random() < (0.8 if hungry else 0.1))
        return Transition(State(hungry=hungry, cries=cries), reward)

    def outcome_log_prob(self, before, after):
        chance = 0.8 if after.task_state.hungry else 0.1
        return np.log(chance if after.task_state.cries else 1 - chance)

    def hidden_transition(self, before, after):
        if before.assistant_action == FEED:
            return np.array([1.0, 0.0])
        return np.array([0.0, 1.0]) if before.task_state.hungry else np.array([0.9, 0.1])


BABY = UserModelFilter(None, Grid({"task_state.hungry": [0, 1]}), task_model=Baby())
QUIET = State(round_index=0, task_state=State(cries=0), previous_task_state=State(cries=0))


def baby_value(belief, depth, memo):
    """Backward induction, written out once more."""
    if depth == 0:
        return 0.0, WAIT
    key = round(belief, 10), depth
    if key not in memo:
        values = []
        for action in (WAIT, FEED):
            later = 0.0 if action == FEED else belief + 0.1 * (1 - belief)
            total = -10 * belief - 5 * action
            for crying in (0, 1):
                hungry = 0.8 if crying else 0.2
                sated = 0.1 if crying else 0.9
                chance = later * hungry + (1 - later) * sated
                total += 0.9 * chance * baby_value(later * hungry / chance, depth - 1, memo)[0]
            values.append(total)
        memo[key] = max(values), int(np.argmax(values))
    return memo[key]


@pytest.mark.parametrize("hungry", [0.0, 0.2, 0.28, 0.29, 0.6])
def test_the_crying_baby(hungry):
    with np.errstate(divide="ignore"):
        belief = BABY.initial(RNG).replace(log_weights=np.log([1 - hungry, hungry]))
    values = BeliefTree(BABY, spaces.Discrete(2), 9, 0.9).tree(belief, QUIET).values
    value, action = baby_value(hungry, 9, {})
    assert np.isclose(values.max(), value, atol=1e-9)
    assert values.argmax() == action


def test_the_reference_for_the_baby_is_the_published_one():
    """The recursion above, on a grid of beliefs with linear interpolation, until nothing changes: V*(sated)
    is −16.305483, and feeding is better above .2821."""
    grid = np.linspace(0, 1, 20_001)
    values = np.zeros_like(grid)
    for _ in range(250):
        actions = []
        for action in (WAIT, FEED):
            later = np.zeros_like(grid) if action == FEED else grid + 0.1 * (1 - grid)
            total = -10 * grid - 5 * action
            for hungry, sated in ((0.8, 0.1), (0.2, 0.9)):
                chance = later * hungry + (1 - later) * sated
                total = total + 0.9 * chance * np.interp(later * hungry / chance, grid, values)
            actions.append(total)
        values = np.maximum(*actions)
    assert abs(values[0] + 16.305483) < 1e-4
    assert abs(grid[np.argmax(actions[FEED] > actions[WAIT])] - 0.2821) < 1e-4


class Cares(Policy):
    """Feeds when it cries, at random, or when it is believed to be hungry."""

    action_space = spaces.Discrete(2)

    def __init__(self, how):
        self.how = how

    def sample(self, observation, state, rng):
        if self.how == "when it cries":
            return observation.task_state.cries, 0.0
        if self.how == "at random":
            return rng.integers(0, 2), 0.0
        hungry = (np.exp(state.belief.log_weights) * state.belief.hidden.hungry).sum()
        return (FEED if hungry > 0.2821 else WAIT), 0.0


@pytest.mark.parametrize(
    ("how", "expected"),
    [("when it cries", -16.771365), ("at random", -32.563025), ("when it is believed", -16.305483)],
)
def test_ways_to_care_for_the_baby(how, expected):
    """The discounted returns of 8,000 babies over 150 rounds, of which what is beyond counts 0.9^150 · 100.
    Four standard errors are allowed, which are less than the 0.47 between the best two."""
    prior = {"task_state.hungry": [1.0, 0.0]}
    sated = UserModelFilter(None, Grid({"task_state.hungry": [0, 1]}, prior=prior), task_model=Baby())
    bundle = Bundle(Baby(), assistant=BelievingAssistant(sated, Cares(how)), max_rounds=150)
    runs = bundle.run(8_000, seed=0, record=["rewards.assistant_task"])
    found = runs["rewards.assistant_task"] @ 0.9 ** np.arange(150)
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert error < 0.11
    assert abs(found.mean() - expected) < 4 * error


# To ask or to wait.


class AskOrWait(InteractionTask):
    """One of two answers is right. Asking costs 1 and tells it; waiting costs nothing; an answer ends it."""

    state_space = spaces.Dict(right=spaces.Discrete(2), told=spaces.Discrete(3, start=-1))

    def reset(self, rng):
        return State(right=rng.integers(0, 2), told=-1)

    def on_assistant_action(self, game, rng):
        state, action = game.task_state, game.assistant_action
        match action:
            case 0:
                return Transition(state.replace(told=state.right), -1.0)
            case 1:
                return Transition(state)
        return Transition(state, 10.0 if action - 2 == state.right else -100.0, True)

    def outcome_log_prob(self, before, after):
        told = before.task_state.right if before.assistant_action == 0 else before.task_state.told
        return 0.0 if after.task_state.told == told else -np.inf


def test_who_knows_nothing_asks_and_does_not_wait_for_ever():
    """The optimum is −1 + 0.95 · 10 = 8.5. QMDP, which takes for granted that all will be known, waits."""
    one = UserModelFilter(None, Grid({"task_state.right": [0, 1]}), task_model=AskOrWait())
    seen = State(round_index=0, task_state=State(told=-1), previous_task_state=State(told=-1))
    tree = BeliefTree(one, spaces.Discrete(4), 4, 0.95)
    values = tree.tree(one.initial(RNG), seen).values
    assert np.allclose(values, [8.5, 0.95 * 8.5, -45.0, -45.0], atol=1e-12)
    with np.errstate(divide="ignore"):
        sure = [one.initial(RNG).replace(log_weights=np.log(belief)) for belief in np.eye(2)]
    known = np.stack([tree.tree(belief, seen).values for belief in sure])
    assert np.allclose(known.mean(axis=0), [8.5, 9.5, -45.0, -45.0], atol=1e-12)
    for policy, returns in ((Qmdp(known), 0.0), (GreedyPolicy(tree), 9.0)):  # −1 and 10, without the discount
        runs = Bundle(AskOrWait(), assistant=BelievingAssistant(one, policy), max_rounds=100).run(5, seed=0)
        assert (runs.returns == returns).all()


class Qmdp(Policy):
    """Takes the best action on average, as if what is hidden were known from then on.

    Source: Littman, Cassandra & Kaelbling 1995, "Learning policies for partially observable environments"."""

    action_space = spaces.Discrete(4)

    def __init__(self, known):
        self.known = known

    def sample(self, observation, state, rng):
        return np.argmax(np.exp(state.belief.log_weights) @ self.known), 0.0


# A user who answers: the off-switch.


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


@pytest.mark.parametrize(("mean", "expected"), [(0.0, 0.398942), (0.5, 0.197797), (1.0, 0.083315)])
def test_the_worth_of_a_switch(mean, expected):
    """What asking is worth beyond the better of acting and being off: E[max(U, 0)] − max(E[U], 0).

    The grid has a point in the middle of each of 2,400 cells from −6 to 6 around the mean."""
    width = 0.005
    grid = np.arange(-6, 6, width) + width / 2 + mean
    user = User(policy=Allows(), state=State(utility=0.0), state_space=spaces.Dict(utility=spaces.real()))
    prior = {"utility": stats.norm(mean).pdf(grid)}
    one = UserModelFilter(user, Grid({"utility": grid}, prior=prior), task_model=Switch())
    seen = State(
        round_index=0,
        task_state=State(asked=0),
        previous_task_state=State(asked=0),
        user_action=0,
        assistant_action=0,
    )
    values = BeliefTree(one, spaces.Discrete(3), 1).tree(one.initial(RNG), seen).values
    assert np.isclose(values[0], mean, atol=1e-6)
    assert np.isclose(values[2] - max(values[0], values[1]), expected, atol=1e-6)


# All that can happen.


def dice(rng):
    return rng.integers(1, 7) + rng.integers(1, 7), rng.random() < 0.25, rng.categorical([1, 0, 3])


def test_all_outcomes_are_gone_through():
    found = {}
    for chance, value in outcomes(dice, "dice"):
        found[value] = found.get(value, 0.0) + chance
    assert len(found) == 11 * 2 * 2
    assert np.isclose(found[7, True, 2], 6 / 36 * 0.25 * 0.75)
    assert np.isclose(sum(found.values()), 1.0)


def test_so_many_outcomes_are_gone_through_and_no_more(monkeypatch):
    assert sorted(outcomes(lambda rng: rng.integers(0, 1_000), "one")) == [(0.001, k) for k in range(1_000)]
    monkeypatch.setattr(chances, "MOST", 12)
    assert len(outcomes(lambda rng: rng.integers(0, 3) + rng.integers(0, 4), "two")) == 12
    with pytest.raises(ArgumentError, match="two: more than 12 outcomes of a single action"):
        outcomes(lambda rng: rng.integers(0, 3) + rng.integers(0, 5), "two")


@settings(max_examples=50)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4))
def test_one_number_lies_on_one_side_of_each_bound(bounds):
    """The same uniform, compared several times: as often below each bound as the bound says."""

    def compared(rng):
        number = rng.random()
        return tuple(number < np.float64(bound) for bound in bounds)

    found = outcomes(compared, "compared")
    assert np.isclose(sum(chance for chance, _ in found), 1.0)
    for index, bound in enumerate(bounds):
        assert np.isclose(sum(chance for chance, below in found if below[index]), bound)
    for _, below in found:
        for first, second in itertools.combinations(range(len(bounds)), 2):
            if bounds[first] <= bounds[second]:
                assert below[second] or not below[first]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda rng: rng.normal(), "rng.normal has too many outcomes"),
        (lambda rng: int(rng.random() * 3), r"rng.integers\(low, high\)"),
        (lambda rng: rng.random((3,)), "one by one"),
        (lambda rng: rng.generator().random(), "rng.generator"),
        (lambda rng: rng.simulation().random(), "simulation of its own"),
        (lambda rng: 1.0 - rng.random(), "a comparison"),
    ],
)
def test_draws_from_infinitely_many_are_refused(draw, message):
    with pytest.raises(ContractError, match=message):
        outcomes(draw, "method")


def test_permutations_are_equally_probable():
    found = outcomes(lambda rng: tuple(rng.shuffle(3).tolist()), "shuffle")
    assert sorted(value for _, value in found) == sorted(itertools.permutations(range(3)))
    assert all(np.isclose(chance, 1 / 6) for chance, _ in found)
    assert isinstance(Chances().random() < 0.5, bool)


# Soft choices.

MEANINGS = np.array([[1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0]], float)  # referents × words
LITERAL = MEANINGS / MEANINGS.sum(axis=0)  # P(referent | word), of a listener who takes words literally


def informative(observation, state):
    return np.log(LITERAL[state.referent])


def test_a_listener_who_models_the_speaker():
    """Frank & Goodman 2012, "Predicting pragmatic reasoning in language games": a blue square, a blue circle,
    a green square; the words blue, green, square, circle. Who hears "blue" takes the square at 0.6, since for
    the circle there was a better word."""
    with np.errstate(divide="ignore"):
        policy = BoltzmannPolicy(informative, 1.0, spaces.Discrete(4))
        speaker = User(
            policy=policy, state=State(referent=0), state_space=spaces.Dict(referent=spaces.Discrete(3))
        )
        one = UserModelFilter(speaker, Grid({"referent": range(3)}))
        seen = State(task_state=State(), user_action=0, provenance=1)
        weights = np.exp(one.update(one.initial(RNG), seen, RNG).log_weights)
    assert np.allclose(weights, [0.6, 0.4, 0.0], atol=1e-12, rtol=0)


@settings(max_examples=30)
@given(st.lists(st.floats(-50, 50), min_size=2, max_size=5), st.floats(0.1, 10))
def test_better_actions_are_more_probable_by_their_value(values, temperature):
    policy = BoltzmannPolicy(lambda o, s: np.array(values), temperature, spaces.Discrete(len(values)))
    expected = np.exp((np.array(values) - max(values)) / temperature)
    expected /= expected.sum()
    assert np.allclose(policy.probabilities(State(), State()), expected, atol=1e-12)
    if expected[0] > 0:
        assert np.isclose(policy.log_prob(0, State(), State()), np.log(expected[0]))


def test_temperature_may_be_a_hidden_parameter():
    """A user who is hot at random and cold otherwise is told apart by what it does, alone and in a batch."""
    policy = BoltzmannPolicy(worth, "heat", spaces.Discrete(2))
    user = User(policy=policy, state=State(heat=0.1), state_space=spaces.Dict(heat=spaces.real(0.0)))
    heats = np.array([0.1, 5.0])
    one = UserModelFilter(user, Grid({"heat": heats}))
    seen = State(task_state=State(), user_action=1, provenance=1)
    weights = np.exp(one.update(one.initial(RNG), seen, RNG).log_weights)
    expected = 1 / (1 + np.exp(-1 / heats))
    assert np.allclose(weights, expected / expected.sum(), atol=1e-12)


def worth(observation, state):
    return np.array([0.0, 1.0])


def test_soft_choices_over_a_tree():
    tree = BeliefTree(TIGER, DOORS, 2, 0.95)
    policy = BoltzmannPolicy(tree, 20.0)
    bundle = Bundle(TigerTask(), assistant=BelievingAssistant(TIGER, policy), max_rounds=4)
    runs = bundle.run(6, seed=1)
    for index in (0, 5):
        assert bundle.run([index], seed=1) == runs.episode(index)
    values = tree.tree(believing(0.5), START).values
    found = policy.log_prob(LISTEN, START, State(belief=believing(0.5)))
    assert np.isclose(found, -np.log(np.exp((values - values[LISTEN]) / 20.0).sum()))
    rollouts = RolloutReturns(TIGER, DOORS, BelievingAssistant(TIGER, Threshold()), horizon=2, samples=2)
    with pytest.raises(ContractError, match="are drawn"):
        BoltzmannPolicy(rollouts).log_prob(LISTEN, START, State(belief=believing(0.5)))
    action, _ = BoltzmannPolicy(rollouts, 1e-3).sample(START, State(belief=believing(0.999)), RNG)
    assert action in (LISTEN, OPEN_LEFT, OPEN_RIGHT)


# Bad input.


class Draws(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        return np.array([0.5, 0.5])


class Reads(InteractionTask):
    """Reads what nobody told: its secret."""

    state_space = spaces.Dict(x=spaces.Discrete(2), secret=spaces.Discrete(2))

    def reset(self, rng):
        return State(x=0, secret=1)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state, float(game.task_state.secret))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: BeliefTree(TIGER, DOORS, 0),
            ArgumentError,
            "depth: expected a number of actions >= 1, got 0",
        ),
        (lambda: BeliefTree(TIGER, DOORS, 2, 1.5), ArgumentError, "discount"),
        (lambda: BeliefTree(TIGER, spaces.real(), 2), Exception, "finite|elements"),
        (
            lambda: BeliefTree(
                UserModelFilter(
                    None, Samples({"task_state.tiger": stats.randint(0, 2)}), task_model=TigerTask()
                ),
                DOORS,
                2,
            ),
            ArgumentError,
            "expected a belief over a Grid",
        ),
        (lambda: BoltzmannPolicy(worth, 0.0, spaces.Discrete(2)), ArgumentError, "temperature"),
        (lambda: BoltzmannPolicy(worth, 1.0), ArgumentError, "action_space"),
        (lambda: BoltzmannPolicy(3), ContractError, "planner or a function"),
        (lambda: GreedyPolicy(worth), ContractError, "expected a planner"),
        (
            lambda: BelievingAssistant([], GreedyPolicy(BeliefTree(TIGER, DOORS, 1))),
            ArgumentError,
            "one or more",
        ),
        (lambda: UserModelFilter(None, Grid({"p": [1]})), ContractError, "task_model"),
        (
            lambda: UserModelFilter(None, Grid({"task_state.tigre": [0]}), task_model=TigerTask()),
            UnknownNameError,
            r"TigerTask: there is no 'task_state\.tigre'\. Did you mean 'task_state\.tiger'",
        ),
        (
            lambda: UserModelFilter(None, Grid({"tiger": [0]}), task_model=TigerTask()),
            UnknownNameError,
            r"TigerTask: there is no 'tiger'\. Valid names: task_state\.tiger",
        ),
        (
            lambda: UserModelFilter(
                None, Grid({"task_state.tiger": [0]}), task_model=TigerTask(), evidence=["user_action"]
            ),
            ArgumentError,
            "without a user",
        ),
    ],
)
def test_bad_input_is_an_error(make, error, message):
    with pytest.raises(error, match=message):
        make()


class Hears(InteractionTask):
    """One of two is right, which a noise tells after each guess (outcome), and a user who points."""

    state_space = spaces.Dict(right=spaces.Discrete(2), heard=spaces.Discrete(2))

    def reset(self, rng):
        return State(right=rng.integers(0, 2), heard=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        state = game.task_state
        heard = state.right if rng.random() < 0.8 else 1 - state.right
        return Transition(state.replace(heard=heard), reward=float(game.assistant_action == state.right))

    def outcome_log_prob(self, before, after):
        if before.turn_index == 1:
            return 0.0
        return np.log(np.where(after.task_state.heard == after.task_state.right, 0.8, 0.2))


class PointsAtIt(DeterministicPolicy):
    action_space = spaces.Discrete(2)

    def action(self, observation, state):
        return observation.task_state.right


@pytest.mark.parametrize(
    ("user", "evidence", "lacking"),
    [
        (True, None, "outcome"),
        (True, ["outcome"], "user_action"),
        (True, [], "user_action and outcome"),
        (False, [], "outcome"),
    ],
)
def test_a_belief_learns_as_it_does_in_the_tree(user, evidence, lacking):
    """A tree learns from all that is seen; a filter that learns from less would not reach what it plans."""
    user = User(policy=PointsAtIt(0.3)) if user else None
    over = Grid({"task_state.right": [0, 1]})
    one = UserModelFilter(user, over, task_model=Hears(), evidence=evidence)
    two = spaces.Discrete(2)
    for make in (lambda: BeliefTree(one, two, 1), lambda: MonteCarloTree(one, two, 8, 1)):
        with pytest.raises(ContractError, match=rf"expected a belief that learns from {lacking}, too.*Give"):
            make()
    whole = [*(["user_action"] if user else []), "outcome"]
    one = UserModelFilter(user, over, task_model=Hears(), evidence=whole)
    planner = BeliefTree(one, spaces.Discrete(2), 2)
    bundle = Bundle(Hears(), user, BelievingAssistant(one, GreedyPolicy(planner)), max_rounds=3)
    assert bundle.run(20, seed=0).returns.mean() > 1.5


class Mine(InteractionTask):
    """One of four cells holds a mine; to dig another one pays 1, and to hit it ends the game at −5."""

    state_space = spaces.Dict(mine=spaces.Discrete(4))

    def __init__(self, counted):
        if counted:
            self.outcome_log_prob = self.counted

    def reset(self, rng):
        return State(mine=rng.integers(0, 4))

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        hit = game.assistant_action == game.task_state.mine
        return Transition(game.task_state, -5.0 if hit else 1.0, bool(hit))

    def counted(self, before, after):
        if before.turn_index == 1:
            return 0.0
        return np.where(before.assistant_action == before.task_state.mine, -np.inf, 0.0)


class Hints(DiscretePolicy):
    action_space = spaces.Discrete(4)

    def probabilities(self, observation, state):
        return np.where(np.arange(4) == observation.task_state.mine, 0.28, 0.24)


def test_that_a_game_goes_on_has_to_be_learnt_from():
    """Who survives a cell knows that it is safe: a filter that does not count it plays worse than planned."""
    over = Grid({"task_state.mine": range(4)})
    alone = UserModelFilter(User(policy=Hints()), over, task_model=Mine(False))
    seen = State(round_index=0, task_state=State(), previous_task_state=State(), user_action=0, provenance=1)
    planner = BeliefTree(alone, spaces.Discrete(4), depth=2)
    with pytest.raises(ContractError, match=r"whether the game goes on.*Define Mine\.outcome_log_prob"):
        planner.values(alone.initial(RNG), seen, RNG)
    assert np.allclose(BeliefTree(alone, spaces.Discrete(4), 1).values(alone.initial(RNG), seen, RNG), -0.5)

    task = Mine(True)
    one = UserModelFilter(User(policy=Hints()), over, task_model=task, evidence=["user_action", "outcome"])
    planner = BeliefTree(one, spaces.Discrete(4), depth=3)
    runs = Bundle(
        task, User(policy=Hints()), BelievingAssistant(one, GreedyPolicy(planner)), max_rounds=3
    ).run(2_000, seed=0)
    hinted = one.update(one.initial(RNG), seen, RNG)  # each first hint is worth the same
    promised = planner.values(hinted, seen, RNG).max()
    assert abs(runs.returns.mean() - promised) < 4 * runs.returns.std() / np.sqrt(2_000)


class Told(InteractionTask):
    """To wait (2) costs .1; a guess ends the game, and what is shown then is whether it was right.

    Or else (`later`) all go on, and from round 1 on it is shown.
    """

    state_space = spaces.Dict(x=spaces.Discrete(2), shown=spaces.Discrete(3))

    def __init__(self, later=False, quits=False):
        self.later, self.quits = later, quits

    def reset(self, rng):
        return State(x=rng.integers(0, 2), shown=2)

    def on_user_action(self, game, rng):
        state, over = game.task_state, self.quits and game.user_action == 2
        return Transition(state.replace(shown=state.x) if over else state, 0.0, bool(over))

    def on_assistant_action(self, game, rng):
        state, right = game.task_state, game.assistant_action == game.task_state.x
        if self.later:
            return Transition(state.replace(shown=state.x if game.round_index else 2), float(right))
        if game.assistant_action == 2:
            return Transition(state, -0.1)
        return Transition(state.replace(shown=int(right)), float(right), True)


class HintsAtX(DiscretePolicy):
    action_space = spaces.Discrete(3)

    def probabilities(self, observation, state):
        return np.where(np.arange(3) == observation.task_state.x, 0.6, 0.2)


class Whispers(ObservationEngine):
    """Shows beside the task's state what the belief is about."""

    def observe(self, game, rng):
        seen = game.replace(task_state=State(shown=2), previous_task_state=State(shown=2))
        names = (
            "round_index",
            "turn_index",
            "user_action",
            "provenance",
            "task_state",
            "previous_task_state",
        )
        return State(hint=game.task_state.x, **{name: seen[name] for name in names}), 0.0


def test_what_is_shown_when_nobody_acts_any_more_need_not_be_learnt_from():
    """After a hint, a guess is worth .7: of .8 times .75, and else a half."""

    def values(task, depth, **parts):
        one = UserModelFilter(User(policy=HintsAtX()), Grid({"task_state.x": [0, 1]}), task_model=task)
        seen = {"task_state": State(shown=2), "previous_task_state": State(shown=2)}
        seen = State(round_index=0, user_action=0, provenance=1, **seen)
        return BeliefTree(one, spaces.Discrete(3), depth, **parts).values(one.initial(RNG), seen, RNG)

    assert np.allclose(values(Told(), 2), [0.5, 0.5, 0.6])
    assert np.allclose(values(Told(quits=True), 2), [0.5, 0.5, 0.5])  # a fifth of the time there is no more
    assert np.allclose(values(Told(later=True), 2), [1.2, 1.2, 0.7])
    for wrong in (
        lambda: values(Told(later=True), 3),
        lambda: values(Told(), 2, observation_engine=Whispers()),
    ):
        with pytest.raises(ContractError, match=r"what is shown of it, depends on task_state\.x"):
            wrong()


def test_a_tree_says_what_it_cannot_know():
    one = UserModelFilter(None, Grid({"task_state.x": [0, 1]}), task_model=Reads(), evidence=[])
    seen = State(round_index=0, task_state=State(), previous_task_state=State())
    with pytest.raises(UnknownFieldError, match="secret") as caught:
        BeliefTree(one, spaces.Discrete(2), 1).tree(one.initial(RNG), seen)
    assert "hypotheses of its belief" in caught.value.__notes__[0]


def test_a_grid_that_moves_has_to_be_whole():
    class Half(Baby):
        def hidden_transition(self, before, after):
            return np.array([0.5, 0.2])

    class Third(Baby):
        def hidden_transition(self, before, after):
            return np.array([0.5, 0.2, 0.3])

    later = State(
        round_index=1, task_state=State(cries=1), previous_task_state=State(cries=0), assistant_action=0
    )
    for task, message in ((Half(), "sum to one"), (Third(), "expected 2 probabilities")):
        one = UserModelFilter(None, Grid({"task_state.hungry": [0, 1]}), task_model=task)
        belief = one.update(one.initial(RNG), QUIET, RNG)
        with pytest.raises(ContractError, match=message):
            one.update(belief, later, RNG)


# What a hostile tester found.


class PaysLater(InteractionTask):
    """1 in the assistant's turn, and 10 in the user's next one, which ends it."""

    state_space = spaces.Dict(x=spaces.Discrete(2))

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state, 10.0, terminated=game.round_index > 0)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state, 1.0)


def test_the_next_round_is_discounted_from_its_first_turn():
    user = User(policy=Draws())
    one = UserModelFilter(user, Grid({"task_state.x": [0, 1]}), task_model=PaysLater())
    x = State()
    seen = State(round_index=0, task_state=x, previous_task_state=x, user_action=0, assistant_action=0)
    tree = BeliefTree(one, spaces.Discrete(2), 2, 0.5).values(one.initial(RNG), seen, RNG)
    base = BelievingAssistant(one, GreedyPolicy(BeliefTree(one, spaces.Discrete(2), 1)))
    rollouts = RolloutReturns(one, spaces.Discrete(2), base, horizon=3, samples=2, discount=0.5)
    state = State(belief=one.initial(RNG))
    assert np.allclose(tree, 6.0)
    assert np.allclose(rollouts.values(state, seen, RNG), 6.0)
    single = RolloutReturns(one, spaces.Discrete(2), base, horizon=3, samples=1, discount=0.5)
    assert single.returns(state, seen, RNG).tolist() == [[6.0, 6.0]]


class NoisyEye(ObservationEngine):
    def observe(self, game, rng):
        return State(seen=game.task_state.x + rng.normal()), 0.0


class Tells(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        p = 1 / (1 + np.exp(-state.slope * observation.seen))
        return np.stack([1 - p, p])


class Placed(PaysLater):
    state_space = spaces.Dict(x=spaces.Discrete(4))

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        return Transition(State(x=game.assistant_action))


def test_soft_choices_over_gains_that_are_drawn_are_the_same_in_a_batch():
    user = User(
        policy=Tells(),
        observation_engine=NoisyEye(),
        state=State(slope=1.0),
        state_space=spaces.Dict(slope=spaces.real()),
    )
    one = UserModelFilter(user, Samples({"slope": stats.uniform(-1, 2)}, n=9), task_model=Placed())
    policy = BoltzmannPolicy(ExpectedInformationGain(one, spaces.Discrete(4)), 0.02)
    bundle = Bundle(Placed(), user, BelievingAssistant(one, policy), max_rounds=5)
    runs = bundle.run(9, seed=0)
    for index in range(9):
        assert bundle.run([index], seed=0) == runs.episode(index)
    seen = bundle.reset(seed=0).replace(turn_index=2)
    with pytest.raises(ContractError, match="nothing may be drawn here"):
        policy.log_prob(0, seen, State(belief=one.initial(RNG)))


def test_zeros_of_both_signs_are_the_same_sight():
    class Signed(InteractionTask):
        state_space = spaces.Dict(g=spaces.Discrete(2), v=spaces.real(shape=(1,)))

        def reset(self, rng):
            return State(g=rng.integers(0, 2), v=np.zeros(1))

        def on_assistant_action(self, game, rng):
            state = game.task_state
            paid = 10.0 if game.assistant_action == state.g else -10.0
            return Transition(state.replace(v=np.zeros(1) * (1.0 if state.g else -1.0)), paid)

    one = UserModelFilter(None, Grid({"task_state.g": [0, 1]}), task_model=Signed(), evidence=[])
    shown = State(v=np.zeros(1))
    seen = State(round_index=0, task_state=shown, previous_task_state=shown)
    assert np.allclose(BeliefTree(one, spaces.Discrete(2), 2).values(one.initial(RNG), seen, RNG), 0.0)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: int((np.cumsum([0.2, 0.3, 0.5]) > rng.random()).argmax()),
        lambda rng: int(np.searchsorted([0.2, 0.5], 0.0) + (rng.random() >= np.array([0.2, 0.5])).sum()),
        lambda rng: 0 if np.less(u := rng.random(), 0.2) else 1 if np.greater(0.5, u) else 2,
    ],
)
def test_a_number_may_be_compared_with_many(draw):
    found = dict.fromkeys(range(3), 0.0)
    for chance, value in outcomes(draw, "draw"):
        found[value] += chance
    assert np.allclose(list(found.values()), [0.2, 0.3, 0.5])


def test_a_tree_does_not_depend_on_which_others_are_grown_with_it():
    """To the bit, though beliefs that are equal to twelve digits are one node in each tree."""
    rng = EpisodeRandom(0, episodes=np.arange(6))
    rights = 0.5 + np.array([0.0, 1e-15, -1e-15, 3e-14, 0.2, 0.2])
    log_weights = np.log(np.stack([1 - rights, rights], axis=-1))
    belief = TIGER.initial(rng).replace(log_weights=log_weights)
    heard = State(heard=np.full(6, -1))
    seen = State(round_index=0, task_state=heard, previous_task_state=heard)
    tree = BeliefTree(TIGER, DOORS, 3, 0.95)
    found = tree.values(State(belief=belief), seen, rng)
    one = TIGER.initial(RNG)
    alone = [tree.values(State(belief=one.replace(log_weights=row)), START, RNG) for row in log_weights]
    assert found.tolist() == np.array(alone).tolist()


def test_what_is_not_sensed_is_the_same_sight():
    class Deaf(ObservationEngine):
        def observe(self, game, rng):
            return State(
                heard=float("nan") if game.task_state.heard < 0 else game.task_state.heard * 1.0
            ), 0.0

    heard = State(heard=-1)
    seen = State(round_index=0, task_state=heard, previous_task_state=heard)
    deaf = BeliefTree(TIGER, DOORS, 3, observation_engine=Deaf()).tree(believing(0.5), seen)
    assert np.allclose(deaf.values, BeliefTree(TIGER, DOORS, 3).tree(believing(0.5), seen).values, atol=1e-12)


@pytest.mark.parametrize("kind", ["tree", "rollouts"])
def test_rewards_that_are_no_numbers_are_an_error(kind):
    class Unpaid(TigerTask):
        def on_assistant_action(self, game, rng):
            return super().on_assistant_action(game, rng)._replace(reward=np.nan)

    one = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=Unpaid())
    base = BelievingAssistant(one, Threshold())
    planner = BeliefTree(one, DOORS, 2) if kind == "tree" else RolloutReturns(one, DOORS, base, 2, 3)
    with pytest.raises(ContractError, match=r"expected rewards that are|reward"):
        planner.values(State(belief=one.initial(RNG)), START, RNG)


def test_a_temperature_in_the_state_is_above_zero():
    policy = BoltzmannPolicy(worth, "heat", spaces.Discrete(2))
    for heat in (0.0, -1.0, np.nan):
        with pytest.raises(ContractError, match="heat: expected a number above 0"):
            policy.probabilities(State(), State(heat=heat))


def test_planners_refuse_a_belief_with_a_delay():
    user = User(policy=Draws())
    one = UserModelFilter(
        user, Grid({"task_state.x": [0, 1]}), task_model=PaysLater(), delay=1, action="task_state.x"
    )
    with pytest.raises(ContractError, match="expected a belief without delay, got one of delay=1"):
        BeliefTree(one, spaces.Discrete(2), 1)
