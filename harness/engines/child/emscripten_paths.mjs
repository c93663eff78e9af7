// Emscripten's look-up of a path without the time that grows with the square of its length: for each name on the way it
// splits and joins all of the path before it, which was half of what the deep trees of test_tarfile took.
//
// Its own function runs, from its own text, over functions for paths that give the same.

// What that text may name besides properties: a later version that names something else keeps its own functions.
const NAMES = new Set(
  (
    "lookupPath path opts PATH_FS PATH FS Object defaults follow_mount recurse_count parts p current current_path i islast " +
    "count link lookup node linkloop nlinks e " +
    "var if else for while break continue return throw new try catch true null"
  ).split(" "),
);
const CALLS = { PATH: ["isAbs", "join2", "dirname"], PATH_FS: ["resolve"] };
// A name that is empty, "." or "..".
const NOT_NORMALISED = /\/\.{0,2}(?:\/|$)/;

const isAbs = (path) => path.charAt(0) === "/";
// Of a normalised absolute path, as the next one's `folder` is.
const dirname = (path) => path.slice(0, path.lastIndexOf("/")) || "/";
const join2 = (folder, name) =>
  NOT_NORMALISED.test(`/${name}`) ? normalised(`${folder}/${name}`) : `${folder === "/" ? "" : folder}/${name}`;

// By the text of a version's function, what makes it for an instance.
const makers = new Map();

// Makes the instance's own look-up of paths fast, if it is one that is known.
export function quickenPaths(FS) {
  const text = String(FS.lookupPath);
  if (!makers.has(text)) makers.set(text, isKnown(text) ? makerOf(text) : undefined);
  const resolve = (path, more = "") => {
    if (!path) return "";
    const whole = isAbs(more) ? more : more ? `${path}/${more}` : path;
    return normalised(isAbs(whole) ? whole : `${FS.cwd()}/${whole}`);
  };
  FS.lookupPath = makers.get(text)?.(FS, { isAbs, join2, dirname }, { resolve }) ?? FS.lookupPath;
}

function isKnown(text) {
  const names = text.replace(/"[^"]*"/g, "").match(/(?<![.\w$])[A-Za-z_$][\w$]*/g) ?? [];
  const calls = [...text.matchAll(/\b(PATH|PATH_FS)\.(\w+)/g)];
  return names.every((name) => NAMES.has(name)) && calls.every(([, of, name]) => CALLS[of].includes(name));
}

function makerOf(text) {
  return new Function("FS", "PATH", "PATH_FS", `return ({ ${text} }).lookupPath;`);
}

// An absolute path without names that are empty, "." or "..".
function normalised(path) {
  if (!NOT_NORMALISED.test(path)) return path;
  const names = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}
