"""The exceptions: each says what was expected, what was got, and where.

All errors are an `InteractionError`, and also the error of Python's that one would expect.

>>> from interaction import Bundle, errors
>>> from interaction.tasks.coordination import CoordinatedTask
>>> from interaction.users.coordination import PseudoRandomUser
>>> bundle = Bundle(CoordinatedTask(), PseudoRandomUser())
>>> try:
...     bundle.reset(start={"task_state": {"x": 12}})
... except errors.InteractionError as error:
...     print(type(error).__name__, "-", error)
SpaceError - start: task_state.x: expected a value in Discrete(10), got 12
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InteractionError(Exception):
    """Base of every error that the framework raises on purpose.

    `row` is that of the first episode of a batch for which it holds, where it is known.
    """

    row: int | None = None


class SpaceError(InteractionError, ValueError):
    """A value lies outside the space that was declared for it."""


class UnknownNameError(InteractionError, ValueError):
    """A name (a field, a path, a turn, a reward source) does not exist."""


class UnknownFieldError(UnknownNameError, AttributeError, KeyError):
    """A component reads a field that is not there: misspelt, or not observed."""

    __str__ = Exception.__str__  # that of a KeyError puts what it says in quotation marks


class NoFieldError(InteractionError, KeyError):
    """Somebody asks a state for a field that it has not, as `state[name]`, outside of a component."""

    __str__ = Exception.__str__
    name = ""
    obj: object = None


class ContractError(InteractionError, TypeError):
    """A component lacks a method, an attribute or a role that it needs."""


class LatentDrawError(ContractError):
    """A user drew random numbers while it looked or inferred, where its likelihood has to be exact."""


class ArgumentError(InteractionError, ValueError):
    """An argument of a call is of the wrong kind or size."""


class ImmutableError(InteractionError, AttributeError):
    """Somebody tried to change a state in place."""


class EpisodeError(InteractionError, RuntimeError):
    """A call came at the wrong moment of an episode: before its reset, or after its end."""


class BatchError(InteractionError, RuntimeError):
    """A component that promises `batched = True` failed on arrays with an episode axis, or episodes differ.

    `row` is the first one that is unlike the others, where there is one, and `field` where in a state.
    """

    field: str = ""


class ConformanceError(InteractionError, AssertionError):
    """A component breaks the contract; raised by `interaction.checks`."""


class ImpossibleEvidenceError(InteractionError, ArithmeticError):
    """What was observed is impossible under every candidate of a user model."""


class NoEffectError(InteractionError, ValueError):
    """A declared parameter of a user changes nothing that the user does."""


class FolderError(InteractionError, OSError):
    """A file of a sweep cannot be written: the disk is full, say; what was written before is whole."""


class SweepError(InteractionError, RuntimeError):
    """Cells of a sweep could not be played to the end; the others were. `failures` tells of each."""

    failures: tuple[object, ...] = ()


class ConvergenceWarning(UserWarning):
    """A fit did not converge: its numbers are not to be trusted."""


class ReliabilityWarning(UserWarning):
    """A number may be off; the warning says which, why, and what to do."""


class AmbiguityWarning(UserWarning):
    """What was given can be meant in two ways; the warning says which was taken, and how to say it."""


class MissingExtraError(InteractionError, ImportError):
    """An optional library is not installed."""


def unknown_name(name: object, valid: Iterable[str], where: str) -> UnknownNameError:
    """Make the error for a name that does not exist, with the valid ones and a guess.

    >>> from interaction.errors import unknown_name
    >>> print(unknown_name("gaol", ["goal", "targets"], "PointingTask"))
    PointingTask: there is no 'gaol'. Did you mean 'goal'? Valid names: goal, targets.
    """
    names = list(valid)
    close = get_close_matches(str(name), names, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(names) if names else "none"
    return UnknownNameError(f"{where}: there is no {name!r}.{guess} Valid names: {listed}.")


def missing_extra(library: str, extra: str, purpose: str) -> MissingExtraError:
    """Make the error for an optional library that is not installed.

    >>> from interaction.errors import missing_extra
    >>> print(missing_extra("matplotlib", "plot", "filmstrip"))
    filmstrip needs matplotlib, which is not installed. Install it with: pip install 'hci-interaction[plot]'
    """
    return MissingExtraError(
        f"{purpose} needs {library}, which is not installed. "
        f"Install it with: pip install 'hci-interaction[{extra}]'"
    )
