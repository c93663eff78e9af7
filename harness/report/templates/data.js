"use strict";
// The data of the page, decoded as far as it is needed. harness/report/dataset.py says how it is packed.

const data = JSON.parse(document.getElementById("data").textContent);
const cells = data.cells;

// The states of a case on a cell, worst first. `unexpected` ones turn the run red.
const STATES = [
  { id: "crash", letter: "C", label: "crash", unexpected: true },
  { id: "timeout", letter: "T", label: "timeout", unexpected: true },
  { id: "regression", letter: "R", label: "regression", unexpected: true },
  { id: "changed", letter: "~", label: "changed", unexpected: true },
  { id: "flaky", letter: "!", label: "flaky: changes its mind", unexpected: true },
  { id: "fixed", letter: "F", label: "fixed: the entry is stale", unexpected: true },
  { id: "missing", letter: "?", label: "missing: the entry's case is gone", unexpected: true },
  { id: "known", letter: "k", label: "known to fail" },
  { id: "other-version", letter: "v", label: "of another version than the interpreter" },
  { id: "not-run", letter: "n", label: "not run" },
  { id: "no-tests", letter: "0", label: "no tests" },
  { id: "skip", letter: "s", label: "skipped" },
  { id: "pass", letter: "", label: "passed" },
  { id: "absent", letter: "", label: "not there" },
];
const RANK = Object.fromEntries(STATES.map((state, rank) => [state.id, rank]));
const ABSENT = RANK.absent;
const WORST_UNEXPECTED = RANK.missing;

function stateOf(outcome, verdict) {
  if (outcome === "absent" || outcome === "pass" && verdict === "as-expected") return outcome;
  if (["known", "other-version", "flaky", "fixed", "missing"].includes(verdict)) return verdict;
  if (verdict !== "as-expected") return outcome === "crash" || outcome === "timeout" ? outcome : verdict;
  if (outcome === "expected-failure") return "pass";
  return outcome in RANK ? outcome : "regression";
}

const kinds = data.kinds.map(([outcome, verdict = "as-expected", ...texts]) => {
  const [text = "", cause = "", reason = "", place = "", expected = ""] = texts.map((number) => data.strings[number]);
  return { outcome, verdict, text, cause, reason, place, expected, rank: RANK[stateOf(outcome, verdict)] };
});

const modules = [];
const cases = [];
for (const [name, groups] of data.modules) {
  const first = cases.length;
  for (const [prefix, names] of groups) for (const each of names) cases.push(prefix ? `${prefix}.${each}` : each);
  modules.push({ name, first, end: cases.length });
}

/** The kind of every case on a cell, unpacked when it is first asked for. */
const unpacked = new Map();
function kindsOf(cell) {
  if (!unpacked.has(cell)) {
    const numbers = new Uint16Array(cases.length);
    let at = 0;
    const runs = data.results[cell];
    for (let index = 0; index < runs.length; index += 2) {
      numbers.fill(runs[index + 1], at, at + runs[index]);
      at += runs[index];
    }
    unpacked.set(cell, numbers);
  }
  return unpacked.get(cell);
}

/** How many cases of each state a module has on a cell: counts[(module * cells + cell) * states + rank]. */
function countStates() {
  const counts = new Uint32Array(modules.length * cells.length * STATES.length);
  for (let cell = 0; cell < cells.length; cell++) {
    let module = 0;
    let at = 0;
    const runs = data.results[cell];
    for (let index = 0; index < runs.length; index += 2) {
      const rank = kinds[runs[index + 1]].rank;
      for (let left = runs[index]; left > 0; ) {
        while (at >= modules[module].end) module++;
        const taken = Math.min(left, modules[module].end - at);
        counts[(module * cells.length + cell) * STATES.length + rank] += taken;
        at += taken;
        left -= taken;
      }
    }
  }
  return counts;
}
const counts = countStates();
const countOf = (module, cell, rank) => counts[(module * cells.length + cell) * STATES.length + rank];

/** How often each kind occurs on a cell. */
function kindCounts(cell) {
  const found = new Uint32Array(kinds.length);
  const runs = data.results[cell];
  for (let index = 0; index < runs.length; index += 2) found[runs[index + 1]] += runs[index];
  return found;
}

const fresh = cells.map((_, cell) => new Set(data.new[cell]));
const commandFor = (cell, at) => `${cells[cell].again} --case ${quoted(caseWord(cell, at))}`;

/** The word that means this case: as `case_word` in harness/results/command_line.py. */
function caseWord(cell, at) {
  const module = modules.find(({ first, end }) => first <= at && at < end).name;
  const id = cases[at];
  const name = cells[cell].own || module.startsWith("test.") ? module : `test.${module}`;
  const subject = /^(?:setUpModule|tearDownModule|setUpClass|tearDownClass|after) \((.+)\)$/s.exec(id)?.[1] ?? id.replace(/\.\*$/, "");
  const word = id.includes("*") || /\[[[*?]\]/.test(id) ? id.replaceAll(/[[*]/g, "[$&]") : id;
  return subject === name || subject.startsWith(`${name}.`) ? word : `${module}::${word}`;
}

function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\"'\"'")}'`;
}
