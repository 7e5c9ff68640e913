"""Run the claims service: `python -m claims`."""

from claimbus.service import run

run("claims")
