"""`python -m evalharness.cli`: the command where its script is not on the path."""

from evalharness.cli import main

main()
