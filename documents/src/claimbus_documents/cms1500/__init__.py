"""A decision as CMS-1500 (02/12)."""
