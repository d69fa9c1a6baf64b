// The benchmark page: means, sortable scores of every image, and cards with sliders in the same order.
"use strict";

const data = readData();
const CARDS_AT_ONCE = 12;
const state = { column: 0, method: 0, order: "worst", find: "", left: "low", right: "0" };
let ordered = [];

const roleLabels = { low: "Input", ...Object.fromEntries(data.methods.map((name, i) => [String(i), name])) };
if (data.truth) roleLabels.gt = "Reference";

function shownValue(column, value, reason) {
  return value == null ? make("span", { class: "undefined", title: reason || "not defined" }, "n/a") : value.toFixed(column.digits);
}

const markNames = { 1: "best", 2: "second" };

function headCells(columns) {
  return columns.map((c) => make("th", { scope: "col", title: c.meaning }, `${c.label}\u00a0${c.up ? "↑" : "↓"}`));
}

// rows: [{name, values, marks, reasons, own}]
function scoreTable(columns, rows, corner) {
  const body = rows.map((row) => make("tr", { class: row.own ? "own" : null }, make("td", {}, row.name),
    ...columns.map((c, i) => make("td", { class: markNames[(row.marks || [])[i]] },
      row.values[i] === undefined ? "" : shownValue(c, row.values[i], (row.reasons || {})[c.key])))));
  return make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, corner), ...headCells(columns))),
    make("tbody", {}, ...body));
}

function pictures(image) {
  const number = String(image.index).padStart(4, "0");
  return Object.fromEntries(Object.entries(roleLabels).map(([key, label]) => [key, { label, src: `index_files/${number}_${key}.jpg` }]));
}

function card(image, buttons) {
  const chart = make("div");
  const compare = makeCompare({ name: image.name, size: image.size, pictures: pictures(image),
    shown: { left: state.left, right: state.right }, changed: (shown) => chart.replaceChildren(...histogram(image, shown)) });
  const rows = data.methods.map((name, i) => ({ name, values: image.scores[i], marks: image.marks[i], reasons: image.reasons[i] }));
  return make("article", { class: "card", "data-name": image.name },
    make("header", {}, make("h3", {}, image.name), make("span", { class: "soft" }, image.size.join(" × ")), ...buttons),
    compare.box,
    make("div", { class: "body" }, make("div", { class: "wide" }, scoreTable(data.columns, rows, "")), chart));
}

// --- one image over the whole window, in the order of the list

const dialog = make("dialog", { "aria-label": "One image over the whole window" });

function enlarge(position) {
  const image = ordered[position];
  const step = (by) => make("button", { type: "button", disabled: !ordered[position + by], "aria-label": by < 0 ? "Previous image" : "Next image",
    onclick: () => enlarge(position + by) }, by < 0 ? "‹" : "›");
  const node = card(image, [make("span", { class: "soft" }, `${position + 1} of ${ordered.length}`), step(-1), step(1),
    make("button", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, "✕")]);
  dialog.replaceChildren(node);
  dialog.onkeydown = (event) => {
    const by = { PageUp: -1, PageDown: 1 }[event.key];
    if (by && ordered[position + by]) { event.preventDefault(); enlarge(position + by); }
  };
  if (!dialog.open) dialog.showModal();
  node.querySelector("input[type=range]").focus({ focusVisible: false });
}

// --- order

function compareImages(a, b) {
  if (state.order === "name") return a.index - b.index;
  const [x, y] = [a, b].map((image) => image.scores[state.method][state.column]);
  if (x == null || y == null) return (x == null) - (y == null) || a.index - b.index;
  const worstFirst = data.columns[state.column].up ? x - y : y - x;
  return (state.order === "worst" ? worstFirst : -worstFirst) || a.index - b.index;
}

function setState(changes) {
  Object.assign(state, changes);
  const wanted = state.find.toLowerCase();
  ordered = data.images.filter((image) => image.name.toLowerCase().includes(wanted)).sort(compareImages);
  drawControls();
  drawTable();
  spreadBox.replaceChildren(spread(ordered, state.column, (image) => enlarge(ordered.indexOf(image))));
  cards.replaceChildren();
  addCards();
}

// --- controls, table, cards; controls and heads are made once, so that the keyboard's focus stays where it is

const columnSelect = makeSelect(data.columns.map((c, i) => [String(i), c.label]), "0", "Order by score",
  (value) => setState({ column: Number(value), order: state.order === "name" ? "worst" : state.order }));
const methodSelect = makeSelect(data.methods.map((name, i) => [String(i), name]), "0", "Scores of method",
  (value) => setState({ method: Number(value), right: value }));
