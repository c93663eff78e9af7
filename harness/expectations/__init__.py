"""The lists of expected failures, and the comparison of results with them."""
