// What each worker did when: where the time of a run went.

const LANE = 22;
const LANE_GAP = 4;
const AXIS = 20;
const TIMELINE_WIDTH = 1000;
const SVG = "http://www.w3.org/2000/svg";
const LONG = 0.05; // of the run

function drawn(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** The work of a cell by worker, in the order in which the workers began. */
function lanesOf(work) {
  const lanes = new Map();
  for (const [name, worker, begin, seconds] of [...work].sort((a, b) => a[2] - b[2])) {
    if (!lanes.has(worker)) lanes.set(worker, []);
    lanes.get(worker).push({ name, begin, end: begin + seconds, seconds });
  }
  return [...lanes];
}

/** What took the time, in words: how busy the workers were, and who worked on while others had nothing left. */
function timelineSummary(lanes) {
  const all = lanes.flatMap(([, each]) => each);
  const begin = Math.min(...all.map((each) => each.begin));
  const end = Math.max(...all.map((each) => each.end));
  const busy = all.reduce((sum, each) => sum + each.seconds, 0) / (lanes.length * (end - begin) || 1);
  const last = all.find((each) => each.end === end);
  const ends = lanes.map(([, each]) => Math.max(...each.map((one) => one.end)));
  const alone = end - Math.min(...ends);
  const seconds = (value) => `${value.toFixed(1)} s`;
  return `${plural(lanes.length, "worker")}, busy for ${Math.round(100 * busy)} % of ${seconds(end - begin)}; the first module `
    + `began ${seconds(begin)} after the run did, ${last.name} ended last`
    + (lanes.length > 1 ? `, ${seconds(alone)} after the first worker had nothing left` : "");
}

/** A lane for each worker, a bar for each module. Bars have their names as titles, long ones show them. */
function timeline(work) {
  const lanes = lanesOf(work);
  const end = Math.max(...lanes.flatMap(([, each]) => each.map((one) => one.end)));
  const x = (seconds) => (seconds / (end || 1)) * TIMELINE_WIDTH;
  const height = lanes.length * (LANE + LANE_GAP) + AXIS;
  const summary = timelineSummary(lanes);
  const bars = lanes.flatMap(([worker, each], lane) => each.map((one, index) => {
    const y = lane * (LANE + LANE_GAP);
    const width = Math.max(1, x(one.seconds) - 0.5);
    const title = drawn("title", {}, `${one.name} by ${worker}: ${one.seconds.toFixed(1)} s from ${one.begin.toFixed(1)} s on`);
    const bar = drawn("rect", { x: x(one.begin), y, width, height: LANE, class: index % 2 ? "odd" : "even" }, title);
    if (one.seconds < LONG * end) return drawn("g", {}, bar);
    const clip = drawn("svg", { x: x(one.begin), y, width, height: LANE },
      drawn("text", { x: 4, y: LANE / 2 + 4 }, one.name));
    return drawn("g", {}, bar, clip);
  }));
  const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => drawn("text", { x: share * TIMELINE_WIDTH, y: height - 4,
    "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle", class: "mark" }, `${Math.round(share * end)} s`));
  const picture = drawn("svg", { viewBox: `0 0 ${TIMELINE_WIDTH} ${height}`, class: "timeline", role: "img", "aria-label": summary },
    ...bars, ...marks);
  return [make("p", { class: "note" }, `${summary}.`), make("div", { class: "scroll", tabindex: "0", role: "region",
    "aria-label": "timeline of the workers" }, picture)];
}
