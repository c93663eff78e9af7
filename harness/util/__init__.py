"""One file per effect or format: processes, downloads, archives, locks, files, text."""
