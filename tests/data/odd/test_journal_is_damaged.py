# A case writes to the journal what is no event, or an event that lacks what belongs to it.

import os
import unittest

JOURNAL = 1 << 16
LINES = (
    b'{"e": "end"}',
    b'{"e": "end", "id": 1}',
    b'{"e": "start"}',
    b'{"e": "plan"}',
    b'{"e": "plan", "ids": 1}',
    b'{"e": "fixture"}',
    b'{"e": "outside"}',
    b'{"e": "module"}',
    b'{"e": "nothing that there is"}',
    b'{"e": ["end"]}',
    b"[1, 2]",
    b"null",
    b"",
    b"{",
    b"\xff\xfe\x00",
)


class T(unittest.TestCase):
    def test_a_passes(self):
        pass

    def test_b_writes(self):
        for line in LINES:
            os.pwrite(JOURNAL, line + b"\n", 0)

    def test_c_fails(self):
        self.fail("on purpose")

    def test_d_passes(self):
        pass
