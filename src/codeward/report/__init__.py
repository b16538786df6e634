"""Reports read records, and only records."""
