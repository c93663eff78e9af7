// The standard streams and the journal of an Emscripten guest, wherever it runs.

const EBADF = 8;
const ESPIPE = 70;
const STREAMS_MAJOR = 64;
const O_RDONLY = 0;
const O_WRONLY = 1;
const S_IFCHR = 0o020000;

// Standard input comes from `read`, which writes into a buffer at an offset, up to a length, and returns the number of
// bytes; 0 at the end. Output goes to `print` at once: a buffer, an offset and a length. Without these Emscripten makes
// streams of its own, which are terminals that buffer output until the end of a line.
export function openStreams(FS, print, read) {
  const operations = {
    read: (stream, buffer, offset, length) => read(buffer, offset, length),
    write: (stream, buffer, offset, length) => print(buffer, offset, length),
    llseek() { throw new FS.ErrnoError(ESPIPE); },
  };
  const device = FS.makedev(STREAMS_MAJOR, 0);
  FS.registerDevice(device, operations);
  for (const [name, flags] of [["stdin", O_RDONLY], ["stdout", O_WRONLY], ["stderr", O_WRONLY]]) {
    FS.mkdev(`/dev/${name}`, 0o666, device);
    FS.open(`/dev/${name}`, flags);
  }
  FS.initialized = true;
  FS.init.initialized = true; // where older Emscripten keeps it
}

// Calls `append` with what the guest writes with `pwrite` to the stream `number`. The stream is not in the list of open
// ones, so that nothing takes its number; its flags cannot be changed; and it has no path with which it could be opened
// again. For a `write` Emscripten passes the position of the stream, which has none.
export function openJournal(FS, number, append) {
  const refuse = () => { throw new FS.ErrnoError(EBADF); };
  const operations = {
    close: refuse,
    dup: (copy) => { FS.closeStream(copy.fd); refuse(); },
    write: (stream, buffer, offset, length, position) => (position < 0 ? refuse() : append(buffer, offset, length)),
  };
  const shared = Object.defineProperties({}, { flags: fixed(O_WRONLY), position: fixed(-1) });
  const node = new FS.FSNode(null, "", S_IFCHR | 0o200, 0);
  const given = { shared, node, path: "/dev/null", seekable: true, stream_ops: operations, ungotten: [], fd: -1 };
  const journal = Object.assign(new FS.FSStream(), given);
  const getStream = FS.getStream;
  FS.getStream = (fd) => (fd === number ? journal : getStream(fd));
}

// A property that ignores assignments.
function fixed(value) {
  return { get: () => value, set() {} };
}
