"""Pure functions that answer, for one visit, what an auditor would ask of its documentation."""
