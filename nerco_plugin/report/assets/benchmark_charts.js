// The two drawings of the benchmark page: lightness of one image, and the spread of a score over all images.
"use strict";

function histogram(image, shown) {
  const roles = [["left", shown.left], ["right", shown.right]];
  if (data.truth && shown.left !== "gt" && shown.right !== "gt") roles.push(["gt", "gt"]);
  const top = Math.max(...roles.flatMap(([, key]) => image.histograms[key])) || 1;
  const svg = makeSVG("svg", { class: "histogram", viewBox: "0 0 64 40", preserveAspectRatio: "none", role: "img",
    "aria-label": `Lightness of ${image.name}, dark left, light right` });
  for (const [side, key] of roles) {
    const points = image.histograms[key].map((v, i) => `${i + 0.5},${(40 - 39 * Math.sqrt(v / top)).toFixed(2)}`);
    svg.append(makeSVG("path", { class: `role-${side}`, d: `M0.5,40 L${points.join(" ")} L63.5,40` }));
  }
  const key = make("div", { class: "key" }, ...roles.map(([side, k]) => make("span", { class: `role-${side}` }, roleLabels[k])));
  return [svg, make("div", { class: "key" }, "dark ← lightness max(R, G, B) → light"), key];
}

// One line of dots for each method, an image each, on the axis of one column; a bar marks the mean. Many dots are strewn.
function spread(images, columnNumber, enlargeImage) {
  const column = data.columns[columnNumber];
  const values = images.flatMap((image) => image.scores.map((scores) => scores[columnNumber])).filter((v) => v != null);
  if (!values.length) return make("p", { class: "soft" }, `${column.label} is not defined on any image.`);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (value) => `${(2 + (96 * (value - low)) / (high - low || 1)).toFixed(2)}%`;
  const many = images.length > 60;
  const rows = data.methods.map((name, method) => {
    const svg = makeSVG("svg", { role: "img", "aria-label": `${column.label} of all images by ${name}` });
    svg.append(makeSVG("line", { x1: "2%", x2: "98%", y1: 16, y2: 16, class: "gridline" }));
    for (const image of images) {
      const value = image.scores[method][columnNumber];
      if (value == null) continue;
      const dot = makeSVG("circle", { cx: x(value), cy: many ? 6 + ((image.index * 0.618) % 1) * 20 : 16, r: many ? 2.5 : 5 }, makeSVG("title"));
      dot.firstChild.textContent = `${image.name}: ${value.toFixed(column.digits)}`;
      dot.addEventListener("click", () => enlargeImage(image));
      svg.append(dot);
    }
    const mean = data.means[method].values[columnNumber];
    if (mean != null) svg.append(makeSVG("line", { x1: x(mean), x2: x(mean), y1: 2, y2: 30, class: "mean" }));
    return make("div", {}, make("div", { class: "soft" }, name), svg);
  });
  const ends = [low, high].map((value, i) => make("span", {}, value.toFixed(column.digits) + ((i === 1) === column.up ? " (best)" : "")));
  return make("div", { class: "spread" }, make("h3", {}, `${column.label}, image by image`), ...rows, make("div", { class: "ends soft" }, ...ends));
}
