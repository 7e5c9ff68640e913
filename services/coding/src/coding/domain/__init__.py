"""Which code the words of a visit support: pure functions on frozen values."""
