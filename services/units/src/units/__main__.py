"""Run the units service: `python -m units`."""

from claimbus.service import run

run("units")
