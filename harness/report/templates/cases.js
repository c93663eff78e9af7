// The cases: filtered, searched, and each with all that is known of it on every cell.

const CASES_AT_ONCE = 50;
const OUTPUTS_SHOWN = 8;
const form = document.getElementById("filter");
const list = document.getElementById("cases-list");
// What is wrong, whatever the lists expect.
const WRONG = new Set(["fail", "error", "crash", "timeout", "unexpected-success"]);
const isBrowser = (cell) => ["chromium", "firefox"].includes(cell.engine);
const isNode = (cell) => cell.engine === "node";
// Wrong on a cell of the first kind, and on none of the second; at least one of these has the case.
const ONLY = { "only-in-browsers": [isBrowser, isNode], "only-in-node": [isNode, isBrowser] };
const isWrong = (rank, outcome) => WRONG.has(outcome);
const GROUPS = {
  "only-in-browsers": isWrong,
  "only-in-node": isWrong,
  unexpected: (rank) => rank <= WORST_UNEXPECTED,
  any: (rank) => rank !== ABSENT,
  differs: (rank) => rank !== ABSENT,
  new: (rank) => rank <= WORST_UNEXPECTED,
};

function fillFilter() {
  const some = (rank) => modules.some((_, module) => cells.some((_, cell) => countOf(module, cell, rank)));
  const states = STATES.filter((_, rank) => rank !== ABSENT && some(rank));
  form.elements.state.append(
    make("option", { value: "unexpected" }, "unexpected"),
    fresh.some((each) => each.size) ? make("option", { value: "new" }, "unexpected, and new since the run before") : "",
    ...states.map((state) => make("option", { value: state.id }, state.label)),
    cells.length > 1 ? make("option", { value: "differs" }, "differs between cells") : "",
    ...cells.some(isBrowser) && cells.some(isNode) ? [
      make("option", { value: "only-in-browsers" }, "wrong only in browsers"),
      make("option", { value: "only-in-node" }, "wrong only in Node"),
    ] : [],
    make("option", { value: "any" }, "any state"));
  form.elements.cell.append(make("option", { value: "" }, "any cell"),
    ...cells.map((cell, index) => make("option", { value: index }, cell.label)));
  const sorted = modules.map((module, index) => [module.name, index]).sort();
  form.elements.module.append(make("option", { value: "" }, "any module"),
    ...sorted.map(([name, index]) => make("option", { value: index }, name)));
  form.addEventListener("input", () => {
    search();
    history.replaceState(null, "", filterAddress());
  });
  form.addEventListener("submit", (event) => event.preventDefault());
}

/** The end of an address that shows the list as it is filtered now, with cell and module by their names. */
function filterAddress() {
  const { q, state, cell, module } = Object.fromEntries(new FormData(form));
  const named = { q, state, cell: cell && cells[cell].label, module: module && modules[module].name };
  return `#?${new URLSearchParams(Object.entries(named).filter(([, value]) => value))}`;
}

/** Sets the filter that the address names, if it names one; what this run does not have is left out. */
function readAddress() {
  if (!location.hash.startsWith("#?")) return;
  const named = new URLSearchParams(location.hash.slice(2));
  for (const field of ["state", "cell", "module"]) {
    const wanted = [...form.elements[field].options].find((option) =>
      (field === "state" ? option.value : option.textContent) === named.get(field));
    if (wanted) form.elements[field].value = wanted.value;
  }
  form.elements.q.value = named.get("q") ?? "";
}

/** The words of the search as bits: `has(text)` has the bit of each word that stands in the text. */
function wordBits(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 20);
  const has = (text) => {
    const lower = text.toLowerCase();
    return words.reduce((bits, word, index) => (lower.includes(word) ? bits | (1 << index) : bits), 0);
  };
  return { all: 2 ** words.length - 1, has };
}

/** The numbers of the cases that are wanted, worst first. */
function findCases({ q, state, cell, module }) {
  const wanted = GROUPS[state] ?? ((rank) => rank === RANK[state]);
  const { all, has } = wordBits(q);
  const kindWanted = kinds.map((kind) => wanted(kind.rank, kind.outcome));
  const kindBits = kinds.map((kind) => has(`${kind.text} ${kind.cause} ${kind.reason} ${kind.outcome}`));
  const columns = (cell === "" ? cells.map((_, index) => index) : [Number(cell)]).map((index) => [index, kindsOf(index)]);
  const found = [];
  const ranges = module === "" ? modules : [modules[Number(module)]];
  for (const { first, end } of ranges) {
    for (let at = first; at < end; at++) {
      const hit = look(at, columns, kindWanted, kindBits, all && has(cases[at]), all, state);
      if (hit) found.push(hit);
    }
  }
  return found.sort((a, b) => b.fresh - a.fresh || a.rank - b.rank || b.where.length - a.where.length || a.at - b.at);
}

/** Whether a case is wrong only on cells of the one kind. */
function isOnly(at, [side, other]) {
  let has = false;
  for (const [index, cell] of cells.entries()) {
    if (!other(cell)) continue;
    const kind = kinds[kindsOf(index)[at]];
    if (WRONG.has(kind.outcome)) return false;
    has ||= kind.rank !== ABSENT;
  }
  return has && cells.some((cell, index) => side(cell) && WRONG.has(kinds[kindsOf(index)[at]].outcome));
}

