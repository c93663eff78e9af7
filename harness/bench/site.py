"""The site of a year: how long it takes to make, how large it is and its largest page. Nothing here passes or fails."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from harness.bench.history import CASES, CELLS, NIGHTS, record_year
from harness.cli import main as cli


def measure(folder: Path, recorded: Path, *, nights: int = NIGHTS, cells: int = CELLS, cases: int = CASES) -> None:
    """Makes the site of the history `recorded` in `folder`; of one that is recorded first where that is not there."""
    if not recorded.is_file():
        recorded = folder / "history.sqlite"
        record_year(recorded, nights=nights, cells=cells, cases=cases)
    site = folder / "site"
    start, used = time.perf_counter(), time.process_time()
    # There are no folders of runs in it: reading results is measured by the part `report`.
    status = cli.main(["site", "--history", str(recorded), "--reports", str(folder), "--into", str(site)])
    if status:
        sys.exit(f"the site of {recorded} could not be made")
    seconds, used = time.perf_counter() - start, time.process_time() - used
    sizes = [file.stat().st_size for file in site.rglob("*") if file.is_file()]
    largest = max(file.stat().st_size for file in site.rglob("*.html"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"site:          {seconds:7.1f} s ({used:.1f} s of a processor)  (limit 60 s), peak {peak:.0f} MiB")
    print(f"size:          {sum(sizes) / 1e6:7.1f} MB in {len(sizes):,} files  (limit 200 MB)")
    print(f"largest page:  {largest / 1e3:7.1f} kB  (limit 300 kB)", flush=True)
