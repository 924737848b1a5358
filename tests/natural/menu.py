"""A menu search: eight items in an order drawn per episode, found by an eye that reads and forgets.

The user wants one item after the other, some of them more often than others. Each look reads one item, with
a slip now and then; what was read is forgotten again, item by item. Once the wanted item is known it is
clicked. The assistant counts the clicks, and highlights the item that was wanted most often.
"""

import numpy as np

from interaction import *

ITEMS = 8
CLICK = 8  # actions 0 to 7 look at a place of the menu, 8 to 15 click there


class Menu(InteractionTask):
    """A menu, of which `wanted` is to be found next, until five were found."""

    # State spaces, for as long as they have to be given.
    state_space = spaces.Dict(
        {
            "order": spaces.Box(0, ITEMS - 1, (ITEMS,), np.int64),
            "taste": spaces.Box(0.0, 1.0, (ITEMS,), np.float64),
            "wanted": spaces.Discrete(ITEMS),
            "eye": spaces.Discrete(ITEMS),
            "highlighted": spaces.Discrete(ITEMS + 1, start=-1),
            "found": spaces.Discrete(6),
        }
    )
    # Until here.

    def reset(self, rng):
        taste = rng.random(ITEMS) ** 4
        wanted = rng.categorical(taste)
        return State(order=rng.shuffle(ITEMS), taste=taste, wanted=wanted, eye=0, highlighted=-1, found=0)

    def on_user_action(self, game, rng):
        state, action = game.task_state, game.user_action
        if action < CLICK:
            return Transition(state.replace(eye=action), -0.2 - 0.05 * abs(action - state.eye))
        if state.order[action - CLICK] != state.wanted:
            return Transition(state, -2.0)
        state = state.replace(wanted=rng.categorical(state.taste), found=state.found + 1)
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
    """Clicks what it knows; else looks at what is highlighted, at the first place not read, or anywhere."""

    action_space = spaces.Discrete(2 * ITEMS)

    def sample(self, observation, state, rng):
        known = state.read == observation.wanted
        if known.any():
            return CLICK + np.argmax(known), 0.0
        place = observation.highlighted
        if place >= 0 and state.read[place] == -1:
            return place, 0.0
        unread = state.read == -1
        return np.argmax(unread) if unread.any() else rng.integers(0, ITEMS), 0.0


class Searcher(User):
    """A user with a rate of forgetting of its own."""

    # State spaces, for as long as they have to be given.
    STATE_SPACE = spaces.Dict(
        {
            "read": spaces.Box(-1, ITEMS - 1, (ITEMS,), np.int64),
            "forgetting": spaces.Box(0.0, 1.0, (), np.float64),
        }
    )
    # Until here.

    def __init__(self):
        state = State(read=np.full(ITEMS, -1), forgetting=0.05)
        # State spaces, for as long as they have to be given.
        space = {"state_space": self.STATE_SPACE}
        # Until here.
        super().__init__(
            policy=Search(), observation_engine=Look(), inference_engine=Remember(), state=state, **space
        )

    def reset(self, rng):
        return self.state.replace(forgetting=0.1 * rng.random())


class Count(InferenceEngine):
    """Counts the clicks on each item."""

    def infer(self, observation, state, rng):
        if observation.user_action < CLICK:
            return state, 0.0
        counts = state.counts.copy()
        counts[observation.task_state.order[observation.user_action - CLICK]] += 1
        return State(counts=counts), 0.0


class Highlight(DeterministicPolicy):
    """Highlights the place of the item that was clicked most often, once there is one."""

    action_space = spaces.Discrete(ITEMS + 1, start=-1)

    def action(self, observation, state):
        if state.counts.max() == 0:
            return -1
        return np.argmax(observation.task_state.order == np.argmax(state.counts))


def menu_search():
    """Give the bundle."""
    # State spaces, for as long as they have to be given.
    space = {"state_space": spaces.Dict({"counts": spaces.Box(0, 10_000, (ITEMS,), np.int64)})}
    # Until here.
    assistant = Assistant(
        policy=Highlight(),
        observation_engine=RuleObservationEngine("assistant", hide=["task_state.wanted", "task_state.taste"]),
        inference_engine=Count(),
        state=State(counts=np.zeros(ITEMS, int)),
        **space,
    )
    return Bundle(Menu(), Searcher(), assistant, max_rounds=100)