function look(at, columns, kindWanted, kindBits, idBits, all, state) {
  if (state in ONLY && !isOnly(at, ONLY[state])) return null;
  let rank = ABSENT;
  const matching = [];
  let isFresh = 0;
  let outcomes = 0;
  let differs = false;
  for (const [cell, numbers] of columns) {
    const kind = numbers[at];
    if (state === "differs" && kinds[kind].rank !== ABSENT) {
      differs ||= outcomes && outcomes !== kinds[kind].outcome;
      outcomes = kinds[kind].outcome;
    }
    if (!kindWanted[kind] || ((idBits | kindBits[kind]) & all) !== all) continue;
    const isNew = fresh[cell].has(at);
    if (state === "new" && !isNew) continue;
    matching.push(cell);
    isFresh ||= isNew ? 1 : 0;
    rank = Math.min(rank, kinds[kind].rank);
  }
  return matching.length && (state !== "differs" || differs) ? { at, rank, where: matching, fresh: isFresh } : null;
}

let found = [];
function search() {
  const wanted = Object.fromEntries(["q", "state", "cell", "module"].map((name) => [name, form.elements[name].value]));
  found = findCases(wanted);
  list.replaceChildren();
  const where = cells.length > 1 ? ` of ${number(cases.length)}` : "";
  document.getElementById("found").textContent = `${plural(found.length, "case")}${where}`;
  moreCases();
}

function moreCases() {
  list.append(...found.slice(list.children.length, list.children.length + CASES_AT_ONCE).map(caseRow));
  const left = found.length - list.children.length;
  const more = document.getElementById("more-cases");
  more.hidden = left === 0;
  more.textContent = `show ${number(Math.min(left, CASES_AT_ONCE))} more of ${number(left)}`;
}

function showCases(wanted) {
  for (const [name, value] of Object.entries(wanted)) form.elements[name].value = value;
  search();
  document.getElementById("cases").scrollIntoView();
  form.elements.q.focus({ preventScroll: true });
}

function caseRow({ at, rank, where: matching, fresh: isFresh }) {
  const places = matching.length === 1 ? cells[matching[0]].label : `${matching.length} of ${plural(cells.length, "cell")}`;
  const where = cells.length > 1 ? make("span", { class: "where" }, places,
    data.since[at] ? `, since ${data.since[at]}` : "") : "";
  const summary = make("summary", {}, tag(rank), isFresh ? make("span", { class: "tag new" }, "new") : "",
    make("code", {}, cases[at]), where);
  return lazily(make("details", { class: "case" }, summary), () => caseDetails(at));
}

/** What two kinds have in common that differ only in a number, an address or the name of a temporary file. */
const likeness = (kind) => JSON.stringify({ ...kind, text: kind.text.replace(/\btmp\w+|0x[0-9a-f]+|\d+/gi, "#") });

/** All that is known of a case: a part for each kind of what it did, worst first. */
function caseDetails(at) {
  const groups = new Map();
  cells.forEach((_, cell) => {
    const kind = kinds[kindsOf(cell)[at]];
    const key = likeness(kind);
    if (!groups.has(key)) groups.set(key, { kind, where: [] });
    groups.get(key).where.push(cell);
  });
  const sorted = [...groups.values()].sort((a, b) => a.kind.rank - b.kind.rank || b.where.length - a.where.length);
  const strip = cells.length > 1 ? make("div", { class: "strip" }, cells.map((cell, index) => {
    const state = STATES[kinds[kindsOf(index)[at]].rank];
    return make("a", { href: `#cell-${index}`, class: `tile s-${state.id}`, title: `${cell.label}: ${state.label}` },
      state.letter || "\u00a0");
  })) : "";
  return [strip, ...sorted.map(({ kind, where }, index) => kindPart(at, kind, where, index === 0))];
}

function kindPart(at, kind, where, isFirst) {
  const isNew = where.some((cell) => fresh[cell].has(at));
  const heading = make("div", { class: "kind-head" }, tag(kind.rank), isNew ? make("span", { class: "tag new" }, "new") : "",
    kind.outcome !== STATES[kind.rank].id && kind.outcome ? make("b", {}, ` ${kind.outcome} `) : "", " on ", cellLinks(where));
  if (kind.rank === ABSENT) return make("div", { class: "kind" }, heading);
  const words = [["said", kind.text], ["expected", kind.place && `${kind.expected}, says ${kind.place}`],
    ["cause", kind.cause && linked(kind.cause)], ["because", kind.reason]].filter(([, value]) => value);
  const isWrong = kind.rank <= WORST_UNEXPECTED;
  return make("div", { class: "kind" }, heading, words.length ? terms(words) : "",
    isWrong ? outputs(at, where, isFirst) : "",
    kind.verdict !== "missing" && kind.rank <= RANK.known ? command(commandFor(where[0], at)) : "");
}

/** What the test printed: once for all cells where it is the same. */
function outputs(at, where, isFirst) {
  const texts = new Map();
  for (const cell of where) {
    const text = data.outputs[cell][at];
    if (text !== undefined) texts.set(text, [...(texts.get(text) ?? []), cell]);
  }
  const left = where.length - [...texts.values()].slice(0, OUTPUTS_SHOWN).flat().length;
  const shown = [...texts].slice(0, OUTPUTS_SHOWN).map(([text, on], index) =>
    make("details", { class: "output", open: isFirst && index === 0 }, make("summary", {}, on.length === where.length
      ? "output" : `output on ${on.map((cell) => cells[cell].label).join(", ")}`), make("pre", { tabindex: "0" }, data.strings[text])));
  const note = `What it printed on ${plural(left, "cell")} is in results.json, if there is any.`;
  return [...shown, left ? make("p", { class: "note" }, note) : ""];
}
