"""The `claimbus` command: run the pipeline, try a visit, follow decisions, operate the broker."""
