"""`python -m daemon`: the program, where the `costd` script is not installed."""

from daemon.cli import main

main()
