"""A state space may be left out: a field then takes any number of the kind and shape of its first value."""

import copy
import pickle

import numpy as np
import pytest
from scipy import stats

from interaction import (
    Assistant,
    Bundle,
    DiscretePolicy,
    EpisodeRandom,
    Grid,
    InferenceEngine,
    InteractionTask,
    RandomPolicy,
    Samples,
    Simulator,
    State,
    Transition,
    User,
    UserModelFilter,
    calibration,
    spaces,
)
from interaction.checks import check_agent, check_bundle, check_task
from interaction.envs import UserEnv, UserVectorEnv
from interaction.errors import AmbiguityWarning, ArgumentError, ContractError, SpaceError, UnknownNameError
from interaction.fitting.priors import Priors
from interaction.membership import membership
from interaction.policy import space_bounds, uniform_log_prob
from interaction.spaces import Undeclared

TWO = RandomPolicy(spaces.Discrete(2))
PAIR = np.array([0.5, 1.5])


class Counting(InteractionTask):
    """Counts the user's actions; its state has a field of each kind, and a nested one."""

    batched = True

    def reset(self, rng):
        return State(x=0, level=rng.random(), late=False, place=np.zeros(2), inner=State(tail=np.arange(3)))

    def on_user_action(self, game, rng):
        state = game.task_state
        x = state.x + game.user_action
        place = state.place + np.asarray(x)[..., None]
        return Transition(state.replace(x=x, late=x > 2, place=place, level=state.level * 2.0), 1.0, x >= 4)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


class Single(Counting):
    """The same, played episode by episode."""

    batched = False


class Declared(Counting):
    """The same, with the space that says the same."""

    state_space = spaces.Dict(
        x=spaces.whole(),
        level=spaces.real(),
        late=spaces.Box(0, 1, (), np.bool_),
        place=spaces.real(shape=(2,)),
        inner=spaces.Dict(tail=spaces.whole(shape=(3,))),
    )


class Leaning(DiscretePolicy):
    """Acts 1 with the probability p; in the round k, always."""

    batched = True
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        p = np.where(np.equal(observation.round_index, state.k), 0.999, state.p)
        return np.stack([1 - p, p], axis=-1)


def leaning(p=0.5, k=0):
    return User(policy=Leaning(), state=State(p=p, k=k))


def changes(before, after):
    """Make a task whose state begins as one value and goes on as another, and its bundle."""

    class Changes(InteractionTask):
        batched = True

        def reset(self, rng):
            return State(v=before)

        def on_user_action(self, game, rng):
            return Transition(after if isinstance(after, State) else State(v=after))

    return Bundle(Changes(), User(policy=TWO), max_rounds=2)


# Reading off.


def test_a_space_is_read_off_the_first_state_of_a_task():
    space = Counting().state_space
    assert space == spaces.Dict(
        x=Undeclared(int),
        level=Undeclared(float),
        late=Undeclared(bool),
        place=Undeclared(float, (2,)),
        inner=spaces.Dict(tail=Undeclared(int, (3,))),
    )
    assert list(space.spaces) == ["x", "level", "late", "place", "inner"]
    assert str(space["place"]) == "Undeclared(float, (2,))"


def test_the_reset_is_asked_with_a_fixed_stream():
    asked = []

    class Asks(Counting):
        def reset(self, rng):
            asked.append(rng.random())
            return State(x=0)

    assert Asks().state_space == Asks().state_space
    assert asked == [EpisodeRandom().random()] * 2


@pytest.mark.parametrize("task", [Counting(), Single()], ids=["batched", "singly"])
def test_it_plays_by_hand_and_in_batches_as_with_the_space_declared(task):
    bundle, declared = (Bundle(one, leaning(), max_rounds=20, check=True) for one in (task, Declared()))
    runs, same = bundle.run(30, seed=1), declared.run(30, seed=1)
    for path in ("task_state.x", "task_state.level", "task_state.place", "task_state.inner.tail"):
        assert np.array_equal(runs[path], same[path])
    for episode in range(3):
        bundle.reset(seed=1, episode=episode)
        while not (step := bundle.step()).done:
            pass
        assert step.game.round_index + 1 == runs.lengths[episode]
        assert step.game.task_state.x == runs["task_state.x"][episode, -1]


