"""Claim documents: a decision as what a payer reads. Pure renderers; unlike the domain they may use libraries."""
