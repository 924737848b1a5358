"""The coordination game: user and assistant have to pick the same action.

Source: CoopIHC's guide, "Assistants that simulate users".
"""

from __future__ import annotations

from interaction import EpisodeRandom, GameState, InteractionTask, State, Transition, spaces

GOAL = 9


class CoordinatedTask(InteractionTask):
    """Count the rounds in which user and assistant pick the same action, up to 9.

    The game is over when the user acts while `x` is 9. Each action costs 1.

    >>> from interaction import Bundle
    >>> from interaction.assistants.coordination import CoordinatedAssistant
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> user = PseudoRandomUser(p0=1, p1=5, p2=7)
    >>> runs = Bundle(CoordinatedTask(), user, CoordinatedAssistant(user)).run(1, seed=0)
    >>> runs["task_state.x"], runs.returns
    (array([[1, 2, 3, 4, 5, 6, 7, 8, 9, 9]]), array([-19.]))
    """

    batched = True  # half as fast again as lifted
    state_space = spaces.Dict(x=spaces.Discrete(GOAL + 1))

    def reset(self, rng: EpisodeRandom) -> State:
        return State(x=0)

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        return Transition(game.task_state, -1.0, game.task_state.x == GOAL)

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        state = game.task_state
        agreed = game.user_action == game.assistant_action
        return Transition(state.replace(x=state.x + agreed), -1.0)


class SimultaneousCoordinatedTask(CoordinatedTask):
    """The coordination game for play in which both act at the same time.

    Its state also shows what the user did in the round before, `last_user_action`, and what `x` was
    then, `last_x`; both are -1 in the first round.
    Source: this project, after the game of CoopIHC's guide.

    >>> from interaction import Bundle
    >>> from interaction.assistants.coordination import CoordinatedAssistantWithInference
    >>> from interaction.tasks.coordination import SimultaneousCoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> assistant = CoordinatedAssistantWithInference(PseudoRandomUser())
    >>> bundle = Bundle(SimultaneousCoordinatedTask(), PseudoRandomUser(p0=4), assistant)
    >>> game = bundle.reset(seed=0)
    >>> bundle.step().game.task_state
    State(x=1, last_x=0, last_user_action=8)
    """

    state_space = spaces.Dict(
        x=spaces.Discrete(GOAL + 1),
        last_x=spaces.Discrete(GOAL + 2, start=-1),
        last_user_action=spaces.Discrete(11, start=-1),
    )

    def reset(self, rng: EpisodeRandom) -> State:
        return State(x=0, last_x=-1, last_user_action=-1)

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        x = game.task_state.x
        agreed = game.user_action == game.assistant_action
        state = game.task_state.replace(x=x + agreed, last_x=x, last_user_action=game.user_action)
        return Transition(state, -1.0)
