"""Doctor, oracle, native suite, skip audit, probes."""
