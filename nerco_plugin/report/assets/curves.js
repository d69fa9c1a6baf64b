// The page of a training run: one small chart for each curve, a shared marker, and sample pictures over iterations.
"use strict";

const data = readData();
const W = 460, H = 190, LEFT = 52, RIGHT = 8, TOP = 8, BOTTOM = 22;
const state = { smoothing: 0.6, log: false, at: data.last };
const drawn = [];

function short(value) {
  if (value == null) return "n/a";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

function iterations(value) {
  return value >= 1e6 ? `${value / 1e6}M` : value >= 1e4 ? `${value / 1e3}k` : String(value);
}

// About `count` round numbers between low and high.
function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) found.push(Number(value.toPrecision(12)));
  return found;
}

// Running mean without the bias of its first values; gaps stay gaps.
function smooth(points, factor) {
  let sum = 0, weight = 0;
  return points.map(([iteration, value]) => {
    if (value == null) return [iteration, null];
    sum = factor * sum + (1 - factor) * value;
    weight = factor * weight + (1 - factor);
    return [iteration, sum / weight];
  });
}

function path(points, x, y) {
  let pen = "M";
  return points.map(([iteration, value]) => {
    if (value == null) { pen = "M"; return ""; }
    const piece = `${pen}${x(iteration).toFixed(1)},${y(value).toFixed(1)}`;
    pen = "L";
    return piece;
  }).join("");
}

function yScale(values, log) {
  const usable = log ? values.filter((value) => value > 0) : values;
  let [low, high] = usable.length ? [Math.min(...usable), Math.max(...usable)] : [0, 1];
  if (low === high) { low -= Math.abs(low) / 10 || 0.1; high += Math.abs(high) / 10 || 0.1; }
  const bend = log ? Math.log10 : (value) => value;
  const span = bend(high) - bend(low);
  const y = (value) => H - BOTTOM - ((bend(value) - bend(low)) / span) * (H - BOTTOM - TOP);
  const marks = log ? ticks(bend(low), bend(high), 3).map((power) => 10 ** power) : ticks(low, high, 5);
  return { y, marks };
}

function axes(svg, x, y, marks) {
  for (const value of marks) {
    svg.append(makeSVG("line", { x1: LEFT, x2: W - RIGHT, y1: y(value), y2: y(value), class: "gridline" }),
      makeSVG("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  }
  for (const value of ticks(0, data.last, 4)) {
    svg.append(makeSVG("text", { x: x(value), y: H - 6, "text-anchor": value ? "middle" : "start" }, iterations(value)));
  }
}

function nearest(points, iteration) {
  return points.reduce((best, point) => (Math.abs(point[0] - iteration) < Math.abs(best[0] - iteration) ? point : best));
}

function chart({ name, points, best }, isScore) {
  const log = state.log && !isScore && points.every(([, value]) => value == null || value > 0);
  const x = (iteration) => LEFT + (iteration / data.last) * (W - LEFT - RIGHT);
  const { y, marks } = yScale(points.map(([, value]) => value).filter((value) => value != null), log);
  const svg = makeSVG("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${name} over iterations` });
  axes(svg, x, y, marks);
  const factor = isScore || points.length < 20 ? 0 : state.smoothing;
  if (factor) svg.append(makeSVG("path", { class: "raw", d: path(points, x, y) }));
  svg.append(makeSVG("path", { class: "smooth", d: path(smooth(points, factor), x, y) }));
  if (isScore || points.length === 1) {
    for (const [iteration, value] of points) {
      if (value != null) svg.append(makeSVG("circle", { cx: x(iteration), cy: y(value), r: best && best[1] === iteration ? 6 : 3 }));
    }
  }
  const marker = makeSVG("line", { y1: TOP, y2: H - BOTTOM, class: "marker" });
  const value = make("span", { class: "soft" });
  svg.append(marker);
  svg.addEventListener("pointermove", (event) => {
    const frame = svg.getBoundingClientRect();
    const inside = ((event.clientX - frame.left) / frame.width) * W - LEFT;
    setAt(Math.round(Math.min(1, Math.max(0, inside / (W - LEFT - RIGHT))) * data.last));
  });
  drawn.push((at) => {
    const [iteration, number] = nearest(points, at);
    marker.setAttribute("x1", x(iteration));
    marker.setAttribute("x2", x(iteration));
    value.replaceChildren(make("b", {}, short(number)), ` @ ${iteration.toLocaleString("en")}`);
  });
  const note = best ? make("div", { class: "soft" }, `best ${short(best[0])} @ ${best[1].toLocaleString("en")}`) : "";
  return make("section", { class: "card chart" }, make("header", {}, make("h3", {}, name), value), note, svg);
}

// A picture at two iterations; the right one follows the marker.
function sample({ name, size, pictures }) {
  const byKey = Object.fromEntries(pictures.map((picture) => [picture.iteration, { label: `iteration ${picture.iteration.toLocaleString("en")}`, src: picture.src }]));
  const keys = pictures.map((picture) => picture.iteration);
  const shown = { left: String(keys[0]), right: String(keys.at(-1)) };
  const compare = makeCompare({ name, size, pictures: byKey, shown });
  const follow = (at) => {
    const key = String(nearest(keys.map((iteration) => [iteration]), at)[0]);
    if (key !== shown.right) compare.show("right", key);
  };
  return { node: make("article", { class: "card" }, make("header", {}, make("h3", {}, name),
    make("span", { class: "soft" }, `${pictures.length} saved`)), compare.box), follow };
}

const at = make("input", { type: "range", min: 0, max: data.last, value: data.last, "aria-label": "Iteration", oninput: () => setAt(Number(at.value)) });
const atText = make("output");
const smoothing = make("input", { type: "range", min: 0, max: 0.98, step: 0.02, value: state.smoothing,
  oninput: () => { state.smoothing = Number(smoothing.value); draw(); } });
const logBox = make("input", { type: "checkbox", onchange: () => { state.log = logBox.checked; draw(); } });
const groups = make("div");
const pictures = data.samples.map(sample);

function setAt(iteration) {
  state.at = iteration;
  at.value = iteration;
  atText.textContent = iteration.toLocaleString("en");
  for (const show of drawn) show(iteration);
  for (const picture of pictures) picture.follow(iteration);
}

function draw() {
  drawn.length = 0;
  groups.replaceChildren(...data.groups.flatMap((group) => [make("h2", {}, group.title),
    make("div", { class: "grid charts" }, ...group.charts.map((one) => chart(one, group.title === "Validation")))]));
  setAt(state.at);
}

document.getElementById("page").append(
  make("header", { class: "top" }, make("div", {}, make("h1", {}, data.title), make("p", { class: "soft" }, data.subtitle)), themeButton()),
  make("div", { class: "controls bar" }, make("label", {}, "Iteration", at, atText)),
  make("div", { class: "controls" }, make("label", {}, "Smoothing", smoothing), make("label", {}, logBox, "Loss terms on a log scale")),
  groups,
  ...(pictures.length ? [make("h2", {}, "Sample pictures"), make("p", { class: "soft" }, "The right picture follows the iteration chosen above or in a chart."),
    make("div", { class: "grid" }, ...pictures.map((picture) => picture.node))] : []));
draw();
