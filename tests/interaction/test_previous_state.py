"""What the author of the last action was looking at is in the game, the last look, and trials in a row."""

import pickle

import numpy as np
import pytest

from interaction import (
    Assistant,
    Bundle,
    CascadedObservationEngine,
    DeterministicPolicy,
    EpisodeRandom,
    GameState,
    GaussianNoise,
    InferenceEngine,
    InteractionTask,
    RandomPolicy,
    RuleObservationEngine,
    Simulator,
    State,
    Transition,
    Trials,
    User,
    spaces,
)
from interaction.checks import check_bundle
from interaction.envs import AssistantEnv, AssistantVectorEnv, UserEnv, UserVectorEnv
from interaction.errors import ArgumentError, ContractError, EpisodeError, SpaceError
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser

THREE = spaces.Discrete(3)


class Climb(InteractionTask):
    """Both climb by their actions; at the top, which may be reached in either turn, it ends."""

    state_space = spaces.Dict(x=spaces.Discrete(12), wind=spaces.real())

    def reset(self, rng):
        return State(x=rng.integers(0, 3), wind=rng.random())

    def _move(self, game, action, rng):
        x = min(game.task_state.x + action, 8)
        return Transition(State(x=x, wind=rng.random()), -1.0, x == 8)

    def on_user_action(self, game, rng):
        return self._move(game, game.user_action, rng)

    def on_assistant_action(self, game, rng):
        return self._move(game, game.assistant_action, rng)


class Count(InferenceEngine):
    """Counts what it has looked at, and adds up the user's actions; thinking costs."""

    def infer(self, observation, state, rng):
        total = state.total + observation.user_action
        return state.replace(looks=state.looks + 1, total=total, x=observation.task_state.x), -0.25


def counting(**parts):
    return Assistant(
        policy=RandomPolicy(THREE), inference_engine=Count(), state=State(looks=0, total=0, x=0), **parts
    )


def climb(**options):
    return Bundle(Climb(), User(policy=RandomPolicy(THREE)), counting(), max_rounds=30, **options)


# The previous state.


def test_the_previous_state_is_that_before_the_last_action():
    bundle = climb()
    game = bundle.reset(seed=0)
    assert game.previous_task_state == game.task_state
    before = game.task_state
    while True:
        step = bundle.quarter_step()
        if step.game.turn_index % 2 == 1:
            assert step.game.task_state == before  # to look moves nothing
            continue
        assert step.game.previous_task_state == before
        before = step.game.task_state
        if step.done:
            break


def test_it_is_recorded_and_the_same_in_a_batch():
    runs = climb().run(50, seed=0)
    for episode in range(50):
        bundle = climb()
        bundle.reset(seed=0, episode=episode)
        rounds = []
        while not (step := bundle.step()).done:
            rounds.append(step.game.previous_task_state.x)
        rounds.append(step.game.previous_task_state.x)
        assert runs.episode(episode)["previous_task_state.x"][0].tolist() == rounds


def test_a_start_from_outside_is_its_own_previous_state():
    bundle = climb()
    assert bundle.reset(seed=0, start={"task_state": {"x": 7}}).previous_task_state.x == 7
    assert GameState(task_state=State(x=1)).previous_task_state == State(x=1)
    kept = bundle.reset(seed=0, go_to=2)
    again = Bundle(Climb(), bundle.user, bundle.assistant).reset(seed=0, start=kept)
    assert again.previous_task_state == kept.previous_task_state != kept.task_state
    with pytest.raises(SpaceError, match="previous_task_state"):
        bundle.reset(seed=0, start=kept.replace(previous_task_state=State(x=99, wind=0.0)))


GAME = GameState(
    round_index=3,
    task_state=State(x=2, secret=5.0),
    previous_task_state=State(x=1, secret=4.0),
    user_action=1,
    assistant_action=0,
)


def seen(**rules):
    return RuleObservationEngine("user", **rules).observe(GAME, EpisodeRandom(0))[0]


def test_rules_on_the_task_state_hold_for_the_previous_one():
    assert seen(hide=["task_state.secret"]).previous_task_state == State(x=1)
    assert "previous_task_state" not in seen(hide=["task_state"])
    assert seen(see=["task_state.x"]) == State(task_state=State(x=2), previous_task_state=State(x=1))
    assert seen(see=["user_action"]) == State(user_action=1)
    doubled = seen(transform={"task_state.x": lambda x: 2 * x})
    assert (doubled.task_state.x, doubled.previous_task_state.x) == (4, 2)
    noisy = seen(noise={"task_state.secret": GaussianNoise(1.0)})
    assert noisy.previous_task_state.secret not in (4.0, noisy.task_state.secret)


