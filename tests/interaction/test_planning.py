"""Planning: information gain against closed forms, rollouts against exhaustive expectation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from interaction import (
    Assistant,
    BelievingAssistant,
    Bundle,
    DiscretePolicy,
    EpisodeRandom,
    Grid,
    Policy,
    RandomPolicy,
    Samples,
    State,
    UserModelFilter,
    spaces,
)
from interaction.assistants.pointing import GoalInference, NoAssistant, RolloutAssistant
from interaction.errors import ArgumentError, ContractError
from interaction.planning import (
    BeliefTree,
    BoltzmannPolicy,
    ExpectedInformationGain,
    GreedyPolicy,
    InformationGainPolicy,
    MonteCarloTree,
    RolloutReturns,
)
from interaction.tasks.pointing import PointingTask
from interaction.users.pointing import CarefulPointer, SatiatingPointer

TASK = PointingTask(9, 3, "position")


class UselessPolicy(DiscretePolicy):
    """Says nothing."""

    batched = True
    action_space = spaces.Discrete(3, start=-1)

    def probabilities(self, observation, state):
        return np.full(3, 1 / 3)


def look(targets, position, rows=None):
    targets = np.array(targets)
    if rows is not None:
        targets = np.broadcast_to(targets, (rows, len(targets)))
    return State(round_index=0, task_state=State(position=position, targets=targets), user_action=1)


def gains(user, targets, weights, rows=None, task=TASK):
    belief = GoalInference(user, task)
    rng = EpisodeRandom(0, episodes=None if rows is None else np.arange(rows))
    state = belief.initial(rng).replace(log_weights=np.log(weights))
    planner = ExpectedInformationGain(belief, spaces.Discrete(task.gridsize))
    return planner.gain(state, look(targets, 4, rows), rng)


@given(
    st.lists(st.integers(0, 8), min_size=3, max_size=3, unique=True).map(sorted),
    st.lists(st.floats(0.01, 1), min_size=3, max_size=3),
)
@settings(max_examples=30)
def test_the_gain_of_a_noiseless_user_is_the_entropy_of_the_partition(targets, weights):
    """The user's action splits the targets into those left of the cell, on it, and right of it."""
    weights = np.array(weights) / sum(weights)
    found = gains(CarefulPointer(0.0), targets, weights)
    for cell in range(9):
        parts = [
            sum(w for w, t in zip(weights, targets, strict=True) if np.sign(t - cell) == s)
            for s in (-1, 0, 1)
        ]
        entropy = -sum(p * np.log2(p) for p in parts if p > 0)
        assert np.isclose(found[cell], entropy, atol=1e-9)


def test_a_useless_user_tells_nothing():
    user = CarefulPointer().replace(policy=UselessPolicy())
    assert np.allclose(gains(user, [1, 4, 7], [0.2, 0.5, 0.3]), 0.0, atol=1e-12)


def test_a_batch_gains_what_single_episodes_gain():
    weights = np.array([0.2, 0.5, 0.3])
    many = gains(CarefulPointer(0.1), [1, 4, 7], weights, rows=700)  # more than fit in one part
    assert many.shape == (700, 9)
    assert np.allclose(many, gains(CarefulPointer(0.1), [1, 4, 7], weights))


def test_the_gain_of_a_user_whose_state_changes():
    """A satiating pointer errs with ε + s (½ − ε) at its next look: the binary channel's information."""
    user = SatiatingPointer(0.1, 0.5)
    found = gains(user, [2, 6, 8], [0.5, 0.5, 1e-300])
    error = 0.1 + 0.5 * 0.4
    channel = 1 + error * np.log2(error) + (1 - error) * np.log2(1 - error)
    assert np.isclose(found[4], channel)


