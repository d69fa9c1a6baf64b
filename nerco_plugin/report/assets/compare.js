// The before/after slider: two pictures over each other, the line between them moved by mouse, touch and keys.
"use strict";

// Makes an element: make("p", {class: "soft"}, "text", child, ...).
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

function makeSVG(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function makeSelect(options, chosen, label, changed) {
  const select = make("select", { "aria-label": label, onchange: () => changed(select.value) });
  for (const [value, text] of options) select.append(make("option", { value, selected: value === chosen }, text));
  return select;
}

// pictures: {key: {label, src}}; shown: {left, right} keys; changed is told when another picture is chosen.
function makeCompare({ name, size, pictures, shown, changed = () => {} }) {
  const options = Object.entries(pictures).map(([key, picture]) => [key, picture.label]);
  const images = {}, selects = {};
  const range = make("input", {
    type: "range", min: 0, max: 100, step: 2, value: 50, "aria-label": `${name}: move the line between the two pictures`,
    oninput: () => move(Number(range.value)),
  });
  const box = make("div", { class: "compare", style: `--ratio: ${size[0] / size[1]}` });

  function move(percent) {
    const at = Math.min(100, Math.max(0, percent));
    box.style.setProperty("--at", `${at}%`);
    range.value = Math.round(at);
  }

  function show(side, key) {
    shown[side] = key;
    selects[side].value = key;
    images[side].src = pictures[key].src;
    images[side].alt = `${name}, ${pictures[key].label}`;
    range.setAttribute("aria-valuetext", `${pictures[shown.left].label} left, ${pictures[shown.right].label} right`);
    changed(shown);
  }

  for (const side of ["right", "left"]) images[side] = make("img", { class: side, loading: "lazy", draggable: "false" });
  for (const side of ["left", "right"]) {
    selects[side] = makeSelect(options, shown[side], `${name}: picture on the ${side}`, (key) => show(side, key));
  }
  box.append(images.right, images.left, make("div", { class: "divider" }), range, selects.left, selects.right);
  followPointer(box, move);
  for (const side of ["left", "right"]) show(side, shown[side]);
  return { box, show };
}

// A mouse moves the line at once; a finger only when it moves sideways or taps, so that the page still scrolls.
function followPointer(box, move) {
  let held = null;
  const place = (event) => {
    const frame = box.getBoundingClientRect();
    move((100 * (event.clientX - frame.left)) / frame.width);
  };
  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.tagName === "SELECT") return;
    held = event.pointerId;
    box.setPointerCapture(held);
    if (event.pointerType === "mouse") place(event);
  });
  box.addEventListener("pointermove", (event) => { if (event.pointerId === held) place(event); });
  box.addEventListener("click", (event) => { if (event.target.tagName !== "SELECT") place(event); });
  for (const end of ["pointerup", "pointercancel"]) box.addEventListener(end, () => { held = null; });
}

function themeButton() {
  const modes = ["auto", "light", "dark"];
  const button = make("button", { type: "button", title: "Light or dark page" });
  const apply = (mode) => {
    document.documentElement.dataset.theme = mode;
    button.textContent = `◐ ${mode}`;
  };
  button.addEventListener("click", () => {
    apply(modes[(modes.indexOf(document.documentElement.dataset.theme) + 1) % modes.length]);
  });
  apply("auto");
  return button;
}

function readData() {
  return JSON.parse(document.getElementById("data").textContent);
}
