"""A decision as FHIR R4 Claim."""
