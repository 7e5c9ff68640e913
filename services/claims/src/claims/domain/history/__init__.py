"""What earlier visits of a patient and answers of payers mean for this visit."""
