# A case closes all descriptors, and opens files of its own, which must get nothing but what it writes to them.

import os
import tempfile
import unittest


class T(unittest.TestCase):
    def test_a_closes_one_by_one(self):
        for descriptor in range(3, 256):
            try:
                os.close(descriptor)
            except OSError:
                pass
        self.check_files()

    def test_b_closes_a_range(self):
        os.closerange(3, 4096)
        self.check_files()

    def check_files(self):
        paths = [tempfile.mktemp() for _ in range(20)]
        files = [open(path, "wb+", buffering=0) for path in paths]
        T.kept = getattr(T, "kept", []) + list(zip(paths, files))
        for path, stream in zip(paths, files):
            stream.write(path.encode())

    def test_c_has_what_it_wrote(self):
        for path, _ in T.kept:
            with open(path, "rb") as stream:
                self.assertEqual(stream.read(), path.encode())

    def test_d_passes(self):
        for path, stream in T.kept:
            try:
                stream.close()
            except OSError:
                pass
            os.unlink(path)
