"""Agents who think about each other: known results at several depths, and users who plan with a model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interaction import (
    Assistant,
    AssistantModelFilter,
    BelievingAssistant,
    BelievingUser,
    BoltzmannPolicy,
    Bundle,
    DiscretePolicy,
    DualPolicy,
    EpisodeRandom,
    Grid,
    InteractionTask,
    Provenance,
    RandomPolicy,
    RuleObservationEngine,
    Simulator,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
    tabulate,
)
from interaction.batching import ways
from interaction.errors import ArgumentError, ContractError, SpaceError, UnknownFieldError, UnknownNameError
from interaction.examples import theory_of_mind
from interaction.planning import BeliefTree, ExpectedInformationGain, GreedyPolicy, Planner, RolloutReturns
from interaction.planning.chances import Undrawn
from interaction.tasks.paperclips import FIRST, SECOND, PaperclipTask
from interaction.tasks.tiger import LISTEN, TigerTask

RNG = EpisodeRandom(0, 0)
TWO, THREE = spaces.Discrete(2), spaces.Discrete(3)


class Wanted(InteractionTask):
    """The user says 0 or 1, and is paid where the assistant repeats what it wants."""

    state_space = spaces.Dict(paid=spaces.Discrete(2))

    def reset(self, rng):
        return State(paid=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        right = game.assistant_action == game.user_state.want
        return Transition(State(paid=int(right)), reward=float(right))


class Repeats(DiscretePolicy):
    """Does what the user said, as surely as it cares."""

    action_space = TWO

    def probabilities(self, observation, state):
        same = np.arange(2) == observation.user_action
        return state.care * same + (1 - state.care) * ~same


def wanting(**own):
    model = Assistant(
        policy=Repeats(), state=State(care=0.9), state_space=spaces.Dict(care=spaces.real(0, 1))
    )
    about = AssistantModelFilter(model, Grid({"care": [0.6, 0.9]}), task_model=Wanted())
    return about, model, BelievingUser(about, GreedyPolicy(BeliefTree(about, TWO, 2)), **own)


@pytest.mark.parametrize("want", [0, 1])
def test_a_user_who_plans_for_what_it_wants(want):
    """Who wants 1 says 1: worth the mean chance that it is repeated, twice."""
    about, model, user = wanting(state=State(want=want))
    seen = State(
        round_index=0, task_state=State(paid=0), previous_task_state=State(paid=0), assistant_action=0
    )
    for state in (user.reset(RNG), user.replace(state=State(want=want)).reset(RNG)):
        values = user.policy.planner.values(state, seen, RNG)
        assert np.isclose(values[want], 0.75 + 0.75)
        assert np.isclose(values[1 - want], 0.25 + 0.75)
    runs = Bundle(Wanted(), user, model, max_rounds=4).run(50, seed=0)
    assert (runs["user_action"] == want).all()
    assert Bundle(Wanted(), user, model, max_rounds=4).run([7], seed=0) == runs.episode(7)
    with pytest.raises(UnknownFieldError, match="want"):
        user.policy.planner.values(about.initial(RNG), seen, RNG)


def test_what_a_believing_user_wants_may_be_drawn():
    about, model, user = wanting(state=State(want=0))

    class Drawn(BelievingUser):
        def reset_own(self, rng):
            return State(want=rng.integers(0, 2))

    drawn = Drawn(about, user.policy)
    runs = Bundle(Wanted(), drawn, model, max_rounds=3).run(40, seed=0)
    assert (runs["user_action"][:, :3] == runs["user_state.want"][:, :1]).all()
    assert 10 < runs["user_state.want"][:, 0].sum() < 30

    class Lost(BelievingUser):
        def reset(self, rng):
            return State(want=1)

    with pytest.raises(ContractError, match=r"Lost: its reset follows.*define reset_own\(self, rng\)"):
        Lost(about, user.policy)
    with pytest.raises(ArgumentError, match="the field 'belief' of its state holds a belief"):
        BelievingUser(about, user.policy, state=State(belief=1))

    class Number(BelievingUser):
        def reset_own(self, rng):
            return 2

    with pytest.raises(ContractError, match=r"Number.reset_own: expected a State, got 2 of type int"):
        Number(about, user.policy)


def test_a_state_without_the_belief_is_told():
    about, model, user = wanting(state=State(want=0))
    alone = User(policy=user.policy, inference_engine=about, state=State(want=0))
    with pytest.raises(
        ContractError, match=r"the field 'belief'.*got one with want\. A BelievingUser\(filter"
    ):
        Bundle(Wanted(), alone, model, max_rounds=2).run(2, seed=0)


def test_a_simulated_agent_that_keeps_another_belief_is_refused():
    def over(values, model):
        return UserModelFilter(model, Grid({"theta": values}), task_model=Wanted())

    model = User(policy=Tosses(), state=State(theta=0.5), state_space=spaces.Dict(theta=spaces.real(0, 1)))
    mine, other = over([0.1, 0.9], model), over([0.9, 0.1], model)
    simulated = BelievingAssistant(other, RandomPolicy(TWO))
    with pytest.raises(ContractError, match="the field 'belief', but keeps another one there"):
        RolloutReturns(mine, TWO, simulated, 1, 2)


class Tosses(DiscretePolicy):
    action_space = TWO

    def probabilities(self, observation, state):
        return np.stack([state.theta, 1 - state.theta])


# Schelling's meeting: Stuhlmüller & Goodman 2014, "Reasoning about reasoning by nested conditioning".


def test_alice_and_bob_meet_where_more_people_go():
    """At level d Alice has the odds (11/9)^(2d): each of the two multiplies once more by its prior."""
    met = theory_of_mind.meeting(5)
    odds = (11 / 9) ** (2.0 * np.arange(1, 6))
    assert np.allclose(met[1:, 0], odds / (1 + odds), atol=1e-12, rtol=0)
    assert np.allclose(met[1:, 0], [0.599010, 0.690548, 0.769240, 0.832767, 0.881499], atol=5e-7, rtol=0)
    assert np.allclose(met.sum(axis=1), 1, atol=1e-15)
    assert met[0].tolist() == [0.55, 0.45]


class Counted(theory_of_mind.Meets):
    """Level 0, who says how often it is asked."""

    calls = 0

    def probabilities(self, observation, state):
        Counted.calls += 1
        return super().probabilities(observation, state)


def nested(levels, table):
    """Alice at a level, each level as it is or as a table, and how often the innermost policy was asked."""
    Counted.calls = 0
    policy = Counted((0.55, 0.45))
    for level in range(levels):
        partner = (User if level % 2 else Assistant)(policy=policy)
        policy = theory_of_mind.Meets((0.55, 0.45), partner)
        policy = tabulate(policy, {}) if table else policy
    return policy.probabilities(State(), State()), Counted.calls


def test_a_table_of_each_level_adds_to_the_cost_and_does_not_multiply_it():
    for levels in (1, 2, 3, 6):
        (each, calls), (tables, once) = nested(levels, False), nested(levels, True)
        assert np.array_equal(each, tables)
        assert calls == 2**levels  # each level asks for both places
        assert once == 2  # only the level above the innermost asks it


# Rational speech acts: Frank & Goodman 2012, "Predicting pragmatic reasoning in language games".

BLUE, CIRCLE, GREEN, SQUARE = range(4)
TRUE = np.array([[1, 0, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1]])
"""What is true of a blue square, a blue circle and a green square."""


class Reference(InteractionTask):
    """The speaker alone sees which of three is meant."""

    state_space = spaces.Dict(meant=THREE)

    def reset(self, rng):
        return State(meant=rng.integers(0, 3))

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state, float(game.assistant_action == game.task_state.meant), True)


class Truthful(DiscretePolicy):
    """Says anything that is true."""

    action_space = spaces.Discrete(4)

    def probabilities(self, observation, state):
        true = TRUE[observation.task_state.meant]
        return true / true.sum()


class Understands(DiscretePolicy):
    """Takes each referent as often as it believes in it."""

    action_space = THREE

    def probabilities(self, observation, state):
        return np.exp(state.belief.log_weights)


def listener(speaker):
    """A listener who infers what such a speaker means."""
    meant = Grid({"task_state.meant": range(3)})
    return BelievingAssistant(UserModelFilter(speaker, meant, task_model=Reference()), Understands())


def speaker(hears):
    """A speaker who says what lets such a listener understand, P(u) ∝ exp(log L(meant | u))."""
    simulator = Simulator(assistant=hears)

    def understood(observation, state):
        seen = observation.extend(provenance=Provenance.OBSERVED, previous_task_state=observation.task_state)
        ask, meant = simulator.assistant_action_log_prob, observation.task_state.meant
        return np.array([ask(meant, seen.extend(user_action=said), Undrawn(0), over={}) for said in range(4)])

    policy = BoltzmannPolicy(understood, 1.0, spaces.Discrete(4))
    return User(policy=tabulate(policy, {"task_state": Reference.state_space}))


def test_rational_speech_acts():
    """By "blue" one takes the blue square to be meant: the other would be "circle". L1: .6, .4."""
    literal = listener(User(policy=Truthful()))
    pragmatic = listener(speaker(literal))
    runs = Bundle(Reference(), User(policy=Truthful()), literal, max_rounds=1).run(30, seed=0)
    assert runs.terminated.all()
    seen = State(round_index=0, turn_index=2, task_state=State(), previous_task_state=State())
    for said, expected in ((BLUE, [0.6, 0.4, 0.0]), (SQUARE, [0.6, 0.0, 0.4]), (CIRCLE, [0, 1, 0])):
        heard = seen.extend(user_action=said, assistant_action=0, provenance=Provenance.OBSERVED)
        state, _ = pragmatic.inference_engine.infer(heard, pragmatic.reset(RNG), RNG)
        assert np.allclose(np.exp(state.belief.log_weights), expected, atol=1e-12, rtol=0)


# The paperclip game.


@pytest.fixture(scope="module")
def played():
    """What is made, and what it is worth, at the depths 0 to 3."""
    task = PaperclipTask()
    pairs = theory_of_mind.pairs(task, 3)
    return task, pairs, [theory_of_mind.play(task, *pair) for pair in pairs]


def test_a_user_shows_what_it_wants_to_who_learns_from_it(played):
    """One of each exactly for θ between 41/92 and 51/92. The cells are 1/92 wide, so that both lie between
    two of them; and as all that is worth is linear in θ between these, the mean of the cells' middles is the
    integral over θ, but for rounding."""
    _, _, found = played
    made, worth = found[0]
    assert np.array_equal(made, np.where(np.arange(92) < 46, 2, 0))
    assert np.isclose(worth.mean(), 69, atol=1e-9)
    for made, worth in found[1:]:
        edges = np.flatnonzero(np.diff(made)) + 1
        assert edges.tolist() == [41, 51]
        assert made[[0, 45, 91]].tolist() == [2, 1, 0]
        assert np.isclose(worth.mean(), 69.271739, atol=5e-7)
        assert np.isclose(worth.mean(), 92 * (1 - (51 / 92) ** 2) + 51 * 10 / 92, atol=1e-9)


def test_where_it_is_indifferent(played):
    """What the user's simulated games are worth is linear in θ, so that two cells tell where two actions are
    worth the same: at 41/92 and 51/92, to 1e-12."""
    task, pairs, _ = played
    shows = theory_of_mind.Shows(task, pairs[3][1])
    cells = np.array([44, 46])
    values = np.array([shows.returns(State(task_state=State(cell=int(cell)))) for cell in cells])
    for other, expected in ((2, 41 / 92), (0, 51 / 92)):
        first, second = values[:, 1] - values[:, other]
        low, high = task.theta(cells)
        assert abs(low - first * (high - low) / (second - first) - expected) < 1e-12


def test_the_assistants_of_all_depths_learn_alike(played):
    """After "one of each" the literal user is ruled out, and its prior is kept; the others know."""
    _, pairs, _ = played
    seen = State(round_index=0, turn_index=2, task_state=State(), previous_task_state=State())
    for depth, (_, assistant) in enumerate(pairs):
        heard = seen.extend(user_action=1, assistant_action=0, provenance=Provenance.OBSERVED)
        state, _ = assistant.inference_engine.infer(heard, assistant.reset(RNG), RNG)
        likely = np.flatnonzero(np.exp(state.belief.log_weights) > 1e-12)
        assert likely.tolist() == (list(range(92)) if depth < 2 else list(range(41, 51)))
        assert np.array_equal(SECOND[assistant.policy.sample(heard, state, RNG)[0]], [50, 50])
    assert FIRST.sum(axis=1).tolist() == [2, 2, 2]


# Tables.


class Odd(DiscretePolicy):
    """Reads numbers, arrays and choices."""

    action_space = spaces.Choice([3, 7, 11])

    def probabilities(self, observation, state):
        task = observation.task_state
        first = task.x + 2 * (task.where * np.array([1, 5])).sum() + 3 * task.kind
        weights = 1.0 + np.stack([first % 7, (first * state.mood) % 5, state.mood])
        return weights / weights.sum()


SEEN = spaces.Dict(
    task_state=spaces.Dict(
        x=spaces.Discrete(3, start=-1),
        where=spaces.whole(-1, 1, (2,)),
        kind=spaces.Choice([2, 5]),
    )
)
MOODS = spaces.Dict(mood=spaces.Discrete(4))


class Wanders(InteractionTask):
    state_space = SEEN["task_state"]

    def reset(self, rng):
        return spaces.sample(self.state_space, rng)

    def on_user_action(self, game, rng):
        return Transition(spaces.sample(self.state_space, rng), float(game.user_action))

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


def test_a_table_is_the_policy_to_the_bit():
    table = tabulate(Odd(), SEEN, MOODS)
    assert table.table.shape == (3 * 9 * 2 * 4, 3)
    for observation in spaces.elements(SEEN):
        for state in spaces.elements(MOODS):
            found = table.probabilities(observation, state)
            assert found.tobytes() == Odd().probabilities(observation, state).tobytes()
            for action in (3, 7, 11, 4):
                told = [policy.log_prob(action, observation, state) for policy in (table, Odd())]
                assert told[0] == told[1]
    runs = []
    for policy in (table, Odd()):
        user = User(policy=policy, state=State(mood=3), state_space=MOODS)
        bundle = Bundle(Wanders(), user, max_rounds=20)
        runs.append(bundle.run(50, seed=1))
        assert bundle.run([31], seed=1) == runs[-1].episode(31)
    assert runs[0] == runs[1]
    assert tabulate(Odd(), SEEN, MOODS) == table


class Dear(Odd):
    def sample(self, observation, state, rng):
        return 3, -1.0


class Feigns(Odd):
    def simulated(self):
        return Odd()


class Skewed(Odd):
    def probabilities(self, observation, state):
        return np.array([0.5, 0.5])


class Asks(DiscretePolicy):
    """Follows a hint, if there is one."""

    action_space = TWO

    def __init__(self, how):
        self.how = how

    def probabilities(self, observation, state):
        if self.how == "in":
            hint = observation.task_state.hint if "hint" in observation.task_state else 0
        else:
            hint = getattr(observation, "hint", 0)
        return np.where(np.arange(2) == hint, 0.9, 0.1)


X = {"task_state": {"x": THREE}}
WRONG = {
    "no probabilities": (lambda: tabulate(RandomPolicy(TWO), {}), ContractError, "expected a DiscretePolicy"),
    "a cost": (lambda: tabulate(Dear(), SEEN, MOODS), ContractError, "Dear defines sample besides"),
    "a dual": (lambda: tabulate(Feigns(), SEEN, MOODS), ContractError, "DualPolicy"),
    "no list": (
        lambda: tabulate(Odd(), {"task_state": {"x": spaces.real(0, 1)}}),
        ContractError,
        r"observation\.task_state\.x: expected a finite space",
    ),
    "no bounds": (
        lambda: tabulate(Odd(), {"round_index": spaces.whole(0)}),
        ContractError,
        r"observation\.round_index: expected a finite space",
    ),
    "too many": (
        lambda: tabulate(Odd(), SEEN, {"mood": spaces.Discrete(10_000)}),
        ArgumentError,
        r"expected up to 100,000 situations, got 540,000: .* 10,000 of state\.mood",
    ),
    "what it reads": (lambda: tabulate(Odd(), X, MOODS), UnknownNameError, "where"),
    "what it asks for": (lambda: tabulate(Asks("in"), X), UnknownNameError, "asks whether there is 'hint'"),
    "what it looks for": (lambda: tabulate(Asks("getattr"), X), UnknownNameError, "reads 'hint'"),
    "no space": (lambda: tabulate(Odd(), [THREE]), ContractError, r"expected a spaces\.Dict"),
    "too few": (lambda: tabulate(Skewed(), SEEN, MOODS), ContractError, "expected one for each of the 3"),
    "outside": (
        lambda: tabulate(Odd(), SEEN, MOODS).probabilities(
            State(task_state=State(x=0, where=np.array([0, 2]), kind=2)), State(mood=0)
        ),
        SpaceError,
        r"observation\.task_state\.where: expected a value in",
    ),
    "outside, too": (
        lambda: tabulate(Odd(), SEEN, MOODS).probabilities(
            State(task_state=State(x=0, where=np.array([0, 1]), kind=3)), State(mood=0)
        ),
        SpaceError,
        r"observation\.task_state\.kind: expected a value in",
    ),
}


@pytest.mark.parametrize(("ask", "kind", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_a_table_is_said(ask, kind, words):
    with pytest.raises(kind, match=words):
        ask()


def test_a_dual_can_be_made_of_tables():
    both = DualPolicy(*(tabulate(policy, SEEN, MOODS) for policy in (Odd(), Odd())))
    assert both.simulated() == tabulate(Odd(), SEEN, MOODS)


# Users who plan by what they believe about their assistant.


class Handing(InteractionTask):
    """The user puts something into one of three places, and the assistant fetches from one of them."""

    state_space = spaces.Dict(place=THREE)

    def reset(self, rng):
        return State(place=0)

    def on_user_action(self, game, rng):
        return Transition(State(place=game.user_action), -0.5 * game.user_action)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state, 4.0 * (game.assistant_action == game.task_state.place))


class Fetches(DiscretePolicy):
    """Looks where the thing is, but for a habit; how strong that is is hidden."""

    action_space = THREE

    def probabilities(self, observation, state):
        there = np.where(np.arange(3) == observation.task_state.place, 1.0, 0.0)
        habit = np.where(np.arange(3) == 2, 1.0, 0.0)
        return (1 - state.habit) * there + state.habit * (0.7 * habit + 0.1)


HABITS, PRIOR = np.array([0.2, 0.5, 0.8]), np.array([0.5, 0.3, 0.2])
FETCHING = Assistant(
    policy=Fetches(), state=State(habit=0.5), state_space=spaces.Dict(habit=spaces.real(0, 1))
)
ABOUT = AssistantModelFilter(FETCHING, Grid({"habit": HABITS}, prior={"habit": PRIOR}), task_model=Handing())
BEGIN = State(
    round_index=0,
    turn_index=0,
    task_state=State(place=0),
    previous_task_state=State(place=0),
    user_action=0,
    assistant_action=0,
    provenance=Provenance.UNKNOWN,
)


def chances(place):
    """P(assistant's action | place) of each habit: (habits, actions)."""
    there, habit = np.eye(3)[place], np.eye(3)[2]
    return (1 - HABITS[:, None]) * there + HABITS[:, None] * (0.7 * habit + 0.1)


def value(belief, depth, discount):
    """The value of each action, by backward induction over beliefs, written out once more."""
    values = []
    for place in range(3):
        told = belief @ chances(place)
        total = -0.5 * place + 4.0 * told[place]
        if depth > 1:
            for answer in range(3):
                later = belief * chances(place)[:, answer] / told[answer]
                total += discount * told[answer] * max(value(later, depth - 1, discount))
        values.append(total)
    return values


@pytest.mark.parametrize(("depth", "discount"), [(1, 1.0), (2, 0.8), (3, 0.9)])
def test_a_user_plans_by_an_exact_tree(depth, discount):
    tree = BeliefTree(ABOUT, THREE, depth, discount)
    state = State(belief=ABOUT.update(ABOUT.initial(RNG), BEGIN, RNG))
    found = tree.values(state, BEGIN, RNG)
    assert np.allclose(found, value(PRIOR, depth, discount), atol=1e-12, rtol=0)
    greedy = GreedyPolicy(tree)
    best = greedy.sample(BEGIN, state, RNG)[0]
    assert [greedy.log_prob(action, BEGIN, state) for action in range(3)] == [
        0.0 if action == best else -np.inf for action in range(3)
    ]


def test_a_user_plans_by_rollouts():
    """Each rollout: the action, and a round more of the action 1. 6,000 rollouts, four standard errors."""

    class Middle(DiscretePolicy):
        action_space = THREE

        def probabilities(self, observation, state):
            return np.array([0.0, 1.0, 0.0])

    planner = RolloutReturns(ABOUT, THREE, User(policy=Middle()), horizon=1, samples=6_000, discount=0.8)
    state = State(belief=ABOUT.update(ABOUT.initial(RNG), BEGIN, RNG))
    returns = planner.returns(state, BEGIN, RNG)
    later = 0.8 * (-0.5 + 4.0 * PRIOR @ chances(1)[:, 1])
    for action in range(3):
        expected = -0.5 * action + 4.0 * PRIOR @ chances(action)[:, action] + later
        error = returns[:, action].std(ddof=1) / np.sqrt(6_000)
        assert abs(returns[:, action].mean() - expected) < 4 * error
    with pytest.raises(ContractError, match="is of the role 'user', got Assistant of the role 'assistant'"):
        RolloutReturns(ABOUT, THREE, FETCHING, horizon=1, samples=2)
    with pytest.raises(ContractError, match="are drawn"):
        GreedyPolicy(planner).log_prob(0, BEGIN, state)
    for policy in (GreedyPolicy(planner), BoltzmannPolicy(planner)):
        with pytest.raises(ContractError, match="chooses by values that are drawn"):
            UserModelFilter(BelievingUser(ABOUT, policy), Grid({"belief.updates": [0]}))


def test_a_simulated_user_goes_on_with_what_it_believes():
    """Who takes the best single action after this one is worth what a tree of depth 2 says. 400 rollouts."""
    going_on = BelievingUser(ABOUT, GreedyPolicy(BeliefTree(ABOUT, THREE, 1)))
    planner = RolloutReturns(ABOUT, THREE, going_on, horizon=1, samples=400, discount=0.8)
    state = State(belief=ABOUT.update(ABOUT.initial(RNG), BEGIN, RNG))
    returns = planner.returns(state, BEGIN, RNG)
    error = returns.std(axis=0, ddof=1) / np.sqrt(400)
    assert (np.abs(returns.mean(axis=0) - value(PRIOR, 2, 0.8)) < 4 * error).all()


def test_what_a_user_would_learn_about_its_assistant():
    """I(habit; answer | action), in bits, by its definition."""
    gain = ExpectedInformationGain(ABOUT, THREE)
    state = State(belief=ABOUT.update(ABOUT.initial(RNG), BEGIN, RNG))
    for action, found in enumerate(gain.values(state, BEGIN, RNG)):
        given_habit = chances(action)
        mixed = PRIOR @ given_habit
        expected = (PRIOR[:, None] * given_habit * np.log2(given_habit / mixed)).sum()
        assert np.isclose(found, expected, atol=1e-12)


class UserAtTheDoors(TigerTask):
    """The tiger, with the user at the doors, and nobody or an assistant who does nothing beside it."""

    def on_user_action(self, game, rng):
        return super().on_assistant_action(game.replace(assistant_action=game.user_action), rng)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)

    def outcome_log_prob(self, before, after):
        if before.turn_index == 3:
            return 0.0
        return super().outcome_log_prob(before.replace(assistant_action=before.user_action), after)

    def hidden_transition(self, before, after):
        if before.turn_index == 3:
            return np.where(np.arange(2) == before.task_state.tiger, 1.0, 0.0)
        return super().hidden_transition(before.replace(assistant_action=before.user_action), after)


