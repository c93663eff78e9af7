# A case leaves what is hard to delete in the scratch folder, and crashes. The next one finds it empty.

import os
import unittest


def deep(levels):
    """Deeper than a path may be long."""
    name = "d" * 100
    os.mkdir(name)
    for _ in range(levels):
        os.mkdir("around")
        os.rename(name, f"around/{name}")
        os.rename("around", name)


def attempt(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        pass


class T(unittest.TestCase):
    def test_a_crashes_after_it(self):
        os.chdir("/tmp")
        os.makedirs("shut/inside")
        open("shut/inside/file", "w").close()
        attempt(os.symlink, "../../..", "up")
        attempt(os.symlink, "/", "out")
        for name in (b"\xff", b" \n*?[", b"-rf", "\N{SNOWMAN}".encode()):
            attempt(os.mkdir, name)
        deep(60)
        for path in ("shut/inside/file", "shut/inside", "shut", "/tmp"):
            attempt(os.chmod, path, 0)
        os.abort()

    def test_b_finds_it_empty(self):
        self.assertEqual([name for name in os.listdir("/tmp") if not name.startswith("test_python")], [])
        with open("/tmp/own", "w") as stream:
            stream.write("x")
        os.unlink("/tmp/own")
