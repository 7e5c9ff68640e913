"""Run the documentation-check service: `python -m documentation_check`."""

from claimbus.service import run

run("documentation-check")