def test_a_rule_on_the_previous_state_alone_stands_for_itself():
    assert "previous_task_state" not in seen(hide=["previous_task_state"])
    assert seen(hide=["previous_task_state"]).task_state == GAME.task_state
    own = seen(transform={"task_state.x": lambda x: 2 * x, "previous_task_state.x": lambda x: -x})
    assert (own.task_state.x, own.previous_task_state.x) == (4, -1)


def test_noise_on_the_previous_state_shifts_no_other_draw():
    game = GAME.replace(user_state=State(skill=0.5))
    noise = {"task_state.secret": GaussianNoise(1.0), "user_state.skill": GaussianNoise(1.0)}
    whole = RuleObservationEngine("user", noise=noise).observe(game, EpisodeRandom(0))[0]
    without = RuleObservationEngine("user", hide=["previous_task_state"], noise=noise)
    other = without.observe(game, EpisodeRandom(0))[0]
    assert (whole.task_state, whole.user_state) == (other.task_state, other.user_state)


def test_in_a_cascade_what_is_gone_is_not_missed():
    first = RuleObservationEngine("user", hide=["previous_task_state"])
    second = RuleObservationEngine(
        "user", hide=["task_state.secret"], transform={"task_state.x": lambda x: -x}
    )
    found = CascadedObservationEngine([first, second]).observe(GAME, EpisodeRandom(0))[0]
    assert found.task_state == State(x=-2)
    assert "previous_task_state" not in found


def test_a_learner_gets_it_only_where_it_asks():
    bundle = Bundle(
        CoordinatedTask(), PseudoRandomUser(), Assistant(policy=RandomPolicy(spaces.Discrete(10)))
    )
    assert not any(path.startswith("previous") for path in AssistantEnv(bundle).observation_space)
    asked = AssistantEnv(bundle, paths=["previous_task_state.x"])
    assert list(asked.observation_space) == ["previous_task_state.x"]


class Repeats(DeterministicPolicy):
    """Does what the state before the last action asks for."""

    action_space = THREE

    def __init__(self, lapse=0.0):
        self.lapse = lapse

    def action(self, observation, state):
        return observation.previous_task_state.x % 3


def test_a_prediction_sees_the_previous_state_of_the_observation():
    simulator = Simulator(Climb(), User(policy=Repeats()))
    game = climb().reset(seed=3, go_to=2)
    while game.previous_task_state.x % 3 == game.task_state.x % 3:
        game = climb().reset(seed=game.task_state.x + 10, go_to=2)
    action = simulator.predict_user_action(game, EpisodeRandom(0), State())
    assert action == game.previous_task_state.x % 3


def test_a_rollout_begins_with_the_previous_state_that_is_seen():
    user = User(policy=Repeats())
    simulator = Simulator(Climb(), user, counting(), max_rounds=1)
    observation = State(
        task_state=State(x=4, wind=0.0), previous_task_state=State(x=2, wind=0.0), round_index=3
    )
    found = simulator.rollout(observation, EpisodeRandom(0), record=("user_action",))
    assert found.values["user_action"] == 2
    over = simulator.rollout(
        observation, EpisodeRandom(0), over={"previous_task_state.x": [0, 1]}, record=("user_action",)
    )
    assert over.values["user_action"].tolist() == [0, 1]


# The last look.


def test_a_last_look_lets_the_assistant_learn_from_the_last_action():
    for episode in range(30):
        without, with_it = climb(), climb(last_look=True)
        ends = []
        for bundle in (without, with_it):
            bundle.reset(seed=0, episode=episode)
            while not (step := bundle.step()).done:
                pass
            ends.append(step)
        first, second = ends
        assert second.game.task_state == first.game.task_state
        if first.game.turn_index == 2:  # the user has ended it
            assert second.game.assistant_state.x == 8 == first.game.task_state.x
            assert second.game.assistant_state.looks == first.game.assistant_state.looks + 1
            assert second.rewards.assistant_inference == -0.25
            assert first.rewards.assistant_inference == 0.0
        else:
            assert second == first


@pytest.mark.parametrize("record", ["all", "final"])
def test_a_last_look_is_the_same_by_hand_in_turns_and_in_a_batch(record):
    runs = climb(last_look=True).run(60, seed=0, record=record)
    for episode in range(60):
        quarters, rounds = climb(last_look=True), climb(last_look=True)
        quarters.reset(seed=0, episode=episode)
        rounds.reset(seed=0, episode=episode)
        total = 0.0
        while not (step := rounds.step()).done:
            total += step.rewards.total
        total += step.rewards.total
        while not (quarter := quarters.quarter_step()).done:
            pass
        assert quarter.game == step.game
        one = runs.episode(episode)
        last = (0, -1) if record == "all" else (0,)
        assert one["assistant_state.looks"][last] == step.game.assistant_state.looks
        assert one["assistant_observation.task_state.x"][last] == step.game.assistant_observation.task_state.x
        assert one.returns[0] == total


