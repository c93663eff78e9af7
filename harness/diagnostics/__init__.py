"""Diagnostics: doctor, oracle, native suite, skip audit, probes, stack needs and reduction of failures."""
