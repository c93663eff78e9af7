"""What the page of the web example says of statements about it: `web-example` writes that into its results file, and
the table of the probes of the same run has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.limitations.observation import Observation

WEB_EXAMPLE_FILE = "web-example.json"
OBSERVATIONS = "observations"


def observations_json(observations: Mapping[str, Observation]) -> dict[str, Any]:
    """A part of that file."""
    return {OBSERVATIONS: {name: seen.to_json() for name, seen in observations.items()}}


def load_page_observations(folder: Path) -> dict[str, Observation]:
    """What was seen in the page, by the names of the probes; empty where no web example was tried in the cell's folder.
    ConfigError for a file that cannot be read as such.
    """
    path = folder / WEB_EXAMPLE_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        # Files of an earlier version of the harness have none.
        found = data.get(OBSERVATIONS, {})
        return {name: Observation.from_json(name, seen) for name, seen in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"{path} holds no results of a web example ({type(error).__name__}: {error})"
        raise ConfigError(message, hint="remove it, or try the web example again") from error
