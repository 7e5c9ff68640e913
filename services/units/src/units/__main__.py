"""Run the units service: `python -m units`."""

from claimbus.service import run

from units.handlers import router

run("units", router)
