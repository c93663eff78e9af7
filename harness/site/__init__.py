"""The site: what the history and the newest runs say, as static pages and as JSON. Reads and writes files in `read.py`
and `write.py` alone.
"""
