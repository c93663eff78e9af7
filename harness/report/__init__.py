"""The views of results: HTML page, Markdown, JUnit XML, console text."""