@pytest.mark.parametrize("assistant", [None, Assistant(policy=RandomPolicy(spaces.Discrete(1)))])
def test_a_user_at_the_tigers_doors(assistant):
    """The values of the horizons 1 to 4 are those of the assistant's tiger (Kaelbling et al. 1998). Played,
    the belief follows the roars."""
    task = UserAtTheDoors()
    places = Grid({"task_state.tiger": [0, 1]})
    one = AssistantModelFilter(assistant, places, task_model=task, evidence=["outcome"])
    heard = State(heard=-1)
    seen = State(round_index=0, turn_index=0, task_state=heard, previous_task_state=heard, user_action=0)
    if assistant is not None:
        seen = seen.extend(assistant_action=0)
    for horizon, expected in enumerate([-1, -2, 2.72, 2.42125], start=1):
        found = BeliefTree(one, THREE, horizon).values(State(belief=one.initial(RNG)), seen, RNG)
        assert np.isclose(found.max(), expected, atol=1e-9)
    user = BelievingUser(one, GreedyPolicy(BeliefTree(one, THREE, 4, 0.95)))
    runs = Bundle(task, user, assistant, max_rounds=10).run(8, seed=0)
    net = np.zeros(8)
    for number in range(10):
        right = np.exp(runs["user_state.belief.log_weights"][:, number, 1])
        assert np.allclose(right, 1 / (1 + (0.85 / 0.15) ** -net), atol=1e-9)
        action, heard = runs["user_action"][:, number], runs["task_state.heard"][:, number]
        assert np.array_equal(action == LISTEN, np.abs(net) < 2)
        net = np.where(action == LISTEN, net + np.where(heard == 1, 1, -1), 0)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 1_000))
