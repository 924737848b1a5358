"""What a component asks for and is not there: a field, or a draw; the error names the component."""

from __future__ import annotations

from interaction.errors import (
    InteractionError,
    NoFieldError,
    UnknownFieldError,
    UnknownNameError,
    unknown_name,
)
from interaction.random import EpisodeRandom, lacking
from interaction.state import GameState, State

UNREAD = (AttributeError, NoFieldError, UnknownNameError)


def tell_unread(error: AttributeError | NoFieldError | UnknownNameError, where: str, name: str) -> None:
    """Raise a better error where a component reads a field that is not there, or asks for another draw.

    An error that says itself what is wrong is told which method raised it.
    """
    if not isinstance(error, AttributeError | NoFieldError):
        if not any(note.startswith(f"raised by {where}.") for note in getattr(error, "__notes__", ())):
            error.add_note(f"raised by {where}.{name}")
        return
    state = error.obj
    told = isinstance(error, InteractionError) and not isinstance(error, NoFieldError)
    better: AttributeError
    if isinstance(state, EpisodeRandom) and error.name and error.name not in dir(type(state)):
        better = lacking(error.name, state)
    elif isinstance(state, State) and not told:
        message = unknown_name(error.name, state, f"{where}.{name} reads a state")
        hidden = error.name in GameState.__annotations__ and not isinstance(state, GameState)
        hint = (
            " By default an agent does not see the other one's state, nor the observations." if hidden else ""
        )
        better = UnknownFieldError(f"{message}{hint}")
        better.name, better.obj = str(error.name), state
    else:
        return
    for note in getattr(error, "__notes__", ()):
        better.add_note(note)
    raise better from error
