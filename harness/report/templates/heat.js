// The heat map: a row for each module, a column for each cell, the worst news first.

const ROWS_AT_ONCE = 40;

/** The worst state of a module on a cell. A module that ran something is not called skipped. */
function worstOf(module, cell) {
  for (let rank = 0; rank < RANK.skip; rank++) if (countOf(module, cell, rank)) return rank;
  return [RANK.pass, RANK.skip].find((rank) => countOf(module, cell, rank)) ?? ABSENT;
}

/** The modules in order: by their worst state anywhere, then by how many cases and cells are in it. */
function modulesWorstFirst() {
  const scored = modules.map((_, module) => {
    let worst = ABSENT;
    let bad = 0;
    let known = 0;
    for (let cell = 0; cell < cells.length; cell++) {
      worst = Math.min(worst, worstOf(module, cell));
      for (let rank = 0; rank <= WORST_UNEXPECTED; rank++) bad += countOf(module, cell, rank);
      known += countOf(module, cell, RANK.known);
    }
    return { module, worst, bad, known };
  });
  return scored.sort((a, b) => a.worst - b.worst || b.bad - a.bad || b.known - a.known || a.module - b.module);
}

function tileTitle(module, cell) {
  const parts = STATES.flatMap((state, rank) =>
    countOf(module, cell, rank) && rank !== ABSENT ? [`${number(countOf(module, cell, rank))} ${state.id}`] : []);
  const seconds = data.seconds[cell][module];
  const time = seconds >= 0 ? `, ${seconds} s` : "";
  return `${modules[module].name} on ${cells[cell].label}: ${parts.join(", ") || "not there"}${time}`;
}

function heatRow({ module }) {
  const tiles = cells.map((_, cell) => {
    const rank = worstOf(module, cell);
    const title = tileTitle(module, cell);
    return make("td", { class: `s-${STATES[rank].id}`, title, "aria-label": title, tabindex: "-1",
      "data-module": module, "data-cell": cell }, STATES[rank].letter);
  });
  return make("tr", {}, make("th", { scope: "row" }, modules[module].name), tiles);
}

function drawHeat() {
  const rows = modulesWorstFirst();
  const interesting = rows.filter((row) => row.worst < RANK["not-run"]).length;
  const body = make("tbody");
  const head = make("tr", {}, make("th", { scope: "col", class: "corner" }, "module"), cells.map((cell, index) =>
    make("th", { scope: "col" }, make("a", { href: `#cell-${index}` }, make("span", {}, cell.label)))));
  const table = make("table", { class: "heat", role: "grid", "aria-label": "modules by cells" }, make("thead", {}, head), body);
  const more = make("button", { type: "button", onclick: () => show(rows.length) });
  function show(end) {
    body.append(...rows.slice(body.rows.length, end).map(heatRow));
    more.hidden = body.rows.length === rows.length;
    more.textContent = `show the other ${plural(rows.length - body.rows.length, "module")}`;
  }
  show(Math.min(ROWS_AT_ONCE, Math.max(interesting, 10)));
  listenToGrid(body);
  document.getElementById("heat").append(legend(), make("div", { class: "scroll", tabindex: "-1" }, table), more);
}

function legend() {
  const shown = STATES.filter((_, rank) => rank !== ABSENT && modules.some((_, module) => cells.some((_, cell) => countOf(module, cell, rank))));
  return make("p", { class: "legend" }, shown.flatMap((state) =>
    [make("span", { class: `tile s-${state.id}` }, state.letter || "\u00a0"), ` ${state.label} `]));
}

/** One tile takes part in the tab order, arrows go to the others, Enter or a click lists its cases. */
function listenToGrid(body) {
  const first = body.querySelector("td");
  if (first) first.tabIndex = 0;
  const open = (tile) => showCases({ module: tile.dataset.module, cell: tile.dataset.cell, state: "any", q: "" });
  body.addEventListener("click", (event) => {
    const tile = event.target.closest("td");
    if (tile) open(tile);
  });
  body.addEventListener("keydown", (event) => {
    const tile = event.target.closest("td");
    if (!tile) return;
    const { key } = event;
    if (key === "Enter" || key === " ") open(tile);
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[key];
    const next = step && body.rows[tile.parentElement.rowIndex - 1 + step[0]]?.cells[tile.cellIndex + step[1]];
    if (next?.tagName === "TD") {
      body.querySelector("td[tabindex='0']").tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
    if (step || key === "Enter" || key === " ") event.preventDefault();
  });
}
