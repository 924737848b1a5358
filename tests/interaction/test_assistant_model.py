"""A user's belief about its assistant is Bayes' rule over whole assistants, alone, in batches and nested."""

import pickle

import numpy as np
import pytest
from scipy import stats

from interaction import (
    Assistant,
    AssistantModelFilter,
    BelievingAssistant,
    BelievingUser,
    Bundle,
    DiscretePolicy,
    EpisodeRandom,
    Grid,
    InferenceEngine,
    InteractionTask,
    Policy,
    Provenance,
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
from interaction.checks import check_agent
from interaction.errors import (
    ArgumentError,
    ContractError,
    ImpossibleEvidenceError,
    SpaceError,
    UnknownFieldError,
    UnknownNameError,
)

RNG = EpisodeRandom(0, 0)
THREE = spaces.Discrete(3)
RATES = np.array([0.1, 0.5, 0.9])


class Track(InteractionTask):
    """A position on a ring of five, which both move."""

    state_space = spaces.Dict(x=spaces.Discrete(5))

    def reset(self, rng):
        return State(x=rng.integers(0, 5))

    def on_user_action(self, game, rng):
        return Transition(State(x=(game.task_state.x + game.user_action) % 5))

    def on_assistant_action(self, game, rng):
        return Transition(State(x=(game.task_state.x + 2 * game.assistant_action) % 5))


def answers(x, user_action, last_action, heard, rate, number=0):
    """What the assistant does, by all that it sees: the task, what was done last, when, and what it recalls.

    It looks in turn 2 of round `number`, when the user (1) has acted last.
    """
    best = (x + user_action + 2 * last_action + heard + number + 2 + 2 * 1) % 3
    return np.where(np.arange(3) == best, rate, (1 - rate) / 2)


class Answers(DiscretePolicy):
    action_space = THREE

    def probabilities(self, observation, state):
        seen = observation
        when = seen.round_index + (seen.turn_index - 2) + 2 * (seen.provenance - 1)
        last = seen.assistant_action
        return answers(seen.task_state.x, seen.user_action, last, state.heard, state.rate, when)


class Counts(InferenceEngine):
    """Recalls how often the user has taken 1, in all rounds."""

    def infer(self, observation, state, rng):
        return state.replace(heard=(state.heard + (observation.user_action == 1)) % 3), 0.0


def answering(rate=0.5):
    return Assistant(
        policy=Answers(),
        inference_engine=Counts(),
        state=State(rate=rate, heard=0),
        state_space=spaces.Dict(rate=spaces.real(0, 1), heard=THREE),
    )


def by_hand(x, user_actions, assistant_actions):
    """Bayes' rule for one episode, written out once more: the belief at each look of the user."""
    weights, heard, last, found = np.full(3, 1 / 3), 0, 0, []
    for number, (acted, answered) in enumerate(zip(user_actions, assistant_actions, strict=True)):
        found.append(weights)
        x = (x + acted) % 5
        heard = (heard + (acted == 1)) % 3
        likelihood = [answers(x, acted, last, heard, rate, number)[answered] for rate in RATES]
        weights = weights * likelihood / (weights @ likelihood)
        x = (x + 2 * answered) % 5
        last = answered
    return np.array(found)


@pytest.mark.parametrize("task", [None, Track()])
def test_a_users_belief_is_that_by_hand(task):
    one = AssistantModelFilter(answering(), Grid({"rate": RATES}), task_model=task)
    bundle = Bundle(Track(), BelievingUser(one, RandomPolicy(THREE)), answering(0.9), max_rounds=12)
    runs = bundle.run(30, seed=3)
    assert ways(bundle)["assistant policy.sample"] == "lifted"
    for episode in range(30):
        actions = runs["user_action"][episode], runs["assistant_action"][episode]
        truth = by_hand(runs.start["task_state.x"][episode], *actions)
        found = np.exp(runs["user_state.belief.log_weights"][episode])
        assert np.allclose(found, truth, atol=1e-12, rtol=0)
        assert bundle.run([episode], seed=3) == runs.episode(episode)
    bundle.reset(seed=3, episode=7)
    for number in range(12):
        belief = bundle.step().game.user_state.belief
        assert belief.log_weights.tobytes() == runs["user_state.belief.log_weights"][7, number].tobytes()
    assert (np.exp(runs["user_state.belief.log_weights"][:, -1])[:, 2] > 0.5).mean() > 0.9


def test_a_user_with_a_belief_conforms_and_can_be_pickled():
    for parameters in (Grid({"rate": RATES}), Samples({"rate": stats.uniform(0, 1)}, n=11)):
        one = AssistantModelFilter(answering(), parameters, task_model=Track())
        check_agent(
            BelievingUser(one, RandomPolicy(THREE)), Track(), partner=answering(), rounds=5, seconds=3
        )
        assert pickle.loads(pickle.dumps(one)) == one


def test_particles_agree_with_the_grid():
    """2,000 particles, of which at least half carry the weight: the standard error of a mean is the posterior
    standard deviation over √1,000; four are allowed, and 0.01 for the kernel."""
    points = (np.arange(200) + 0.5) / 200
    exact, drawn = (
        AssistantModelFilter(answering(), parameters)
        for parameters in (Grid({"rate": points}), Samples({"rate": stats.uniform(0, 1)}, n=2_000))
    )
    for one in (exact, drawn):
        user = BelievingUser(one, RandomPolicy(THREE))
        runs = Bundle(Track(), user, answering(0.7), max_rounds=15).run(3, seed=1)
        weights = np.exp(runs["user_state.belief.log_weights"][:, -1])
        values = runs["user_state.belief.assistants.rate"][:, -1]
        if one is exact:
            mean = (weights * values).sum(axis=-1)
            sd = np.sqrt((weights * (values - mean[:, None]) ** 2).sum(axis=-1))
    assert (np.abs((weights * values).sum(axis=-1) - mean) < 4 * sd / np.sqrt(1_000) + 0.01).all()


def test_in_the_first_round_there_is_nothing_to_weigh():
    one = AssistantModelFilter(answering(), Grid({"rate": RATES}))
    x = State(x=2)
    seen = State(round_index=0, turn_index=0, task_state=x, previous_task_state=x, user_action=0)
    seen = seen.extend(assistant_action=0)
    for before in (seen, seen.extend(provenance=Provenance.UNKNOWN)):
        belief = one.update(one.initial(RNG), before, RNG)
        assert np.allclose(np.exp(belief.log_weights), 1 / 3, atol=1e-15)
        assert belief.assistants.heard.tolist() == [0, 0, 0]
    # A simulated user who begins after the assistant has acted, as in a rollout, has something to weigh.
    later = seen.extend(provenance=Provenance.INTERVENED).replace(round_index=1, user_action=1)
    belief = one.update(one.initial(RNG), later, RNG)
    likelihood = [answers(2, 1, 0, 1, rate)[0] for rate in RATES]
    assert np.allclose(np.exp(belief.log_weights), likelihood / np.sum(likelihood), atol=1e-12)
    batch = EpisodeRandom(0, episodes=np.arange(3))
    mixed = later.replace(provenance=np.array([0, 2, 0]), user_action=np.array([1, 1, 1]))
    found = one.update(one.initial(batch), mixed, batch)
    assert found.log_weights[1].tobytes() == belief.log_weights.tobytes()
    assert np.allclose(np.exp(found.log_weights[[0, 2]]), 1 / 3, atol=1e-15)


def test_an_action_that_the_assistant_did_not_take_tells_nothing():
    one = AssistantModelFilter(answering(), Grid({"rate": RATES}))
    x = State(x=2)
    seen = State(round_index=3, task_state=x, previous_task_state=x, user_action=1, assistant_action=0)
    for author, told in ((Provenance.OBSERVED, False), (Provenance.INTERVENED, True)):
        belief = one.initial(RNG).replace(updates=3)
        belief = one.update(belief, seen.extend(provenance=author), RNG)
        assert np.allclose(np.exp(belief.log_weights), 1 / 3) == (not told)


# What the assistant believes about the user.


class Wants(DiscretePolicy):
    """Goes towards what it wants."""

    action_space = THREE

    def probabilities(self, observation, state):
        best = (observation.task_state.x + state.wanted) % 3
        return np.where(np.arange(3) == best, 0.8, 0.1)


WANTING = User(policy=Wants(), state=State(wanted=0), state_space=spaces.Dict(wanted=THREE))
ABOUT_USER = UserModelFilter(WANTING, Grid({"wanted": [0, 1, 2]}))


class Helps(DiscretePolicy):
    """Does what it believes that the user wants, as far as it cares."""

    action_space = THREE

    def probabilities(self, observation, state):
        return state.care.level * np.exp(state.belief.log_weights) + (1 - state.care.level) / 3


class Helping(BelievingAssistant):
    """It believes something about the user, and cares to some degree, which nobody sees."""

    def __init__(self, level=0.9):
        space = spaces.Dict(care=spaces.Dict(level=spaces.real(0, 1)))
        super().__init__(ABOUT_USER, Helps(), state=State(care=State(level=level)), state_space=space)


CARES = [0.0, 0.5, 1.0]


def nested_by_hand(x, user_actions, assistant_actions):
    """The user knows what the assistant must believe after each of its own actions."""
    weights, believed, found = np.full(3, 1 / 3), np.full(3, 1 / 3), []
    for acted, answered in zip(user_actions, assistant_actions, strict=True):
        found.append((weights, believed))
        likelihood = np.where((x + np.arange(3)) % 3 == acted, 0.8, 0.1)
        believed = believed * likelihood / (believed @ likelihood)
        x = (x + acted) % 5
        chances = np.array([care * believed[answered] + (1 - care) / 3 for care in CARES])
        weights = weights * chances / (weights @ chances)
        x = (x + 2 * answered) % 5
    return [np.array(part) for part in zip(*found, strict=True)]


def test_a_belief_about_an_assistant_with_a_belief_about_the_user():
    one = AssistantModelFilter(Helping(), Grid({"care.level": CARES}), task_model=Track())

    class Acts(DiscretePolicy):
        """As the assistant takes it to act, whatever it believes itself."""

        action_space = THREE

        def probabilities(self, observation, state):
            return Wants().probabilities(observation, State(wanted=1))

    bundle = Bundle(Track(), BelievingUser(one, Acts()), Helping(0.5), max_rounds=10)
    runs = bundle.run(20, seed=2)
    for episode in range(20):
        actions = runs["user_action"][episode], runs["assistant_action"][episode]
        weights, believed = nested_by_hand(runs.start["task_state.x"][episode], *actions)
        found = np.exp(runs["user_state.belief.log_weights"][episode])
        assert np.allclose(found, weights, atol=1e-12, rtol=0)
        inner = np.exp(runs["user_state.belief.assistants.belief.log_weights"][episode])
        assert np.allclose(inner, believed[:, None], atol=1e-12, rtol=0)  # the same in every candidate
        assert bundle.run([episode], seed=2) == runs.episode(episode)
    # What the user takes the assistant to believe is what the assistant does believe, one look before.
    inner = runs["user_state.belief.assistants.belief.log_weights"][:, 1:, 0]
    assert np.array_equal(inner, runs["assistant_state.belief.log_weights"][:, :-1])


def test_an_assistant_that_begins_by_the_game_needs_it():
    one = AssistantModelFilter(Helping(), Grid({"care.level": CARES}))
    assert np.allclose(np.exp(one.initial(RNG).assistants.belief.log_weights), 1 / 3)  # it says both ways

    class Begins(Assistant):
        def reset_in(self, game, rng):
            return Helping().reset_in(game, rng)

    begins = Begins(policy=Helps(), inference_engine=ABOUT_USER, state_space=Helping().state_space)
    one = AssistantModelFilter(begins, Grid({"care.level": CARES}))
    with pytest.raises(ContractError, match="begins according to the game"):
        one.initial(RNG)


def test_without_a_task_what_the_assistant_saw_before_is_not_known():
    one = AssistantModelFilter(Helping(), Grid({"care.level": CARES}))
    bundle = Bundle(Track(), BelievingUser(one, RandomPolicy(THREE)), Helping(), max_rounds=3)
    with pytest.raises(UnknownFieldError) as raised:
        bundle.run(2, seed=0)
    assert any("give the task_model" in note for note in raised.value.__notes__)


def test_predictions_of_the_assistant_by_the_belief():
    one = AssistantModelFilter(answering(), Grid({"rate": RATES}, prior={"rate": [1, 1, 2]}))
    x = State(x=4)
    seen = State(round_index=0, turn_index=0, task_state=x, previous_task_state=x, assistant_action=2)
    for acted in range(3):
        state, now = State(belief=one.initial(RNG)), seen.extend(user_action=acted)
        expected = np.array([1, 1, 2]) / 4 @ [answers(4, acted, 2, int(acted == 1), r) for r in RATES]
        assert np.allclose(one.predict(state, now, RNG), expected, atol=1e-12)
        for answer in range(3):
            told = one.predict_log_prob(answer, state, now, RNG)
            assert np.isclose(told, np.log(expected[answer]), atol=1e-12)


# What is hidden in the task.


class Hints(InteractionTask):
    """The assistant sees the goal, which moves in the user's turn by the round, and the user does not."""

    state_space = spaces.Dict(goal=spaces.Discrete(2), tone=spaces.Discrete(2))
    moves, tones = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([[0.6, 0.4], [0.2, 0.8]])

    def reset(self, rng):
        return State(goal=rng.integers(0, 2), tone=0)

    def on_user_action(self, game, rng):
        goal = rng.categorical(self.moved(game))
        return Transition(State(goal=goal, tone=rng.categorical(self.tones[goal])))

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)

    def hidden_transition(self, before, after):
        if before.turn_index == 3:
            return np.where(np.arange(2) == before.task_state.goal, 1.0, 0.0)
        return self.moved(before)

    def moved(self, game):
        """The probabilities of the next goal: in odd rounds those of the other one."""
        return self.moves[(game.task_state.goal + game.round_index) % 2]

    def outcome_log_prob(self, before, after):
        return (
            0.0
            if before.turn_index == 3
            else np.log(self.tones[after.task_state.goal, after.task_state.tone])
        )


