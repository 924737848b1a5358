"""Planning by simulations that grow a tree: each goes on from where earlier ones found it promising."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Assistant
from interaction.batching.candidates import for_candidates
from interaction.batching.lockstep import lead
from interaction.batching.play import CHUNK, check_discount
from interaction.batching.selection import row_of
from interaction.batching.streams import is_lifted
from interaction.errors import ArgumentError, ContractError, UnknownFieldError
from interaction.given import pick
from interaction.inference.particles import at_positions
from interaction.inference.user_model import UserModelFilter
from interaction.observation import ObservationEngine, RuleObservationEngine
from interaction.opening import begin
from interaction.planning.planner import Planner, check_number
from interaction.planning.statistics import Statistics, sights_of
from interaction.players import Players
from interaction.policy import RandomPolicy
from interaction.random import ASSISTANT_POLICY, ASSISTANT_RESET, EpisodeRandom, check_stream
from interaction.spaces import Space
from interaction.state import GameState, State, Value, lock
from interaction.turns import ASSISTANT_ACTS, play_half

Array = NDArray[Any]
_GOLDEN = (5**0.5 - 1) / 2
_MOST = 2**22  # counts that are held at once


@dataclass(eq=False)
class SearchNode:
    """What a tree knows where the assistant acts: of each action its `visits` and its `values`, mean returns.

    NaN is the value of what was not tried. `branches` holds what was seen after each action, as
    `(observation, node)`.

    >>> from interaction import BelievingAssistant, Bundle, EpisodeRandom, GreedyPolicy, Grid, MonteCarloTree
    >>> from interaction import UserModelFilter
    >>> from interaction.tasks.tiger import LISTEN, TigerTask
    >>> belief = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
    >>> planner = MonteCarloTree(belief, TigerTask.action_space, simulations=60, depth=2)
    >>> assistant = BelievingAssistant(belief, GreedyPolicy(planner))
    >>> game = Bundle(TigerTask(), assistant=assistant).reset(seed=0, go_to="assistant_acts")
    >>> root = planner.tree(game.assistant_state, game.assistant_observation, EpisodeRandom(seed=0))
    >>> root.visits, [(seen.task_state.heard, node.visits) for seen, node in root.branches[LISTEN]]
    (array([32, 15, 13]), [(0, array([8, 3, 4])), (1, array([6, 6, 3]))])
    """

    visits: Array
    values: Array
    branches: list[list[tuple[State, SearchNode]]]


class MonteCarloTree(Planner):
    """Tells the mean return of each action of the assistant, by simulations that grow a tree (POMCP).

    The belief is over a `Grid` or over `Samples`. Each of `simulations` games begins with a particle of the
    belief, a whole user and what is hidden in the task, and lasts for `depth` actions of the assistant. In
    the tree, whose nodes are what the assistant has done and seen, it takes the action with the highest upper
    confidence bound (UCB1). Where the tree ends, its actions are those of `assistant`, as it is simulated
    (its dual), which goes on with what the acting assistant knows; by default they are random. Rewards of the
    k-th round from here, from 0, count `discount`^k. All that are paid do: the cost of the assistant's own
    policy is where that chooses, and of its inference where `assistant` infers.

    `exploration`: an action's bound is exploration · range · √(ln(visits of the node) / visits of the action)
    above its mean, where the range of the returns is the highest less the lowest that the tree has seen so
    far. Silver & Veness take 1; a smaller number makes more of few simulations, but where it is too small, an
    action that had bad luck in its first tries is given up.
    `patience`: how many simulations come to a node before the tree goes on from it. Each node tries all
    actions, the bad ones too; where `assistant` acts sensibly, it pays to wait (10 to 30) before that.
    `observation_engine`: what the assistant sees between two of its actions; by default what `assistant`
    does, or without one all that is not the user's own, but for what the belief is about.
    The n-th try of each action from here begins with the same particle, and the particles of any n first
    tries are spread evenly over the belief.

    Many episodes are searched in lockstep, one simulation of each at a time.
    Sources: Silver & Veness 2010, "Monte-Carlo planning in large POMDPs"; for `patience` Coulom 2006,
    "Efficient selectivity and backup operators in Monte-Carlo tree search".

    >>> from interaction import BelievingAssistant, Bundle, EpisodeRandom, GreedyPolicy, Grid, MonteCarloTree
    >>> from interaction import UserModelFilter
    >>> from interaction.tasks.tiger import TigerTask
    >>> belief = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
    >>> planner = MonteCarloTree(belief, TigerTask.action_space, simulations=60, depth=2)
    >>> assistant = BelievingAssistant(belief, GreedyPolicy(planner))
    >>> game = Bundle(TigerTask(), assistant=assistant).reset(seed=0, go_to="assistant_acts")
    >>> rng = EpisodeRandom(seed=0)
    >>> print(planner.best(game.assistant_state, game.assistant_observation, rng))  # to listen
    0
    """

    @property
    def draws(self) -> bool:
        return True

    def __init__(
        self,
        belief: UserModelFilter,
        action_space: Space[Any],
        simulations: int,
        depth: int,
        discount: float = 1.0,
        *,
        exploration: float = 1.0,
        patience: int = 1,
        assistant: Assistant | None = None,
        observation_engine: ObservationEngine | None = None,
    ) -> None:
        check_number(simulations, "MonteCarloTree: simulations: expected a number")
        check_number(depth, "MonteCarloTree: depth: expected a number of actions")
        check_number(patience, "MonteCarloTree: patience: expected a number of simulations")
        check_discount(discount, "MonteCarloTree")
        number = isinstance(exploration, int | float) and not isinstance(exploration, bool)
        if not number or not 0 <= exploration < np.inf:
            raise ArgumentError(
                f"MonteCarloTree: exploration: expected a number >= 0, a share of the range of returns, got "
                f"{exploration!r}"
            )
        if assistant is not None and not isinstance(assistant, Assistant):
            raise ContractError(f"MonteCarloTree: assistant: expected an Assistant, got {assistant!r}")
        if assistant is not None and assistant.policy.action_space != action_space:
            raise ContractError(
                f"MonteCarloTree: assistant: expected a policy in {action_space}, like the planner's "
                f"actions, got one in {assistant.policy.action_space}"
            )
        self.simulations = simulations
        self.depth = depth
        self.discount = discount
        self.exploration = exploration
        self.patience = patience
        self.assistant = assistant
        self.observation_engine = observation_engine
        super().__init__(belief, action_space)
        self._check_learns()
        if simulations < len(self.actions):
            raise ArgumentError(
                f"MonteCarloTree: simulations: expected one or more for each of the {len(self.actions)} "
                f"actions, got {simulations!r}"
            )

    def _prepare(self) -> None:
        looking, engine = self.assistant and self.assistant.dual(), self.observation_engine
        if looking is None:
            hidden = [name for name in self.belief.parameters.names if name.startswith("task_state.")]
            engine = engine or RuleObservationEngine("assistant", hide=hidden)
            looking = Assistant(policy=RandomPolicy(self.action_space), observation_engine=engine)
        elif engine is not None:
            looking = looking.replace(observation_engine=engine)
        self._check_carried(looking)
        self._lineup = self._seated(looking, dual=True)
        self._own_space = looking.state_space

    def values(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give the mean return of each action: `(..., actions)`."""
        if is_lifted(rng, self, "values"):
            found: Array = rng.outside(self.values, state, observation, rng)
            return found
        searches = self._searches(state, observation, rng)
        values = np.concatenate([self._grown(search).values for search in searches])
        return values if rng.rows is not None else values[0]

    def tree(self, state: State, observation: State, rng: EpisodeRandom) -> SearchNode:
        """Give the tree of one episode, from what the assistant sees now."""
        check_stream(rng, "MonteCarloTree.tree")
        if rng.rows is not None:
            raise ArgumentError("MonteCarloTree.tree: expected the stream of one episode, got a batch's")
        (search,) = self._searches(state, observation, rng)
        statistics = self._grown(search)
        with np.errstate(invalid="ignore"):
            nodes = [
                SearchNode(visits, totals / visits, [[] for _ in self.actions])
                for visits, totals in zip(statistics.visits[0], statistics.totals[0], strict=True)
            ]
        for number, (parent, action, seen) in enumerate(search.met, start=1):
            nodes[parent].branches[action].append((seen, nodes[number]))
        return nodes[0]

    def _searches(self, state: State, observation: State, rng: EpisodeRandom) -> Iterator[_Search]:
        """Give the searches of all episodes, some at a time."""
        belief = self.belief.belief_in(state)
        rows, size = rng.rows, self.belief.parameters.size
        outer = 1 if rows is None else rows
        games = self._games(belief, observation, rows)
        known = {name: part for name, part in state.items() if name in self._own_space.spaces}
        knowing = State(**known) if rows is None else lead(State(**known), self._own_space, rows)
        knowing = for_candidates(knowing, 1, rows)
        weights = np.exp(np.broadcast_to(belief.log_weights, (outer, size)))
        uniform = np.broadcast_to(np.asarray(rng.random()), (outer,))
        # Of the multiples of the golden ratio, modulo 1, any number of first ones is spread evenly.
        positions = (uniform[:, None] + np.arange(self.simulations) * _GOLDEN) % 1.0
        particles = at_positions(weights, positions) + np.arange(outer)[:, None] * size
        stream = rng.simulation()
        stream = stream.repeat(1) if rows is None else stream
        block = max(min(CHUNK, _MOST // (self.simulations * len(self.actions))), 1)
        for first in range(0, outer, block):
            part = np.arange(first, min(first + block, outer))
            mine = row_of(knowing, part, {})
            yield _Search(self, games, particles[part], mine, stream.select(part))

    def _grown(self, search: _Search) -> Statistics:
        try:
            return self._lineup.in_batch(search.grown)
        except UnknownFieldError as error:
            error.add_note(
                "A MonteCarloTree plays the task on from what the assistant sees and from the particles of "
                "its belief: what else the task reads has to be in one of them."
            )
            raise

    def _games(self, belief: State, observation: State, rows: int | None) -> GameState:
        """Give the games of all particles, as they are before the assistant acts."""
        games = self.belief.games_to_play(belief, observation, rows, "MonteCarloTree")
        seen, size = observation.__dict__, self.belief.parameters.size
        games = games.replace(
            turn_index=ASSISTANT_ACTS,
            previous_task_state=for_candidates(seen.get("previous_task_state", State()), size, rows),
            provenance=for_candidates(seen.get("provenance", 0), size, rows),
        )
        return games if self.belief.model is not None else games.replace(user_action=None)


class _Search:
    """The search of some episodes: what all simulations begin with."""

    def __init__(
        self, planner: MonteCarloTree, games: GameState, particles: Array, known: State, stream: EpisodeRandom
    ) -> None:
        self.planner = planner
        self.games = games
        self.particles = particles  # (episodes, simulations): the n-th for the n-th try of an action
        self.known = known
        self.stream = stream
        self.texts: dict[Any, int] = {}
        self.met: list[tuple[int, int, State]] = []  # of one tree's nodes: parent, action, sight

    def grown(self, players: Players) -> Statistics:
        """Play all simulations, one of each episode at a time."""
        planner = self.planner
        count = len(planner.actions)
        statistics = Statistics(
            len(self.particles), planner.simulations, count, planner.exploration, planner.patience
        )
        stream = self.stream.copy()
        self.met.clear()
        for number in range(planner.simulations):
            self._simulate(players, statistics, stream.simulation(), check=number == 0)
        return statistics

    def _simulate(self, players: Players, statistics: Statistics, stream: EpisodeRandom, check: bool) -> None:
        """Play one simulation of each episode, and count what came of it."""
        planner = self.planner
        episodes, depth, discount = len(self.particles), planner.depth, planner.discount
        rows = np.arange(episodes)  # those whose game goes on
        nodes = np.zeros(episodes, np.int64)
        actions = statistics.choose(rows, nodes)
        game = self._begun(players, statistics, actions, stream)
        path: list[tuple[Array, Array, Array]] = []
        paid = np.zeros((depth, episodes))

        def keep(over: Value) -> bool:
            """Let those go whose game is over; say whether any are left."""
            nonlocal game, stream, rows, nodes, actions
            if over is False or not np.any(over):
                return True
            left = np.flatnonzero(~np.broadcast_to(over, (len(rows),)))
            if len(left):
                game, stream = row_of(game, left, {}), stream.select(left)
            rows, nodes, actions = rows[left], nodes[left], actions[left]
            return len(left) > 0

        for step in range(depth):
            inside = nodes >= 0
            if step and inside.any():
                actions[inside] = statistics.choose(rows[inside], nodes[inside])
            chosen, cost = self._chosen(players, game, inside, actions, stream)
            path.append((rows[inside], nodes[inside], actions[inside]))
            game, *rewards, over = play_half(players, game, stream, check, chosen)
            paid[step, rows] = sum(rewards) + cost
            if not keep(over):
                break
            game, *rewards, over = play_half(players, game, stream, check)
            if players.user is not None:
                paid[step, rows] += discount * sum(rewards)
                if not keep(over):
                    break
            game, looking, thinking, *_ = play_half(players, game, stream, check, act=False)
            paid[step, rows] += discount * (looking + thinking)
            inside = nodes >= 0
            if step + 1 < depth and inside.any():
                here = rows[inside], nodes[inside], actions[inside]
                seen = sights_of(game.assistant_observation, len(rows), self.texts)
                count = statistics.nodes[0]
                nodes[inside] = statistics.follow(*here, seen[inside])
                if episodes == 1 and statistics.nodes[0] > count:
                    sight = row_of(game.assistant_observation, 0)
                    self.met.append((int(here[1][0]), int(here[2][0]), sight))
        self._count(statistics, path, paid)

    def _begun(
        self, players: Players, statistics: Statistics, actions: Array, stream: EpisodeRandom
    ) -> GameState:
        """Begin the games with the particles whose turn it is for the actions."""
        episodes = np.arange(len(actions))
        tried = statistics.visits[episodes, 0, actions]
        game: GameState = row_of(self.games, self.particles[episodes, tried], {})
        assert players.assistant is not None
        known = self.known
        if known.keys() != self.planner._own_space.spaces.keys():
            anew = begin(players.assistant, game, stream.at(0, ASSISTANT_RESET))
            known = anew.replace(**known)
        return game.replace(assistant_state=known)

    def _chosen(
        self, players: Players, game: GameState, inside: Array, actions: Array, stream: EpisodeRandom
    ) -> tuple[Value, Value]:
        """Give the actions, by the tree where a game is `inside` it, else by the policy, and their cost."""
        numbers = self.planner.numbers
        if inside.all():
            return lock(numbers[actions]), 0.0
        seat, outside = players.assistant, np.flatnonzero(~inside)
        assert seat is not None
        seen, state = game.assistant_observation, game.assistant_state
        if len(outside) < len(inside):
            memo: dict[int, Value] = {}
            seen, state = row_of(seen, outside, memo), row_of(state, outside, memo)
            stream = stream.select(outside)
        stream.place, stream.draw = game.round_index << 4 | ASSISTANT_POLICY, 0
        sampled, paid = pick(seat, seen, state, stream)
        chosen, cost = numbers[actions], np.zeros(len(inside))
        chosen[outside], cost[outside] = seat.action_membership.conform(sampled), paid
        return lock(chosen), cost

    def _count(self, statistics: Statistics, path: list[tuple[Array, Array, Array]], paid: Array) -> None:
        """Tell the nodes that were gone through what came of it."""
        returns = np.zeros(paid.shape[1])
        for step in reversed(range(len(paid))):
            returns = paid[step] + self.planner.discount * returns
            if step < len(path) and len(path[step][0]):
                rows, nodes, actions = path[step]
                statistics.add(rows, nodes, actions, returns[rows])
        if not np.isfinite(returns).all():
            raise ContractError(
                f"MonteCarloTree: expected rewards that are finite numbers, got a return of "
                f"{returns[~np.isfinite(returns)][0]} in a simulation"
            )
        statistics.widen(returns)
