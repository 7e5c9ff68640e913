"""`python -m claimbus_cli`: the claimbus command."""

from claimbus_cli.main import main

main()
