"""The index of the search: every case's id once, by module and class. Pure."""

from __future__ import annotations

from typing import Any

from harness.site.index import Index, file_name
from harness.util.text import as_script_data, visible


def search_index(index: Index) -> str:
    """A script that defines `SEARCH_INDEX`, which works without a server too. A case that is good on every cell is its
    name; one with a page is a list of its name, its worst state and, where that is not the id, the page's name.
    """
    modules = []
    for module, numbers in index.modules.items():
        groups: dict[str, list[Any]] = {}
        for number in numbers:
            case = index.site.cases[number].name
            owner, dot, name = case.rpartition(".")
            packed: Any = visible(name)
            if number in index.paged:
                page = file_name(case)
                packed = [visible(name), index.tone(number), *([page] if page != case else [])]
            groups.setdefault(visible(owner) if dot else "", []).append(packed)
        modules.append([visible(module), file_name(module), list(groups.items())])
    return f"const SEARCH_INDEX = {as_script_data({'modules': modules})};\n"