def test_what_cannot_be_planned_with_is_refused():
    with pytest.raises(ContractError, match="expected a UserModelFilter"):
        ExpectedInformationGain(CarefulPointer(), spaces.Discrete(3))

    class Mute(Policy):
        action_space = spaces.Discrete(3, start=-1)

        def sample(self, observation, state, rng):
            return 0, 0.0

    user = CarefulPointer().replace(policy=Mute())
    with pytest.raises(ContractError, match=r"Mute, the policy of CarefulPointer, must define log_prob"):
        ExpectedInformationGain(GoalInference(user, TASK), spaces.Discrete(9))
    belief = GoalInference(CarefulPointer(), TASK)
    undecided = InformationGainPolicy(belief, spaces.Discrete(9), 0.1)
    with pytest.raises(ContractError, match="must define settle"):
        undecided.sample(look([1, 4, 7], 4), State(belief=belief.initial(EpisodeRandom())), EpisodeRandom())


def exhaustive(targets, weights, cell, error):
    """The expected turns of a user left alone from a cell: a walk that errs at a rate, held in 9 cells."""
    total = 0.0
    for weight, goal in zip(weights, targets, strict=True):
        step = np.zeros((9, 9))
        for here, (move, chance) in product(range(9), ((1, 1 - error), (-1, error))):
            if here != goal:
                to = min(max(here + move * np.sign(goal - here), 0), 8)
                step[here, int(to)] += chance
        open_cells = [c for c in range(9) if c != goal]
        part = step[np.ix_(open_cells, open_cells)]
        times = np.zeros(9)
        times[open_cells] = np.linalg.solve(np.eye(8) - part, np.ones(8))
        total += weight * (times[cell] + 1)  # the turn on the goal counts
    return total


@pytest.mark.parametrize("rows", [None, 3])
def test_rollouts_choose_what_exhaustive_expectation_chooses(rows):
    targets, weights, error = [0, 3, 4], np.array([0.2, 0.5, 0.3]), 0.2
    user = CarefulPointer(error)
    belief = GoalInference(user, TASK)
    rng = EpisodeRandom(3, episodes=None if rows is None else np.arange(rows))
    state = belief.initial(rng).replace(log_weights=np.log(weights))
    planner = RolloutReturns(belief, spaces.Discrete(9), NoAssistant(TASK), horizon=200, samples=4_000)
    returns = planner.returns(state, look(targets, 6, rows), rng)
    assert returns.shape == ((4_000, 9) if rows is None else (rows, 4_000, 9))
    expected = np.array([exhaustive(targets, weights, cell, error) for cell in range(9)])
    assert np.allclose(-returns.mean(axis=-2), expected, atol=0.12)
    assert (returns.mean(axis=-2).argmax(axis=-1) == expected.argmin()).all()


def test_all_actions_meet_the_same_users_and_random_numbers():
    """With a sure belief and no noise, each rollout's turns are the distance and one."""
    user = CarefulPointer(0.0)
    belief = GoalInference(user, TASK)
    rng = EpisodeRandom(0, episodes=np.arange(2))
    state = belief.initial(rng).replace(log_weights=np.log(np.array([1e-300, 1.0, 1e-300])))
    planner = RolloutReturns(belief, spaces.Discrete(9), NoAssistant(TASK), horizon=50, samples=5)
    returns = planner.returns(state, look([1, 4, 7], 6, 2), rng)
    assert (-returns == np.abs(np.arange(9) - 4) + 1).all()


def test_a_rollout_assistant_does_as_well_as_the_shortest_way_allows():
    user = CarefulPointer(0.0)
    runs = Bundle(TASK, user, RolloutAssistant(user, TASK, samples=6), max_rounds=50).run(200, seed=0)
    assert runs.terminated.all()
    assert runs.lengths.mean() < 3.2


def test_planners_are_values():
    one, other = (GoalInference(CarefulPointer(0.1), TASK) for _ in range(2))
    nine = spaces.Discrete(9)
    assert ExpectedInformationGain(one, nine) == ExpectedInformationGain(other, nine)
    assert ExpectedInformationGain(one, nine) != ExpectedInformationGain(one, spaces.Discrete(8))


