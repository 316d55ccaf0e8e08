"""`python -m opportune.cli`."""

from opportune.cli.main import main

main()
