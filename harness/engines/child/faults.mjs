// What went wrong in a browser, in words: a headline of name and message, and the stack below it.

export function describe(error) {
  // Not every fault is an Error: Emscripten also throws numbers and objects of its own.
  if (!(error instanceof Error)) return String(error?.message ?? error);
  const headline = `${error.name}: ${error.message}`;
  // Firefox has neither in its stack.
  return error.stack?.startsWith(headline) ? error.stack : `${headline}\n${error.stack ?? ""}`;
}