const roleSelects = Object.fromEntries(["left", "right"].map((side) =>
  [side, makeSelect(Object.entries(roleLabels), state[side], `Picture on the ${side}, everywhere`, (value) => setState({ [side]: value }))]));
const orderButtons = Object.fromEntries([["worst", "Worst first"], ["best", "Best first"], ["name", "By name"]].map(([order, text]) =>
  [order, make("button", { type: "button", onclick: () => setState({ order }) }, text)]));
const heads = [["Image", "Order by name"], ...data.columns.map((c) => [c.label, c.meaning])].map(([text, title], i) =>
  make("th", { scope: "col", title }, make("button", { type: "button", onclick: () => clickHead(i - 1) }, text)));
const rowsBox = make("tbody");
const table = make("table", { id: "scores" }, make("thead", {}, make("tr", {}, ...heads)), rowsBox);
const spreadBox = make("div", { class: "side" });
const cards = make("div", { class: "grid", id: "cards" });
const more = make("p", { class: "soft", id: "more" });

function clickHead(column) {
  if (column < 0) setState({ order: "name" });
  else setState({ column, order: column === state.column && state.order === "worst" ? "best" : "worst" });
}

function drawControls() {
  columnSelect.value = String(state.column);
  for (const [side, select] of Object.entries(roleSelects)) select.value = state[side];
  for (const [order, button] of Object.entries(orderButtons)) button.setAttribute("aria-pressed", String(state.order === order));
  const sorted = state.order === "name" ? 0 : state.column + 1;
  const rising = state.order === "name" || (state.order === "worst") === data.columns[state.column].up;
  heads.forEach((head, i) => {
    head.removeAttribute("aria-sort");
    if (i === sorted) head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  });
}

function drawTable() {
  rowsBox.replaceChildren(...ordered.map((image, position) => make("tr", { class: "open", onclick: () => enlarge(position) },
    make("td", {}, make("button", { type: "button" }, image.name)),
    ...data.columns.map((c, i) => make("td", {}, shownValue(c, image.scores[state.method][i], image.reasons[state.method][c.key]))))));
}

function addCards() {
  const from = cards.childElementCount;
  ordered.slice(from, from + CARDS_AT_ONCE).forEach((image, i) => {
    const button = make("button", { type: "button", onclick: () => enlarge(from + i) }, "Enlarge");
    cards.append(card(image, [button]));
  });
  more.textContent = ordered.length ? `${cards.childElementCount} of ${ordered.length} images shown` : "No image has such a name.";
}

function fold(summary, ...content) {
  return make("details", {}, make("summary", {}, summary), ...content);
}

function list(lines) {
  return make("ul", { class: "soft narrow" }, ...lines.map((line) => make("li", {}, line)));
}

const several = data.methods.length > 1;
document.getElementById("page").append(
  make("header", { class: "top" }, make("div", {}, make("h1", {}, data.title), make("p", { class: "soft" }, data.subtitle)), themeButton()),
  make("h2", {}, "Means"),
  make("div", { class: "scroll" }, scoreTable(data.columns, data.means, "Method")),
  several ? make("p", { class: "soft" }, make("span", { class: "best" }, "Best"), " and ", make("span", { class: "second" }, "second"), " of each column.") : "",
  fold("What the columns are", list(data.columns.map((c) => `${c.label} (${c.up ? "higher" : "lower"} is better): ${c.meaning}`))),
  data.notes.length ? fold(`Left out of the means: ${data.notes.length}`, list(data.notes)) : "",
  data.paper ? fold(data.paper.title, make("p", { class: "soft narrow" }, data.paper.note),
    make("div", { class: "scroll" }, scoreTable(data.paper.columns, data.paper.rows, "Method"))) : "",
  make("h2", {}, "Images"),
  make("div", { class: "controls" },
    make("label", {}, "Order by", columnSelect), several ? make("label", {}, "of", methodSelect) : "",
    make("span", { class: "switch", role: "group", "aria-label": "Order" }, ...Object.values(orderButtons)),
    make("label", {}, "Show", roleSelects.left, "|", roleSelects.right),
    make("input", { type: "search", placeholder: "Find a name", "aria-label": "Find images by name", oninput: (event) => setState({ find: event.target.value }) })),
  make("p", { class: "soft" }, "Choose an image to enlarge it. Drag the line in a picture, or focus it and use the arrow keys."),
  make("div", { class: "beside" }, make("div", { class: "scroll tall" }, table), spreadBox),
  make("h2", {}, "Pictures"), cards, more, dialog);
setState({});
new IntersectionObserver((entries) => {
  if (entries[0].isIntersecting && cards.childElementCount < ordered.length) addCards();
}, { rootMargin: "1500px" }).observe(more);
