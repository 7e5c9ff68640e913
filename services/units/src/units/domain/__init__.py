"""From minutes to units: pure functions on coded visits."""
