"""The four turns: what is asked when, what each one sees and changes, and what it pays."""

import itertools

import numpy as np
import pytest

from interaction import (
    SOURCES,
    TURNS,
    Assistant,
    Bundle,
    DeterministicPolicy,
    EpisodeRandom,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    Policy,
    Provenance,
    RandomPolicy,
    State,
    Transition,
    User,
    spaces,
)
from interaction.errors import ContractError, UnknownNameError
from interaction.tasks.coordination import CoordinatedTask
from interaction.turns import Rewards, choose, look, play_half, play_round, turn_number

TEN = spaces.Discrete(10)
SEEN = spaces.Dict({"looks": spaces.Discrete(1000)})
PRICES = dict(zip(SOURCES, (2.0**n for n in range(8)), strict=True))


class Costly(InteractionTask):
    """Adds up the actions; ends in the user's turn at 100 rounds, never before."""

    batched = True
    state_space = spaces.Dict({"total": spaces.Discrete(10_000)})

    def __init__(self, asked=None):
        self.asked = asked

    def reset(self, rng):
        return State(total=0)

    def on_user_action(self, game, rng):
        self.note("user_task", game)
        total = game.task_state.total + game.user_action
        return Transition(State(total=total), PRICES["user_task"], game.round_index == 99)

    def on_assistant_action(self, game, rng):
        self.note("assistant_task", game)
        total = game.task_state.total + game.assistant_action
        return Transition(State(total=total), PRICES["assistant_task"])

    def note(self, what, game):
        if self.asked is not None:
            self.asked.append((what, game))


class Look(ObservationEngine):
    batched = True

    def __init__(self, role, asked=None):
        self.role, self.asked = role, asked

    def observe(self, game, rng):
        if self.asked is not None:
            self.asked.append((f"{self.role}_observation", game))
        seen = State(round_index=game.round_index, total=game.task_state.total, user_action=game.user_action)
        return seen, PRICES[f"{self.role}_observation"]


class Count(InferenceEngine):
    batched = True

    def __init__(self, role, asked=None):
        self.role, self.asked = role, asked

    def infer(self, observation, state, rng):
        if self.asked is not None:
            self.asked.append((f"{self.role}_inference", observation))
        return state.replace(looks=state.looks + 1), PRICES[f"{self.role}_inference"]


class Draw(Policy):
    """Adds a random number to how often its agent has looked."""

    batched = True
    action_space = TEN

    def __init__(self, role, asked=None):
        self.role, self.asked = role, asked

    def sample(self, observation, state, rng):
        if self.asked is not None:
            self.asked.append((f"{self.role}_policy", state))
        return (state.looks + rng.integers(0, 10)) % 10, PRICES[f"{self.role}_policy"]


def agent(kind, asked=None):
    return kind(
        policy=Draw(kind.role, asked),
        observation_engine=Look(kind.role, asked),
        inference_engine=Count(kind.role, asked),
        state=State(looks=0),
        state_space=SEEN,
    )


def costly(asked=None, **options):
    return Bundle(Costly(asked), agent(User, asked), agent(Assistant, asked), **options)


def test_a_round_asks_each_component_once_and_in_order():
    asked = []
    bundle = costly(asked)
    bundle.reset(seed=0)
    for _ in range(2):
        asked.clear()
        bundle.step()
        assert [what for what, _ in asked] == list(SOURCES)


def test_each_component_sees_what_came_before_it_in_the_round():
    asked = []
    bundle = costly(asked)
    bundle.reset(seed=3)
    first = bundle.step().game
    asked.clear()
    second = bundle.step().game
    saw = dict(asked)
    assert saw["user_observation"] == first
    assert saw["user_inference"] == second.user_observation
    assert saw["user_policy"].looks == second.user_state.looks == first.user_state.looks + 1
    moved = saw["user_task"]  # the new action of the user, the last one of the assistant, the state before
    assert (moved.user_action, moved.assistant_action) == (second.user_action, first.assistant_action)
    assert moved.task_state == first.task_state
    looked = saw["assistant_observation"]
    assert looked.task_state.total == first.task_state.total + second.user_action
    assert looked.user_action == second.user_action
    assert saw["assistant_inference"].user_action == second.user_action
    ended = saw["assistant_task"]
    assert ended.task_state == looked.task_state
    assert ended.assistant_action == second.assistant_action
    assert second.task_state.total == looked.task_state.total + second.assistant_action