def test_a_last_look_by_parts_and_chunks(monkeypatch):
    from interaction.batching import play

    whole = climb(last_look=True).run(60, seed=0)
    monkeypatch.setattr(play, "CHUNK", 7)
    assert climb(last_look=True).run(60, seed=0) == whole
    assert climb(last_look=True).run(list(range(60))[::-1], seed=0)["assistant_state.total"][
        ::-1
    ].tolist() == (whole["assistant_state.total"].tolist())


def test_a_last_look_in_environments():
    bundle = climb(last_look=True)
    paths = ["task_state.x"]
    vector = UserVectorEnv(bundle, 8, paths=paths)
    vector.reset(seed=0)
    singles = [UserEnv(climb(last_look=True), paths=paths) for _ in range(8)]
    for episode, one in enumerate(singles):
        one.reset(seed=0, options={"episode": episode})
    running = np.ones(8, bool)
    for _ in range(30):
        _, reward, terminated, *_ = vector.step(np.full(8, 2))
        for row in np.flatnonzero(running):
            _, alone, over, *_ = singles[row].step(2)
            assert (alone, over) == (reward[row], terminated[row])
            running[row] = not over
    assert not running.any()
    assistants = AssistantVectorEnv(bundle, 4, paths=paths)
    assistants.reset(seed=0)
    assistants.step(np.ones(4, int))


def test_a_last_look_is_kept_and_needs_an_assistant():
    assert climb(last_look=True).replace(max_rounds=3).last_look
    assert pickle.loads(pickle.dumps(climb(last_look=True))).last_look
    with pytest.raises(ArgumentError, match="no assistant to look"):
        Bundle(Climb(), User(policy=RandomPolicy(THREE)), last_look=True)


def test_a_reset_to_a_turn_looks_once_more_too():
    start = {"task_state": {"x": 7}, "user_action": 0}
    bundle = Bundle(
        Climb(), User(policy=RandomPolicy(spaces.Discrete(1, start=1))), counting(), last_look=True
    )
    game = bundle.reset(seed=0, start={"task_state": start["task_state"]}, go_to=3)
    assert bundle.over
    assert game.assistant_state.x == 8


# Trials.


def trials(n=4, **options):
    return Bundle(Trials(Climb(), n), User(policy=RandomPolicy(THREE)), counting(), max_rounds=200, **options)


def test_trials_are_the_task_several_times_in_a_row():
    bundle = trials()
    game = bundle.reset(seed=0)
    assert (game.task_state.trial, game.task_state.rounds) == (0, 0)
    trial, ends = 0, []
    while True:
        step = bundle.step()
        if step.game.task_state.trial != trial or step.done:
            ends.append(step.game.previous_task_state.x if not step.done else step.game.task_state.x)
            trial = step.game.task_state.trial
            if not step.done:
                assert (step.game.task_state.rounds, step.game.task_state.ended) == (0, 0)
                assert step.game.task_state.x < 3  # begun anew
        if step.done:
            break
    assert step.terminated
    assert trial == 3
    assert ends[-1] == 8
    assert step.game.assistant_state.looks >= step.game.round_index  # it went on through all trials


def test_the_assistant_sees_how_the_user_ended_a_trial_but_does_not_act_in_it():
    bundle = Bundle(
        Trials(Climb(), 2), User(policy=RandomPolicy(spaces.Discrete(1, start=2))), counting(), max_rounds=99
    )
    bundle.reset(seed=0, start={"task_state": {"x": 7}})
    look = bundle.step(go_to="assistant_acts")
    assert look.game.assistant_observation.task_state.x == 8
    assert look.game.assistant_state.x == 8
    assert look.game.task_state.trial == 0
    after = bundle.step(go_to=0)
    assert after.game.task_state.trial == 1
    assert after.game.task_state.x < 3
    assert after.rewards.assistant_task == 0.0
    assert not after.done


@pytest.mark.parametrize(
    "bundle",
    [
        trials(),
        trials(last_look=True),
        Bundle(Trials(Climb(), 3), User(policy=RandomPolicy(THREE)), max_rounds=100),
        Bundle(Trials(Climb(), 3), None, Assistant(policy=RandomPolicy(THREE)), max_rounds=100),
        Bundle(
            Trials(CoordinatedTask(), 2),
            PseudoRandomUser(),
            Assistant(policy=RandomPolicy(spaces.Discrete(10))),
            max_rounds=150,
        ),
    ],
    ids=["both", "last look", "user", "assistant", "raw arrays inside"],
)
def test_trials_play_alike_alone_and_in_a_batch(bundle):
    runs = bundle.run(40, seed=0)
    for episode in range(40):
        assert bundle.run([episode], seed=0) == runs.episode(episode)
        bundle.reset(seed=0, episode=episode)
        while not (step := bundle.step()).done:
            pass
        assert runs.episode(episode)["task_state.trial"][0, -1] == step.game.task_state.trial
        assert runs.lengths[episode] == step.game.round_index + (step.game.turn_index > 0)
    if bundle.user is not None and bundle.max_rounds == 100:
        assert (runs["task_state.trial"][:, -1] == 2).all()


