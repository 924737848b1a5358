"""`python -m interaction` is the console command `interaction`."""

from interaction.cli import main

main()