CHANGES = (
    {"turn_index", "user_observation", "user_state"},
    {"turn_index", "user_action", "task_state", "previous_task_state", "provenance"},
    {"turn_index", "assistant_observation", "assistant_state"},
    {"turn_index", "round_index", "assistant_action", "task_state", "previous_task_state", "provenance"},
)


def test_each_turn_changes_its_own_fields_only():
    bundle = costly()
    before = bundle.reset(seed=5)
    for number in range(12):
        after = bundle.quarter_step().game
        turn = number % 4
        changed = {name for name in before if before[name] != after[name]}
        assert changed <= CHANGES[turn]
        assert "turn_index" in changed
        assert after.turn_index == (turn + 1) % 4
        assert after.round_index == (number + 1) // 4
        before = after


def test_every_source_is_paid_for_by_name_and_adds_up():
    bundle = costly()
    bundle.reset(seed=0)
    assert bundle.step().rewards == Rewards(**PRICES)
    assert bundle.step().rewards.total == 255.0
    for turn in range(4):
        paid = bundle.quarter_step().rewards._asdict()
        assert {source for source, reward in paid.items() if reward} == set(
            SOURCES[2 * turn : 2 * turn + 2]
        ), TURNS[turn]
        assert all(paid[source] in (0.0, PRICES[source]) for source in SOURCES)
    runs = costly(max_rounds=3).run(5, seed=0)
    for source in SOURCES:
        assert runs.rewards[source].tolist() == [3 * PRICES[source]] * 5
    assert runs.returns.tolist() == [3 * 255.0] * 5


@pytest.mark.parametrize(("begin", "end"), list(itertools.product(range(4), range(4))))
def test_a_step_to_a_turn_is_its_quarters(begin, end):
    whole, quarters = costly(), costly()
    assert whole.reset(seed=1, go_to=begin) == quarters.reset(seed=1, go_to=TURNS[begin])
    step = whole.step(go_to=TURNS[end])
    assert step.game.turn_index == end
    parts = [quarters.quarter_step() for _ in range((end - begin) % 4 or 4)]
    assert parts[-1].game == step.game
    assert [sum(column) for column in zip(*(part.rewards for part in parts), strict=True)] == list(
        step.rewards
    )
    assert whole.step().game == quarters.step().game


@pytest.mark.parametrize("begin", range(4))
def test_a_reset_to_a_turn_plays_the_turns_before_it(begin):
    by_quarters = costly()
    by_quarters.reset(seed=2)
    for _ in range(begin):
        by_quarters.quarter_step()
    assert costly().reset(seed=2, go_to=begin) == by_quarters.game


@pytest.mark.parametrize(
    ("after", "end", "asked_for"),
    [
        (0, 3, ["user_policy", "user_task", "assistant_observation", "assistant_inference"]),
        ("user_acts", "assistant_acts", ["assistant_observation", "assistant_inference"]),
        (0, 2, ["user_policy", "user_task"]),
        (1, 2, []),
    ],
)
def test_start_after_skips_turns(after, end, asked_for):
    asked = []
    game = costly(asked).reset(seed=2, go_to=end, start_after=after)
    assert [what for what, _ in asked] == asked_for
    assert game.turn_index == turn_number(end, "end")
    assert game.round_index == 0


class NeverAsked(Policy):
    batched = True
    action_space = TEN

    def sample(self, observation, state, rng):
        raise AssertionError("a policy was asked although its action was given")


