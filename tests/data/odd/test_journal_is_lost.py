# A case closes, removes and overwrites whatever may be the journal, and those around it pass.

import os
import unittest

JOURNAL = 1 << 16


def attempt(call, *arguments):
    try:
        call(*arguments)
    except (OSError, AttributeError):
        pass


class T(unittest.TestCase):
    def test_a_passes(self):
        pass

    def test_b_removes_it(self):
        for folder in ("/journal", "/patterns"):
            for path in (f"{folder}/1.jsonl", f"{folder}/done.txt", folder):
                attempt(os.truncate, path, 0)
                attempt(os.unlink, path)
                attempt(os.rmdir, path)
                attempt(os.rename, path, "/tmp/stolen")

    def test_c_closes_it(self):
        attempt(os.ftruncate, JOURNAL, 0)
        attempt(os.lseek, JOURNAL, 0, os.SEEK_SET)
        attempt(os.close, JOURNAL)
        os.closerange(JOURNAL - 3, JOURNAL + 3)

    def test_d_puts_another_file_in_its_place(self):
        with open("other", "wb+") as stream:
            if hasattr(os, "dup2"):
                attempt(os.dup2, stream.fileno(), JOURNAL)

    def test_e_fails(self):
        self.fail("on purpose")

    def test_f_passes(self):
        pass
