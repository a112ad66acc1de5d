// Filters the ranking while one types. Without this the form asks the server, with the same result; so
// it steps in only where the page shows every agent there is.
"use strict";

const input = document.getElementById("q");
const rows = [...document.querySelectorAll("#ranking tbody tr")];
const count = document.getElementById("count");
const whole = document.querySelector(".pages") === null && input !== null && input.value === "";

if (whole) {
  input.addEventListener("input", () => {
    const needle = input.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.dataset.miner.includes(needle);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${rows.length} agents`;
  });
}
