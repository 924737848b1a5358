"""Planning by exact expectation: a tree of beliefs, over all that one may do and then see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.lockstep import lead
from interaction.batching.play import check_discount
from interaction.batching.selection import row_of
from interaction.batching.streams import is_lifted
from interaction.errors import ArgumentError, ContractError, UnknownFieldError
from interaction.inference.partner_model import PartnerModelFilter
from interaction.observation import ObservationEngine, RuleObservationEngine
from interaction.planning.chances import outcomes
from interaction.planning.planner import Planner, check_number
from interaction.planning.shown import Shown
from interaction.policy import RandomPolicy
from interaction.random import EpisodeRandom
from interaction.spaces import Space
from interaction.state import GameState, State, Value, flatten, freeze
from interaction.turns import play_half

Array = NDArray[Any]
_DIGITS = 12
"""Beliefs are equal whose probabilities are to so many digits."""


@dataclass(eq=False)
class Node:
    """A belief of the one who plans before it acts: games that may be the true one, and how probable each is.

    `values` are those of its actions, and `branches` what may be seen after each, as
    `(probability, observation, node)`. Where the game is over, nothing is seen.

    >>> from interaction import BelievingAssistant, BeliefTree, Bundle, GreedyPolicy, Grid, UserModelFilter
    >>> from interaction.tasks.tiger import LISTEN, TigerTask
    >>> belief = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
    >>> planner = BeliefTree(belief, TigerTask.action_space, depth=2)
    >>> assistant = BelievingAssistant(belief, GreedyPolicy(planner))
    >>> game = Bundle(TigerTask(), assistant=assistant).reset(seed=0, go_to="assistant_acts")
    >>> root = planner.tree(game.assistant_state, game.assistant_observation)
    >>> for chance, seen, node in root.branches[LISTEN]:
    ...     print(round(chance, 3), seen.task_state.heard, node.probabilities.round(3), round(node.value, 3))
    0.5 0 [0.85 0.15] -1.0
    0.5 1 [0.15 0.85] -1.0
    """

    games: tuple[GameState, ...]
    probabilities: Array
    values: Array = field(default_factory=lambda: np.empty(0))
    branches: list[list[tuple[float, State, Node]]] = field(default_factory=list)
    rewards: Array = field(default_factory=lambda: np.empty(0))
    numbers: tuple[int, ...] = ()  # of its games, among those of its tree

    @property
    def value(self) -> float:
        """The value of the best action; 0 at the depth where the tree ends."""
        return float(self.values.max()) if self.values.size else 0.0


class BeliefTree(Planner):
    """Tells the exact value of each action, by going through all that may come of it.

    The belief is over a `Grid` of hypotheses. Each action of the one who plans (an assistant or, with an
    `AssistantModelFilter`, a user), each answer of the partner and each move of the task is followed with its
    probability, as the components themselves draw them (from finitely many), down to `depth` own actions, of
    which it always takes the best. Rewards of the k-th round from here, from 0, count `discount`^k, and what
    comes after the partner's answer to the last action does not count. Equal beliefs are met once. What one's
    own policy and inference cost is not counted, and what else is in one's state (what one wants, say) stays.

    Between two of its actions the one who plans sees what `observation_engine` shows it: by default all that
    is not the partner's own, but for what the belief is about.
    Raises `ArgumentError` for `Samples` and for a depth below one, `ContractError` for a belief that learns
    less than the tree does, and for draws that are not from finitely many.
    Source: Kaelbling, Littman & Cassandra 1998, "Planning and acting in partially observable stochastic
    domains", section 3.

    >>> from interaction import BelievingAssistant, BeliefTree, Bundle, EpisodeRandom, GreedyPolicy, Grid
    >>> from interaction import UserModelFilter
    >>> from interaction.tasks.tiger import TigerTask
    >>> belief = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
    >>> planner = BeliefTree(belief, TigerTask.action_space, depth=2, discount=0.95)
    >>> assistant = BelievingAssistant(belief, GreedyPolicy(planner))
    >>> game = Bundle(TigerTask(), assistant=assistant).reset(seed=0, go_to="assistant_acts")
    >>> planner.values(game.assistant_state, game.assistant_observation, EpisodeRandom())  # −1 − 0.95 · 1, …
    array([ -1.95, -45.95, -45.95])
    """

    for_users = True

    def __init__(
        self,
        belief: PartnerModelFilter,
        action_space: Space[Any],
        depth: int,
        discount: float = 1.0,
        observation_engine: ObservationEngine | None = None,
    ) -> None:
        check_number(depth, "BeliefTree: depth: expected a number of actions")
        check_discount(discount, "BeliefTree")
        self.depth = depth
        self.discount = discount
        self.observation_engine = observation_engine
        super().__init__(belief, action_space)
        self._check_learns()
        names = belief.parameters.names
        if not hasattr(belief.parameters, "axes"):
            raise ArgumentError(
                f"BeliefTree: expected a belief over a Grid, which can be gone through, got Samples of "
                f"{', '.join(names)}; a MonteCarloTree or RolloutReturns plans on particles"
            )

    def _prepare(self) -> None:
        engine = self.observation_engine
        if engine is None:
            hidden = [name for name in self.belief.parameters.names if name.startswith("task_state.")]
            engine = RuleObservationEngine(self.side.role, hide=hidden)
        policy = RandomPolicy(self.action_space)
        self._lineup = self._seated(self.side.agent(policy=policy, observation_engine=engine), dual=True)

    def values(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give the value of each action: `(..., actions)`."""
        if is_lifted(rng, self, "values"):
            found: Array = rng.outside(self.values, state, observation, rng)
            return found
        if rng.rows is None:
            return self.tree(state, observation).values
        belief, own = self._parts(state)
        belief = lead(belief, self.belief.space, rng.rows)
        each = [(row_of(belief, row), row_of(own, row), row_of(observation, row)) for row in range(rng.rows)]
        return np.stack([root.values for root in self._grown(each)])

    def tree(self, state: State, observation: State) -> Node:
        """Give the tree of one belief, from what is seen now."""
        return self._grown([(*self._parts(state), observation)])[0]

    def _parts(self, state: State) -> tuple[State, State]:
        """Give the belief, and what else is in the state of the one who plans."""
        belief = self.belief.belief_in(state)
        if belief is state:
            return belief, State()
        return belief, State(**{name: part for name, part in state.items() if name != self.belief.field})

    def _grown(self, beliefs: list[tuple[State, State, State]]) -> list[Node]:
        """Grow a tree for each belief, one for those that are the same to the bit."""
        grower = _Grower(self)
        grown: dict[Any, Node] = {}
        roots = []
        for one in beliefs:
            level: dict[Any, Node] = {}
            grower.visible = {path for path, _ in flatten(one[-1].__dict__.get("task_state", State()))} - set(
                self.belief.hidden_names
            )
            root = grower.node(self._games(*one), level)
            same = root.numbers, root.probabilities.tobytes()
            if same not in grown:
                grown[same] = root
                self._grow(grower, level)
            roots.append(grown[same])
        return roots

    def _grow(self, grower: _Grower, level: dict[Any, Node]) -> None:
        """Grow a tree level by level, where equal beliefs are one node, and value it from the leaves on."""
        levels = [level]
        for later in reversed(range(self.depth)):
            level = {}
            for node in levels[-1].values():
                grower.branch(node, level, learns=later > 0)  # nothing is done after the last action
            levels.append(level)
        for above in reversed(levels[:-1]):
            for node in above.values():
                after = [sum(p * below.value for p, _, below in branch) for branch in node.branches]
                node.values = node.rewards + self.discount * np.array(after, float)

    def _games(self, belief: State, own: State, observation: State) -> Iterator[tuple[float, GameState]]:
        """Give the games of the hypotheses that are left, with their probabilities."""
        games = self.belief.games_to_play(belief, observation, None, "BeliefTree")
        seen = observation.__dict__
        for index, log_weight in enumerate(np.asarray(belief.log_weights)):
            if np.isneginf(log_weight):
                continue
            game = row_of(games, index).replace(
                turn_index=self.side.acts,
                previous_task_state=seen.get("previous_task_state", State()),
                provenance=seen.get("provenance", 0),
                **{self.side.state: own},
            )
            if self.belief.model is None:
                game = game.replace(**{self.belief.side.action: None})
            yield float(np.exp(log_weight)), game