def test_a_given_action_is_not_asked_of_the_policy():
    user, assistant = User(policy=NeverAsked()), Assistant(policy=NeverAsked())
    bundle = Bundle(Costly(), user, assistant)
    bundle.reset(seed=0)
    assert bundle.step(user_action=4, assistant_action=5).game.task_state.total == 9
    bundle.quarter_step()
    assert bundle.quarter_step(user_action=1).game.task_state.total == 10
    bundle.quarter_step()
    last = bundle.quarter_step(assistant_action=2).game
    assert (last.task_state.total, last.round_index, last.turn_index) == (12, 2, 0)


def test_provenance_tells_whose_action_was_the_last():
    bundle = costly()
    assert bundle.reset(seed=0).provenance == Provenance.UNKNOWN
    told = [bundle.quarter_step().game.provenance for _ in range(5)]
    assert told == [
        Provenance.UNKNOWN,
        Provenance.OBSERVED,
        Provenance.OBSERVED,
        Provenance.INTERVENED,
        Provenance.INTERVENED,
    ]


def test_the_assistant_is_not_asked_once_the_user_ended_the_game():
    asked = []
    bundle = costly(asked)
    bundle.reset(seed=0, start=bundle.reset(seed=0).replace(round_index=99))
    step = bundle.step()
    assert (step.terminated, step.truncated) == (True, False)
    assert [what for what, _ in asked] == list(SOURCES[:4])
    assert step.rewards == Rewards(**{source: PRICES[source] for source in SOURCES[:4]})
    assert (step.game.round_index, step.game.turn_index) == (99, 2)


@pytest.mark.parametrize(
    ("present", "sources"), [("user", SOURCES[:4]), ("assistant", SOURCES[4:])], ids=["user", "assistant"]
)
def test_the_turns_of_a_missing_agent_are_passed_over(present, sources):
    class Alone(Costly):
        def on_assistant_action(self, game, rng):
            return Transition(game.task_state, PRICES["assistant_task"])

    parts = {present: agent(User if present == "user" else Assistant)}
    parts[present] = parts[present].replace(policy=RandomPolicy(TEN))
    if present == "assistant":
        parts[present] = parts[present].replace(observation_engine=LookAlone())
    paid = sum(PRICES[source] for source in sources if not source.endswith("policy"))
    bundle = Bundle(Alone(), **parts, max_rounds=4)
    bundle.reset(seed=0)
    quarters = [bundle.quarter_step() for _ in range(4)]
    assert [step.game.turn_index for step in quarters] == [1, 2, 3, 0]
    assert sum(step.rewards.total for step in quarters) == paid
    step = bundle.step()
    assert (step.game.round_index, step.rewards.total) == (2, paid)
    missing = "assistant" if present == "user" else "user"
    assert step.game[f"{missing}_action"] is None
    assert step.game[f"{missing}_state"] == step.game[f"{missing}_observation"] == State()
    runs = bundle.run(3, seed=0)
    assert runs.lengths.tolist() == [4] * 3
    assert runs.returns.tolist() == [4 * paid] * 3


class LookAlone(ObservationEngine):
    batched = True

    def observe(self, game, rng):
        return State(total=game.task_state.total), PRICES["assistant_observation"]


def test_the_turns_are_functions_of_their_arguments_alone():
    bundle = costly()
    game = bundle.reset(seed=9, go_to=0)
    kept = str(game)
    results = [play_round(bundle.players, game, EpisodeRandom(9, 0)) for _ in range(2)]
    assert results[0] == results[1]
    halves = [play_half(bundle.players, game, EpisodeRandom(9, 0), act=False) for _ in range(2)]
    assert halves[0] == halves[1]
    assert halves[0][0].turn_index == 1
    assert str(game) == kept
    rows = EpisodeRandom(9, episodes=np.arange(4))
    together = play_half(bundle.players, game, rows)[0].user_action
    single = [play_half(bundle.players, game, EpisodeRandom(9, e))[0].user_action for e in range(4)]
    assert together.tolist() == single


