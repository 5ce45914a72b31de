"use strict";
// Points of a map: { texts, points: [x, y], axes, label, kind, ... }, see page.py.

const RADIUS = 3.2, REACH = 14, MARGIN = 24;

// From a place on the scale, 0 to 1, to a colour between its neighbours.
function colorAt(scale, place) {
  const at = place * (scale.length - 1), low = Math.min(Math.floor(at), scale.length - 2);
  const parts = [scale[low], scale[low + 1]].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return "rgb(" + parts[0].map((from, i) => Math.round(from + (at - low) * (parts[1][i] - from))).join(",") + ")";
}

// The colour of each point.
function colorsOf(map) {
  if (map.kind === "categories") return map.codes.map((code) => map.colors[code]);
  return map.places.map((place) => (place === null ? map.grey : colorAt(map.scale, place)));
}

// How the map lies in a window: whole, in its middle, the same unit along both axes.
function whole(map, width, height) {
  const [xs, ys] = map.points.map((ends) => ends.reduce((most, value) => Math.max(most, value), 1));
  const scale = Math.min((width - 2 * MARGIN) / xs, (height - 2 * MARGIN) / ys);
  return { scale, left: (width - scale * xs) / 2, bottom: (height + scale * ys) / 2 };
}

// Where a point is in the window.
function placed(map, view, i) {
  return [view.left + view.scale * map.points[0][i], view.bottom - view.scale * map.points[1][i]];
}

// The seen point nearest to (x, y), at most `reach` away; -1: none.
function nearest(map, view, isSeen, x, y, reach) {
  let best = -1, least = reach * reach;
  for (let i = 0; i < map.texts.length; i++) {
    if (!isSeen(i)) continue;
    const [px, py] = placed(map, view, i);
    const distance = (px - x) * (px - x) + (py - y) * (py - y);
    if (distance <= least) [best, least] = [i, distance];
  }
  return best;
}

// The view after coming nearer by `factor` at (x, y), which stays where it is.
function zoomed(view, factor, x, y) {
  return {
    scale: view.scale * factor,
    left: x + (view.left - x) * factor,
    bottom: y + (view.bottom - y) * factor,
  };
}

// What stands above the text of a point.
function named(map, i) {
  if (map.label === null) return "";
  const value = map.kind === "categories" ? map.names[map.codes[i]] : map.values[i];
  return map.label + ": " + (value === null ? "no label" : value);
}

