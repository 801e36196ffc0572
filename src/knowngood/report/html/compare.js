"use strict";
(() => {
  const section = document.getElementById("compare");
  if (!section) return;
  // The columns of the data have the order of the matrix: that of the rows before they are ordered by something else.
  const rows = [...document.getElementById("cells").tBodies];
  const nameOf = (cell) => cell.rows[0].cells[0].firstElementChild.textContent;
  const combos = [...new Set(rows.map(nameOf))];
  const { locks, packages } = JSON.parse(document.getElementById("compared").textContent);
  const CODES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  const valueOf = ([values, chosen], number) => values[typeof chosen === "string" ? CODES.indexOf(chosen[number]) : chosen[number]];
  const form = section.querySelector("form");
  const { first, second } = form.elements;
  const list = document.getElementById("combos");
  const result = section.querySelector("tbody");
  const same = document.getElementById("same");
  const sheet = section.querySelector(".sheet");

  // A thousand options cost nothing until somebody wants to choose.
  form.addEventListener("focusin", () => { if (!list.options.length) list.append(...combos.map((combo) => new Option(combo))); }, { once: true });

  const cellsOf = (combo) => rows.filter((cell) => nameOf(cell) === combo);
  function add(title, ...values) {
    const row = result.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = title;
    row.append(head);
    for (const value of values) row.insertCell().append(...[value].flat());
  }
  const linked = (cell) => {
    const link = document.createElement("a");
    link.href = cell.rows[0].cells[0].firstElementChild.getAttribute("href");
    link.textContent = cell.querySelector("summary").textContent;
    return [cell.rows[0].cells[1].firstElementChild.cloneNode(true), document.createElement("br"), link];
  };

  function compare() {
    const [left, right] = [first, second].map((field) => combos.indexOf(field.value.trim()));
    sheet.hidden = left < 0 || right < 0;
    same.textContent = "";
    if (sheet.hidden) return;
    result.replaceChildren();
    section.querySelectorAll("thead th").forEach((head, number) => { head.textContent = combos[number ? right : left]; });
    const [lefts, rights] = [left, right].map((number) => cellsOf(combos[number]));
    for (let number = 0; number < Math.max(lefts.length, rights.length); number += 1) {
      add("verdict", ...[lefts, rights].map((cells) => (cells[number] ? linked(cells[number]) : "-")));
    }
    let equal = 0;
    for (const [kind, columns] of [["lock of", locks ?? {}], ["", packages ?? {}]]) {
      for (const [name, column] of Object.entries(columns)) {
        const pair = [left, right].map((number) => valueOf(column, number));
        if (pair[0] === pair[1]) equal += kind === "" && pair[0] !== "";
        else add(`${kind} ${name}`, ...pair.map((text) => text || "-"));
      }
    }
    same.textContent = packages
      ? `All other packages are the same${equal ? `, among them ${equal} that differ in other combos` : ""}.`
      : "This run is too large for the page to list the packages; the details of each combo have them.";
  }

  function remember() {
    const query = new URLSearchParams(location.search);
    for (const field of [first, second]) {
      if (field.value) query.set(field.name, field.value);
      else query.delete(field.name);
    }
    try {
      history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
    } catch { /* Some browsers forbid it for local files; the comparison still works. */ }
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { compare(); remember(); });
  const query = new URLSearchParams(location.search);
  for (const field of [first, second]) field.value = query.get(field.name) ?? "";
  section.hidden = false;
  compare();
})();
