"""`nox -s bench`: the figures of the harness. Every one stands next to its peer or its aim; nothing passes or fails."""
