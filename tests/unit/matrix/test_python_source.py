"""Where a CPython comes from, as the user has written it."""

from __future__ import annotations

import pytest

from harness.errors import ConfigError
from harness.matrix.python_source import PythonSource


@pytest.mark.parametrize(("text", "series"), [("3.13.5", "3.13"), ("3.15.0b2", "3.15"), ("3.14", "3.14")])
def test_a_release_has_a_version_and_a_series(text: str, series: str) -> None:
    found = PythonSource.parse(text)
    assert (found.version, found.series, str(found)) == (text, series, text)
    assert (found.checkout, found.url, found.ref) == ("", "", "")


@pytest.mark.parametrize("text", ["/src/cpython-3.13.5", "../cpython", "3.13.5/", "main"])
def test_anything_else_is_the_path_of_a_checkout_and_of_no_known_series(text: str) -> None:
    found = PythonSource.parse(text)
    assert (found.checkout, found.series, str(found)) == (text, None, text)
    assert (found.version, found.url, found.ref) == ("", "", "")


@pytest.mark.parametrize(
    ("python", "parts"),
    [
        ("git:https://github.com/python/cpython@v3.14.0", ("https://github.com/python/cpython", "v3.14.0")),
        ("git:git@github.com:python/cpython@main", ("git@github.com:python/cpython", "main")),
        ("git:/srv/cpython.git@feature/wasi", ("/srv/cpython.git", "feature/wasi")),
    ],
)
def test_a_git_source_names_its_url_and_ref(python: str, parts: tuple[str, str]) -> None:
    found = PythonSource.parse(python)
    assert (found.url, found.ref) == parts
    assert (found.version, found.checkout, found.series) == ("", "", None)


@pytest.mark.parametrize("python", ["git:/srv/cpython.git", "git:git@github.com:python/cpython", "git:@main", "git:x@"])
def test_a_git_source_without_a_ref_is_refused(python: str) -> None:
    with pytest.raises(ConfigError, match="names no ref") as caught:
        PythonSource.parse(python)
    assert "git:URL@REF" in caught.value.hint