def test_a_class_attribute_and_an_instance_attribute_both_win():
    space = spaces.Dict(x=spaces.Discrete(3))

    class OfItsOwn(Counting):
        def __init__(self):
            self.state_space = space

        def reset(self, rng):
            raise AssertionError("a declared space needs no first state")

    class OfTheUser(User):
        state_space = space

    class OfTheUsersOwn(User):
        def __init__(self):
            super().__init__(policy=TWO, state=State(x=1))
            self.state_space = space

    for component in (OfItsOwn(), OfTheUser(policy=TWO, state=State(x=1)), OfTheUsersOwn()):
        assert component.state_space is space
    assert Declared().state_space is Declared.state_space
    for agent in (OfTheUser(policy=TWO, state=State(x=3)), OfTheUsersOwn().replace(state=State(x=3))):
        with pytest.raises(SpaceError, match=r"expected a value in Discrete\(3\), got 3"):
            Bundle(Declared(), agent).reset(seed=0)


def test_an_agent_needs_no_space():
    assert leaning().state_space == spaces.Dict(p=Undeclared(float), k=Undeclared(int))
    assert User(policy=TWO).state_space == spaces.Dict({})
    assert Assistant(policy=TWO, state=State(seen=PAIR)).state_space["seen"].shape == (2,)


def test_the_space_of_an_agent_follows_its_state():
    agent = leaning().replace(state=State(q=PAIR))
    assert agent.state_space == spaces.Dict(q=Undeclared(float, (2,)))
    assert agent.replace(policy=TWO).dual().state_space == agent.state_space
    fixed = agent.replace(state_space=spaces.Dict(q=spaces.real(0, 2, (2,))))
    assert fixed.replace(state=State(q=PAIR / 2)).state_space == fixed.state_space
    named = User(policy=TWO, state=State(name="a")).replace(state_space=spaces.Dict(name=spaces.Text(3)))
    assert Bundle(Counting(), named).reset(seed=0).user_state.name == "a"


class Drawing(User):
    """Draws its state; `state` says nothing."""

    batched = True

    def __init__(self, scale=1.0):
        super().__init__(policy=Leaning())
        self.scale = scale

    def reset(self, rng):
        return State(p=rng.random() * self.scale, k=rng.integers(0, 3))


def test_an_agent_with_a_reset_of_its_own_is_asked_once_it_is_made():
    assert Drawing().state_space == leaning().state_space
    runs = Bundle(Counting(), Drawing(), max_rounds=5).run(20, seed=0)
    assert len(np.unique(runs["user_state.p"])) == 20
    given = Drawing().replace(state=State(other=PAIR))
    assert given.state_space == leaning().state_space  # what reset gives is what is played


class Chooser(User):
    """Begins according to the game."""

    batched = True

    def reset_in(self, game, rng):
        return State(goal=game.task_state.x + 1)


def test_an_agent_that_begins_according_to_the_game_tells_its_state_or_its_space():
    with pytest.raises(ContractError, match=r"Chooser begins according to the game .* give state_space"):
        Bundle(Counting(), Chooser(policy=TWO))
    for told in ({"state": State(goal=0)}, {"state_space": spaces.Dict(goal=spaces.whole(0, 9))}):
        bundle = Bundle(Counting(), Chooser(policy=TWO, **told))
        assert bundle.reset(seed=0, start={"task_state.x": 2}).user_state.goal == 3


