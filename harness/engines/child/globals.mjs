// The global names of a thread, so that what a guest has left there for the next one is seen.

// What each global name is now.
export function globalsOf() {
  return new Map(Object.entries(Object.getOwnPropertyDescriptors(globalThis)));
}

// Whether a name has come, gone or become something else since.
export function haveChanged(before) {
  const now = globalsOf();
  if (now.size !== before.size) return true;
  for (const [name, { value }] of now) {
    const known = before.get(name);
    // Node puts the value of one that has a getter in its place when it is first read.
    if (!known || (!known.get && !Object.is(known.value, value))) return true;
  }
  return false;
}
