"""The units service."""
