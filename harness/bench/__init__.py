"""`nox -s bench`: the figures of the harness. Every one stands beside its peer or its aim; nothing passes or fails."""
