// The standard streams and the journal of an Emscripten guest, wherever it runs.

const EBADF = 8;
const ESPIPE = 70;
const STREAMS_MAJOR = 64;
const O_RDONLY = 0;
const O_WRONLY = 1;
const S_IFCHR = 0o020000;

// Standard input is what `read` gives: the number of bytes that it has put at an offset of a buffer, up to a length; 0 at
// its end. Output is given to `print` at once: a buffer, an offset and a length in it. Emscripten's own streams, which it
// makes unless it finds these, are terminals that keep what they print until the end of a line.
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

// Gives to `append` what the guest writes with `pwrite` to the stream `number`. The stream is in no list of open ones, so
// that nothing takes its number or its place; its flags stay; and it has no path by which another one could be opened.
// Emscripten passes on the stream's own position for a `write`, which has none.
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

// A property that can be assigned to, which changes nothing.
function fixed(value) {
  return { get: () => value, set() {} };
}
