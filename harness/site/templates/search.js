"use strict";
// The search over the ids of all cases. harness/site/search.py says how the index is packed.

const AT_ONCE = 100;
const form = document.getElementById("search");
const list = document.getElementById("results");
const more = document.getElementById("more");

const cases = [];
for (const [module, file, groups] of SEARCH_INDEX.modules) {
  for (const [owner, names] of groups) {
    for (const each of names) {
      const [name, tone, page] = typeof each === "string" ? [each, "", ""] : each;
      const id = owner ? `${owner}.${name}` : name;
      const path = tone ? `cases/${file}/${page || id}.html` : `modules/${file}.html`;
      cases.push({ id, lower: id.toLowerCase(), module, tone, path });
    }
  }
}

let found = [];
function search(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  list.replaceChildren();
  found = words.length ? cases.filter((each) => words.every((word) => each.lower.includes(word))) : [];
  const last = words.at(-1);
  found.sort((a, b) => b.lower.endsWith(last) - a.lower.endsWith(last) || (b.tone !== "") - (a.tone !== ""));
  document.getElementById("found").textContent = words.length
    ? `${found.length.toLocaleString("en-US")} of ${cases.length.toLocaleString("en-US")} cases` : "";
  show();
}

function show() {
  for (const each of found.slice(list.children.length, list.children.length + AT_ONCE)) {
    const row = document.createElement("li");
    const link = document.createElement("a");
    link.href = each.path;
    const code = document.createElement("code");
    code.textContent = each.id;
    link.append(code);
    const tag = document.createElement("span");
    tag.className = `tag s-${each.tone || "pass"}`;
    tag.textContent = each.tone || "always good";
    row.append(tag, " ", link);
    list.append(row);
  }
  const left = found.length - list.children.length;
  more.hidden = left <= 0;
  more.textContent = `show ${Math.min(left, AT_ONCE)} more`;
}

more.addEventListener("click", show);
form.addEventListener("submit", (event) => event.preventDefault());
form.elements.q.addEventListener("input", () => {
  search(form.elements.q.value);
  history.replaceState(null, "", `#${new URLSearchParams({ q: form.elements.q.value })}`);
});
// The form of the other pages asks by the query; what is typed here stands behind the hash, which a file may change too.
const [asked, typed] = [location.search, location.hash.slice(1)].map((text) => new URLSearchParams(text).get("q"));
form.elements.q.value = typed ?? asked ?? "";
search(form.elements.q.value);
form.elements.q.focus();
