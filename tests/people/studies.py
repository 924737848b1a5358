"""Studies that the tests serve."""

import time

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    InteractionTask,
    RuleObservationEngine,
    State,
    Transition,
    spaces,
)
from interaction.people import Condition, Page, Person, Questionnaire, Study, tag
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.users.bandit import RescorlaWagnerUser

SECRET = 73_939_133
"""A number of the task that no participant may see, in whatever form."""


def learner(rng):
    return RescorlaWagnerUser(learning_rate=rng.random(), inverse_temperature=1.0 + 4.0 * rng.random())


def bandit(*probabilities, rounds=5):
    return Bundle(MultiArmedBanditTask(probabilities), Person(spaces.Discrete(2)), max_rounds=rounds)


def two_arms(rounds=5, **options):
    conditions = {
        "hard": Condition(bandit(0.4, 0.6, rounds=rounds), simulated=learner),
        "easy": Condition(bandit(0.1, 0.9, rounds=rounds), simulated=learner),
    }
    fixed = {
        "name": "two arms",
        "conditions": conditions,
        "episodes": 2,
        "practice": 1,
        "seed": 3,
        "pages": [Page("# Do you agree?"), Page("# What to do")],
        "after": [Questionnaire("ease", "How easy?", 1, 7), Questionnaire("why", "Why?", optional=True)],
        "completion": "C0FFEE",
    }
    return Study(**(fixed | options))


bandits = two_arms()
blocking = two_arms(on_return="block")
restarting = two_arms(on_return="restart", maximum_age=10_000.0)
long = two_arms(rounds=40, practice=0, episodes=3)  # for the runs in which a server is killed


class Vault(InteractionTask):
    """Guess a digit; what is in the vault is hidden."""

    def reset(self, rng):
        return State(x=0, vault=SECRET + 0.5)

    def on_user_action(self, game, rng):
        return Transition(game.task_state.replace(x=game.user_action, vault=game.task_state.vault + 1.0))

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


class Echo(DeterministicPolicy):
    action_space = spaces.Discrete(10)

    def action(self, observation, state):
        return observation.user_action


class Slow(Echo):
    """Plans for a while."""

    batched = False

    def action(self, observation, state):
        time.sleep(0.25)
        return super().action(observation, state)


class Breaks(Echo):
    def action(self, observation, state):
        if observation.user_action == 7:
            raise RuntimeError("seven is too much")
        return super().action(observation, state)


def vault(policy=None, view=None, ahead=False, actions=10, **options):
    policy = policy or Echo()
    policy.action_space = spaces.Discrete(actions)
    person = Person(
        policy.action_space,
        observation_engine=RuleObservationEngine(
            "user", hide=["task_state.vault", "previous_task_state.vault"]
        ),
        view=view,
    )
    assistant = Assistant(policy=policy, state=State(ploy=float(SECRET)))
    bundle = Bundle(Vault(), person, assistant, max_rounds=4)
    return Study(
        "vault", {"only": Condition(bundle, ahead=ahead)}, episodes=2, pages=[Page("# Agree?")], **options
    )


hidden = vault()
slow = vault(Slow())
ahead = vault(Slow(), ahead=True, actions=3)
breaking = vault(Breaks())


def fails_at_three(observation):
    if observation.task_state.x == 3:
        raise ValueError("this view cannot draw a three")
    return tag("button", "go", type="button", data_action=1)


badly_drawn = vault(view=fails_at_three)
