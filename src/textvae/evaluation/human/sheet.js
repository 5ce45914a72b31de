
"use strict";
// Answers of one sheet: { rater, answers: { item: { criterion: value } }, comments: { item: text }, at: place }.

const FORMULA_STARTS = ["=", "+", "-", "@", "\t", "\n", "\r", "＝", "＋", "－", "＠"];

// A cell of CSV that no spreadsheet takes for a formula.
function cell(text) {
  const guarded = FORMULA_STARTS.includes(text.replace(/^'+/, "").charAt(0)) ? "'" + text : text;
  return /[",\r\n]/.test(guarded) ? '"' + guarded.replaceAll('"', '""') + '"' : guarded;
}

// What was answered; nothing where nothing was.
function valueOf(state, item, name) {
  const given = state.answers[item];
  return given && Object.hasOwn(given, name) ? given[name] : "";
}

// All items of the sheet, answered or not, as CSV with the mark by which Excel knows UTF-8.
function csv(items, criteria, state) {
  const rows = items.map((item) => [
    item,
    ...criteria.map((name) => valueOf(state, item, name)),
    state.comments[item] || "",
    state.rater,
  ]);
  const head = ["item", ...criteria, "comment", "rater"];
  return "\ufeff" + [head, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function isComplete(item, criteria, state) {
  return criteria.every((name) => valueOf(state, item, name));
}

function filled(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function start() {
  const study = JSON.parse(document.getElementById("study").textContent);
  const { criteria, words } = study;
  const place = "textvae-sheet-" + study.sheet;
  const articles = [...document.querySelectorAll("article")];
  const items = articles.map((article) => article.dataset.item);
  const find = (id) => document.getElementById(id);
  let state = { rater: "", answers: {}, comments: {}, at: 0 };
  let isLost = false; // whether what was answered since the last export is nowhere but on the screen

  function load() {
    try {
      state = { ...state, ...JSON.parse(localStorage.getItem(place) || "{}") };
    } catch {
      tell(words.unsaved);
    }
  }

  function save() {
    try {
      localStorage.setItem(place, JSON.stringify(state));
    } catch {
      isLost = true;
      tell(words.unsaved);
    }
  }

  function tell(text) {
    find("told").textContent = text;
  }

  function radios(article, name) {
    return [...article.querySelectorAll("fieldset")].find((one) => one.dataset.criterion === name)
      .querySelectorAll("input");
  }

  function fill() {
    find("rater").value = state.rater;
    for (const article of articles) {
      const item = article.dataset.item;
      article.querySelector("textarea").value = state.comments[item] || "";
      for (const name of criteria)
        for (const radio of radios(article, name)) radio.checked = valueOf(state, item, name) === radio.value;
    }
  }

  function count() {
    const done = items.filter((item) => isComplete(item, criteria, state)).length;
    find("done").textContent = filled(words.done, { done, all: items.length });
    find("bar").value = done;
    return done;
  }

  function show(at) {
    state.at = Math.min(Math.max(at, 0), items.length - 1);
    articles.forEach((article, number) => { article.hidden = number !== state.at; });
    find("place").textContent = filled(words.place, { place: state.at + 1, all: items.length });
    find("previous").disabled = state.at === 0;
    find("next").disabled = state.at === items.length - 1;
  }

  function go(at) {
    if (state.at === 0) find("how").open = false; // read by now; a click shows it again
    if (document.activeElement) document.activeElement.blur(); // keys are for the next item now
    tell("");
    show(at);
    save();
    articles[state.at].scrollIntoView({ block: "nearest" });
  }

  function toOpen() {
    const order = [...items.keys()].map((step) => (state.at + 1 + step) % items.length);
    const open = order.find((number) => !isComplete(items[number], criteria, state));
    if (open !== undefined) go(open);
  }

  function answer(item, name, value) {
    state.answers[item] = { ...state.answers[item], [name]: value };
    save();
    count();
  }

  // A key answers the question that has the focus, else the first that is open, and moves on to the next.
  function answerByKey(value) {
    const article = articles[state.at], item = items[state.at];
    const focused = document.activeElement && document.activeElement.closest("article fieldset");
    const name = focused ? focused.dataset.criterion : criteria.find((one) => !valueOf(state, item, one));
    const radio = name && [...radios(article, name)].find((one) => one.value === value);
    if (!radio) return;
    radio.checked = true;
    answer(item, name, value);
    const open = criteria.find((one) => !valueOf(state, item, one));
    (open ? radios(article, open)[0] : radio).focus(); // after the last, another key corrects it
  }

  function exportCsv() {
    if (!state.rater.trim()) {
      tell(words.nameless);
      find("rater").focus();
      return;
    }
    const name = "ratings-" + study.sheet + "-" + state.rater.trim().replace(/[^\p{L}\p{N}]+/gu, "_") + ".csv";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(items, criteria, state)], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    const open = items.length - count();
    isLost = false;
    tell(filled(open ? words.incomplete : words.exported, { name, open, all: items.length }));
  }

  function anew() {
    if (!confirm(words.anew_sure)) return;
    state = { rater: "", answers: {}, comments: {}, at: 0 };
    fill();
    count();
    go(0);
  }

  const values = study.mode === "rate"
    ? { 1: "1", 2: "2", 3: "3", 4: "4", 5: "5" }
    : { a: "A", b: "B", t: "tie" };

  function onKey(event) {
    const typing = event.target.closest("textarea, input:not([type=radio])");
    if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    const onControl = event.target.closest("button, summary");
    if (values[key]) answerByKey(values[key]);
    else if (key === "n" || (key === "enter" && !onControl)) go(state.at + 1);
    else if (key === "p") go(state.at - 1);
    else return;
    event.preventDefault();
  }

  document.addEventListener("keydown", onKey);
  document.addEventListener("change", (event) => {
    if (event.target.type !== "radio") return;
    answer(items[state.at], event.target.closest("fieldset").dataset.criterion, event.target.value);
  });
  document.addEventListener("input", (event) => {
    if (event.target.id === "rater") state.rater = event.target.value;
    else if (event.target.tagName === "TEXTAREA") state.comments[items[state.at]] = event.target.value;
    else return;
    save();
  });
  addEventListener("beforeunload", (event) => {
    if (isLost) event.preventDefault();
  });
  find("previous").addEventListener("click", () => go(state.at - 1));
  find("next").addEventListener("click", () => go(state.at + 1));
  find("open").addEventListener("click", toOpen);
  find("export").addEventListener("click", exportCsv);
  find("anew").addEventListener("click", anew);
  load();
  fill();
  count();
  show(state.at);
  find("how").open = state.at === 0;
}

if (typeof document !== "undefined") start();
else module.exports = { cell, csv };
