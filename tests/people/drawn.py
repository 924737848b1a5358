"""Studies whose pages the tests look at in a browser."""

import time

import numpy as np

from interaction import Bundle, InteractionTask, State, Transition, spaces
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.assistants.pointing import ConstantGain
from interaction.people import Condition, Page, Person, Questionnaire, Study, tag
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask
from interaction.tasks.plane import PlaneView
from interaction.tasks.pointing import Pointing2DTask, PointingTask
from interaction.tasks.views import BanditView, CoordinationView, PointingView
from interaction.users.coordination import PseudoRandomUser
from interaction.users.pointing import CarefulPointer
from tests.people.studies import Echo, vault

WELCOME = """# A study of pointing

You will move a cursor to a goal. A *partner* helps you: it does not know which goal is yours.

- What you do is kept, and when.
- Nothing is kept that tells who you are.

If you have questions, write to [the researchers](https://example.org). <script>window.taken = 1</script>
"""
QUESTIONS = [
    Questionnaire("ease", "How easy was it?", 1, 7, ("not at all easy", "very easy")),
    Questionnaire("help", "Did your partner help you?", options=("Yes", "Sometimes", "No")),
    Questionnaire("words", "Is there anything else?", optional=True),
]
MOVEMENT = spaces.Dict(step=spaces.real(-2.0, 2.0, (2,)), duration=spaces.real(0.0))


def study(bundle, simulated=None, **options):
    fixed = {
        "name": "drawn",
        "conditions": {"only": Condition(bundle, simulated)},
        "episodes": 2,
        "practice": 1,
        "seed": 5,
        "pages": [Page(WELCOME), Page("# How it goes\n\nPress **Left** or **Right**.")],
        "after": QUESTIONS,
        "debriefing": Page("# What it was about\n\nWe looked at how you point."),
        "completion": "C7-4F2A-19",
    }
    return Study(**(fixed | options))


def pointer(view=None):
    return Person(spaces.Discrete(3, start=-1), view=view)


pointing = study(Bundle(PointingTask(9, 3), pointer(PointingView(9)), ConstantGain(1.0)), CarefulPointer(0.2))
plane = study(Bundle(Pointing2DTask(), Person(MOVEMENT, view=PlaneView()), max_rounds=3))
coordination = study(
    Bundle(
        CoordinatedTask(),
        Person(spaces.Discrete(10), view=CoordinationView()),
        CoordinatedAssistant(PseudoRandomUser()),
    )
)
bandit = study(
    Bundle(
        MultiArmedBanditTask([0.2, 0.8, 0.5]), Person(spaces.Discrete(3), view=BanditView(3)), max_rounds=4
    )
)


def cells(observation):
    """Draw cells of one unit each, each of which can be pressed."""
    x = observation.task_state.position
    drawn = [
        tag(
            "rect", x=k, width=0.8, height=0.8, fill="#dfe3e8", tabindex=0, role="button",
            aria_label=f"to {k}", data_action=(k > x) - (k < x),
        )
        for k in range(9)
    ]  # fmt: skip
    return tag("svg", drawn, viewBox="-0.1 -0.1 9 1", role="group", aria_label=f"The cursor is at {x}.")


in_cells = study(Bundle(PointingTask(9, 3), pointer(cells)))
plain = study(Bundle(PointingTask(9, 3), pointer()), language="de")
form = study(Bundle(Pointing2DTask(2), Person(MOVEMENT), max_rounds=3))


class Anything(InteractionTask):
    """Takes any action, and counts them."""

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state.replace(x=game.task_state.x + 1))


EVERY = spaces.Dict(
    arm=spaces.Discrete(3, start=-1),
    hour=spaces.Discrete(24),
    dice=spaces.whole(1, 6),
    far=spaces.real(),
    level=spaces.real(0.0, 1.0),
    lamps=spaces.MultiBinary(2),
    digits=spaces.MultiDiscrete([3, 9]),
    sure=spaces.Box(0, 1, (), np.bool_),
    word=spaces.Text(5, min_length=1, charset="abcdefgh"),
)
every = study(Bundle(Anything(), Person(EVERY), max_rounds=2), practice=0)


class Ponders(Echo):
    """Plans for so long that one sees it."""

    batched = False

    def action(self, observation, state):
        time.sleep(1.5)
        return super().action(observation, state)


pondering = vault(Ponders())
