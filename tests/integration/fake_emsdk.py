"""An emsdk whose Emscripten is made of scripts: small enough to be installed many times."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

from harness.matrix.pins import EmscriptenPin, EmsdkPin, Pins, RuntimePin
from harness.toolchains.runtimes import runtime_folder

NODE = RuntimePin(name="node", version="24.19.0", sha256=("ab" * 32,))
SAYS = "this is WebAssembly"
REVISION = "5d0f" * 10

EMSDK = """\
#!/bin/sh
here=$(dirname "$0")
archive="$here/downloads/{build}-wasm-binaries.tar.xz"
case "$1" in
install)
    if [ "$EMSDK_KEEP_DOWNLOADS" != 1 ] || [ ! -e "$archive" ]; then
        cp "{origin}/archive" "$archive" || {{ echo "error: installation failed!"; exit 1; }}
    fi
    tar -xf "$archive" -C "$here" ;;
activate)
    echo "LLVM_ROOT = '$here/upstream/bin'" > "$here/.emscripten" ;;
esac
"""
EMCC = """\
import os, sys
root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
config = {{}}
exec(open(os.environ["EM_CONFIG"]).read(), config)
assert config["LLVM_ROOT"] == os.path.join(root, "bin"), config
assert not [name for name in os.environ if name in ("EM_LLVM_ROOT", "EMCC_CFLAGS")], os.environ
open(os.path.join(os.environ["EM_CACHE"], "sanity.txt"), "w").close()
if "--version" in sys.argv:
    print("shared:INFO: (Emscripten: Running sanity checks)")
    print("emcc (Emscripten gcc/clang-like replacement + linker emulating GNU ld) {version} ({revision})")
    sys.exit()
{fault}
with open("probe.js", "w") as stream:
    stream.write({says!r})
"""
EM_CONFIG = """\
import os, sys
upstream = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
print({"LLVM_ROOT": os.path.join(upstream, "bin"), "BINARYEN_ROOT": upstream}[sys.argv[1]])
"""
NODE_SCRIPT = f"""\
#!/bin/sh
[ "$1" = --version ] && echo v{NODE.version} || cat probe.js
"""


@dataclasses.dataclass
class FakeEmsdk:
    """A repository of emsdk in `folder`, what it downloads, and pins that name both."""

    folder: Path
    pins: Pins = dataclasses.field(init=False)

    def publish(self, version: str, *, said: str = "", fault: str = "", sha256: str = "") -> None:
        """A release: its archive, and a commit of emsdk that knows it. What is wrong with it can be said."""
        origin, repository = self.folder / "origin", self.folder / "repository"
        origin.mkdir(parents=True, exist_ok=True)
        tree = emscripten_tree(self.folder / f"tree-{version}-{said}{fault}", said or version, fault=fault)
        with tarfile.open(origin / "archive", "w:xz") as tar:
            tar.add(tree / "upstream", "upstream")
        found = hashlib.sha256((origin / "archive").read_bytes()).hexdigest()
        (repository / "bazel").mkdir(parents=True, exist_ok=True)
        (repository / "emsdk").write_text(EMSDK.format(build=build_id(version), origin=origin), encoding="utf-8")
        (repository / "emsdk").chmod(0o755)
        (repository / "bazel" / "revisions.bzl").write_text(revisions({version: sha256 or found}), encoding="utf-8")
        self.pins = Pins(
            emsdk=EmsdkPin(url=f"file://{repository}", commit=commit_all(repository)),
            emscripten=(EmscriptenPin(version=version, node=NODE.version),),
            runtime=(NODE,),
        )

    def go_offline(self) -> None:
        """Takes away what emsdk downloads."""
        (self.folder / "origin" / "archive").unlink()


def build_id(version: str) -> str:
    """The 40 digits that stand for a release."""
    return hashlib.sha1(version.encode()).hexdigest()


def archive_name(version: str) -> str:
    """What emsdk calls the archive of a release in its downloads folder."""
    return f"{build_id(version)}-wasm-binaries.tar.xz"


def revisions(releases: dict[str, str]) -> str:
    """A `bazel/revisions.bzl` with these releases for this machine."""
    system = {"linux": "linux", "darwin": "mac"}[sys.platform]
    key = f"sha_{system}{'_arm64' if platform.machine().lower() in {'arm64', 'aarch64'} else ''}"
    entries = [
        f'    "{version}": struct(\n        hash = "{build_id(version)}",\n        {key} = "{sha256}",\n    ),\n'
        for version, sha256 in releases.items()
    ]
    return "EMSCRIPTEN_TAGS = {\n" + "".join(entries) + "}\n"


def emscripten_tree(folder: Path, version: str, *, fault: str = "") -> Path:
    """A folder like an installed emsdk's."""
    upstream = folder / "upstream"
    scripts = {
        "emscripten/emcc.py": EMCC.format(version=version, revision=REVISION, fault=fault, says=SAYS),
        "emscripten/em-config.py": EM_CONFIG,
        "emscripten/tools/shared.py": "EXPECTED_LLVM_VERSION = 20\n",
        "emscripten/emscripten-version.txt": f'"{version}"\n',
        "emscripten/cache/sanity.txt": "of another LLVM",
        "emscripten/cache/sysroot/lib.a": "a library",
        "bin/clang": "#!/bin/sh\necho clang version 20.0.0git\n",
        "bin/wasm-ld": "#!/bin/sh\n",
        "bin/wasm-opt": "#!/bin/sh\necho wasm-opt version 120\n",
    }
    for name, text in scripts.items():
        path = upstream / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    return folder


def put_node(cache: Path) -> Path:
    """A Node in the cache that prints what it is given to run."""
    node = runtime_folder(NODE, cache) / "bin" / "node"
    node.parent.mkdir(parents=True)
    node.write_text(NODE_SCRIPT, encoding="utf-8")
    node.chmod(0o755)
    return node


def commit_all(repository: Path) -> str:
    """A commit of all that is in the folder."""
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    for arguments in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--allow-empty", "-m", "m")):
        subprocess.run(["git", *identity, *arguments], cwd=repository, check=True, capture_output=True)
    argv = ["git", "rev-parse", "HEAD"]
    return subprocess.run(argv, cwd=repository, check=True, capture_output=True, text=True).stdout.strip()