# What a field takes.


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (0, 10**15),
        (0, -(2**63)),
        (0, True),
        (0.0, 7),
        (0.0, np.inf),
        (0.5, np.float32(3)),
        (False, True),
        (np.zeros(2), np.array([1, 2])),
        (np.zeros(2, np.float32), PAIR),
        (np.zeros((2, 3), np.int8), np.full((2, 3), 2**40)),
        (np.array([True, False]), np.array([False, False])),
    ],
    ids=repr,
)
def test_a_field_takes_any_number_of_its_kind_and_shape(before, after):
    bundle = changes(before, after)
    bundle.reset(seed=0)
    assert np.array_equal(bundle.step().game.task_state.v, after)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (0, 0.5, r"got 0\.5 \(the field began as an int: let it begin as a float, such as 0\.0, or declare"),
        (0, 0.5, r"declare state_space = spaces\.Dict\(v=spaces\.real\(low, high\), \.\.\.\)\)"),
        (False, 1, r"got 1 \(the field began as a bool: let it begin as an int, such as 0, or declare"),
        (np.arange(2), PAIR, r"let it begin as an array \(2,\) of floats, of entries such as 0\.0, or"),
        (np.arange(2), PAIR, r"spaces\.Dict\(v=spaces\.real\(low, high, \(2,\)\), \.\.\.\)"),
        (PAIR, np.zeros(3), r"got array\(.*\(the field began as an array \(2,\) of floats, and is not decl"),
        (PAIR, 0.5, r"expected a value in Undeclared\(float, \(2,\)\), got 0\.5"),
        (0.5, PAIR, r"the field began as a float, and is not declared"),
        (0.5, np.nan, r"expected a value in Undeclared\(float\), got nan"),
        (0, 2**63, r"expected a value in Undeclared\(int\), got 9223372036854775808"),
        (0, "one", r"expected a value in Undeclared\(int\), got 'one'"),
        (0, None, r"got None"),
        (0, (1, (2, 3)), r"got \(1, \(2, 3\)\) \(the field began as an int"),
        (0, State(v=0, w=1), r"expected a value in State\(v\), got State\(v=0, w=1\)"),
        (0, State(w=1), r"expected a value in State\(v\), got State\(w=1\)"),
        (0, State(v=State(x=1)), r"got State\(x=1\)"),
    ],
    ids=repr,
)
def test_a_field_that_changes_its_name_kind_or_shape_is_an_error(before, after, message):
    bundle = changes(before, after)
    bundle.reset(seed=0)
    with pytest.raises(SpaceError, match=r"Changes \(on_user_action\)(?s:.)*" + message):
        bundle.step()


@pytest.mark.parametrize("kind", [Counting, Single])
def test_a_change_of_kind_is_an_error_in_a_batch(kind):
    class Halves(kind):
        batched = kind.batched

        def on_user_action(self, game, rng):
            return Transition(game.task_state.replace(x=game.task_state.level / 2))

    with pytest.raises(
        SpaceError, match=r"field 'x'.*began as an int: let it begin as a float, such as 0\.0"
    ):
        Bundle(Halves(), leaning(), max_rounds=3).run(5, seed=0)


def test_an_engine_that_changes_a_kind_is_told_what_to_write():
    class Tires(InferenceEngine):
        batched = True

        def infer(self, observation, state, rng):
            return state.replace(fatigue=(1 + state.fatigue) / 2), 0.0

    user = User(policy=TWO, inference_engine=Tires(), state=State(fatigue=0))
    with pytest.raises(SpaceError, match=r"User \(inference engine\), field 'fatigue': .* such as 0\.0"):
        Bundle(Counting(), user, max_rounds=3).run(3, seed=0)
    user = user.replace(state=State(fatigue=0.0))
    assert Bundle(Counting(), user, max_rounds=3).run(3, seed=0)["user_state.fatigue"].max() == 0.875


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("left", r"spaces\.Text\(max_length\)"),
        (np.array(["a", "b"]), r"spaces\.Text\(max_length\)"),
        (None, r"\.\.\."),
        ((1, 2), r"\.\.\."),
        (np.array([1j]), r"\.\.\."),
    ],
    ids=repr,
)
def test_what_is_no_number_needs_a_declared_space(value, form):
    agent = User(policy=TWO, state=State(x=0, inner=State(v=value)))
    line = rf"write state_space = spaces\.Dict\(inner=spaces\.Dict\(v={form}, \.\.\.\), \.\.\.\)"
    with pytest.raises(
        ContractError, match=rf"User: the field 'inner\.v' begins as .*must be declared: {line}"
    ):
        Bundle(Counting(), agent)


# Errors of a reset.


def test_an_error_inside_reset_keeps_its_type_and_tells_why_reset_was_asked():
    class Broken(Counting):
        def __init__(self, error):
            self.error = error

        def reset(self, rng):
            raise self.error

    for error in (ZeroDivisionError("by zero"), AttributeError("no such thing"), KeyError("x")):
        with pytest.raises(type(error)) as caught:
            Bundle(Broken(error), leaning())
        assert caught.value is error
        assert "Broken leaves out its state_space, so its first state" in error.__notes__[0]


