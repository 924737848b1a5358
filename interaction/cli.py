"""The console command `interaction`: it lists and runs the demonstrations that packages register.

A demonstration is an entry point of the group `interaction.demos`: a function whose parameters with
defaults become options.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

from interaction import __version__
from interaction.citing import citation, listing
from interaction.errors import InteractionError


def main() -> None:
    """Run the command line."""
    try:
        import typer
    except ImportError:
        sys.exit(
            "The command `interaction` needs typer and rich, which are not installed. "
            "Install them with: pip install 'hci-interaction[terminal]'"
        )
    app = typer.Typer(help="Simulate users and assistants.", no_args_is_help=True, add_completion=False)
    demos = typer.Typer(help="Run a demonstration.", no_args_is_help=True)
    app.add_typer(demos, name="demo")
    for point in entry_points(group="interaction.demos"):
        demos.command(point.name)(point.load())

    @app.command()
    def cite(name: str = typer.Argument("", help="Of a task, a user, an assistant or a method.")) -> None:
        """Print the papers to cite for a model; without a name all names, and how to cite the framework."""
        typer.echo(citation(name) if name else listing())

    def show_version(wanted: bool) -> None:
        if wanted:
            typer.echo(__version__)
            raise typer.Exit

    @app.callback()
    def options(
        version: bool = typer.Option(
            False, "--version", callback=show_version, is_eager=True, help="Print the version."
        ),
    ) -> None: ...

    try:
        app()
    except InteractionError as error:
        sys.exit(f"interaction: {error}")
