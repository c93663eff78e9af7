// The limitations and issues: what they cost on each cell, and what is documented against what was observed.

/** Known failures and skips by their cause. A skip that nothing explains stands under the name "". */
function causeRows() {
  const none = () => ({ known: new Array(cells.length).fill(0), skip: new Array(cells.length).fill(0) });
  const rows = new Map(Object.keys(data.causes).map((name) => [name, none()]));
  cells.forEach((_, cell) => kindCounts(cell).forEach((count, kind) => {
    const { cause, rank } = kinds[kind];
    const state = STATES[rank].id;
    if (!count || !(state === "known" && cause || state === "skip" && data.explained)) return;
    if (!rows.has(cause)) rows.set(cause, none());
    rows.get(cause)[state][cell] += count;
  }));
  const sum = (counts) => counts.reduce((total, count) => total + count, 0);
  return [...rows].map(([name, costs]) => {
    const about = data.causes[name] ?? { statement: "", source: "", section: "", probes: [] };
    const probed = about.probes.filter(Boolean);
    const stale = probed.filter(([finding]) => finding !== "holds").length;
    return { name, costs, about, known: sum(costs.known), skipped: sum(costs.skip), probed: probed.length, stale };
  }).sort((a, b) => Boolean(a.about.circumstance) - Boolean(b.about.circumstance) ||
    b.known + b.skipped - a.known - a.skipped || b.stale - a.stale || (a.name < b.name ? -1 : 1));
}

function drawCauses() {
  const rows = causeRows();
  const shown = rows.filter((row) => row.known || row.skipped || row.probed);
  const quiet = rows.filter((row) => !shown.includes(row) && !row.about.circumstance).length;
  const where = document.getElementById("causes-list");
  where.append(...shown.map(causePart));
  if (!shown.length) where.append(make("p", {}, "No case is known to fail, and no probes were run."));
  if (quiet) where.append(make("p", { class: "note" },
    `${plural(quiet, "more limitation")} of the registry cost no case here, and no probe was run for them.`));
}

function findings(about) {
  const found = new Map();
  for (const probe of about.probes) if (probe) found.set(probe[0], (found.get(probe[0]) ?? 0) + 1);
  return [...found].map(([finding, count]) =>
    make("span", { class: `tag finding-${finding === "holds" ? "holds" : "other"}` }, `${finding} on ${count}`));
}

function causePart(row) {
  const { name, costs, about, known, skipped } = row;
  const on = cells.filter((_, cell) => costs.known[cell] || costs.skip[cell]).length;
  const what = [known ? plural(known, "known failure") : "", skipped ? plural(skipped, "skip") : ""].filter(Boolean);
  const cost = what.length ? `${what.join(" and ")} on ${plural(on, "cell")}` : "no case";
  const title = name ? make("code", {}, name.replace(/^https:\/\/github.com\//, "")) : "explained by nothing";
  const summary = make("summary", {}, title, make("b", {}, cost),
    about.circumstance ? make("span", { class: "tag" }, "circumstance") : "", ...findings(about),
    make("span", { class: "where" }, about.statement));
  return lazily(make("details", { class: "cause" }, summary), () => [
    causeWords(row), causeTable(row),
    make("p", {}, known ? casesButton(name, "known", "its known failures") : "", " ",
      skipped && name ? casesButton(name, "skip", "its skips") : ""),
  ]);
}

function causeWords({ name, about }) {
  if (!name) return make("p", {}, "What the suite says when it skips them is in no pattern of the registry: ",
    make("code", {}, "python -m harness skips"), " lists the reasons.");
  if (!about.statement) return make("p", {}, linked(name));
  return make("p", {}, make("b", {}, about.circumstance ? "" : "documented "), about.statement, " ",
    about.source ? make("a", { href: about.source, rel: "noreferrer" }, about.section || "source") : "");
}

function causeTable({ name, costs, about }) {
  const probed = Boolean(name) && !about.circumstance;
  const heads = ["cell", "known failures", "skips", ...(probed ? ["observed", "what was seen"] : [])];
  const rows = cells.flatMap((cell, index) => {
    const probe = about.probes[index];
    if (!costs.known[index] && !costs.skip[index] && !probe) return [];
    return [make("tr", {}, make("th", { scope: "row" }, make("a", { href: `#cell-${index}` }, cell.label)),
      make("td", { class: "n" }, number(costs.known[index])), make("td", { class: "n" }, number(costs.skip[index])),
      ...(probed ? [make("td", {}, probe ? probe[0] : "not probed"),
        make("td", { class: "text" }, probe ? probe[1] : "")] : []))];
  });
  const head = make("thead", {}, make("tr", {}, heads.map((word) => make("th", { scope: "col" }, word))));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `the cells, ${name || "others"}` },
    make("table", { class: "plain" }, head, make("tbody", {}, rows)));
}

function casesButton(name, state, text) {
  return make("button", { type: "button", onclick: () => showCases({ q: name, state, cell: "", module: "" }) }, text);
}
