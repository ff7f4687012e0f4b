"use strict";
// Everything that came from a guest or a file name is set as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const verdicts = ["passed", "failed", "unresolved", "untested", "unsupported", "undecided"];
const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, text = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== "") made.textContent = text;
  return made;
}

function seconds(value) {
  if (value < 60) return value.toFixed(2) + " s";
  if (value < 3600) return Math.floor(value / 60) + " min " + (value % 60).toFixed(1) + " s";
  return Math.floor(value / 3600) + " h " + String(Math.round((value % 3600) / 60)).padStart(2, "0") + " min";
}

const color = (kind) => "var(--" + kind + ")";

function head() {
  const state = data.outcome === null ? "not finished" : data.nothing_tested ? "nothing was tested" : data.outcome;
  document.title = "kvmtest: run " + data.run;
  byId("title").textContent = "Run " + data.run + ": " + data.tests.length + " tests, " + state;
  const facts = [data.started.slice(0, 19).replace("T", " ") + " UTC", seconds(data.makespan),
    data.workers + (data.workers === 1 ? " reset worker" : " reset workers"), "prefixes " + data.prefixes.join(" "), data.accelerator, data.uri];
  if (data.exit_status !== null) facts.push("exit status " + data.exit_status);
  byId("facts").textContent = facts.join(" · ");
  for (const verdict of verdicts) {
    const count = data.counts[verdict];
    if (count === 0) continue;
    byId("proportions").append(element("div", {
      style: "flex:" + count + ";background:" + color(verdict), title: count + " " + verdict}));
  }
}

// The picture: a lane a prefix and a lane a slot of the reboot pool. A span's width is at least half a pixel. What a span
// is, is written to it only when the pointer comes: thousands of titles cost time when the page opens.

function picture() {
  const height = 16, gap = 4, left = 110, width = 1400, top = 4;
  const total = Math.max(data.makespan, 0.001,
    ...data.lanes.map((lane) => lane.spans.reduce((last, span) => Math.max(last, span[2] + span[3]), 0)));
  const svg = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const full = top + data.lanes.length * (height + gap) + 18;
  const drawing = svg("svg", {viewBox: "0 0 " + (left + width + 10) + " " + full, role: "img"});
  const x = (time) => left + time / total * width;
  const spans = new Map();
  data.lanes.forEach((lane, at) => {
    const y = top + at * (height + gap);
    const row = svg("g", {class: "lane", "data-name": lane.name});
    const label = svg("text", {x: 4, y: y + height - 4});
    label.textContent = lane.name;
    row.append(label);
    for (const described of lane.spans) {
      const [, kind, begin, length, starved, frozen] = described;
      const span = svg("rect", {x: x(begin).toFixed(2), y, width: Math.max(0.5, length / total * width).toFixed(2), height,
        fill: color(kind)});
      spans.set(span, described);
      row.append(span);
      // At the foot of a test, as long parts as it was starved and stood still.
      const part = (what, from, time) => {
        if (!(time > 0)) return;
        const rect = svg("rect", {x: x(from).toFixed(2), y: y + height - 4, height: 4, class: what,
          width: (time / total * width).toFixed(2), fill: color(what)});
        spans.set(rect, described);
        row.append(rect);
      };
      part("starved", begin, starved);
      part("frozen", begin + starved, frozen);
    }
    drawing.append(row);
  });
  for (let tick = 0; tick <= 10; ++tick) {
    const label = svg("text", {x: x(total * tick / 10), y: full - 4, "text-anchor": tick === 10 ? "end" : "middle"});
    label.textContent = seconds(total * tick / 10);
    drawing.append(label);
  }
  drawing.addEventListener("pointerover", (event) => {
    const described = spans.get(event.target);
    if (described === undefined || event.target.firstChild !== null) return;
    const [name, kind, begin, length, starved, frozen] = described;
    const title = svg("title", {});
    title.textContent = name + ": " + kind + ", " + seconds(length) + " from " + seconds(begin) +
      (starved > 0 ? ", starved " + seconds(starved) : "") + (frozen > 0 ? ", stood still for " + seconds(frozen) : "");
    event.target.append(title);
  });
  byId("picture").append(drawing);
  const kinds = new Set(data.lanes.flatMap((lane) => lane.spans.map((span) => span[1])));
  for (const [at, what] of [[4, "starved"], [5, "frozen"]])
    if (data.lanes.some((lane) => lane.spans.some((span) => span[at] > 0))) kinds.add(what);
  for (const kind of ["waiting", "reset", "boot", "restore", "load", "swap", ...verdicts, "starved", "frozen"]) {
    if (!kinds.has(kind)) continue;
    const entry = element("span");
    entry.append(element("i", {style: "background:" + color(kind)}), kind);
    byId("legend").append(entry);
  }
}

function diffLines(text) {
  const pre = element("pre", {class: "diff"});
  for (const line of text.split("\n")) {
    const kind = line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : line.startsWith("@@") ? "place" : "";
    pre.append(kind === "" ? line : element("span", {class: kind}, line), "\n");
  }
  return pre;
}

function folded(title, text) {
  const box = element("details", {class: "folded"});
  box.append(element("summary", {}, title), element("pre", {}, text));
  return box;
}

