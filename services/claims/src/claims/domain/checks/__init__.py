"""Checks of the claim itself: identifiers, diagnoses, authorization, days for filing."""
