"""Run the documentation-check service: `python -m documentation_check`."""

from claimbus.service import run

from documentation_check.handlers import router

run("documentation-check", router)
