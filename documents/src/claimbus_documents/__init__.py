"""Claim documents: what a decision is as 837P, as FHIR and on paper.

They depend on the contract alone, so no service has to carry the libraries that draw and write them.
"""
