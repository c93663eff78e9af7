"""What keeps the lists: lint, update, exports. No run imports anything of it."""
