"""A test kit for whoever publishes to the bus or subscribes to it, and for our own tests (docs/testing.md)."""
