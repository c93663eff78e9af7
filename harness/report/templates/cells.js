// A part for each cell.

const SLOWEST = 10;

function drawCells() {
  cells.forEach((_, cell) => lazily(document.getElementById(`cell-${cell}`), () => cellPart(cell)));
}

function cellPart(cell) {
  const { facts, steps, departures, manifest, folder, again, python_info: pythonInfo, work } = cells[cell];
  const timed = modules.map((module, index) => [module.name, data.seconds[cell][index]])
    .sort((a, b) => b[1] - a[1]).filter(([, seconds]) => seconds > 0);
  const slowest = timed.slice(0, SLOWEST);
  const sum = (rows) => rows.reduce((total, [, seconds]) => total + seconds, 0);
  const share = timed.length > SLOWEST ? `: ${SLOWEST} of ${number(timed.length)} take `
    + `${Math.round(100 * sum(slowest) / sum(timed))} % of ${number(Math.round(sum(timed)))} s` : "";
  return [
    make("p", {}, make("button", { type: "button", onclick: () =>
      showCases({ cell, state: "unexpected", module: "", q: "" }) }, "its unexpected cases"), " ",
    make("button", { type: "button", onclick: () => showCases({ cell, state: "any", module: "", q: "" }) }, "all its cases")),
    terms(facts.map(([name, value]) => [name, name === "command" ? command(value) : value])),
    make("h4", {}, `Slowest modules${share}`), bars(slowest),
    ...(work.length ? [make("h4", {}, "What the workers did"), ...timeline(work)] : []),
    ...(steps.length ? [make("h4", {}, "Steps of the build"), bars(steps)] : []),
    ...(departures.length ? [make("h4", {}, "Where the recipe leaves CPython's own"),
      make("ul", {}, departures.map((text) => make("li", {}, text)))] : []),
    make("h4", {}, "Again"), command(again),
    folder ? make("p", {}, "Files: ", make("a", { href: `${encodeURI(folder)}/results.json` }, "results.json"), ", ",
      make("a", { href: `${encodeURI(folder)}/junit.xml` }, "junit.xml"),
      ...(pythonInfo ? [", ", make("a", { href: `${encodeURI(folder)}/pythoninfo.txt` }, "pythoninfo.txt")] : [])) : "",
    make("details", {}, make("summary", {}, "the build's manifest"), make("pre", { tabindex: "0" }, manifest)),
  ];
}
