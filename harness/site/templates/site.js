"use strict";
// How long ago the runs were when the page is looked at: the site may be older than it should be.

const DAY = 24 * 3600 * 1000;

function ago(date) {
  const hours = Math.max(0, (Date.now() - date) / 3600000);
  if (hours < 1) return "less than an hour ago";
  if (hours < 48) return `${Math.floor(hours)} h ago`;
  return `${Math.floor((Date.now() - date) / DAY)} days ago`;
}

for (const time of document.querySelectorAll("time.age")) {
  const date = Date.parse(time.dateTime);
  if (Number.isFinite(date)) time.textContent = ago(date);
}
document.documentElement.dataset.ready = String(Math.max(1, performance.now()));
