"""The shipped domains as registered environments: `gymnasium.make("interaction/Pointing-User-v0")`.

Import this module first, or name it in the identifier, as gymnasium's versions from 1.0 on ask:
`gymnasium.make("interaction.examples.environments:interaction/Pointing-User-v0")`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium

from interaction import Assistant, Bundle, RandomPolicy, spaces
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.assistants.pointing import ConstantGain, InformationGain
from interaction.envs import AssistantEnv, AssistantVectorEnv, UserEnv, UserVectorEnv
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask
from interaction.tasks.pointing import PointingTask
from interaction.users.bandit import WinStayLoseShiftUser
from interaction.users.coordination import PseudoRandomUser
from interaction.users.pointing import CarefulPointer


def coordination() -> Bundle:
    """Give the coordination game, with an assistant that predicts the user."""
    user = PseudoRandomUser()
    return Bundle(CoordinatedTask(), user, CoordinatedAssistant(user), max_rounds=100)


def pointing() -> Bundle:
    """Give pointing with an assistant that moves the cursor to learn the goal."""
    task, user = PointingTask(31, 8, "position"), CarefulPointer()
    return Bundle(task, user, InformationGain(user, task), max_rounds=100)


def pointing_with_gain() -> Bundle:
    """Give pointing with an assistant that multiplies the user's steps."""
    return Bundle(PointingTask(31, 8), CarefulPointer(), ConstantGain(5.0), max_rounds=100)


def bandit() -> Bundle:
    """Give a bandit with two arms, which the user pulls alone."""
    return Bundle(MultiArmedBanditTask(), WinStayLoseShiftUser(), max_rounds=100)


def shared_bandit() -> Bundle:
    """Give a bandit that the user demonstrates for 20 rounds and the assistant goes on with."""
    task = MultiArmedBanditTask(n_demonstrations=20)
    assistant = Assistant(policy=RandomPolicy(spaces.Discrete(2)))
    return Bundle(task, WinStayLoseShiftUser(), assistant, max_rounds=100)


ENVIRONMENTS: dict[str, tuple[Callable[[], Bundle], Any, Any]] = {
    "interaction/Coordination-User-v0": (coordination, UserEnv, UserVectorEnv),
    "interaction/Coordination-Assistant-v0": (coordination, AssistantEnv, AssistantVectorEnv),
    "interaction/Pointing-User-v0": (pointing, UserEnv, UserVectorEnv),
    "interaction/Pointing-Assistant-v0": (pointing_with_gain, AssistantEnv, AssistantVectorEnv),
    "interaction/Bandit-User-v0": (bandit, UserEnv, UserVectorEnv),
    "interaction/Bandit-Assistant-v0": (shared_bandit, AssistantEnv, AssistantVectorEnv),
}
_SEEN = {  # the belief of this assistant's user model is no part of what a learner needs
    "interaction/Coordination-Assistant-v0": ["task_state.x", "user_action"],
}


def make(identifier: str, **options: Any) -> gymnasium.Env[Any, Any]:
    """Make one of the environments; options are those of `UserEnv` and `AssistantEnv`."""
    bundle, single, _ = ENVIRONMENTS[identifier]
    env: gymnasium.Env[Any, Any] = single(bundle(), **{"paths": _SEEN.get(identifier), **options})
    return env


def make_vector(identifier: str, num_envs: int, **options: Any) -> gymnasium.vector.VectorEnv[Any, Any, Any]:
    """Make one of the environments as a vector environment."""
    bundle, _, vector = ENVIRONMENTS[identifier]
    env: gymnasium.vector.VectorEnv[Any, Any, Any] = vector(
        bundle(), num_envs, **{"paths": _SEEN.get(identifier), **options}
    )
    return env


for _identifier in ENVIRONMENTS:
    gymnasium.register(
        _identifier,
        entry_point=partial(make, _identifier),
        vector_entry_point=partial(make_vector, _identifier),
    )
