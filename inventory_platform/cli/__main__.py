"""`python -m inventory_platform.cli`, where the command is not on the path."""

from inventory_platform.cli import main

main()
