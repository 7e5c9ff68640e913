"""What a person reads: tables, pages and sentences."""