function details(test) {
  const box = element("div", {class: "details"});
  if (test.reason !== "") box.append(element("p", {}, test.reason));
  for (const attempt of test.attempts) {
    box.append(element("h3", {}, "Attempt " + attempt.number + " on " + attempt.prefix + ": " + attempt.verdict +
      " (test " + seconds(attempt.test) + ", reset " + seconds(attempt.reset) + ", waiting " +
      seconds(attempt.waiting) + ")"));
    if (attempt.use) box.append(element("p", {}, attempt.use));
    for (const [host, name, detail] of attempt.issues || [])
      box.append(element("p", {class: "issue"}, (host === "" ? "" : host + ": ") + name + (detail === "" ? "" : ": " + detail)));
    if (attempt.diff) box.append(diffLines(attempt.diff));
    if (attempt.points) box.append(folded("points: " + attempt.points[0], attempt.points[1]));
    for (const [host, text] of attempt.consoles || []) box.append(folded("console of " + host, text));
  }
  return box;
}

const last = (test) => test.attempts.length === 0 ? null : test.attempts[test.attempts.length - 1];

function issueOf(test) {
  const attempt = last(test);
  if (attempt === null || !attempt.issues) return test.reason;
  const [host, name, detail] = attempt.issues[0];
  return (host === "" ? "" : host + ": ") + name + (detail === "" ? "" : ": " + detail);
}

const columns = [
  {name: "test", value: (row) => row.test.name},
  {name: "verdict", value: (row) => verdicts.indexOf(row.test.verdict)},
  {name: "time", number: true, value: (row) => last(row.test) === null ? -1 : last(row.test).test},
  {name: "reset", number: true, value: (row) => last(row.test) === null ? -1 : last(row.test).reset},
  {name: "prefix", value: (row) => last(row.test) === null ? "" : last(row.test).prefix},
  {name: "why", value: (row) => row.issue},
];

function makeRow(test, order) {
  const row = element("tr", {class: "test", tabindex: "0"});
  const attempt = last(test);
  const made = {test, row, order, issue: issueOf(test), more: null};
  const word = test.verdict + (test.flaky ? ", flaky" : "");
  row.append(element("td", {}, test.name),
    element("td", {class: "verdict", style: "color:" + color(test.verdict)}, word),
    element("td", {class: "number"}, attempt === null ? "" : seconds(attempt.test)),
    element("td", {class: "number"}, attempt === null ? "" : seconds(attempt.reset)),
    element("td", {}, attempt === null ? "" : attempt.prefix),
    element("td", {class: "issue"}, made.issue));
  made.text = (test.name + "\n" + made.issue).toLowerCase();
  return made;
}

function toggle(made) {
  if (made.more !== null) {
    made.more.remove();
    made.more = null;
    return;
  }
  made.more = element("tr", {class: "more"});
  const cell = element("td", {colspan: columns.length});
  cell.append(details(made.test));
  made.more.append(cell);
  made.row.after(made.more);
}

function table() {
  const rows = data.tests.map(makeRow);
  const body = byId("tests").tBodies[0];
  const madeOf = new Map(rows.map((made) => [made.row, made]));
  const toggleAt = (event) => {
    const made = madeOf.get(event.target.closest("tr"));
    if (made !== undefined) toggle(made);
  };
  body.addEventListener("click", toggleAt);
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter") toggleAt(event);
  });
  const chosen = new Set();
  let sorting = {column: null, down: false};

  const show = () => {
    const words = byId("search").value.toLowerCase();
    let count = 0;
    for (const row of rows) {
      const kind = chosen.size === 0 || chosen.has(row.test.verdict) || (chosen.has("flaky") && row.test.flaky);
      const seen = kind && row.text.includes(words);
      row.row.hidden = !seen;
      if (row.more !== null) row.more.hidden = !seen;
      count += seen ? 1 : 0;
    }
    byId("shown").textContent = count + " of " + rows.length;
  };

  const sort = (column) => {
    sorting = {column, down: sorting.column === column && !sorting.down};
    const sign = sorting.down ? -1 : 1;
    rows.sort((a, b) => {
      const x = column.value(a), y = column.value(b);
      return x < y ? -sign : x > y ? sign : a.order - b.order;
    });
    for (const row of rows) body.append(row.row, ...(row.more === null ? [] : [row.more]));
  };

  for (const column of columns) {
    const cell = element("th", column.number ? {class: "number"} : {}, column.name);
    cell.addEventListener("click", () => sort(column));
    byId("tests").tHead.rows[0].append(cell);
  }
  for (const verdict of [...verdicts, "flaky"]) {
    if (data.counts[verdict] === 0) continue;
    const button = element("button", {type: "button", "aria-pressed": "false", "data-verdict": verdict},
      data.counts[verdict] + " " + verdict);
    button.addEventListener("click", () => {
      if (!chosen.delete(verdict)) chosen.add(verdict);
      button.setAttribute("aria-pressed", String(chosen.has(verdict)));
      show();
    });
    byId("verdicts").append(button);
  }
  byId("search").addEventListener("input", show);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  body.append(...rows.map((row) => row.row));
  show();
}

// What different numbers of workers and prefixes came to, where there were runs with several.
function load() {
  if (data.load.length < 2) return;
  const most = Math.max(...data.load.map((row) => row.makespan), 0.001);
  const share = (value) => value.toFixed(1) + " %";
  for (const row of data.load) {
    const made = element("tr");
    const add = (text) => made.append(element("td", {class: "number"}, text));
    [row.workers, row.prefixes, String(row.runs), seconds(row.makespan)].forEach(add);
    const bar = element("td", {class: "bar"});
    bar.append(element("div", {style: "width:" + Math.max(1, 100 * row.makespan / most) + "%"}));
    made.append(bar);
    [share(row.failed), share(row.timeouts), share(row.starved_attempts),
      row.starved === null ? "-" : seconds(row.starved)].forEach(add);
    byId("load").querySelector("tbody").append(made);
  }
  byId("load").hidden = false;
}

head();
picture();
table();
load();
