"""Run the claims service: `python -m claims`."""

from claimbus.service import run

from claims.handlers import router

run("claims", router)
