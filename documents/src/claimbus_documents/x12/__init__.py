"""A decision as 837P: health care claim, professional."""
