"""What one would learn where the task draws as it moves, or the user while it looks: against exact sums."""

import numpy as np
import pytest
from scipy import stats

from interaction import (
    DeterministicPolicy,
    DiscretePolicy,
    EpisodeRandom,
    Grid,
    InteractionTask,
    ObservationEngine,
    Policy,
    RandomPolicy,
    Samples,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
)
from interaction.batching.selection import row_of
from interaction.errors import ContractError
from interaction.opening import for_rows
from interaction.planning import ExpectedInformationGain
from interaction.planning.channels import GROUPS, jackknife
from interaction.state import lock

QUESTIONS = spaces.Discrete(3)
VALUES, WEIGHTS = np.array([0.1, 0.5, 0.95]), np.array([0.5, 0.3, 0.2])


class Cue(InteractionTask):
    """The assistant's question is held, beside a cue that shows one of two signs by the chance `sign`."""

    state_space = spaces.Dict(asked=QUESTIONS, cue=spaces.Discrete(2))

    def __init__(self, sign=0.0, ends=None):
        self.sign, self.ends = sign, ends

    def reset(self, rng):
        return State(asked=0, cue=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        cue = int(rng.random() < self.sign) if self.sign else 0
        asked = game.assistant_action
        return Transition(State(asked=asked, cue=cue), terminated=asked == self.ends)


class Blurred(ObservationEngine):
    """Sees the question, and whether it is clear today: it is not, by the chance `blur`."""

    def __init__(self, blur=0.0):
        self.blur = blur

    def observe(self, game, rng):
        clear = rng.random() >= self.blur if self.blur else True
        return State(asked=game.task_state.asked, cue=game.task_state.cue, clear=clear), 0.0


class Nods(DiscretePolicy):
    """Says yes by the chance θ, the other way round with the cue; asked 1, by θ²; unclear, by one half."""

    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        yes = state.theta ** (1 + (observation.asked == 1))
        yes = (1 - yes) if observation.cue == 1 else yes
        yes = yes if observation.clear else 0.5
        return np.stack([1 - yes, yes])


def believing(policy, blur=0.0, sign=0.0, ends=None, parameters=None):
    space = spaces.Dict(theta=spaces.real(0.0, 1.0))
    user = User(policy=policy, observation_engine=Blurred(blur), state=State(theta=0.5), state_space=space)
    parameters = parameters or Samples({"theta": stats.uniform(0, 1)}, n=len(VALUES))
    return UserModelFilter(user, parameters, task_model=Cue(sign, ends))


def belief_of(belief):
    """A belief of three particles whose values and weights are known."""
    begun = belief.initial(EpisodeRandom())
    return begun.replace(users=State(theta=lock(VALUES)), log_weights=lock(np.log(WEIGHTS)))


SEEN = State(round_index=0, task_state=State(asked=0, cue=0), user_action=0)


def found(belief, samples=256, rows=None, seed=0):
    planner = ExpectedInformationGain(belief, QUESTIONS, samples)
    if rows is None:
        return planner.gain_and_error(belief_of(belief), SEEN, EpisodeRandom(seed))
    rng = EpisodeRandom(seed, episodes=np.arange(rows))
    return planner.gain_and_error(for_rows(belief_of(belief), rows), for_rows(SEEN, rows), rng)


def bits(yes):
    """The information about θ in one answer, by its probability under each candidate."""
    entropy = stats.entropy([yes, 1 - yes], base=2)
    mixed = WEIGHTS @ yes
    return stats.entropy([mixed, 1 - mixed], base=2) - WEIGHTS @ entropy


def seen_by_a_blurred_eye(blur):
    chances = [VALUES, VALUES**2, VALUES]
    return np.array([bits((1 - blur) * yes + blur / 2) for yes in chances])


def honest(belief, expected, samples=64, rows=300):
    """The mean over seeds is the exact gain (within 4 standard errors), and the errors are of its size."""
    gain, error = found(belief, samples, rows)
    apart = gain - expected
    assert (np.abs(apart.mean(axis=0)) < 4 * gain.std(axis=0) / np.sqrt(rows) + 1e-12).all()
    assert (gain.std(axis=0) < 1.35 * np.sqrt((error**2).mean(axis=0)) + 1e-12).all()
    assert (gain.std(axis=0) > 0.5 * np.sqrt((error**2).mean(axis=0)) - 1e-12).all()
    return gain, error


@pytest.mark.parametrize("blur", [0.2, 0.7])
def test_what_the_users_eye_draws_nobody_sees(blur):
    _, error = honest(believing(Nods(), blur), seen_by_a_blurred_eye(blur))
    assert (error > 0).all()


def test_what_the_task_draws_is_seen():
    """The cue turns the answers round, and is known: each answer tells what it tells without a cue."""
    _, error = honest(believing(Nods(), sign=0.4), [bits(VALUES), bits(VALUES**2), bits(VALUES)])
    assert np.allclose(error, 0, atol=1e-12)


class NodsAtACue(Nods):
    """Answers only with the cue, and says no without."""

    def probabilities(self, observation, state):
        yes = state.theta if observation.cue == 1 and observation.clear else 0.0
        return np.stack([1 - yes, yes])


@pytest.mark.parametrize("blur", [0.0, 0.3])
def test_the_gain_is_the_mean_over_what_the_task_may_draw(blur):
    expected = 0.4 * bits((1 - blur) * VALUES) * np.ones(3)
    _, error = honest(believing(NodsAtACue(), blur, sign=0.4), expected)
    assert (error > 0).mean() > 0.9  # eight ways, of which all may happen to be the same


def test_all_actions_meet_the_same_draws():
    gain, error = found(believing(NodsAtACue(), 0.3, sign=0.4), samples=64, rows=5)
    assert (gain == gain[:, :1]).all()
    assert (error == error[:, :1]).all()
    assert len(np.unique(gain)) == 5


NOISE = 0.5


class Says(Policy):
    """y ~ N(θ, σ²), and N(0, σ²) where it is not clear."""

    action_space = spaces.real()
    first_action = 0.0

    def sample(self, observation, state, rng):
        return state.theta * observation.clear * (1 + observation.cue) + NOISE * rng.normal(), 0.0

    def log_prob(self, action, observation, state):
        apart = (action - state.theta * observation.clear * (1 + observation.cue)) / NOISE
        return -0.5 * apart**2 - np.log(NOISE * np.sqrt(2 * np.pi))


def of_says(blur, sign):
    y = np.linspace(-4, 6, 20_001)
    each = []
    for cue, chance in ((0, 1 - sign), (1, sign)):
        density = (1 - blur) * stats.norm.pdf(y[:, None], VALUES * (1 + cue), NOISE)
        density += blur * stats.norm.pdf(y[:, None], 0, NOISE)
        mixed = density @ WEIGHTS
        told = density * np.log2(density / mixed[:, None])
        each.append(chance * np.trapezoid(told @ WEIGHTS, y))
    return sum(each)


@pytest.mark.parametrize(("blur", "sign"), [(0.4, 0.0), (0.0, 0.3), (0.4, 0.3)])
def test_answers_in_numbers_that_depend_on_what_was_drawn(blur, sign):
    honest(believing(Says(), blur, sign), of_says(blur, sign), samples=32, rows=150)


@pytest.mark.parametrize("policy", [Nods(), Says()], ids=["listed", "drawn"])
@pytest.mark.parametrize(("blur", "sign"), [(0.4, 0.0), (0.0, 0.3), (0.4, 0.3)])
def test_batches_are_their_single_episodes_to_the_bit(policy, blur, sign):
    belief, rows = believing(policy, blur, sign), 7
    planner = ExpectedInformationGain(belief, QUESTIONS, samples=16)
    state = for_rows(belief_of(belief), rows)
    weights = np.random.default_rng(0).dirichlet(np.ones(3), rows)
    state, seen = state.replace(log_weights=lock(np.log(weights))), for_rows(SEEN, rows)
    rng = EpisodeRandom(3, episodes=np.arange(rows)).at(1, 6)
    gain, error = planner.gain_and_error(state, seen, rng)
    for row in range(rows):
        alone = planner.gain_and_error(row_of(state, row), row_of(seen, row), rng.row(row).at(1, 6))
        assert alone[0].tobytes() == gain[row].tobytes()
        assert alone[1].tobytes() == error[row].tobytes()


class BlurredAtTwo(Blurred):
    """Draws only where it is asked for something else than what the assistant asks at first."""

    def observe(self, game, rng):
        far = game.round_index >= 2
        clear = rng.random() >= self.blur if far else True
        return State(asked=game.task_state.asked, cue=game.task_state.cue, clear=clear), 0.0


def test_an_episode_in_which_nothing_is_drawn_is_exact_beside_others():
    belief = believing(Nods())
    belief = UserModelFilter(
        belief.user_model.replace(observation_engine=BlurredAtTwo(0.5)),
        belief.parameters,
        task_model=belief.task_model,
    )
    planner = ExpectedInformationGain(belief, QUESTIONS, 64)
    rng = EpisodeRandom(0, episodes=np.arange(6))
    seen = for_rows(SEEN, 6).replace(round_index=np.array([0, 5, 0, 5, 5, 0]))
    gain, error = planner.gain_and_error(for_rows(belief_of(belief), 6), seen, rng)
    assert np.allclose(gain[[0, 2, 5]], seen_by_a_blurred_eye(0.0), atol=1e-12)
    assert (error[[0, 2, 5]] == 0).all()
    assert (error[[1, 3, 4]] > 0).all()
    for row in range(6):
        alone = planner.gain_and_error(belief_of(belief), row_of(seen, row), EpisodeRandom(0, row))
        assert alone[0].tobytes() == gain[row].tobytes()


class BlurredByACue(Blurred):
    """Draws only where the task has drawn a cue."""

    def observe(self, game, rng):
        clear = rng.random() >= self.blur if game.task_state.cue == 1 else True
        return State(asked=game.task_state.asked, cue=game.task_state.cue, clear=clear), 0.0


def blurred_by_a_cue(policy, sign, parameters=None):
    belief = believing(policy, sign=sign, parameters=parameters)
    user = belief.user_model.replace(observation_engine=BlurredByACue(0.6))
    return UserModelFilter(user, belief.parameters, task_model=belief.task_model)


def test_an_eye_that_draws_only_where_the_task_has_drawn_something():
    """Whether it draws is not known from one draw of the task."""
    sign = 0.3
    plain, blurred = ([one(yes) for yes in (VALUES, VALUES**2, VALUES)] for one in (bits, _blurred))
    honest(blurred_by_a_cue(Nods(), sign), (1 - sign) * np.array(plain) + sign * np.array(blurred))
    expected = (1 - sign) * of_says(0.0, 0.0) + sign * of_says(0.6, 1.0)
    honest(blurred_by_a_cue(Says(), sign), expected, samples=32, rows=150)


def _blurred(yes):
    return bits(0.4 * (1 - yes) + 0.6 / 2)


@pytest.mark.parametrize("policy", [Nods(), Says()], ids=["listed", "drawn"])
def test_whether_an_eye_draws_is_told_for_each_episode(policy):
    belief, rows = blurred_by_a_cue(policy, 0.1), 7
    gain, error = found(belief, samples=16, rows=rows)
    for row in range(rows):
        planner = ExpectedInformationGain(belief, QUESTIONS, 16)
        alone = planner.gain_and_error(belief_of(belief), SEEN, EpisodeRandom(0, row))
        assert alone[0].tobytes() == gain[row].tobytes()
        assert alone[1].tobytes() == error[row].tobytes()


@pytest.mark.parametrize("policy", [Nods(), Says()], ids=["listed", "drawn"])
@pytest.mark.parametrize(("blur", "sign"), [(0.4, 0.0), (0.0, 0.3), (0.4, 0.3)])
def test_a_candidate_that_is_excluded_makes_no_difference(policy, blur, sign):
    def gain(values):
        belief = believing(policy, blur, sign, parameters=Grid({"theta": values}))
        weights = np.array([0.6, 0.4, 0.0])[: len(values)]
        with np.errstate(divide="ignore"):
            begun = belief.initial(EpisodeRandom()).replace(log_weights=lock(np.log(weights)))
        return ExpectedInformationGain(belief, QUESTIONS, 32).gain_and_error(begun, SEEN, EpisodeRandom(0))

    assert np.allclose(gain([0.1, 0.5, 0.95]), gain([0.1, 0.5]), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("policy", [Nods(), Says()], ids=["listed", "drawn"])
@pytest.mark.parametrize(("blur", "sign"), [(0.0, 0.0), (0.4, 0.3)])
def test_an_action_that_ends_the_game_tells_nothing(policy, blur, sign):
    gain, error = found(believing(policy, blur, sign, ends=1), samples=16)
    assert abs(gain[1]) < 1e-15
    assert error[1] < 1e-15
    assert (gain[[0, 2]] > 0).all()
    never = ExpectedInformationGain(believing(policy, blur, sign, ends=1), spaces.Choice([1]), 16)
    both = never.gain_and_error(belief_of(never.belief), SEEN, EpisodeRandom())
    assert np.allclose(both, 0.0, atol=1e-15)


class Door(InteractionTask):
    """One of two doors is right; to try the right one ends the game. The right one may change each time."""

    state_space = spaces.Dict(right=spaces.Discrete(2))

    def __init__(self, changes=0.0):
        self.changes = changes

    def reset(self, rng):
        return State(right=rng.integers(0, 2))

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        state = game.task_state
        over = game.assistant_action == state.right
        right = state.right
        if self.changes:
            right = (right + (rng.random() < self.changes)) % 2
        return Transition(State(right=right), terminated=over)


class Points(DeterministicPolicy):
    """Says which door is right, but for a slip."""

    action_space = spaces.Discrete(2)

    def action(self, observation, state):
        return observation.task_state.right


class Mumbles(Policy):
    """Says a number that tells nothing."""

    action_space = spaces.real()
    first_action = 0.0

    def sample(self, observation, state, rng):
        return rng.normal(), 0.0

    def log_prob(self, action, observation, state):
        return -0.5 * action**2 - 0.5 * np.log(2 * np.pi)


SILENT = {f"{n} answers": RandomPolicy(spaces.Discrete(n)) for n in (1, 2, 3)} | {"numbers": Mumbles()}


@pytest.mark.parametrize("policy", SILENT.values(), ids=SILENT)
@pytest.mark.parametrize("rows", [None, 4])
def test_that_the_game_goes_on_is_all_that_is_told_by_a_user_who_tells_nothing(policy, rows):
    """Whatever the number of its answers: nothing (and not less than that) where the assistant waits."""
    belief = UserModelFilter(User(policy=policy), Grid({"task_state.right": [0, 1]}), task_model=Door())
    rng = EpisodeRandom(0, episodes=None if rows is None else np.arange(rows))
    right = np.array([0.3, 0.9, 0.0, 0.6])[: rows or 1]
    with np.errstate(divide="ignore"):
        weights = np.log(np.stack([1 - right, right], axis=-1))
    begun = belief.initial(rng).replace(log_weights=lock(weights if rows else weights[0]))
    seen = State(round_index=0, task_state=State(), user_action=policy.first_action)
    gain = ExpectedInformationGain(belief, QUESTIONS, 200).gain(begun, seen, rng)
    told = stats.entropy([1 - right, right], base=2)
    assert np.allclose(gain, np.stack([told, told, 0 * told], axis=-1), atol=0.02)
    assert np.allclose(gain[..., 2], 0.0, atol=1e-12)
    assert (gain >= 0).all()


def test_that_the_game_goes_on_is_an_answer():
    """To try a door tells all, whether the game ends or not; to wait (2) tells what a slip leaves."""
    belief = UserModelFilter(User(policy=Points(0.2)), Grid({"task_state.right": [0, 1]}), task_model=Door())
    planner = ExpectedInformationGain(belief, QUESTIONS)
    rng = EpisodeRandom()
    gain = planner.gain(belief.initial(rng), State(round_index=0, task_state=State(), user_action=0), rng)
    assert np.allclose(gain, [1, 1, 1 - stats.entropy([0.1, 0.9], base=2)], atol=1e-12)


@pytest.mark.parametrize("changes", [0.1, 0.5])
def test_how_what_is_hidden_moves_is_not_seen(changes):
    """The user points at where it is afterwards: as noisy an answer about where it was as it moves."""
    belief = UserModelFilter(
        User(policy=Points(0.2)),
        Samples({"task_state.right": stats.randint(0, 2)}, n=2),
        task_model=Door(changes),
    )
    planner = ExpectedInformationGain(belief, spaces.Choice([2]), 144)
    rng = EpisodeRandom(0, episodes=np.arange(200))
    begun = belief.initial(rng)
    begun = begun.replace(hidden=State(right=lock(np.tile([0, 1], (200, 1)))))
    seen = for_rows(State(round_index=0, task_state=State(), user_action=0), 200)
    gain, error = planner.gain_and_error(begun, seen, rng)
    wrong = 0.9 * changes + 0.1 * (1 - changes)
    expected = 1 - stats.entropy([wrong, 1 - wrong], base=2)
    assert abs(gain.mean() - expected) < 4 * gain.std() / np.sqrt(200)
    assert gain.std() < 1.35 * np.sqrt((error**2).mean())


# A grid cannot follow it.


def test_a_grid_over_a_user_who_draws_is_an_error():
    belief = believing(Nods(), 0.4, parameters=Grid({"theta": VALUES}, {"theta": WEIGHTS}))
    rng = EpisodeRandom()
    seen = SEEN.extend(previous_task_state=SEEN.task_state, provenance=0)
    message = r"UserModelFilter: Nods draws while it looks or infers, which a Grid cannot follow.*Use Samples"
    for ask in (
        lambda: belief.update(belief.initial(rng), seen, rng),
        lambda: belief.predict(belief.initial(rng), seen, rng),
        lambda: belief.predict_log_prob(0, belief.initial(rng), seen, rng),
    ):
        with pytest.raises(ContractError, match=message):
            ask()


@pytest.mark.parametrize("rows", [None, 3])
def test_a_grid_over_a_user_who_begins_by_a_draw_is_an_error(rows):
    class Moody(User):
        def __init__(self):
            space = spaces.Dict(theta=spaces.real(0, 1), mood=spaces.real(0, 1))
            super().__init__(policy=Nods(), observation_engine=Blurred(), state_space=space)

        def reset(self, rng):
            return State(theta=rng.random(), mood=rng.random())

    rng = EpisodeRandom(0, episodes=None if rows is None else np.arange(rows))
    grid = UserModelFilter(Moody(), Grid({"theta": VALUES}), task_model=Cue())
    with pytest.raises(ContractError, match=r"Moody draws mood as a game begins, which a Grid cannot follow"):
        grid.initial(rng)
    both = UserModelFilter(Moody(), Grid({"theta": VALUES, "mood": [0.5]}), task_model=Cue())
    assert both.initial(rng).users.theta.shape[-1] == 3
    assert UserModelFilter(Moody(), Samples({"theta": stats.uniform()}, n=9)).initial(rng).users.mood.size


def test_particles_that_draw_predict_by_draws_of_their_own():
    """P(yes) = (1 − blur) E[θ] + blur / 2, as 20,000 particles give it to 4 standard errors."""
    belief = believing(Nods(), 0.4, parameters=Samples({"theta": stats.uniform()}, n=20_000))
    rng = EpisodeRandom()
    chances = belief.predict(belief.initial(rng), SEEN, rng)
    assert abs(chances[1] - 0.5) < 4 * 0.3 / np.sqrt(20_000)


def test_the_jackknife_of_a_mean_is_the_mean_and_its_standard_error():
    groups = np.random.default_rng(0).normal(size=(GROUPS, 3))
    whole = groups.mean(axis=0)
    found, error = jackknife(whole, (GROUPS * whole - groups) / (GROUPS - 1))
    assert np.allclose(found, whole)
    assert np.allclose(error, groups.std(axis=0, ddof=1) / np.sqrt(GROUPS))
