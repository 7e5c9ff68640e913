"""What two or more Claimbus services need: the contract, the rules engine, messaging, telemetry."""
