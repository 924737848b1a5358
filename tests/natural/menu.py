"""A menu search: eight items in an order drawn per episode, searched by an eye that reads and forgets.

Each look reads the item under the eye, with a slip now and then; what was read is forgotten again, item by
item. The place where the wanted item was read is looked at again, and clicked. The assistant counts the
looks, and highlights the place that was looked at least.
"""

import numpy as np

from interaction import *

ITEMS = 8
CLICK = 8  # actions 0 to 7 look at a place of the menu, 8 clicks where the eye is


class Menu(InteractionTask):
    """A menu, of which one item after the other is wanted, until five were found."""

    def reset(self, rng):
        wanted = rng.integers(0, ITEMS)
        return State(order=rng.shuffle(ITEMS), wanted=wanted, eye=0, highlighted=-1, found=0)

    def on_user_action(self, game, rng):
        state, action = game.task_state, game.user_action
        if action != CLICK:
            return Transition(state.replace(eye=action), -0.2 - 0.05 * abs(action - state.eye))
        if state.order[state.eye] != state.wanted:
            return Transition(state, -2.0)
        state = state.replace(wanted=rng.integers(0, ITEMS), found=state.found + 1)
        return Transition(state, 5.0, state.found == 5)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state.replace(highlighted=game.assistant_action))


class Look(ObservationEngine):
    """Reads the item under the eye, or now and then another one."""

    def observe(self, game, rng):
        menu = game.task_state
        item = menu.order[menu.eye]
        if rng.random() < 0.05:
            item = rng.integers(0, ITEMS)
        return State(item=item, eye=menu.eye, wanted=menu.wanted, highlighted=menu.highlighted), 0.0


class Remember(InferenceEngine):
    """Keeps what was read at each place (-1 for nothing), and forgets some of it."""

    def infer(self, observation, state, rng):
        read = state.read.copy()
        read[rng.random(ITEMS) < state.forgetting] = -1
        read[observation.eye] = observation.item
        return state.replace(read=read), 0.0


class Search(Policy):
    """Clicks on what it knows; else looks at what is highlighted, or at the first place it does not know."""

    action_space = spaces.Discrete(ITEMS + 1)

    def sample(self, observation, state, rng):
        known = state.read == observation.wanted
        if known[observation.eye]:
            return CLICK, 0.0
        if known.any():
            return np.argmax(known), 0.0
        place = observation.highlighted
        if place >= 0 and state.read[place] == -1:
            return place, 0.0
        return np.argmin(state.read), 0.0


class Searcher(User):
    """A user with a rate of forgetting of its own."""

    def __init__(self):
        parts = {"observation_engine": Look(), "inference_engine": Remember()}
        super().__init__(policy=Search(), state=State(read=np.full(ITEMS, -1), forgetting=0.05), **parts)

    def reset(self, rng):
        return self.state.replace(forgetting=0.1 * rng.random())


class Count(InferenceEngine):
    """Counts the looks at each place."""

    def infer(self, observation, state, rng):
        if observation.user_action == CLICK:
            return state, 0.0
        looks = state.looks.copy()
        looks[observation.user_action] += 1
        return State(looks=looks), 0.0


class Highlight(DeterministicPolicy):
    """Highlights the place that was looked at least."""

    action_space = spaces.Discrete(ITEMS)

    def action(self, observation, state):
        return np.argmin(state.looks)


def menu_search():
    """Give the bundle."""
    assistant = Assistant(
        policy=Highlight(),
        observation_engine=RuleObservationEngine("assistant", hide=["task_state.wanted"]),
        inference_engine=Count(),
        state=State(looks=np.zeros(ITEMS, int)),
    )
    return Bundle(Menu(), Searcher(), assistant, max_rounds=30)
