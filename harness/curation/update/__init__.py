"""From results to a proposed change of the lists."""
