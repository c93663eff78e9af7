"""The lists in the formats of others."""
