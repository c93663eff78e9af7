"""The configuration of the project: the matrix and its pins."""

from __future__ import annotations

from harness.matrix.cells import Matrix
from harness.matrix.files import load_matrix
from harness.matrix.pins import Pins, load_pins
from harness.project import project_root


def load_configuration() -> tuple[Matrix, Pins]:
    """The matrix and the pins of this project."""
    folder = project_root() / "matrices"
    return load_matrix(folder), load_pins(folder / "pins.toml")
