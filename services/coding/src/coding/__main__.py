"""Run the coding service: `python -m coding`."""

from claimbus.service import run

from coding.handlers import router

run("coding", router)