def test_one_trial_is_the_task_itself():
    alone = Bundle(Climb(), User(policy=RandomPolicy(THREE)), counting(), max_rounds=30).run(30, seed=0)
    one = Bundle(Trials(Climb(), 1), User(policy=RandomPolicy(THREE)), counting(), max_rounds=30).run(
        30, seed=0
    )
    assert np.array_equal(alone["task_state.x"], one["task_state.x"])
    assert np.array_equal(alone.returns, one.returns)


def test_rounds_of_a_trial_count_from_its_beginning():
    class Clock(InteractionTask):
        def reset(self, rng):
            return State(x=0)

        def on_user_action(self, game, rng):
            return Transition(State(x=game.round_index), 0.0, game.round_index == 2)

    runs = Bundle(Trials(Clock(), 3), User(policy=RandomPolicy(THREE))).run(2, seed=0)
    assert runs["task_state.x"][0].tolist() == [0, 1, 0, 0, 1, 0, 0, 1, 2]
    assert runs["task_state.trial"][0].tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2]


def test_trials_pass_the_conformance_kit():
    assert check_bundle(trials(), seconds=3)


@pytest.mark.parametrize("n", [0, -1, True, 2.0])
def test_a_number_of_trials_is_checked(n):
    with pytest.raises(ArgumentError, match="number of trials"):
        Trials(Climb(), n)


def test_trials_need_a_task_without_fields_of_their_names():
    class Named(InteractionTask):
        state_space = spaces.Dict(trial=THREE)

    with pytest.raises(ContractError, match=r"'trial', which is that of the trials, got Named$"):
        Trials(Named(), 2)
    with pytest.raises(ContractError, match=r"got Trials; for trials of trials write Trials\(task, n \* m\)"):
        Trials(Trials(Climb(), 2), 3)
    with pytest.raises(ContractError, match="expected a task"):
        Trials(Climb, 2)
    assert "outcome" in Trials(MultiArmedBanditTask(), 2).state_space.spaces


def test_a_rollout_goes_on_in_the_trial_that_it_begins_in():
    """Its rounds count from 0, those of the trial from where it stands."""
    bundle = trials(n=3)
    bundle.reset(seed=4)
    while bundle.step().game.task_state.trial < 1:
        pass
    step = bundle.step()
    still = RandomPolicy(spaces.Discrete(1))
    simulator = Simulator(bundle.task, User(policy=still), Assistant(policy=still), max_rounds=1)
    start = step.game.task_state
    found = simulator.rollout(step.game, EpisodeRandom(0), record=("task_state",)).values
    assert (found["task_state.trial"], found["task_state.rounds"]) == (1, start.rounds + 1)
    assert (found["task_state.x"], found["task_state.ended"]) == (start.x, 0)  # nobody climbs


def test_nobody_plays_a_trial_on_that_has_ended():
    """The user has ended it, and the assistant may still simulate: from its own turn the next one begins."""
    bundle = trials(3)
    game = bundle.reset(seed=4, go_to="assistant_observes")
    while not game.task_state.ended:
        game = bundle.step(go_to="assistant_observes").game
    still = RandomPolicy(spaces.Discrete(1))
    simulator = Simulator(bundle.task, User(policy=still), Assistant(policy=still), max_rounds=1)
    with pytest.raises(EpisodeError, match=r"that goes on, got trial 1, .* from_turn='assistant_acts'"):
        simulator.rollout(game, EpisodeRandom(0))
    found = simulator.rollout(game, EpisodeRandom(0), from_turn="assistant_acts", record=("task_state",))
    assert (found.values["task_state.trial"], found.values["task_state.ended"]) == (2, 0)


def test_candidates_of_the_tasks_state_are_its_previous_one_too():
    """As in a rollout; what is observed of the previous state stays."""
    simulator = Simulator(Climb(), User(policy=Repeats(lapse=0.1)))
    over = {"task_state.x": [0, 1, 2]}
    expected = np.log(np.where(np.arange(3) == 2, 0.9 + 0.1 / 3, 0.1 / 3))
    found = simulator.user_action_log_prob(2, State(), EpisodeRandom(0), over=over)
    assert np.allclose(found, expected)
    seen = State(previous_task_state=State(x=2, wind=0.0))
    assert np.allclose(
        simulator.user_action_log_prob(2, seen, EpisodeRandom(0), over=over), np.full(3, expected[2])
    )