def test_a_planning_user_plays_the_same_alone_and_in_a_batch(seed):
    user = BelievingUser(ABOUT, GreedyPolicy(BeliefTree(ABOUT, THREE, 2, 0.9)))
    bundle = Bundle(Handing(), user, FETCHING, max_rounds=4)
    runs = bundle.run(4, seed=seed)
    assert ways(bundle)["assistant policy.sample"] == "lifted"
    for episode in range(4):
        assert bundle.run([episode], seed=seed) == runs.episode(episode)
        belief = PRIOR
        for number in range(4):
            acted, answered = (runs[name][episode, number] for name in ("user_action", "assistant_action"))
            assert value(belief, 2, 0.9)[acted] > max(value(belief, 2, 0.9)) - 1e-9
            belief = belief * chances(acted)[:, answered] / (belief @ chances(acted))[answered]


def test_an_assistant_infers_a_user_who_plans_with_it():
    """Three levels: the assistant's belief about a user whose belief about the assistant steers its plan."""

    class Cautious(GreedyPolicy):
        """Plans, unless it is careless."""

        def log_prob(self, action, observation, state):
            planned = np.exp(super().log_prob(action, observation, state))
            care = np.asarray(state.care)
            return np.log(care * planned + (1 - care) / 3)

    class Planning(BelievingUser):
        def __init__(self):
            cares = spaces.Dict(care=spaces.real(0, 1))
            policy = Cautious(BeliefTree(ABOUT, THREE, 1))
            super().__init__(ABOUT, policy, state=State(care=0.9), state_space=cares)

    cares = np.array([0.1, 0.9])
    about_user = UserModelFilter(Planning(), Grid({"care": cares}), task_model=Handing())

    class Watching(BelievingAssistant):
        def __init__(self):
            habits = spaces.Dict(habit=spaces.real(0, 1))
            super().__init__(about_user, Fetches(), state=State(habit=0.5), state_space=habits)

    bundle = Bundle(Handing(), Planning(), Watching(), max_rounds=5)
    runs = bundle.run(4, seed=3)
    for episode in range(4):
        assert bundle.run([episode], seed=3) == runs.episode(episode)
        belief, weights = PRIOR, np.full(2, 0.5)
        for number in range(5):
            acted, answered = (runs[name][episode, number] for name in ("user_action", "assistant_action"))
            planned = acted == np.argmax(value(belief, 1, 1.0))
            likelihood = cares * planned + (1 - cares) / 3
            weights = weights * likelihood / (weights @ likelihood)
            found = np.exp(runs["assistant_state.belief.log_weights"][episode, number])
            assert np.allclose(found, weights, atol=1e-12, rtol=0)
            belief = belief * chances(acted)[:, answered] / (belief @ chances(acted))[answered]


