"""Run the coding service: `python -m coding`."""

from claimbus.service import run

run("coding")
