"""The lists of other runners, read and compared with what a run did."""
