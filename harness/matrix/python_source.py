"""Where the CPython of a cell comes from: a release, a checkout, or a commit of a repository. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import ConfigError
from harness.util.versions import is_version


@dataclass(frozen=True, kw_only=True)
class PythonSource:
    """One of the three, and how the user wrote it. `version` is that of a release, `checkout` a path, `url` and `ref`
    name a commit; what does not apply is empty.
    """

    text: str
    version: str = ""
    checkout: str = ""
    url: str = ""
    ref: str = ""

    def __str__(self) -> str:
        return self.text

    @property
    def series(self) -> str | None:
        """`3.13` of `3.13.5`; None where the version is not known before the source is read."""
        return ".".join(self.version.split(".")[:2]) or None

    @classmethod
    def parse(cls, text: str) -> PythonSource:
        """The source that `3.13.5`, `git:URL@REF` or a path names. ConfigError for a commit without a ref."""
        if is_version(text):
            return cls(text=text, version=text)
        if not text.startswith("git:"):
            return cls(text=text, checkout=text)
        # A ref has no colon, so that `git@host:path` has none.
        url, sign, ref = text.removeprefix("git:").rpartition("@")
        if not sign or not url or not ref or ":" in ref:
            raise ConfigError(
                f"{text!r} names no ref",
                hint="write git:URL@REF, where REF is a branch, a tag or a whole commit",
            )
        return cls(text=text, url=url, ref=ref)