class _Grower:
    """Grows a tree: each game and each step from it is found out once."""

    def __init__(self, planner: BeliefTree) -> None:
        self.planner = planner
        self.players = planner._lineup.single
        self.games: list[GameState] = []
        self.numbers: dict[Any, int] = {}
        self.seen: list[State] = []
        self.sights: dict[Any, int] = {}
        self.steps: dict[tuple[int, int], list[tuple[float, float, int, int]]] = {}
        # What is shown on the way, where the belief does not learn from it: by game and action.
        self.compared = planner.depth > 1 and "outcome" not in planner.belief.evidence
        self.shown: dict[tuple[int, int], Shown] = {}
        self.visible: set[str] = set()

    def node(self, weighed: Any, level: dict[Any, Node]) -> Node:
        """Give the node of a belief, `(weight, game)` each; an equal one of the level is the same."""
        shares: dict[int, float] = {}
        for weight, game in weighed:
            number = game if isinstance(game, int) else self._number(game, self.numbers, self.games)
            shares[number] = shares.get(number, 0.0) + weight
        total = sum(shares.values())
        key = tuple(sorted((number, round(share / total, _DIGITS)) for number, share in shares.items()))
        if key not in level:
            games = tuple(self.games[number] for number in shares)
            level[key] = Node(games, np.array(list(shares.values())) / total, numbers=tuple(shares))
        return level[key]

    def branch(self, node: Node, level: dict[Any, Node], learns: bool) -> None:
        """Follow all actions from a node to the nodes of the next level, where what is learnt may count."""
        rewards = []
        for action in range(len(self.planner.actions)):
            reward = 0.0
            if learns:
                self._check_untold(node, action)
            parts: dict[int, list[tuple[float, int]]] = {}
            for number, weight in zip(node.numbers, node.probabilities, strict=True):
                for chance, paid, sight, after in self._step(number, action):
                    share = weight * chance
                    reward += share * paid
                    if sight >= 0:
                        parts.setdefault(sight, []).append((share, after))
            rewards.append(reward)
            node.branches.append(
                [
                    (sum(share for share, _ in part), self.seen[sight], self.node(part, level))
                    for sight, part in parts.items()
                ]
            )
        node.rewards = np.array(rewards)

    def _check_untold(self, node: Node, action: int) -> None:
        """Raise where what is shown after an action tells of the hypotheses, and the filter cannot learn."""
        if not self.compared or len(node.numbers) < 2:
            return
        for number in node.numbers:
            self._step(number, action)
        first, *others = (self.shown[number, action] for number in node.numbers)
        if all(first.agrees(other) for other in others):
            return
        task, belief = type(self.planner.belief.task_model).__name__, self.planner.belief
        raise ContractError(
            f"BeliefTree: after the action {self.planner.actions[action]}, whether the game goes on, or what "
            f"is shown of it, depends on {', '.join(belief.parameters.names)}: the tree learns from it, but "
            f"not the filter. Define {task}.outcome_log_prob(before, after), which counts it, and give the "
            f"filter evidence={[*belief.evidence, 'outcome']}"
        )

    def _step(self, number: int, action: int) -> list[tuple[float, float, int, int]]:
        """Give what may come of an action: probability, reward, what is seen (-1 at the end), the game."""
        if (number, action) not in self.steps:
            merged: dict[tuple[float, int, int], float] = {}
            shown = self.shown[number, action] = Shown()
            for chance, (reward, sight, game, (moved, answer)) in self._played(self.games[number], action):
                if sight is None:
                    key = (reward, -1, -1)
                else:
                    key = (
                        reward,
                        self._number(sight, self.sights, self.seen),
                        self._number(game, self.numbers, self.games),
                    )
                shown.add(chance, moved, answer, key[1])
                merged[key] = merged.get(key, 0.0) + chance
            self.steps[number, action] = [(chance, *key) for key, chance in merged.items()]
        return self.steps[number, action]

    def _played(self, game: GameState, action: int) -> list[tuple[float, Any]]:
        players, discount = self.players, self.planner.discount
        chosen = freeze(self.planner.numbers[action])
        alone, sight_of = self.planner.belief.model is None, f"{self.planner.side.role}_observation"
        answering = self.planner.belief.side.action
        answered = 1.0 if self.planner.side.opens else discount  # in the same round, or in the next one

        def play(rng: EpisodeRandom) -> tuple[float, State | None, GameState, tuple[Any, Any]]:
            after, *rewards, over = play_half(players, game, rng, action=chosen)
            moved, answer = self._visible(after, over), None
            paid, later = float(sum(rewards)), 0.0
            if not over and not alone:
                after, *rewards, over = play_half(players, after, rng)
                answer = tuple((path, _plain(leaf)) for path, leaf in flatten(State(_=after[answering])))
                later = float(sum(rewards))
            elif not over:
                after = play_half(players, after, rng)[0]  # nobody's turns are passed over
            paid += answered * later
            if not np.isfinite(paid):
                raise ContractError(f"BeliefTree: expected rewards that are finite numbers, got {paid}")
            if over:
                return paid, None, after, (moved, answer)
            after, looking, *_ = play_half(players, after, rng, act=False)
            sight: State = after[sight_of]
            blank = after.replace(assistant_observation=State(), user_observation=State())  # nobody sees them
            return paid + discount * float(looking), sight, blank, (moved, answer)

        try:
            return outcomes(play, "BeliefTree")
        except UnknownFieldError as error:
            error.add_note(
                "A BeliefTree plays the task on from what is seen and from the hypotheses of its "
                "belief: what else the task reads has to be in one of them."
            )
            raise

    def _visible(self, game: GameState, over: Value) -> Any:
        """Give what the one who plans sees of the task's state, but for what the belief is about.

        Where the game is over, it is that alone: nobody has to learn from what is shown then.
        """
        if over or not self.compared:
            return bool(over)
        names = self.visible
        return tuple((path, _plain(leaf)) for path, leaf in flatten(game.task_state) if path in names)

    def _number(self, value: Any, numbers: dict[Any, int], values: list[Any]) -> int:
        """Give the number of a game or of what is seen; equal ones have the same."""
        key = tuple((path, _plain(leaf)) for path, leaf in flatten(value))
        if key not in numbers:
            numbers[key] = len(values)
            values.append(value)
        return numbers[key]


def _plain(leaf: Value) -> Any:
    """Give what equal values have in common, −0.0 and 0.0 among them, and what is no number."""
    if not isinstance(leaf, np.ndarray):
        return "NaN" if isinstance(leaf, float) and np.isnan(leaf) else leaf
    return leaf.shape, (leaf + 0.0 if leaf.dtype.kind == "f" else leaf).tobytes()
