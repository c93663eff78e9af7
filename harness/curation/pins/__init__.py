"""Pins added, renewed and checked: `matrices/pins.toml` kept up with the origins."""
