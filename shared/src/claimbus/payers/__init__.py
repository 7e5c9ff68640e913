"""Payer profiles as data: one file for each program and payer, read by every service that asks for one (ADR 7)."""