function start() {
  const map = JSON.parse(document.getElementById("map").textContent);
  const find = (id) => document.getElementById(id);
  const plane = find("plane"), pen = plane.getContext("2d"), colors = colorsOf(map);
  const hidden = new Set();
  let view = null, found = null, kept = -1, held = null, moved = false;

  const isShown = (i) => map.kind !== "categories" || !hidden.has(map.codes[i]);
  const isSeen = (i) => isShown(i) && (found === null || found.has(i));

  function size() {
    const box = plane.getBoundingClientRect(), sharp = window.devicePixelRatio || 1;
    plane.width = Math.round(box.width * sharp);
    plane.height = Math.round(box.height * sharp);
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    return box;
  }

  function reset() {
    const box = size();
    view = whole(map, box.width, box.height);
    draw();
  }

  function dots(isOf, color, alpha, radius) {
    pen.globalAlpha = alpha;
    for (let i = 0; i < map.texts.length; i++) {
      if (!isOf(i)) continue;
      const [x, y] = placed(map, view, i);
      pen.fillStyle = color || colors[i];
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  function draw() {
    const width = plane.clientWidth, height = plane.clientHeight;
    pen.clearRect(0, 0, width, height);
    if (found !== null) dots((i) => isShown(i) && !found.has(i), "#e3e6ea", 0.8, RADIUS);
    dots(isSeen, null, found === null && map.texts.length > 2000 ? 0.6 : 0.85, RADIUS);
    if (kept >= 0) {
      const [x, y] = placed(map, view, kept);
      pen.strokeStyle = "#1d232b";
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(x, y, RADIUS + 3, 0, 2 * Math.PI);
      pen.stroke();
    }
    pen.fillStyle = "#5a6472";
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "right";
    pen.fillText("→ " + map.axes[0], width - 8, height - 8);
    pen.textAlign = "left";
    pen.fillText("↑ " + map.axes[1], 8, 16);
  }

  // Show the text of a point beside it; -1: none.
  function show(i) {
    const box = find("shown");
    box.hidden = i < 0;
    if (i < 0) return;
    find("named").textContent = named(map, i);
    find("text").textContent = map.texts[i];
    box.classList.toggle("kept", i === kept);
    const [x, y] = placed(map, view, i), width = plane.clientWidth, height = plane.clientHeight;
    const left = x + 14 + box.offsetWidth > width ? x - 14 - box.offsetWidth : x + 14;
    box.style.left = Math.max(4, Math.min(left, width - box.offsetWidth - 4)) + "px";
    box.style.top = Math.max(4, Math.min(y + 10, height - box.offsetHeight - 4)) + "px";
  }

  function at(event) {
    const box = plane.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  function search() {
    const sought = find("sought").value.trim().toLocaleLowerCase();
    found = sought ? new Set() : null;
    if (sought)
      map.texts.forEach((text, i) => {
        if (text.toLocaleLowerCase().includes(sought)) found.add(i);
      });
    find("told").textContent = found === null ? "" : found.size + " of " + map.texts.length + " texts";
    draw();
  }

  function categories() {
    map.names.forEach((name, code) => {
      const button = document.createElement("button"), mark = document.createElement("i");
      mark.style.background = map.colors[code];
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.append(mark, name + " (" + map.counts[code] + ")");
      button.addEventListener("click", () => {
        const isOff = hidden.delete(code) ? false : Boolean(hidden.add(code));
        button.setAttribute("aria-pressed", String(!isOff));
        if (kept >= 0 && !isShown(kept)) show((kept = -1));
        draw();
      });
      find("legend").append(button);
    });
  }

  function scale() {
    const bar = document.createElement("canvas"), ends = map.ends.map((end) => Number(end.toPrecision(4)));
    [bar.width, bar.height] = [240, 1];
    for (let x = 0; x < bar.width; x++) {
      const ink = bar.getContext("2d");
      ink.fillStyle = colorAt(map.scale, x / (bar.width - 1));
      ink.fillRect(x, 0, 1, 1);
    }
    find("legend").append(map.label + ": " + ends[0], bar, String(ends[1]));
  }

  plane.addEventListener("pointerdown", (event) => {
    held = at(event);
    moved = false;
    plane.setPointerCapture(event.pointerId);
  });
  plane.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (held === null) return show(kept >= 0 ? kept : nearest(map, view, isSeen, x, y, REACH));
    if (!moved && Math.hypot(x - held[0], y - held[1]) < 4) return;
    moved = true;
    view = { ...view, left: view.left + x - held[0], bottom: view.bottom + y - held[1] };
    held = [x, y];
    draw();
    show(kept);
  });
  plane.addEventListener("pointerup", (event) => {
    const [x, y] = at(event);
    held = null;
    if (moved) return;
    const i = nearest(map, view, isSeen, x, y, REACH);
    kept = i === kept ? -1 : i;
    draw();
    show(kept);
  });
  plane.addEventListener("pointerleave", () => show(kept));
  plane.addEventListener("wheel", (event) => {
    event.preventDefault();
    view = zoomed(view, Math.exp(-event.deltaY / 500), ...at(event));
    draw();
    show(kept);
  }, { passive: false });
  find("whole").addEventListener("click", () => { reset(); show(kept); });
  find("sought").addEventListener("input", search);
  window.addEventListener("resize", () => { reset(); show(kept); });
  if (map.label !== null) (map.kind === "categories" ? categories : scale)();
  reset();
}

if (typeof document !== "undefined") start();
if (typeof module !== "undefined") module.exports = { colorAt, colorsOf, whole, placed, nearest, zoomed, named };
