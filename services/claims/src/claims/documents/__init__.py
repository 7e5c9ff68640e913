"""Claim documents: what a decision is as FHIR and on paper. Beside the domain, because libraries draw and write them.

No service imports this room; it needs the extra `documents` of the distribution.
"""
