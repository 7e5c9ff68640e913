"""The commands of `claimbus`, one module a command or group."""
