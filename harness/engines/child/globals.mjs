// The global names of a thread, to notice what a guest has left there for the next one.

// The current value of each global name.
export function globalsOf() {
  return new Map(Object.entries(Object.getOwnPropertyDescriptors(globalThis)));
}

// Whether a name has been added, removed or changed since.
export function haveChanged(before) {
  const now = globalsOf();
  if (now.size !== before.size) return true;
  for (const [name, { value }] of now) {
    const known = before.get(name);
    // Node replaces some getters by their value when they are first read.
    if (!known || (!known.get && !Object.is(known.value, value))) return true;
  }
  return false;
}
