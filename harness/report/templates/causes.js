// The limitations and issues: what they cost on each cell, and what is documented against what was observed.

function causeRows() {
  const rows = new Map(Object.keys(data.causes).map((name) => [name, new Array(cells.length).fill(0)]));
  cells.forEach((_, cell) => kindCounts(cell).forEach((count, kind) => {
    const { cause, rank } = kinds[kind];
    if (!count || !cause || rank !== RANK.known) return;
    if (!rows.has(cause)) rows.set(cause, new Array(cells.length).fill(0));
    rows.get(cause)[cell] += count;
  }));
  return [...rows].map(([name, costs]) => {
    const about = data.causes[name] ?? { statement: "", source: "", section: "", probes: [] };
    const probed = about.probes.filter(Boolean);
    const stale = probed.filter(([finding]) => finding !== "holds").length;
    return { name, costs, about, total: costs.reduce((sum, cost) => sum + cost, 0), probed: probed.length, stale };
  }).sort((a, b) => b.total - a.total || b.stale - a.stale || (a.name < b.name ? -1 : 1));
}

function drawCauses() {
  const rows = causeRows();
  const shown = rows.filter((row) => row.total || row.probed);
  const quiet = rows.length - shown.length;
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

function causePart({ name, costs, about, total }) {
  const on = costs.filter(Boolean).length;
  const cost = total ? `${plural(total, "case")} on ${plural(on, "cell")}` : "no case";
  const short = name.replace(/^https:\/\/github\.com\//, "");
  const summary = make("summary", {}, make("code", {}, short), make("b", {}, cost), ...findings(about),
    make("span", { class: "where" }, about.statement));
  return lazily(make("details", { class: "cause" }, summary), () => [
    about.statement ? make("p", {}, make("b", {}, "documented "), about.statement, " ",
      about.source ? make("a", { href: about.source, rel: "noreferrer" }, about.section || "source") : "") :
      make("p", {}, linked(name)),
    make("table", { class: "plain" },
      make("thead", {}, make("tr", {}, ["cell", "known failures", "observed", "what was seen"].map((word) =>
        make("th", { scope: "col" }, word)))),
      make("tbody", {}, cells.flatMap((cell, index) => {
        const probe = about.probes[index];
        if (!costs[index] && !probe) return [];
        return [make("tr", {}, make("th", { scope: "row" }, make("a", { href: `#cell-${index}` }, cell.label)),
          make("td", { class: "n" }, number(costs[index])), make("td", {}, probe ? probe[0] : "not probed"),
          make("td", { class: "text" }, probe ? probe[1] : ""))];
      }))),
    total ? make("p", {}, make("button", { type: "button", onclick: () =>
      showCases({ q: name, state: "known", cell: "", module: "" }) }, "its cases")) : "",
  ]);
}