@pytest.mark.parametrize(
    ("read", "kind", "told"),
    [
        (lambda state, rng: state.y, AttributeError, r"Reads\.reset reads a state: there is no 'y'"),
        (lambda state, rng: state["y"], KeyError, r"Reads\.reset reads a state: there is no 'y'"),
        (lambda state, rng: rng.unifrom(), AttributeError, r"the stream has no 'unifrom'"),
        (lambda state, rng: state.replace(y=1), UnknownNameError, r"State\.replace: there is no 'y'"),
    ],
)
def test_a_wrong_name_inside_reset_is_told_with_the_component(read, kind, told):
    class Reads(Counting):
        def reset(self, rng):
            read(State(x=1), rng)

    with pytest.raises(kind, match=told) as caught:
        Bundle(Reads(), leaning())
    assert "Reads leaves out its state_space" in caught.value.__notes__[0]


def test_what_reset_gives_must_be_a_state():
    class Lists(Counting):
        def reset(self, rng):
            return {"x": 0}

    with pytest.raises(ContractError, match=r"Lists\.reset: expected a State, got \{'x': 0\} of type dict"):
        Bundle(Lists(), leaning())


def test_a_task_without_reset_and_space_says_what_to_define():
    class Nothing(InteractionTask):
        def on_user_action(self, game, rng):
            return Transition(game.task_state)

    with pytest.raises(ContractError, match=r"Nothing must define reset\(self, rng\), which returns a State"):
        Bundle(Nothing(), leaning())
    with pytest.raises(ContractError, match=r"Nothing must define reset"):
        _ = Nothing().state_space


@pytest.mark.parametrize("space", [None, spaces.Discrete(3), {"p": spaces.real()}], ids=repr)
def test_a_space_of_the_wrong_kind_is_refused(space):
    task = Counting()
    task.state_space = space
    user = leaning()
    user.state_space = space
    for bundle in (lambda: Bundle(task, leaning()), lambda: Bundle(Counting(), user)):
        with pytest.raises(ContractError, match=r"state_space: expected a spaces\.Dict"):
            bundle()


def test_action_spaces_stay_mandatory():
    class Unspaced(DiscretePolicy):
        def probabilities(self, observation, state):
            return np.array([0.5, 0.5])

    with pytest.raises(ContractError, match="Unspaced must define action_space"):
        Bundle(Counting(), User(policy=Unspaced()))


# Components stay values.


@pytest.mark.parametrize("component", [Counting(), leaning(), Drawing(0.5)], ids=["task", "user", "drawing"])
def test_asking_for_the_space_changes_nothing(component):
    before = pickle.dumps(component)
    space = component.state_space
    assert pickle.dumps(component) == before
    assert "state_space" not in vars(component)
    for twin in (pickle.loads(before), copy.deepcopy(component), copy.copy(component)):
        assert twin == component
        assert twin.state_space == space
    assert repr(component).count("state_space") == 0


def test_components_without_a_space_pass_the_conformance_kit():
    check_task(Counting(), user=leaning())
    check_agent(Drawing(), Counting())
    check_agent(leaning(), Single())
    check_bundle(Bundle(Counting(), leaning(), Assistant(policy=TWO, state=State(memory=PAIR)), max_rounds=5))


def test_an_undeclared_space_is_a_value():
    space = Undeclared(int, (2,), "inner.v", "Task")
    twin = pickle.loads(pickle.dumps(space))
    assert twin == space == copy.deepcopy(space)
    assert twin.line() == space.line()
    assert space != Undeclared(int)
    assert space != Undeclared(float, (2,))
    assert space != spaces.whole(shape=(2,))
    assert spaces.whole(shape=(2,)) != space
    together = spaces.merge(spaces.Dict(v=space), spaces.Dict(v=twin))
    assert together == spaces.Dict(v=space)


# What is forced from outside.


@pytest.mark.parametrize("task", [Counting(), Single()], ids=["batched", "singly"])
def test_candidates_of_any_number_may_be_played(task):
    bundle = Bundle(task, leaning(), max_rounds=8)
    over = {
        "user_state.p": [0, 0.25, 1.0],
        "user_state.k": range(-3, 7, 5),
        "task_state.place": [PAIR, -PAIR],
    }
    runs = bundle.run(6, seed=0, over=over)
    assert runs.lengths.shape == (6, 3, 2, 2)
    assert runs["user_state.p"].max() == 1.0
    late = bundle.run(4, over={"task_state.late": [True, False]})
    assert late.lengths.shape == (4, 2)


