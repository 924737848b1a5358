"""The console command `interaction`: it lists and runs the demonstrations that packages register.

A demonstration is an entry point of the group `interaction.demos`: a function whose parameters with
defaults become options. An `Annotated[int, "what it is"]` is an option with that help. The first paragraph of
its docstring says what it teaches and how long it takes; it is the help of the command, and printed first.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import wraps
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from interaction import __version__
from interaction.citing import citation, listing
from interaction.display import print_text
from interaction.errors import InteractionError

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run the command line."""
    app = _new_app("Simulate users and assistants.")
    demos = _new_app("Run a demonstration; `interaction demo NAME --help` tells its options.")
    app.add_typer(demos, name="demo")
    import typer  # is there, since the app is made

    @app.command()
    def cite(name: str = typer.Argument("", help="Of a task, a user, an assistant or a method.")) -> None:
        """Print the papers to cite for a model; without a name all names, and how to cite the framework."""
        for part in (citation(name) if name else listing()).split("\n\n"):
            for line in part.splitlines():
                (typer.echo if part.startswith("@") else print_text)(line)  # BibTeX is to be copied
            typer.echo()

    from interaction.people.commands import add_commands

    add_commands(app)
    from interaction.studies.sweeps.commands import commands

    app.add_typer(commands(), name="sweep")

    @app.callback()
    def options(version: Annotated[bool, _version()] = False) -> None: ...

    def run() -> None:
        for point in entry_points(group="interaction.demos"):
            _add(demos, point.name, point.load())
        app()

    _or_one_line(run)


def run_demonstration(demonstration: Callable[..., None]) -> None:
    """Run one demonstration by the words of the command line, as `python -m` does."""
    app = _new_app("")
    _add(app, None, demonstration)
    _or_one_line(app)


def _or_one_line(run: Callable[[], None]) -> None:
    """Run the command line; what goes wrong is told in a line."""
    try:
        run()
    except (InteractionError, OSError) as error:  # a file that is not there, say
        sys.exit(f"interaction: {error}")


def _new_app(told: str) -> typer.Typer:
    try:
        import typer
    except ImportError:
        sys.exit(
            "interaction: the command line needs typer and rich, which are not installed. "
            "Install them with: pip install 'hci-interaction[terminal]'"
        )
    return typer.Typer(help=told, no_args_is_help=bool(told), add_completion=False)


def _version() -> Any:
    import typer

    def show(wanted: bool) -> None:
        if wanted:
            typer.echo(__version__)
            raise typer.Exit

    return typer.Option("--version", callback=show, is_eager=True, help="Print the version.")


def _add(app: typer.Typer, name: str | None, demonstration: Callable[..., None]) -> None:
    """Make a command of a demonstration."""
    import typer

    paragraphs = [" ".join(part.split()) for part in (inspect.getdoc(demonstration) or "").split("\n\n")]
    signature = inspect.signature(demonstration, eval_str=True)
    options = []
    for option in signature.parameters.values():
        kind, *told = get_args(option.annotation) if get_origin(option.annotation) is Annotated else (None,)
        if told and isinstance(told[0], str):
            flag = typer.Option(f"--{option.name.replace('_', '-')}", help=told[0])
            options.append(option.replace(annotation=Annotated[kind, flag]))
        else:
            options.append(option)

    @wraps(demonstration)
    def command(**chosen: Any) -> None:
        print_text(paragraphs[0])
        demonstration(**chosen)

    command.__signature__ = signature.replace(parameters=options)  # type: ignore[attr-defined]
    app.command(name, help="\n\n".join(paragraphs))(command)
