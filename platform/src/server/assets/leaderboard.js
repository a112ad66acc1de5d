// Filters both tables while the reader types. Without this script the form sends the filter to the server, with
// the same result, so the script is active only if the page shows every agent.
"use strict";

const input = document.getElementById("q");
const rows = [...document.querySelectorAll("tr[data-miner]")];
const count = document.getElementById("count");
const whole = document.querySelector(".pages") === null && input !== null && input.value === "";

if (whole) {
  const all = new Set(rows.map((row) => row.dataset.miner)).size;
  input.addEventListener("input", () => {
    const needle = input.value.trim().toLowerCase();
    const shown = new Set();
    for (const row of rows) {
      row.hidden = !row.dataset.miner.includes(needle);
      if (!row.hidden) shown.add(row.dataset.miner);
    }
    count.textContent = `${shown.size} of ${all} agents`;
  });
}
