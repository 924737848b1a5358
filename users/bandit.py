"""Users of bandits: an expert, and the five of Wilson & Collins, from one that only guesses to learners.

Source of the five: Wilson & Collins 2019, "Ten simple rules for the computational modeling of behavioral
data", eLife 8:e49547 (models 1 to 5).

All have `n_arms` (how many arms there are).
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import (
    CascadedInferenceEngine,
    DiscretePolicy,
    EpisodeRandom,
    InferenceEngine,
    State,
    User,
    spaces,
)
from interaction.errors import ArgumentError
from interaction.state import Value

Array = NDArray[Any]


class ExpertPolicy(DiscretePolicy):
    """Pulls the best arm with the probability `p_best`, and each other arm with equal probability.

    Source: Ortega et al. 2021, arXiv 2110.10819.

    >>> from interaction import State
    >>> from interaction.users.bandit import ExpertPolicy
    >>> ExpertPolicy(n_arms=5, p_best=0.6).probabilities(State(task_state=State(best_arm=2)), State())
    array([0.1, 0.1, 0.6, 0.1, 0.1])
    """

    def __init__(self, n_arms: int, p_best: float) -> None:
        if n_arms < 2 or not 0 <= p_best <= 1:
            raise ArgumentError(
                f"ExpertUser: expected n_arms >= 2 and p_best in [0, 1], got {n_arms}, {p_best}"
            )
        self.action_space = spaces.Discrete(n_arms)
        self.p_best = p_best

    def probabilities(self, observation: State, state: State) -> Value:
        n_arms = int(self.action_space.n)
        best = np.arange(n_arms) == observation.task_state.best_arm
        return np.where(best, self.p_best, (1 - self.p_best) / (n_arms - 1))


class ExpertUser(User):
    """Sees the best arm, and pulls it with the same probability, whatever happened before.

    `p_best` (probability of pulling the best arm; each other arm is pulled with equal probability).
    Source: Ortega et al. 2021, arXiv 2110.10819.

    Raises `ArgumentError` for fewer than two arms, or what is no probability.

    >>> from interaction import Bundle
    >>> from interaction.tasks.bandit import BanditTask
    >>> from interaction.users.bandit import ExpertUser
    >>> runs = Bundle(BanditTask(), ExpertUser(p_best=0.6), max_rounds=10).run(1, seed=0)
    >>> runs["task_state.best_arm"], runs["user_action"]
    (array([[4, 4, 4, 4, 4, 4, 4, 4, 4, 4]]), array([[4, 3, 4, 4, 4, 1, 4, 4, 4, 4]]))
    """

    def __init__(self, p_best: float = 0.6, n_arms: int = 5) -> None:
        super().__init__(policy=ExpertPolicy(n_arms, p_best))


class RandomChoicePolicy(DiscretePolicy):
    """Pulls the first arm with the probability `bias`, and each other arm with equal probability.

    >>> from interaction import State
    >>> from interaction.users.bandit import RandomChoicePolicy
    >>> RandomChoicePolicy(n_arms=3).probabilities(State(), State(bias=0.5))
    array([0.5 , 0.25, 0.25])
    """

    def __init__(self, n_arms: int) -> None:
        self.action_space = spaces.Discrete(n_arms)

    def probabilities(self, observation: State, state: State) -> Value:
        n_arms = int(self.action_space.n)
        return np.where(np.arange(n_arms) == 0, state.bias, (1 - state.bias) / (n_arms - 1))


class RandomUser(User):
    """Picks at random, whatever happened before, and may prefer the first arm.

    `bias` (probability of the first arm; each other arm has equal probability) is its internal state.
    Source: Wilson & Collins 2019, model 1 (there with two arms).

    >>> from interaction import Bundle
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser
    >>> runs = Bundle(MultiArmedBanditTask(), RandomUser(bias=0.8), max_rounds=100).run(1_000, seed=0)
    >>> print((runs["user_action"] == 0).mean().round(2))
    0.8
    """

    def __init__(self, bias: float = 0.5, n_arms: int = 2) -> None:
        super().__init__(
            policy=RandomChoicePolicy(n_arms),
            state=State(bias=bias),
            state_space=spaces.Dict(bias=spaces.real(0.0, 1.0)),
        )


class RememberPull(InferenceEngine):
    """Remembers the last pull: its arm and its outcome.

    >>> from interaction import EpisodeRandom, State
    >>> from interaction.users.bandit import RememberPull
    >>> seen = State(task_state=State(arm=1, outcome=0))
    >>> RememberPull().infer(seen, State(epsilon=0.1, arm=-1, outcome=-1), EpisodeRandom())
    (State(epsilon=0.1, arm=1, outcome=0), 0.0)
    """

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        task_state = observation.task_state
        return state.replace(arm=task_state.arm, outcome=task_state.outcome), 0.0


class WinStayLoseShiftPolicy(DiscretePolicy):
    """Stays after a success and shifts after a failure, but acts at random at the rate epsilon.

    After a success: P(stay) = 1 − ε + ε/N, each other arm ε/N. After a failure: P(stay) = ε/N, each other
    arm (1 − ε)/(N − 1) + ε/N. At first: 1/N. Source: Wilson & Collins 2019, model 2.

    >>> from interaction import State
    >>> from interaction.users.bandit import WinStayLoseShiftPolicy
    >>> WinStayLoseShiftPolicy(n_arms=3).probabilities(State(), State(epsilon=0.3, arm=0, outcome=0)).round(3)
    array([0.1 , 0.45, 0.45])
    """

    def __init__(self, n_arms: int) -> None:
        self.action_space = spaces.Discrete(n_arms)

    def probabilities(self, observation: State, state: State) -> Value:
        n_arms = int(self.action_space.n)
        if state.outcome < 0:
            return np.full(n_arms, 1 / n_arms)
        same = np.arange(n_arms) == state.arm
        rule = np.where(state.outcome == 1, same, ~same / (n_arms - 1))
        return (1 - state.epsilon) * rule + state.epsilon / n_arms


class WinStayLoseShiftUser(User):
    """Noisy win-stay-lose-shift: it stays after a success, shifts after a failure, and lapses now and then.

    Its internal state holds `epsilon` (ε, the rate at which it acts at random) and the last pull.
    Source: Wilson & Collins 2019, model 2.

    >>> from interaction import Bundle
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import WinStayLoseShiftUser
    >>> runs = Bundle(MultiArmedBanditTask(), WinStayLoseShiftUser(epsilon=0.0), max_rounds=8).run(1, seed=0)
    >>> runs["user_action"], runs["task_state.outcome"]
    (array([[1, 1, 1, 0, 1, 1, 1, 1]]), array([[1, 1, 0, 0, 1, 1, 1, 1]]))
    """

    def __init__(self, epsilon: float = 0.1, n_arms: int = 2) -> None:
        super().__init__(
            policy=WinStayLoseShiftPolicy(n_arms),
            inference_engine=RememberPull(),
            state=State(epsilon=epsilon, arm=-1, outcome=-1),
            state_space=spaces.Dict(
                epsilon=spaces.real(0.0, 1.0),
                arm=spaces.Discrete(n_arms + 1, start=-1),
                outcome=spaces.Discrete(3, start=-1),
            ),
        )


def _learn(values: Array, rate: Value, arm: Value, pulled: Value, others: Value) -> Array:
    """Move the values of the arms by a delta rule: towards `pulled` for the pulled arm, else `others`.

    `values`: `(..., arms)`; the rest `(...)`. With `others=None` the other arms stay as they are.
    """
    columns = []
    for index in range(values.shape[-1]):
        value = values[..., index]
        target = np.where(np.equal(arm, index), pulled, value if others is None else others)
        columns.append(value + rate * (target - value))
    return np.stack(columns, axis=-1)


def _softmax(logits: Array) -> Array:
    """Give probabilities proportional to exp(logits): `(..., arms)`.

    Arm by arm: numpy reduces a short last axis some twenty times slower than it adds columns.
    """
    arms = [logits[..., index] for index in range(logits.shape[-1])]
    weights = np.exp(logits - reduce(np.maximum, arms)[..., None])
    total = reduce(np.add, [weights[..., index] for index in range(logits.shape[-1])])
    chances: Array = weights / total[..., None]
    return chances


class DeltaRule(InferenceEngine):
    """Moves the value q of the pulled arm: q ← q + α (outcome − q). Source: Rescorla & Wagner 1972.

    >>> import numpy as np
    >>> from interaction import EpisodeRandom, State
    >>> from interaction.users.bandit import DeltaRule
    >>> seen = State(task_state=State(arm=1, outcome=1))
    >>> state = State(learning_rate=0.3, q=np.array([0.5, 0.5]))
    >>> DeltaRule().infer(seen, state, EpisodeRandom())[0].q
    array([0.5 , 0.65])
    """

    batched = True  # 1.4 to 2.4 times as fast as lifted in filters and fits

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        pull = observation.task_state
        return state.replace(q=_learn(state.q, state.learning_rate, pull.arm, pull.outcome, None)), 0.0


class ChoiceTrace(InferenceEngine):
    """Moves the kernel k of each arm towards what was chosen: k ← k + α_c (chosen − k), chosen 0 or 1.

    Source: Wilson & Collins 2019, model 4.

    >>> import numpy as np
    >>> from interaction import EpisodeRandom, State
    >>> from interaction.users.bandit import ChoiceTrace
    >>> seen = State(task_state=State(arm=1))
    >>> state = State(choice_learning_rate=0.3, kernel=np.array([0.5, 0.5]))
    >>> ChoiceTrace().infer(seen, state, EpisodeRandom())[0].kernel
    array([0.35, 0.65])
    """

    batched = True  # 1.4 times as fast as lifted in fits

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        arm = observation.task_state.arm
        return state.replace(kernel=_learn(state.kernel, state.choice_learning_rate, arm, 1.0, 0.0)), 0.0


class SoftmaxPolicy(DiscretePolicy):
    """Pulls arm i with a probability proportional to exp(β q_i).

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.users.bandit import SoftmaxPolicy
    >>> learnt = State(inverse_temperature=3.0, q=np.array([0.2, 0.8]))
    >>> SoftmaxPolicy(n_arms=2).probabilities(State(), learnt).round(3)
    array([0.142, 0.858])
    """

    batched = True  # 1.2 to 2.4 times as fast as lifted in filters and fits

    def __init__(self, n_arms: int) -> None:
        self.action_space = spaces.Discrete(n_arms)

    def probabilities(self, observation: State, state: State) -> Value:
        return _softmax(np.expand_dims(state.inverse_temperature, -1) * state.q)


class ChoiceKernelPolicy(SoftmaxPolicy):
    """Pulls arm i with a probability proportional to exp(β_c k_i).

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.users.bandit import ChoiceKernelPolicy
    >>> chose = State(choice_inverse_temperature=3.0, kernel=np.array([0.2, 0.8]))
    >>> ChoiceKernelPolicy(n_arms=2).probabilities(State(), chose).round(3)
    array([0.142, 0.858])
    """

    batched = True  # 1.4 times as fast as lifted in fits

    def probabilities(self, observation: State, state: State) -> Value:
        return _softmax(np.expand_dims(state.choice_inverse_temperature, -1) * state.kernel)


class ValueAndKernelPolicy(SoftmaxPolicy):
    """Pulls arm i with a probability proportional to exp(β q_i + β_c k_i).

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.users.bandit import ValueAndKernelPolicy
    >>> learnt = State(inverse_temperature=3.0, q=np.array([0.2, 0.8]))
    >>> both = learnt.extend(choice_inverse_temperature=3.0, kernel=np.array([0.8, 0.2]))
    >>> ValueAndKernelPolicy(n_arms=2).probabilities(State(), both).round(3)
    array([0.5, 0.5])
    """

    batched = True  # 1.4 times as fast as lifted in fits

    def probabilities(self, observation: State, state: State) -> Value:
        values = np.expand_dims(state.inverse_temperature, -1) * state.q
        return _softmax(values + np.expand_dims(state.choice_inverse_temperature, -1) * state.kernel)


_UNIT = spaces.real(0.0, 1.0)
_POSITIVE = spaces.real(0.0)


class RescorlaWagnerUser(User):
    """Learns the value of each arm by the delta rule, from 0.5 on, and pulls by softmax.

    Its internal state holds `learning_rate` (α, the part of its surprise by which a value moves),
    `inverse_temperature` (β, per unit of value: the higher, the surer it pulls the better arm) and the values
    `q`.
    Source: Wilson & Collins 2019, model 3; the delta rule is that of Rescorla & Wagner 1972.

    >>> from interaction import Bundle
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RescorlaWagnerUser
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), RescorlaWagnerUser(), max_rounds=100)
    >>> runs = bundle.run(1_000, seed=0)
    >>> (runs["user_action"] == 1).mean(axis=0)[[0, 9, 49, 99]].round(2)  # the better arm, by round
    array([0.47, 0.78, 0.86, 0.84])
    """

    def __init__(self, learning_rate: float = 0.3, inverse_temperature: float = 3.0, n_arms: int = 2) -> None:
        super().__init__(
            policy=SoftmaxPolicy(n_arms),
            inference_engine=DeltaRule(),
            state=State(
                learning_rate=learning_rate,
                inverse_temperature=inverse_temperature,
                q=np.full(n_arms, 0.5),
            ),
            state_space=spaces.Dict(
                learning_rate=_UNIT,
                inverse_temperature=_POSITIVE,
                q=spaces.real(0.0, 1.0, (n_arms,)),
            ),
        )


class ChoiceKernelUser(User):
    """Repeats what it chose before: it keeps a trace of its choices, from 0 on, and pulls by softmax.

    Its internal state holds `choice_learning_rate` (α_c, the part of its way by which a trace moves),
    `choice_inverse_temperature` (β_c, per unit of trace: the higher, the more it repeats itself) and the
    `kernel`. Source: Wilson & Collins 2019, model 4.

    >>> from interaction import Bundle
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import ChoiceKernelUser
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), ChoiceKernelUser(), max_rounds=100)
    >>> choices = bundle.run(1_000, seed=0)["user_action"]
    >>> (choices[:, 1:] == choices[:, :-1]).mean(axis=0)[[0, 9, 49, 98]].round(2)  # repeated, by round
    array([0.72, 0.86, 0.89, 0.87])
    """

    def __init__(
        self,
        choice_learning_rate: float = 0.3,
        choice_inverse_temperature: float = 3.0,
        n_arms: int = 2,
    ) -> None:
        super().__init__(
            policy=ChoiceKernelPolicy(n_arms),
            inference_engine=ChoiceTrace(),
            state=State(
                choice_learning_rate=choice_learning_rate,
                choice_inverse_temperature=choice_inverse_temperature,
                kernel=np.zeros(n_arms),
            ),
            state_space=spaces.Dict(
                choice_learning_rate=_UNIT,
                choice_inverse_temperature=_POSITIVE,
                kernel=spaces.real(0.0, 1.0, (n_arms,)),
            ),
        )


class RescorlaWagnerChoiceKernelUser(User):
    """Learns values as the Rescorla–Wagner user does, and tends to repeat its choices.

    Its internal state holds `learning_rate` (α of values), `inverse_temperature` (β, per unit of value),
    `choice_learning_rate` (α_c of traces), `choice_inverse_temperature` (β_c, per unit of trace), and the
    values and traces of `RescorlaWagnerUser` and `ChoiceKernelUser`.
    Source: Wilson & Collins 2019, model 5; the delta rule is that of Rescorla & Wagner 1972.

    >>> from interaction.users.bandit import RescorlaWagnerChoiceKernelUser
    >>> for name, value in RescorlaWagnerChoiceKernelUser(learning_rate=0.2).state.items():
    ...     print(name, value)
    learning_rate 0.2
    inverse_temperature 3.0
    choice_learning_rate 0.3
    choice_inverse_temperature 3.0
    q [0.5 0.5]
    kernel [0. 0.]
    """

    def __init__(
        self,
        learning_rate: float = 0.3,
        inverse_temperature: float = 3.0,
        choice_learning_rate: float = 0.3,
        choice_inverse_temperature: float = 3.0,
        n_arms: int = 2,
    ) -> None:
        super().__init__(
            policy=ValueAndKernelPolicy(n_arms),
            inference_engine=CascadedInferenceEngine([DeltaRule(), ChoiceTrace()]),
            state=State(
                learning_rate=learning_rate,
                inverse_temperature=inverse_temperature,
                choice_learning_rate=choice_learning_rate,
                choice_inverse_temperature=choice_inverse_temperature,
                q=np.full(n_arms, 0.5),
                kernel=np.zeros(n_arms),
            ),
            state_space=spaces.Dict(
                learning_rate=_UNIT,
                inverse_temperature=_POSITIVE,
                choice_learning_rate=_UNIT,
                choice_inverse_temperature=_POSITIVE,
                q=spaces.real(0.0, 1.0, (n_arms,)),
                kernel=spaces.real(0.0, 1.0, (n_arms,)),
            ),
        )