def test_a_component_that_draws_more_does_not_shift_the_others():
    class Greedy(Draw):
        def sample(self, observation, state, rng):
            action = super().sample(observation, state, rng)
            rng.random((5,))
            return action

    greedy = agent(User).replace(policy=Greedy("user"))
    runs = costly(max_rounds=6).run(9, seed=1)
    others = Bundle(Costly(), greedy, agent(Assistant), max_rounds=6).run(9, seed=1)
    assert others == runs


def test_turns_have_names_and_numbers():
    assert [turn_number(name, "here") for name in TURNS] == [turn_number(n, "here") for n in range(4)]
    for wrong in ("user_sleeps", 4, -1, True, 1.0, None):
        with pytest.raises(UnknownNameError, match=r"here: there is no .*user_observes, user_acts"):
            turn_number(wrong, "here")


def test_a_policy_acts_on_what_its_agent_inferred_in_the_turn_before():
    class Remember(InferenceEngine):
        batched = True

        def infer(self, observation, state, rng):
            return state.replace(looks=observation.task_state.total), 0.0

    class Repeat(DeterministicPolicy):
        batched = True
        action_space = TEN

        def action(self, observation, state):
            return (state.looks + 1) % 10

    user = User(policy=Repeat(), inference_engine=Remember(), state=State(looks=0), state_space=SEEN)
    bundle = Bundle(Costly(), user)
    bundle.reset(seed=0)
    assert [bundle.step().game.task_state.total for _ in range(4)] == [1, 3, 7, 15]