def test_a_start_may_be_any_number():
    bundle = Bundle(Counting(), leaning(), max_rounds=8)
    game = bundle.reset(
        seed=0, start={"task_state": {"x": -5, "inner": {"tail": [7, 8, 9]}}, "user_state.p": 1}
    )
    assert game.task_state.inner.tail.tolist() == [7, 8, 9]
    assert bundle.step().game.task_state.x == -4
    runs = bundle.run(3, seed=0, start={"task_state.x": [3, 2, 1], "user_state.p": np.ones(3)})
    assert runs.lengths.tolist() == [1, 2, 3]
    again = bundle.reset(seed=0, start=game)
    assert again is game


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "user_state.k",
            0.5,
            r"user_state\.k: .*began as an int: .*spaces\.Dict\(k=spaces\.real\(low, high\)",
        ),
        ("user_state.p", np.nan, r"user_state\.p: .*got nan"),
        ("user_state.p", "a", r"user_state\.p: .*got 'a'"),
        ("task_state.place", np.zeros(3), r"task_state\.place: .*began as an array \(2,\) of floats"),
        ("task_state.late", 1, r"task_state\.late: .*began as a bool: let it begin as an int, such as 0"),
    ],
    ids=repr,
)
def test_a_start_of_another_kind_is_refused(path, value, message):
    bundle = Bundle(Counting(), leaning(), max_rounds=8)
    with pytest.raises(SpaceError, match=r"start: " + message):
        bundle.reset(start={path: value})
    with pytest.raises(SpaceError, match=r"start: " + message):
        bundle.run(4, start={path: value})


def test_a_candidate_of_another_kind_and_a_misspelt_one_are_refused():
    bundle = Bundle(Counting(), leaning(), max_rounds=8)
    with pytest.raises(SpaceError, match=r"over: user_state\.k: .*let it begin as a float"):
        bundle.run(2, over={"user_state.k": [0.5]})
    with pytest.raises(UnknownNameError, match=r"'user_state\.q'"):
        bundle.run(2, over={"user_state.q": [0.5]})


def test_a_simulator_takes_models_without_spaces():
    simulator = Simulator(Counting(), leaning(0.5, -1), max_rounds=10)
    game = Bundle(Counting(), leaning()).reset(seed=0)
    rollout = simulator.rollout(game, EpisodeRandom(), over={"user_state.p": [0.0, 1.0]})
    assert rollout.lengths[1] == 4
    log_prob = simulator.user_action_log_prob(
        1, game, EpisodeRandom(), over={"user_state.p": [0.25, 0.5]}, user_state=State(k=-1)
    )
    assert log_prob == pytest.approx(np.log([0.25, 0.5]))


# Filters and fits.


class Watching(Assistant):
    """Keeps a belief over the user, and acts at random."""

    def __init__(self, belief):
        self.belief = belief
        super().__init__(
            policy=TWO, inference_engine=belief, state=State(belief=belief.initial(EpisodeRandom()))
        )

    batched = True

    def reset(self, rng):
        return State(belief=self.belief.initial(rng))


class Endless(Counting):
    def on_user_action(self, game, rng):
        return Transition(game.task_state)


PRIORS = [
    Grid({"p": [0, 0.25, 0.5, 0.75, 1.0]}),
    Grid({"p": np.linspace(0.05, 0.95, 19), "k": range(-1, 4)}),
    Samples({"p": stats.uniform(0, 1), "k": stats.randint(-1, 4)}, n=200),
    Samples({"p": stats.uniform(0, 1)}, n=200, threshold=1.0),
]


@pytest.mark.parametrize("prior", PRIORS, ids=["grid", "two", "particles of two", "particles"])
def test_a_filter_finds_an_undeclared_parameter(prior):
    """Of 300 choices with p = 0.75 the mean deviates by a standard deviation of 0.025."""
    belief = UserModelFilter(leaning(0.5, -1), prior)
    assert belief.space["users"]["p"] == Undeclared(float, (prior.size,))
    bundle = Bundle(Endless(), leaning(0.75, -1), Watching(belief), max_rounds=300)
    runs = bundle.run(3, seed=0, record=["assistant_state.belief"])
    weights = np.exp(runs["assistant_state.belief.log_weights"][:, -1])
    values = runs["assistant_state.belief.users.p"][:, -1]
    assert (weights * values).sum(axis=-1) == pytest.approx(0.75, abs=0.1)
    bundle.reset(seed=0)
    for _ in range(20):
        state = bundle.step().game.assistant_state
    assert state.belief.log_weights == pytest.approx(
        runs["assistant_state.belief.log_weights"][0, 19], abs=1e-12
    )
    assert belief.posterior(state).mean("p") == pytest.approx(0.75, abs=0.25)
    if "k" in prior.names:
        assert runs["assistant_state.belief.users.k"].dtype == np.int64


