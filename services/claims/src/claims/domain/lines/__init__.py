"""Claim lines: codes, units, modifiers, edits and dollars."""
