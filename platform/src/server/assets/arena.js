// What a page does beyond HTML: filters while the reader types, names the cell under the pointer, follows the running
// round. Without this script the server does the first, the text of a row the second, and a reload the third.
"use strict";

// The filter works on what is on the page, so it is active only if that is every agent in the usual form.
const input = document.getElementById("q");
const rows = [...document.querySelectorAll("tr[data-miner]")];
const count = document.getElementById("count");
if (input !== null && input.value === "" && document.querySelector(".pages") === null) {
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

// A cell of the heat map is 16 pixels wide, as in the drawing.
const cell = document.getElementById("cell");
const names = [...document.querySelectorAll("#verdicts .names a")];
const verdicts = { W: "wrong answer", R: "runtime error", T: "time limit exceeded", M: "memory limit exceeded",
  O: "output limit exceeded", N: "no solution", "?": "fault of the arena" };
for (const strip of document.querySelectorAll("svg.strip")) {
  strip.addEventListener("pointermove", (event) => {
    const column = Math.floor((event.clientX - strip.getBoundingClientRect().left) / 16);
    const text = strip.querySelector("text");
    const places = text === null ? [] : text.getAttribute("x").split(" ");
    const letter = text === null ? -1 : places.indexOf(String(column * 16 + 8));
    const verdict = letter < 0 ? "accepted" : verdicts[[...text.textContent][letter]];
    if (names[column]) {
      cell.textContent = `${strip.closest("tr").dataset.miner}, ${names[column].textContent}: ${verdict}`;
    }
  });
  strip.addEventListener("pointerleave", () => { cell.textContent = ""; });
}

// The running round. When it ends, the page shows its ranking.
const live = document.getElementById("live");
if (live !== null) {
  const events = new EventSource(live.dataset.events);
  events.addEventListener("progress", (event) => {
    const progress = JSON.parse(event.data);
    const bar = document.getElementById("live-bar");
    bar.max = progress.trials_total;
    bar.value = progress.trials_done;
    const faults = progress.faults === 0 ? "" : `, ${progress.faults} fault${progress.faults === 1 ? "" : "s"}`;
    document.getElementById("live-text").textContent =
      `round ${progress.round}: ${progress.trials_done} of ${progress.trials_total} trials${faults}`;
  });
  events.addEventListener("ended", () => {
    events.close();
    location.reload();
  });
}
