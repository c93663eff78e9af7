// Small helpers. Text of any origin becomes a text node and never markup.

/** make("a", { href: "#x", class: "y" }, "text", node): what is null is left out. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== ""));
  return element;
}

const number = (value) => value.toLocaleString("en-US");
const plural = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

function tag(rank, text = "") {
  return make("span", { class: `tag s-${STATES[rank].id}` }, text || STATES[rank].id);
}

/** A link for an address of the web; all else stays text. */
function linked(text) {
  return /^https:\/\/\S+$/.test(text) ? make("a", { href: text, rel: "noreferrer" }, text) : text;
}

/** A command with a button that copies it. */
function command(text) {
  const button = make("button", { type: "button", class: "copy", onclick: () => copy(text, button) }, "copy");
  return make("div", { class: "command" }, make("code", {}, text), button);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "copied";
  } catch {
    // A page that was opened from disk may not use the clipboard in every browser.
    getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = "selected";
  }
  setTimeout(() => (button.textContent = "copy"), 1500);
}

/** A part that is drawn when it is first opened. */
function lazily(details, draw) {
  const once = () => {
    if (!details.open || details.dataset.drawn) return;
    details.dataset.drawn = "yes";
    details.append(...[draw()].flat());
  };
  details.addEventListener("toggle", once);
  details.drawNow = once;
  return details;
}

function terms(pairs) {
  return make("dl", {}, pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

/** Names and seconds as bars. */
function bars(rows) {
  const longest = Math.max(...rows.map(([, seconds]) => seconds), 0.1);
  return make("table", { class: "bars" }, rows.map(([name, seconds]) =>
    make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "n" }, `${seconds.toFixed(1)} s`),
      make("td", { class: "bar", "aria-hidden": "true" }, bar(seconds / longest)))));
}

function bar(share) {
  const element = make("span");
  element.style.width = `${Math.max(1, Math.round(share * 100))}%`;
  return element;
}

/** The cells as links to their parts; many of them folded away. */
function cellLinks(numbers) {
  const links = numbers.flatMap((cell, index) => [index ? ", " : "", make("a", { href: `#cell-${cell}` }, cells[cell].label)]);
  if (numbers.length <= 6) return make("span", { class: "cells" }, links);
  return make("details", { class: "cells" }, make("summary", {}, plural(numbers.length, "cell")), links);
}
