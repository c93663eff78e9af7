"""The HTML page of a run: one file that needs no server and no network.

The headline and the table of cells are readable without a script. The cases are data, from which a small script draws
the ones that the reader selects. Every text is escaped by jinja2 or is in the data, which the script inserts into the
page as text. The Content Security Policy of the page allows no other script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.limitations.registry import Registry
from harness.report.cell_facts import CellFacts
from harness.report.digest import RunDigest
from harness.report.environment import page_environment, source_of
from harness.report.headline import statements, status_line, when
from harness.results.outcomes import Outcome
from harness.results.verdicts import Verdict
from harness.util.text import as_script_data, visible

SCRIPTS = ("data.js", "draw.js", "heat.js", "cases.js", "timeline.js", "cells.js", "causes.js", "main.js")


def page(
    run: RunDigest, cells: Mapping[str, CellFacts], dataset: Mapping[str, Any], causes: Mapping[str, Any], folder: str
) -> str:
    """The HTML page of a run. `cells` are the facts of each cell in the order of the dataset, `causes` is the result of
    `causes_json`, and `folder` is the path of the run folder as a user would type it.
    """
    environment = page_environment("harness.report")
    script = "\n".join(source_of(environment, name) for name in SCRIPTS)
    data = dict(dataset) | {
        "cells": [facts.to_json() for facts in cells.values()],
        "causes": causes,
        "explained": any(cell.skips is not None for cell in run.cells),
    }
    text = environment.get_template("page.html.j2").render(
        run=run,
        status=status_line(run),
        statements=statements(run, folder),
        numbers={label: index for index, label in enumerate(cells)},
        titles={label: facts.title for label, facts in cells.items()},
        when=when,
        Outcome=Outcome,
        Verdict=Verdict,
        style=Markup(source_of(environment, "page.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=Markup(as_script_data(data)),
    )
    return text + "\n"


def causes_json(registry: Registry, probes: Sequence[Mapping[str, tuple[str, str]]]) -> dict[str, dict[str, Any]]:
    """The limitations and circumstances by id. A limitation has its statement and source, and for each cell what its
    probes found and saw, or null if that cell was not probed. A circumstance has its statement.
    """
    limitations, probed = registry.limitations, (name for found in probes for name in found)
    found: dict[str, dict[str, Any]] = {
        name: {
            "statement": getattr(limitations.get(name), "statement", ""),
            "source": getattr(limitations.get(name), "source", ""),
            "section": getattr(limitations.get(name), "section", ""),
            "probes": [[visible(word) for word in found[name]] if name in found else None for found in probes],
        }
        for name in dict.fromkeys([*limitations, *probed])
    }
    return found | {
        circumstance.id: {"statement": circumstance.statement, "circumstance": True, "probes": []}
        for circumstance in registry.circumstances.values()
    }
