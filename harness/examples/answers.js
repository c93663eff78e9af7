// Runs before an example's own script: it answers prompt(), with which a page is Python's standard input, with the lines
// of input.json, and sends what was printed and what went wrong to the server. A page that nobody looks at has no
// dialogs, and the browser is under no driver.

const QUIET_MS = 10000;
const printed = [];
const failed = [];
const waiting = new XMLHttpRequest();
waiting.open("GET", "input.json", false);
waiting.send();
const lines = JSON.parse(waiting.responseText);
let ended = false;
let quiet;

for (const name of ["log", "info", "warn", "error"]) {
  console[name] = (...words) => {
    printed.push(words.join(" "));
    // An interpreter that ends before it has asked for anything says no more.
    clearTimeout(quiet);
    quiet = setTimeout(end, QUIET_MS);
  };
}

function end() {
  if (ended) return;
  ended = true;
  // What it still prints, and what else fails, is a part of it.
  setTimeout(() => {
    const body = JSON.stringify({ printed, failed, isolated: globalThis.crossOriginIsolated === true });
    fetch("ended", { method: "POST", body });
  }, 500);
}

window.prompt = () => {
  if (lines.length) return lines.shift();
  end();
  return null;
};

function fail(error) {
  failed.push(`${error?.name ?? "error"}: ${error?.message ?? error}`);
  end();
}
addEventListener("error", (event) => fail(event.error ?? event.message));
addEventListener("unhandledrejection", ({ reason }) => fail(reason));