class Points(DiscretePolicy):
    action_space = spaces.Discrete(2)
    hints = np.array([[0.75, 0.25], [0.35, 0.65]])

    def probabilities(self, observation, state):
        return self.hints[observation.task_state.goal]


def hints_by_hand(tones, hints):
    """The forward algorithm: between two looks the goal moves, sounds, and the assistant points."""
    belief, found = np.full(2, 0.5), [np.full(2, 0.5)]
    for number, (tone, hint) in enumerate(zip(tones[:-1], hints[:-1], strict=True)):
        moves = Hints.moves[:: -1 if number % 2 else 1]
        belief = (belief @ moves) * Hints.tones[:, tone] * Points.hints[:, hint]
        belief = belief / belief.sum()
        found.append(belief)
    return np.array(found)


@pytest.mark.parametrize("alone", [False, True])
def test_a_goal_that_the_assistant_sees_is_inferred_by_the_forward_algorithm(alone, monkeypatch):
    assistant = None if alone else Assistant(policy=Points())
    one = AssistantModelFilter(
        assistant,
        Grid({"task_state.goal": [0, 1]}),
        task_model=Hints(),
        evidence=["outcome"] if alone else ["assistant_action", "outcome"],
    )
    user = BelievingUser(one, RandomPolicy(spaces.Discrete(2)))
    bundle = Bundle(Hints(), user, assistant, max_rounds=10)
    runs = bundle.run(8, seed=5)
    if alone:
        monkeypatch.setattr(Points, "hints", np.ones((2, 2)))
    for episode in range(8):
        tones = runs["task_state.tone"][episode]
        hints = np.zeros(10, int) if alone else runs["assistant_action"][episode]
        found = np.exp(runs["user_state.belief.log_weights"][episode])
        assert np.allclose(found, hints_by_hand(tones, hints), atol=1e-12, rtol=0)
        assert bundle.run([episode], seed=5) == runs.episode(episode)


