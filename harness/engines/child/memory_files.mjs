// The file system of a guest in a browser: copies of the host's folders in memory, as browser_trees.py gives them.
//
// A file's contents are a view of its tree's bytes, which all guests share. So nothing of a tree may change that is not
// writable: neither it nor what the next guest sees. Permissions alone do not protect files from a chmod.

const ENOENT = 44;
const EROFS = 69;
const WRITING = 3; // O_WRONLY or O_RDWR
const PERMISSIONS = 0o7777;
// What a guest finds at /tmp everywhere else: a folder for everybody's own files.
const SCRATCH_MODE = 0o1777;
const CHANGES = ["setattr", "mknod", "rename", "unlink", "rmdir", "symlink"];
// Newer Emscripten keeps three times.
const TIMES = ["timestamp", "atime", "mtime", "ctime"];

// Mounts are {guest, writable, tree: {bytes, entries}}.
export function layFiles(FS, mounts) {
  const { MEMFS } = FS.filesystems;
  for (const { guest, writable, tree } of mounts.filter((mount) => mount.guest !== "/")) {
    FS.mkdirTree(guest);
    const { node: covered } = FS.lookupPath(guest, { follow_mount: false });
    const root = FS.mount(MEMFS, {}, guest);
    fill(FS, root, tree, writable);
    if (writable) root.mode = (root.mode & ~PERMISSIONS) | SCRATCH_MODE;
    covered.mode = root.mode;
  }
  // Last, as nothing can be added to it then. Emscripten cannot mount anything over its root.
  const own = mounts.find((mount) => mount.guest === "/");
  if (own) fill(FS, FS.root, own.tree, own.writable);
}

// Puts what is in the tree into the folder `root`, but for names that it already has. Of what cannot change a guest gets
// only what it looks for: a staged library has thousands of files.
function fill(FS, root, tree, writable) {
  root.mode = (root.mode & ~PERMISSIONS) | (tree.entries[0][2] & PERMISSIONS);
  if (writable) copy(FS, root, tree, 0);
  else seal(FS, root, tree);
}

// Puts what is in the folder `number` of the tree into a folder.
function copy(FS, folder, tree, number) {
  for (const [name, each] of namesIn(tree, number)) {
    if (Object.hasOwn(folder.contents, name)) continue;
    const node = addNode(FS, folder, tree, name, each);
    if (FS.isDir(node.mode)) copy(FS, node, tree, each);
  }
  setTimes(folder, tree, number);
}

// Makes a folder into one that has what is in the tree, and cannot change.
function seal(FS, root, tree) {
  const known = new Map();
  // One for all: making one takes a while.
  const missing = new FS.ErrnoError(ENOENT);
  const become = (node, number) => {
    node.node_ops = sealedOf(FS, node.node_ops, known);
    if (FS.isFile(node.mode)) node.stream_ops = sealedOf(FS, node.stream_ops, known);
    if (!FS.isDir(node.mode)) return;
    const names = namesIn(tree, number);
    const own = Object.keys(node.contents).filter((name) => !names.has(name));
    node.node_ops = {
      ...node.node_ops,
      // Asked for what is not among the nodes.
      lookup(folder, name) {
        if (!names.has(name)) throw missing;
        const found = addNode(FS, folder, tree, name, names.get(name));
        become(found, names.get(name));
        setTimes(folder, tree, number);
        return found;
      },
      readdir: () => [".", "..", ...names.keys(), ...own],
    };
  };
  become(root, 0);
  setTimes(root, tree, 0);
}

// The new node of an entry of the tree. Its folder's times change with it.
function addNode(FS, folder, tree, name, number) {
  const [, , mode, , about] = tree.entries[number];
  const node = FS.filesystems.MEMFS.createNode(folder, name, mode, 0);
  if (typeof about !== "number") node.link = about;
  else if (FS.isFile(mode)) {
    const place = tree.places[number];
    Object.assign(node, { contents: tree.bytes.subarray(place, place + about), usedBytes: about });
  }
  setTimes(node, tree, number);
  return node;
}

function setTimes(node, tree, number) {
  for (const key of TIMES) if (key in node) node[key] = tree.entries[number][3];
}

// The numbers of the entries in a folder of the tree, by name.
function namesIn(tree, number) {
  if (!tree.names) index(tree);
  return tree.names[number] ?? new Map();
}

// Adds to a tree what is in each folder, and where the bytes of each file begin.
function index(tree) {
  tree.names = [];
  tree.places = [];
  let place = 0;
  for (const [number, [parent, name, , , about]] of tree.entries.entries()) {
    if (number) (tree.names[parent] ??= new Map()).set(name, number);
    tree.places.push(place);
    if (typeof about === "number") place += about;
  }
}

// The same operations without those that change anything; one table for all nodes of a kind.
function sealedOf(FS, operations, known) {
  if (!known.has(operations)) {
    const refuse = () => { throw new FS.ErrnoError(EROFS); };
    const changes = CHANGES.filter((name) => name in operations).map((name) => [name, refuse]);
    if ("write" in operations) changes.push(["write", refuse], ["open", (stream) => stream.flags & WRITING && refuse()]);
    known.set(operations, { ...operations, ...Object.fromEntries(changes) });
  }
  return known.get(operations);
}
