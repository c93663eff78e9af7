// What happens when the page is opened, when a link inside it is followed, and before it is printed.

const PRINTED = 30;
const OPENED = 3;

function openFirst(count) {
  for (const each of [...list.children].slice(0, count)) {
    each.open = true;
    each.drawNow();
  }
}

/** A link to a part that is folded opens it. */
function openTarget() {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (target?.tagName !== "DETAILS") return;
  target.open = true;
  target.drawNow();
  target.scrollIntoView();
  target.querySelector("summary").focus({ preventScroll: true });
}

fillFilter();
drawHeat();
drawCells();
drawCauses();
const isRed = modules.some((_, module) => cells.some((_, cell) => worstOf(module, cell) <= WORST_UNEXPECTED));
form.elements.state.value = isRed ? "unexpected" : form.elements.state.querySelector("[value=known]") ? "known" : "any";
readAddress();
search();
if (isRed && found.length <= OPENED) openFirst(OPENED);
openTarget();
addEventListener("hashchange", () => {
  openTarget();
  if (!location.hash.startsWith("#?")) return;
  readAddress();
  search();
});
// The same link once more changes no hash, but the part may have been closed in between.
addEventListener("click", (event) => {
  if (event.target.closest(`a[href="${location.hash}"]`)) openTarget();
});
document.getElementById("more-cases").addEventListener("click", moreCases);
for (const button of document.querySelectorAll("button.copy[data-command]")) {
  button.addEventListener("click", () => copy(button.dataset.command, button));
}
addEventListener("beforeprint", () => {
  if (form.elements.state.value !== "unexpected") return;
  openFirst(PRINTED);
});
document.documentElement.dataset.ready = Math.round(performance.now());