# Bad input.


class Mute(Policy):
    action_space = THREE

    def sample(self, observation, state, rng):
        return 0, 0.0


GRID = Grid({"rate": RATES})
WRONG = {
    "no log_prob": (
        lambda: AssistantModelFilter(Assistant(policy=Mute()), GRID),
        ContractError,
        r"AssistantModelFilter: Mute, the policy of Assistant, must define log_prob\(self, action",
    ),
    "a user": (
        lambda: AssistantModelFilter(WANTING, GRID),
        ContractError,
        "AssistantModelFilter: assistant: expected an Assistant",
    ),
    "no candidates": (
        lambda: AssistantModelFilter(answering(), {"rate": RATES}),
        ContractError,
        "expected a Grid or Samples",
    ),
    "a name": (
        lambda: AssistantModelFilter(answering(), Grid({"rat": RATES})),
        UnknownNameError,
        "parameters of Assistant",
    ),
    "a value": (lambda: AssistantModelFilter(answering(), Grid({"rate": [2.0]})), SpaceError, "rate"),
    "evidence": (
        lambda: AssistantModelFilter(answering(), GRID, evidence=["user_action"]),
        UnknownNameError,
        "assistant_action",
    ),
    "a share": (
        lambda: AssistantModelFilter(answering(), GRID, assistant_share=2),
        ArgumentError,
        "assistant_share: expected a probability",
    ),
    "outcomes": (
        lambda: AssistantModelFilter(answering(), GRID, task_model=Track(), evidence=["outcome"]),
        ContractError,
        "outcome_log_prob",
    ),
    "nobody's action": (
        lambda: AssistantModelFilter(None, GRID, task_model=Hints(), evidence=["assistant_action"]),
        ArgumentError,
        "without an assistant there is no assistant_action",
    ),
    "hidden without a task": (
        lambda: AssistantModelFilter(answering(), Grid({"task_state.goal": [0, 1]})),
        ContractError,
        "needs a task_model",
    ),
    "the other kind": (
        lambda: BelievingUser(ABOUT_USER, RandomPolicy(THREE)),
        ContractError,
        "AssistantModelFilter",
    ),
    "the other kind again": (
        lambda: BelievingAssistant(AssistantModelFilter(answering(), GRID), RandomPolicy(THREE)),
        ContractError,
        "UserModelFilter",
    ),
}


@pytest.mark.parametrize(("make", "kind", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_work_is_said_at_once(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


def test_what_is_impossible_or_not_seen_is_said():
    sure = Assistant(policy=Answers(), state=State(rate=1.0, heard=0), state_space=answering().state_space)
    one = AssistantModelFilter(sure, Grid({"rate": [1.0]}))
    blind = RuleObservationEngine("user", hide=["previous_task_state"])
    user = BelievingUser(
        AssistantModelFilter(answering(), GRID), RandomPolicy(THREE), observation_engine=blind
    )
    with pytest.raises(UnknownFieldError, match="previous_task_state in the user's observation"):
        Bundle(Track(), user, answering(), max_rounds=3).run(2, seed=0)
    user = BelievingUser(one, RandomPolicy(THREE))
    with pytest.raises(ImpossibleEvidenceError, match="Give the assistant model some noise"):
        Bundle(Track(), user, answering(), max_rounds=20).run(2, seed=0)
