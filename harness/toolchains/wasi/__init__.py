"""Where a WASI SDK comes from."""
