// What passes between a guest in a browser and page.mjs: its command, and its streams.

// As many bytes may be under way to the engine before the guest waits.
const UNDER_WAY = 1 << 20;

// The command that the page gives, once it does.
export const given = new Promise((resolve) => {
  self.onmessage = ({ data }) => resolve(data);
});

// Sends part of a buffer to the page, for the file `name` of the engine; gives its length.
export function sender({ pending, waits }) {
  return (name, buffer, offset, length) => {
    const bytes = Uint8Array.from(buffer.subarray(offset, offset + length));
    const before = Atomics.add(pending, 0, length) + length;
    self.postMessage({ name, bytes }, [bytes.buffer]);
    // A tab that dies takes along what is under way: with `waits` there never is anything.
    for (let left = before; left > (waits ? 0 : UNDER_WAY); left = Atomics.load(pending, 0)) Atomics.wait(pending, 0, left);
    return length;
  };
}

// Puts what comes next of the standard input into a buffer, up to a length; gives how much that is.
export function reader({ input }) {
  let readAt = 0;
  return (buffer, offset, length) => {
    const part = input ? input.subarray(readAt, readAt + length) : new Uint8Array();
    buffer.set(part, offset);
    readAt += part.length;
    return part.length;
  };
}
