"""What CPython's tree shows the users of its Emscripten builds, tried: embedding snippets, python.sh, web example."""
