import asyncio
import unittest


class T(unittest.TestCase):
    def test_loop_runs(self):
        async def main():
            await asyncio.sleep(0)
            return 7

        loop = asyncio.new_event_loop()
        try:
            self.assertEqual(loop.run_until_complete(main()), 7)
        finally:
            loop.close()

    async def test_is_a_coroutine(self):
        self.fail("never awaited")
