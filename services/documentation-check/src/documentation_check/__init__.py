"""The documentation-check service."""
