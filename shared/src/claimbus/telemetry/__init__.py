"""Traces and logs of every service, with PHI kept out by allow-lists."""
