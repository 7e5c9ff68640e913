"""Claims joins what the other services found and decides each visit revision once."""