def test_a_planner_for_assistants_alone_refuses_a_user():
    class Own(Planner):
        pass

    with pytest.raises(ContractError, match="Own: expected a UserModelFilter, got AssistantModelFilter"):
        Own(ABOUT, THREE)


class Notes(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        return np.array([0.9, 0.1]) if observation.x > 1 else np.array([0.2, 0.8])


@pytest.mark.parametrize("space", [spaces.Discrete(4), spaces.whole(0, 3), spaces.MultiDiscrete([4])])
def test_a_table_has_no_place_between_its_situations(space):
    table = tabulate(Notes(), {"x": space})
    shape = spaces.shape_of(space)
    assert table.probabilities(State(x=np.full(shape, 2) if shape else 2), State()).tolist() == [0.9, 0.1]
    for value in (1.37, np.nan, -1.0, 4.0):
        with pytest.raises(SpaceError, match="expected a value in"):
            table.probabilities(State(x=np.full(shape, value) if shape else value), State())


class Wants(InteractionTask):
    """The user points to what it wants, and the assistant gives it."""

    state_space = spaces.Dict(want=spaces.Discrete(2))

    def reset(self, rng):
        return State(want=rng.integers(0, 2))

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state, float(game.assistant_action == game.task_state.want))


class Points(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        return np.where(np.arange(2) == observation.task_state.want, 0.8, 0.2)


class Gives(DiscretePolicy):
    """Gives what it believes is wanted, the more surely the sharper it is."""

    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        weights = np.exp(state.sharp * state.belief.log_weights)
        return weights / weights.sum()


def test_a_user_plans_by_a_tree_with_an_assistant_that_infers():
    """The first action decides: the belief of the assistant after it, to the power of how sharp it is."""
    task = Wants()
    about_user = UserModelFilter(User(policy=Points()), Grid({"task_state.want": [0, 1]}), task_model=task)
    assistant = Assistant(
        policy=Gives(),
        inference_engine=about_user,
        observation_engine=RuleObservationEngine("assistant", hide=["task_state.want"]),
        state=State(sharp=2.0, belief=about_user.initial(EpisodeRandom())),
        state_space=spaces.Dict(sharp=spaces.real(0.0), belief=about_user.space),
    )
    about = AssistantModelFilter(assistant, Grid({"sharp": [1.0, 2.0]}), task_model=task)
    tree = BeliefTree(about, spaces.Discrete(2), 1)
    user = BelievingUser(about, GreedyPolicy(tree))
    bundle = Bundle(task, user, assistant, max_rounds=1)
    game = bundle.reset(seed=0, start={"task_state": {"want": 1}}, go_to="user_acts")
    values = tree.values(game.user_state, game.user_observation, EpisodeRandom())
    shares = [p**sharp / (p**sharp + (1 - p) ** sharp) for p in (0.2, 0.8) for sharp in (1.0, 2.0)]
    assert np.allclose(values, [np.mean(shares[:2]), np.mean(shares[2:])], atol=1e-12)
    runs = bundle.run(9, seed=0)
    assert (runs["user_action"][:, 0] == runs["task_state.want"][:, 0]).all()
    assert bundle.run([4], seed=0) == runs.episode(4)


class Lights(InteractionTask):
    """Where the assistant knows x, and a light is drawn with each move."""

    state_space = spaces.Dict(x=TWO, light=spaces.Discrete(5))

    def reset(self, rng):
        return State(x=rng.integers(0, 2), light=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state.replace(light=rng.integers(0, 5)))

    on_assistant_action = on_user_action


class Hinted(DiscretePolicy):
    action_space = TWO

    def probabilities(self, observation, state):
        return np.where(np.arange(2) == observation.task_state.x, 0.8, 0.2)


class Follows(DiscretePolicy):
    """Says 1 as surely as it believes that x is, as far as it cares."""

    action_space = TWO

    def probabilities(self, observation, state):
        one = state.care * np.exp(state.belief.log_weights[1]) + (1 - state.care) / 2
        return np.stack([1 - one, one])


def test_a_user_with_a_grid_does_not_draw_where_only_the_task_does():
    """Whether x stays is tried out with draws, which nobody acts on: a grid over such a user is exact."""
    task = Lights()
    about = AssistantModelFilter(Assistant(policy=Hinted()), Grid({"task_state.x": [0, 1]}), task_model=task)
    care = spaces.Dict(care=spaces.real(0, 1))
    user = BelievingUser(about, Follows(), state=State(care=0.9), state_space=care)
    one = UserModelFilter(user, Grid({"care": [0.1, 0.9]}), task_model=task, field="about")
    runs = Bundle(task, user, BelievingAssistant(one, Hinted()), max_rounds=6).run(3, seed=0)
    cares = np.array([0.1, 0.9])
    for row in range(3):
        right, weights = 0.5, np.ones(2)
        for number, said in enumerate(runs["user_action"][row]):
            if number:
                likely = 0.8 if runs["assistant_action"][row, number - 1] else 0.2
                right = right * likely / (right * likely + (1 - right) * (1 - likely))
            chance = cares * right + (1 - cares) / 2
            weights = weights * (chance if said else 1 - chance)
        found = np.exp(runs["assistant_state.about.log_weights"][row, -1])
        assert np.allclose(found, weights / weights.sum())
