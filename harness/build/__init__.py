"""From a source and a toolchain to a build and its manifest."""