@pytest.mark.parametrize("samples", [0, -1, 2.5, True])
def test_a_number_of_samples_is_checked(samples):
    with pytest.raises(ArgumentError, match="samples"):
        RolloutReturns(
            GoalInference(CarefulPointer(0.2), TASK), spaces.Discrete(9), NoAssistant(TASK), 5, samples
        )


TWO = spaces.Discrete(2)
PLANNERS = {
    "BeliefTree": lambda belief, actions: BeliefTree(belief, actions, depth=1),
    "MonteCarloTree": lambda belief, actions: MonteCarloTree(belief, actions, simulations=4, depth=1),
    "ExpectedInformationGain": ExpectedInformationGain,
    "RolloutReturns": lambda belief, actions: RolloutReturns(
        belief, actions, Assistant(policy=RandomPolicy(TWO)), horizon=1, samples=2
    ),
}


def over(values, **given):
    return UserModelFilter(CarefulPointer(), Grid({"error_rate": values}), task_model=TASK, **given)


@pytest.mark.parametrize("plan", PLANNERS.values(), ids=PLANNERS)
@pytest.mark.parametrize("actions", [spaces.real(0, 1, (2,)), spaces.whole(), spaces.Dict(a=TWO), [0, 1], 2])
def test_actions_that_cannot_be_listed_are_told_by_the_planner(plan, actions):
    with pytest.raises(ContractError, match=r"^\w+: action_space: expected a finite space of numbers"):
        plan(over([0.1, 0.3]), actions)


@pytest.mark.parametrize("name", PLANNERS)
def test_without_a_task_there_is_nothing_to_plan_but_questions(name):
    belief = UserModelFilter(CarefulPointer(), Grid({"error_rate": [0.1, 0.3]}))
    if name == "ExpectedInformationGain":
        assert PLANNERS[name](belief, TWO).actions == [0, 1]
        return
    with pytest.raises(ContractError, match=f"{name}: expected a belief whose filter has a task_model"):
        PLANNERS[name](belief, TWO)


@pytest.mark.parametrize("plan", PLANNERS.values(), ids=PLANNERS)
def test_a_planner_reads_no_belief_over_other_candidates(plan):
    """Of the same number, too, where the weights alone could not tell."""
    kept, same, rng = over([0.1, 0.3]), over([0.1, 0.3]), EpisodeRandom()
    assert BelievingAssistant(kept, GreedyPolicy(plan(same, TWO))).beliefs == (kept,)
    for other in (over([0.2, 0.4]), over([0.1, 0.2, 0.3])):
        for act in (GreedyPolicy, BoltzmannPolicy):
            with pytest.raises(ContractError, match=r"reads the belief in the field 'belief'"):
                BelievingAssistant(kept, act(plan(other, TWO)))
    apart = over([0.2, 0.4], field="second")
    assert BelievingAssistant([kept, apart], GreedyPolicy(plan(apart, TWO))).beliefs == (kept, apart)
    seen = look([1, 4, 7], 4).extend(assistant_action=0)
    with pytest.raises(ContractError, match=r"over 3 candidates of error_rate, got one over 2"):
        plan(over([0.1, 0.2, 0.3]), TWO).values(kept.initial(rng), seen, rng)


@pytest.mark.parametrize("horizon", [0, -1, 1.5, "2", None, True])
def test_a_horizon_is_a_number_of_rounds(horizon):
    with pytest.raises(ArgumentError, match="RolloutReturns: horizon: expected a number of rounds >= 1"):
        RolloutReturns(over([0.1, 0.3]), TWO, Assistant(policy=RandomPolicy(TWO)), horizon, samples=2)


def test_no_particle_becomes_sure():
    belief = UserModelFilter(CarefulPointer(), Samples({"error_rate": stats.uniform(0, 1)}), task_model=TASK)
    with pytest.raises(ArgumentError, match=r"over a Grid.*got Samples of error_rate"):
        InformationGainPolicy(belief, TWO)
