"""What talks to the broker."""
