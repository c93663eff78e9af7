"""Every view of results: page, Markdown, JUnit, console."""
