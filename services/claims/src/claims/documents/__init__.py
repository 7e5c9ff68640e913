"""Claim documents: what a decision is as 837P, as FHIR and on paper.

Beside the domain, because libraries draw and write some.
No service imports this room; FHIR and paper need the extra `documents` of the distribution.
"""
