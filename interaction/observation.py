"""Observation engines: what an agent sees of the game state, possibly partial, transformed or noisy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from interaction.component import Component, check_parts
from interaction.errors import ArgumentError, unknown_name
from interaction.inference.engine import all_batched
from interaction.random import EpisodeRandom
from interaction.state import State, Value, flatten, freeze, get_path, make, new, replace_path, set_fields
from interaction.task import missing

Role = Literal["user", "assistant"]
Observed = tuple[State, Value]
"""An observation and the reward (or cost) of looking."""

OBSERVATIONS = ("user_observation", "assistant_observation")
_PRIVATE = {"user": "assistant_state", "assistant": "user_state"}


def other_state(role: str) -> str:
    """Name the field that an agent of this role does not see by default."""
    if role not in _PRIVATE:
        raise unknown_name(role, _PRIVATE, "role")
    return _PRIVATE[role]


class ObservationEngine(Component):
    """What an agent sees of the game state. It defines `observe`.

    >>> from interaction import Bundle, ObservationEngine, RandomPolicy, State, User, spaces
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> class Blinks(ObservationEngine):
    ...     def observe(self, game, rng):
    ...         shut = rng.random() < game.user_state.tired
    ...         return State(x=-1 if shut else game.task_state.x), 0.0
    >>> policy = RandomPolicy(spaces.Discrete(10))
    >>> user = User(policy=policy, observation_engine=Blinks(), state=State(tired=0.5))
    >>> Bundle(CoordinatedTask(), user, max_rounds=8).run(1, seed=0)["user_observation.x"]
    array([[-1, -1, -1, -1,  0, -1,  0,  0]])
    """

    def observe(self, game: State, rng: EpisodeRandom) -> Observed:
        """Give the observation and a reward."""
        raise missing(self, "observe(self, game, rng)", "returns (observation, reward)")


class DefaultObservationEngine(ObservationEngine):
    """An agent sees everything but the other agent's internal state (and the stored observations).

    It sees: round and turn index, the task's state and its previous one, its own state, both last actions and
    their provenance.
    """

    batched = True

    def __init__(self, role: Role) -> None:
        self.role = role
        self._private = other_state(role)
        self._hidden = (self._private, *OBSERVATIONS)

    def observe(self, game: State, rng: EpisodeRandom) -> Observed:
        fields = game.__dict__.copy()
        try:
            del fields[self._private], fields["user_observation"], fields["assistant_observation"]
        except KeyError:  # in a cascade, an engine before this one has taken something away
            fields = {name: value for name, value in game.items() if name not in self._hidden}
        seen = new(State)
        set_fields(seen, fields)
        return seen, 0.0


class RuleObservationEngine(ObservationEngine):
    """Observation by rules on dotted paths: what is seen, then transformed, then made noisy.

    `see` lists the only paths that are seen (by default all that the role sees: everything but the other
    agent's state); `hide` takes paths away; `transform` maps a path to a function of
    its value; `noise` maps a path to a function of `(value, rng)`, such as `GaussianNoise(0.1)`;
    `cost` is what each look costs. A rule on `task_state` holds for `previous_task_state`, too.
    Functions are written for one episode, as methods are; `batched=True` promises that they take
    arrays with a leading axis of episodes. Use functions of a module, not lambdas, where the engine is
    to be pickled.
    Raises `ArgumentError` for a rule that is none and, in a bundle, `UnknownNameError` for a path that is not
    there.

    >>> from interaction import Bundle, RuleObservationEngine
    >>> from interaction.assistants.pointing import ConstantGain
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> blind = RuleObservationEngine("assistant", hide=["task_state.goal"])
    >>> assistant = ConstantGain(2.0).replace(observation_engine=blind)
    >>> bundle = Bundle(PointingTask(9, 2), CarefulPointer(), assistant)
    >>> bundle.reset(seed=0, go_to="assistant_acts").assistant_observation.task_state
    State(position=4, targets=array([2, 7]))
    """

    def __init__(
        self,
        role: Role,
        *,
        see: Iterable[str] | None = None,
        hide: Iterable[str] = (),
        transform: Mapping[str, Callable[[Value], Value]] | None = None,
        noise: Mapping[str, Callable[[Value, EpisodeRandom], Value]] | None = None,
        cost: float = 0.0,
        batched: bool | None = None,
    ) -> None:
        for name, paths in (("see", see), ("hide", hide)):
            if isinstance(paths, str):
                raise ArgumentError(
                    f"RuleObservationEngine: {name} takes a list of paths, got the string {paths!r}"
                )
        of = {"transform": "the value", "noise": "(value, rng), such as GaussianNoise(0.1)"}
        for name, rules in (("transform", transform), ("noise", noise)):
            for path, rule in dict(rules or {}).items():
                if not callable(rule):
                    raise ArgumentError(
                        f"RuleObservationEngine: {name}: {path}: expected a function of {of[name]}, got "
                        f"{rule!r}"
                    )
        self.role = role
        self.see = None if see is None else tuple(see)
        self.hide = tuple(hide)
        self.transform = dict(transform or {})
        self.noise = dict(noise or {})
        self.cost = cost
        self.batched = True if not self.transform and not self.noise and batched is None else batched
        self._hidden = (other_state(role), *OBSERVATIONS)

    def check_paths(self, leaves: Iterable[str]) -> None:
        """Raise `UnknownNameError` for a rule on a path that a game with these leaves does not have."""
        known = list(leaves)
        if self.see is None:
            seen = [leaf for leaf in known if leaf.partition(".")[0] not in self._hidden]
        else:
            shown = [*self.see, *(f"{_PREVIOUS}{path}" for path in self.see)]
            seen = [leaf for leaf in known if any(_lies_in(leaf, path) for path in shown)]
        rules = {"see": self.see or (), "hide": self.hide, "transform": self.transform, "noise": self.noise}
        for rule, paths in rules.items():
            valid = known if rule == "see" else seen
            for path in paths:
                if not any(_lies_in(leaf, path) for leaf in valid):
                    raise unknown_name(path, valid, f"RuleObservationEngine({self.role!r}): {rule}")

    def observe(self, game: State, rng: EpisodeRandom) -> Observed:
        if self.see is None:
            fields = game.__dict__.copy()
            for name in self._hidden:
                fields.pop(name, None)
            seen = make(State, fields)
        else:
            seen = _only(game, [*self.see, *_before(self.see, game)])
        for path in (*self.hide, *_before(self.hide, seen)):
            seen = _without(seen, path)
        for path, function in self.transform.items():
            seen = replace_path(seen, path, freeze(function(get_path(seen, path))))
        for path in _before(self.transform, seen):
            function = self.transform[path.removeprefix(_PREVIOUS)]
            seen = replace_path(seen, path, freeze(function(get_path(seen, path))))
        for path, disturb in self.noise.items():
            seen = replace_path(seen, path, freeze(disturb(get_path(seen, path), rng)))
        for path in _before(self.noise, seen):
            disturb = self.noise[path.removeprefix(_PREVIOUS)]
            seen = replace_path(seen, path, freeze(disturb(get_path(seen, path), rng)))
        return seen, -self.cost


def hides_observations(engine: ObservationEngine) -> bool:
    """Say whether an engine is known to show nothing of what the agents observed before."""
    if type(engine) is RuleObservationEngine:
        return engine.see is None
    return type(engine) is DefaultObservationEngine


class CascadedObservationEngine(ObservationEngine):
    """Several engines in a row: each observes what the one before it let through; rewards add up.

    Raises `ContractError` for a part that is no engine.

    >>> from interaction import CascadedObservationEngine, EpisodeRandom, GameState, State
    >>> from interaction import RuleObservationEngine
    >>> look = RuleObservationEngine("user", see=["task_state"], cost=0.25)
    >>> doubled = RuleObservationEngine("user", transform={"task_state.x": lambda x: 2 * x}, cost=0.5)
    >>> both = CascadedObservationEngine([look, doubled])
    >>> both.observe(GameState(task_state=State(x=3)), EpisodeRandom())
    (State(task_state=State(x=6), previous_task_state=State(x=6)), -0.75)
    """

    def __init__(self, engines: Iterable[ObservationEngine]) -> None:
        self.engines = check_parts("CascadedObservationEngine", ObservationEngine, engines)
        self.batched = all_batched(self.engines)

    def observe(self, game: State, rng: EpisodeRandom) -> Observed:
        total: Value = 0.0
        for engine in self.engines:
            game, reward = engine.observe(game, rng)
            total = total + reward
        return game, total


class GaussianNoise(Component):
    """Noise for a rule: adds a normal number with standard deviation `sd` (unit of the value) to a value.

    `shape` is that of the value in one episode. Raises `ArgumentError` for a standard deviation below zero.

    >>> from interaction import EpisodeRandom, GameState, GaussianNoise, RuleObservationEngine, State
    >>> eye = RuleObservationEngine("user", see=["task_state"], noise={"task_state.x": GaussianNoise(0.5)})
    >>> seen, reward = eye.observe(GameState(task_state=State(x=3.0)), EpisodeRandom(seed=0))
    >>> round(seen.task_state.x, 3)
    2.065
    """

    batched = True

    def __init__(self, sd: float, shape: tuple[int, ...] = ()) -> None:
        if not sd >= 0:
            raise ArgumentError(f"GaussianNoise: expected a standard deviation >= 0, got {sd!r}")
        self.sd = sd
        self.shape = shape

    def __call__(self, value: Value, rng: EpisodeRandom) -> Value:
        return value + rng.normal(0.0, self.sd, self.shape)


_PREVIOUS = "previous_"


def _before(paths: Iterable[str], state: State) -> list[str]:
    """Give the paths of the task's previous state to which rules on its state apply as well."""
    listed = list(paths)
    twins = [f"{_PREVIOUS}{path}" for path in listed if path.partition(".")[0] == "task_state"]
    return [path for path in twins if path not in listed and _has(state, path)]


def _lies_in(leaf: str, path: str) -> bool:
    return leaf == path or leaf.startswith(f"{path}.")


def _has(state: Value, path: str) -> bool:
    name, _, rest = path.partition(".")
    if not isinstance(state, State) or name not in state:
        return False
    return not rest or _has(state[name], rest)


def _only(state: State, paths: Iterable[str]) -> State:
    """The state with the named paths and nothing else."""
    picked: dict[str, Value] = {}
    inner: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        if name not in state or (rest and not isinstance(state[name], State)):
            raise unknown_name(path, [leaf for leaf, _ in flatten(state)], "see")
        if rest:
            inner.setdefault(name, []).append(rest)
        else:
            picked[name] = state[name]
    for name, rests in inner.items():
        picked.setdefault(name, _only(state[name], rests))
    return make(State, picked)


def _without(state: State, path: str) -> State:
    """The state less what lies at a path."""
    name, _, rest = path.partition(".")
    if name not in state or (rest and not isinstance(state[name], State)):
        raise unknown_name(path, [leaf for leaf, _ in flatten(state)], "hide")
    if rest:
        return state.replace(**{name: _without(state[name], rest)})
    return make(State, {key: value for key, value in state.items() if key != name})