def test_particles_of_an_undeclared_parameter_stay_inside_their_prior():
    """A narrow prior far from the truth, and a resampling in each round: the moves press against its end."""
    prior = Samples({"p": stats.uniform(0.1, 0.2)}, n=50, threshold=1.0, discount=0.9)
    for belief in (
        UserModelFilter(leaning(0.2, -1), prior),
        UserModelFilter(Drawing(0.3), Samples(["p"], n=50, threshold=1.0, discount=0.9)),
    ):
        bundle = Bundle(Endless(), leaning(0.99, -1), Watching(belief), max_rounds=60)
        moved = bundle.run(4, seed=0, record=["assistant_state.belief"])["assistant_state.belief.users.p"]
        assert moved.min() >= 0.0
        assert moved.max() <= 0.1 + 0.2
        assert len(np.unique(moved[:, -1])) > 10


@pytest.mark.parametrize(
    "prior", [Grid({"k": [0.5]}), Samples({"k": stats.uniform(0, 1)}), Samples({"k": stats.norm(0, 1)})]
)
def test_a_filter_refuses_fractions_where_the_field_began_as_an_int(prior):
    with pytest.raises(
        SpaceError, match=r"of k: expected (ints, but|values in Undeclared\(int\), got).*such as 0\.0"
    ):
        UserModelFilter(leaning(), prior)


def test_a_hidden_undeclared_entry_of_the_task_is_found():
    class Biased(Endless):
        def reset(self, rng):
            return State(bias=0.5, x=0)

    class ByBias(Leaning):
        def probabilities(self, observation, state):
            bias = np.asarray(observation.task_state.bias, float)
            return np.stack([1 - bias, bias], axis=-1)

    belief = UserModelFilter(
        User(policy=ByBias()),
        Grid({"task_state.bias": [0.1, 0.9]}),
        task_model=Biased(),
        delay=1,
        action="user_action",
    )
    assert belief.space["hidden"]["bias"] == Undeclared(float, (2,))
    assert belief.initial(EpisodeRandom()).last_task_state == State(x=0)


def test_studies_take_a_user_without_spaces():
    with pytest.warns(AmbiguityWarning, match="WITHOUT an assistant, though Counting defines"):
        ranks = calibration(
            Counting(), leaning(), {"p": stats.uniform(0, 1)}, n_users=100, rounds=4, progress=False
        )
    assert bool(ranks.verdict)


@pytest.mark.parametrize(
    ("prior", "low", "high"),
    [
        (stats.uniform(0.2, 0.5), 0.2, 0.7),
        (stats.expon(1.0), 1.0, np.inf),
        (stats.norm(), -np.inf, np.inf),
        (stats.randint(0, 3), 0, 2),
    ],
    ids=["uniform", "expon", "norm", "randint"],
)
def test_a_search_stays_inside_the_prior_of_an_undeclared_parameter(prior, low, high):
    priors = Priors(leaning(), {"p": prior}, "test")
    values = priors.in_space(np.array([[-6.0], [-0.5], [0.0], [2.0], [6.0]]))
    assert ((low <= values["p"]) & (values["p"] <= high)).all()
    assert priors.in_space(priors.to_space(values))["p"] == pytest.approx(values["p"], abs=1e-6)


def test_a_whole_undeclared_parameter_wants_a_discrete_prior():
    with pytest.raises(ArgumentError, match=r"prior of k: Undeclared\(int\) needs a discrete prior"):
        Priors(leaning(), {"k": stats.uniform(0, 1)}, "test")
    drawn = Priors(leaning(), {"k": stats.randint(0, 5)}, "test").draw(50, seed=0)["k"]
    assert drawn.dtype == np.int64
    assert set(drawn.tolist()) == set(range(5))


# What needs bounds.


