"""`[[product]]`: a table of the matrix that stands for many cells, one for each combination of its lists. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from harness.errors import did_you_mean
from harness.matrix import axes
from harness.util.toml_tables import Mistake

# The lists, and the key of a cell that each of their entries becomes.
_AXES = {"toolchains": "toolchain", "pythons": "python", "engines": "engine", "runtimes": "runtime"}
_VARIANTS = "variants"
_PLAIN = "plain"
_FLAGS = {word: flag for flag, word in axes.FLAGS.items()}


def mistakes(product: Mapping[str, Any]) -> Iterable[Mistake]:
    """A mistake for each list that is none, and each variant that does not exist."""
    yield from _near_lists(product)
    for key in (*_AXES, _VARIANTS):
        entries = product.get(key, [_PLAIN])
        if not isinstance(entries, list) or not entries or not all(isinstance(entry, str) for entry in entries):
            yield Mistake(key, "must be a list of at least one string")
        elif key == _VARIANTS:
            for word in (word for entry in entries for word in _words(entry) if word not in _FLAGS):
                yield Mistake(key, f"{word!r} is no flag of a cell", did_you_mean(word, [_PLAIN, *_FLAGS]))


def _near_lists(product: Mapping[str, Any]) -> Iterable[Mistake]:
    """A list under the name of a cell's key, and what is nearly `variants`."""
    for name, key in _AXES.items():
        if isinstance(product.get(key), list):
            yield Mistake(key, "is one version, the same for all its cells", f"did you mean {name!r}?")
    if "variant" in product:
        yield Mistake("variant", "unknown key", f"did you mean {_VARIANTS!r}?")


def combinations(product: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """The keys of each cell that a product without mistakes stands for; what is no list is the same for all."""
    common = {key: value for key, value in product.items() if key not in {*_AXES, _VARIANTS}}
    axes = [[{key: entry} for entry in product[name]] for name, key in _AXES.items() if name in product]
    variants = [{_FLAGS[word]: True for word in _words(entry)} for entry in product.get(_VARIANTS, [_PLAIN])]
    for choice in itertools.product(*axes, variants):
        yield {key: value for part in (common, *choice) for key, value in part.items()}


def _words(variant: str) -> list[str]:
    """The flags of `pthreads-dynlink`, in the words of an id; `plain` has none."""
    return [] if variant == _PLAIN else variant.split("-")