class Draws(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(thought=rng.random()), 0.0


class Chooses(Policy):
    """Tells what was seen, what was thought and what is drawn now."""

    action_space = spaces.real(0.0, 1.0, (3,))

    def sample(self, observation, state, rng):
        return np.array([observation.seen, state.thought, rng.random()]), 0.0


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_where_nothing_moves_each_component_draws_at_its_own_address(role):
    """A look and a choice outside of a round draw in its first round's slots, one for each component."""

    class Sees(ObservationEngine):
        def observe(self, game, rng):
            return State(seen=rng.random()), 0.0

    make = User if role == "user" else Assistant
    agent = make(
        policy=Chooses(),
        observation_engine=Sees(),
        inference_engine=Draws(),
        state=State(thought=0.5),
    )
    bundle = Bundle(CoordinatedTask(), **{role: agent})
    seat = getattr(bundle.players, role)
    first = seat.first_slot
    rng = EpisodeRandom(3, 4)
    expected = [EpisodeRandom(3, 4).at(0, first + number).random() for number in range(3)]
    game = bundle.reset(seed=0)
    seen, state = look(seat, game, rng)
    assert (seen.seen, state.thought) == (expected[0], expected[1])
    assert choose(seat, game, rng).tolist() == expected


def test_a_given_action_earns_nothing_from_the_policy():
    bundle = Bundle(CoordinatedTask(), User(policy=Priced()), Assistant(policy=Priced()))
    bundle.reset(seed=0)
    paid = bundle.step(user_action=3).rewards
    assert (paid.user_policy, paid.assistant_policy) == (0.0, -0.5)
    bundle.reset(seed=0)
    assert bundle.step(go_to=2).rewards.user_policy == -0.5
    assert bundle.quarter_step().rewards == Rewards()


class Priced(Policy):
    """Each choice costs a half."""

    action_space = TEN

    def sample(self, observation, state, rng):
        return 1, -0.5


def test_an_episode_is_over_when_its_limit_has_been_passed():
    """The limit may be set anew while an episode goes on."""
    bundle = Bundle(CoordinatedTask(), User(policy=Priced()), Assistant(policy=Priced()), max_rounds=9)
    for first in (0, 1):  # the turn in which steps begin
        bundle.reset(seed=0, go_to=first)
        for _ in range(4):
            bundle.step(go_to=first)
        bundle.max_rounds = 2
        step = bundle.step(go_to=first)
        assert (step.truncated, step.game.round_index, step.game.turn_index) == (True, 5, 0)
        bundle.max_rounds = 9


class Drawing:
    """Components that give the numbers that they draw."""

    class Task(InteractionTask):
        state_space = spaces.Dict(user=spaces.real(), assistant=spaces.real())

        def reset(self, rng):
            return State(user=0.0, assistant=0.0)

        def on_user_action(self, game, rng):
            return Transition(game.task_state.replace(user=rng.random()))

        def on_assistant_action(self, game, rng):
            return Transition(game.task_state.replace(assistant=rng.random()))

    class Eye(ObservationEngine):
        def observe(self, game, rng):
            return State(seen=rng.random()), 0.0

    class Thinks(InferenceEngine):
        def infer(self, observation, state, rng):
            return State(thought=rng.random()), 0.0

    class Acts(Policy):
        action_space = spaces.real()

        def sample(self, observation, state, rng):
            return rng.random(), 0.0


def test_the_numbers_of_a_round_lie_at_its_own_addresses():
    """Eight slots a round, in the order of the turns: the same numbers as a stream that is put there."""
    parts = {"observation_engine": Drawing.Eye(), "inference_engine": Drawing.Thinks()}
    user, assistant = (
        make(policy=Drawing.Acts(), state=State(thought=0.0), **parts) for make in (User, Assistant)
    )
    bundle = Bundle(Drawing.Task(), user, assistant, max_rounds=4)
    bundle.reset(seed=5, episode=2)
    runs = bundle.run([2], seed=5)
    paths = [
        f"{role}_{part}"
        for role in ("user", "assistant")
        for part in ("observation.seen", "state.thought", "action")
    ]
    paths = [*paths[:3], "task_state.user", *paths[3:], "task_state.assistant"]
    for number in range(4):
        game = bundle.step().game
        for slot, path in enumerate(paths):
            expected = EpisodeRandom(5, 2).at(number, slot).random()
            part, _, name = path.partition(".")
            found = game[part][name] if name else game[part]
            assert (found, runs[path][0, number]) == (expected, expected)


def test_a_kept_game_is_put_to_the_turn_after_which_it_starts():
    bundle = Bundle(CoordinatedTask(), User(policy=RandomPolicy(TEN)), Assistant(policy=RandomPolicy(TEN)))
    kept = bundle.reset(seed=0)
    later = bundle.reset(seed=0, start=kept, start_after=1, go_to=3)
    assert later.turn_index == 3
    assert later.user_action == kept.user_action  # the user's turns were passed over
    assert bundle.reset(seed=0, start=later).turn_index == 3


class EndsBy(InteractionTask):
    """Says by a number of a kind of its own whether it is over."""

    def __init__(self, kind):
        self.kind = kind

    def reset(self, rng):
        return State(left=rng.integers(2, 6))

    def on_user_action(self, game, rng):
        left = game.task_state.left - 1
        return Transition(State(left=left), -1.0, self.kind(int(left == 0)))


@pytest.mark.parametrize("kind", [bool, int, np.bool_, np.int64, np.int8, np.uint8])
def test_the_end_may_be_told_by_any_flag_alone_and_in_batches(kind):
    bundle = Bundle(EndsBy(kind), User(policy=RandomPolicy(spaces.Discrete(2))))
    runs = bundle.run(20, seed=1)
    assert runs.terminated.all()
    for index in range(20):
        bundle.reset(seed=1, episode=index)
        rounds = 1
        while not bundle.step().done:
            rounds += 1
        assert rounds == runs.lengths[index]


@pytest.mark.parametrize("kind", [float, str, lambda over: 2 + over, np.float64])
def test_what_is_no_flag_does_not_tell_the_end(kind):
    bundle = Bundle(EndsBy(kind), User(policy=RandomPolicy(spaces.Discrete(2))))
    bundle.reset(seed=1)
    with pytest.raises(ContractError, match=r"EndsBy \(on_user_action, terminated\): expected True or False"):
        bundle.step()