def test_a_draw_at_random_names_the_field_and_the_line_to_write():
    message = r"a draw at random needs the space of the field 'x' of Counting, which is not declared: write "
    line = r"state_space = spaces\.Dict\(x=spaces\.whole\(low, high\), \.\.\.\)"
    bundle = Bundle(Counting(), leaning())
    with pytest.raises(ContractError, match=message + line):
        bundle.reset(seed=0, random=True)
    with pytest.raises(ContractError, match=message + line):
        spaces.sample(Counting().state_space, EpisodeRandom())
    with pytest.raises(ContractError, match=message + line):
        Counting().state_space.sample()
    with pytest.raises(ContractError, match=r"field 'p' of User.*Dict\(p=spaces\.real\(low, high\), "):
        Bundle(Declared(), leaning()).reset(seed=0, random=True)


def test_a_nested_field_is_named_by_its_path_and_written_with_its_shape():
    tail = Counting().state_space["inner"]["tail"]
    line = r"Dict\(inner=spaces\.Dict\(tail=spaces\.whole\(low, high, \(3,\)\), \.\.\.\), \.\.\.\)"
    with pytest.raises(ContractError, match=r"'inner\.tail' of Counting.*" + line):
        spaces.sample(tail, EpisodeRandom())


def test_values_that_need_bounds_say_so():
    x, level, late = (Counting().state_space[name] for name in ("x", "level", "late"))
    for space in (x, late):
        with pytest.raises(ContractError, match=r"a list of all values .*=spaces\.Discrete\(n\), \.\.\.\)"):
            spaces.elements(space)
    for needs in (lambda: space_bounds(level), lambda: uniform_log_prob(0.5, level)):
        with pytest.raises(
            ContractError, match=r"a uniform distribution needs the space of the field 'level'"
        ):
            needs()


def test_a_bool_has_its_bounds_and_zero_is_the_first_element_of_all():
    late = Undeclared(bool)
    member = membership(late)
    drawn = {spaces.sample(late, EpisodeRandom(0, episode)) for episode in range(30)}
    assert drawn == {False, True}
    assert {type(value) for value in drawn} == {bool}
    assert member.violation(spaces.sample(late, EpisodeRandom(0, episodes=np.arange(5))), 5) is None
    assert late.sample() in (False, True)
    for space, zero in ((late, False), (Undeclared(int), 0), (Undeclared(float), 0.0)):
        assert spaces.first(space) == zero
        assert type(spaces.first(space)) is type(zero)
    assert np.array_equal(spaces.first(Undeclared(float, (2,))), np.zeros(2))


def test_a_learner_needs_bounds():
    bundle = Bundle(Counting(), leaning(), max_rounds=5)
    where = (
        r"user's observation: task_state\.x: expected a bounded space, got Undeclared\(int\); leave it out"
    )
    here = r" by `paths`, or say its bounds: spaces=\{'task_state\.x': spaces\.whole\(low, high\)\}; or let "
    line = r"Counting declare it: state_space = spaces\.Dict\(x=spaces\.whole\(low, high\), \.\.\.\)"
    for environment in (UserEnv, lambda bundle: UserVectorEnv(bundle, 2)):
        with pytest.raises(SpaceError, match=where + here + line):
            environment(bundle)
    bounds = {"task_state.x": spaces.whole(0, 9), "task_state.place": spaces.real(0, 99, (2,))}
    paths = [*bounds, "task_state.late"]
    for form in ("nested", "flat"):
        env = UserEnv(bundle, paths=paths, spaces=bounds, form=form)
        seen, _ = env.reset(seed=0)
        for _ in range(4):
            assert seen in env.observation_space
            seen, *_ = env.step(1)
        assert seen in env.observation_space
        many = UserVectorEnv(bundle, 3, paths=paths, spaces=bounds, form=form)
        assert many.reset(seed=0)[0] in many.observation_space


@pytest.mark.parametrize(
    ("prior", "begins"),
    [(stats.bernoulli(0.4), "an int, such as 0,"), (stats.norm(0, 1), r"a float, such as 0\.0,")],
    ids=["whole numbers", "numbers"],
)
def test_a_prior_over_a_field_that_began_as_a_bool_is_told_how_to_let_it_begin(prior, begins):
    busy = User(policy=TWO, state=State(busy=False))
    with pytest.raises(SpaceError, match=f"began as a bool: let it begin as {begins}") as caught:
        UserModelFilter(busy, Samples({"busy": prior}))
    assert "Undeclared" not in str(caught.value)
    if begins.startswith("an int"):  # what the message says helps
        UserModelFilter(busy.replace(state=State(busy=0)), Samples({"busy": prior}))
