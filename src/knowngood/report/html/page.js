"use strict";
(() => {
  const table = document.getElementById("cells");
  const cells = table ? [...table.tBodies] : [];
  const filters = document.getElementById("filters");
  const linkOf = (cell) => cell.rows[0].cells[0].firstElementChild;
  const anchorOf = (cell) => linkOf(cell).getAttribute("href").slice(1);

  // Only the reader's clock knows how old a result is; the page itself has dates.
  const DAY = 86400000;
  for (const age of document.querySelectorAll(".age")) {
    const time = age.previousElementSibling;
    const days = Math.floor((Date.now() - Date.parse(time.dateTime)) / DAY);
    if (days >= 0) age.textContent = days === 0 ? "(today)" : days === 1 ? "(1 day ago)" : `(${days} days ago)`;
  }

  // The page said so when it was written, or its reader's clock says so now.
  const stale = document.getElementById("stale");
  if (stale && Math.floor((Date.now() - Date.parse(stale.dataset.oldest)) / DAY) > Number(stale.dataset.days)) stale.hidden = false;

  // Add a button beside each command when its details are opened.
  function addButtons(root) {
    for (const code of root.querySelectorAll(".copy")) {
      if (code.nextElementSibling?.className === "copied") continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copied";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(code.textContent);
          button.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(code);
          button.textContent = "Selected";
        }
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
      });
      code.after(button);
    }
  }
  for (const part of document.querySelectorAll("header, .overview")) addButtons(part);

  // The details of a large run are in noscript elements, which cost nothing until they are opened.
  function fill(cell) {
    const held = cell.querySelector("noscript");
    if (held) held.replaceWith(document.createRange().createContextualFragment(held.textContent));
    addButtons(cell);
  }
  function open(cell) {
    fill(cell);
    cell.querySelector("details").open = true;
  }
  document.addEventListener("toggle", (event) => {
    const cell = event.target.open && table?.contains(event.target) && event.target.closest("tbody");
    if (cell) fill(cell);
  }, true);

  // A click anywhere on a row opens it, unless it selects text or follows a link.
  table?.addEventListener("click", (event) => {
    if (event.target.closest("a, summary, button, td[colspan], thead") || String(getSelection())) return;
    const cell = event.target.closest("tbody");
    const details = cell?.querySelector("details");
    if (details?.open) details.open = false;
    else if (details) open(cell);
  });

  // Compare two versions as PEP 440 orders them, or two other texts with numbers in them.
  const PHASES = { dev: -4, a: -3, b: -2, rc: -1 };
  function compareVersions(left, right) {
    const [a, b] = [left, right].map((text) => /^(\d+(?:\.\d+)*)\.?(dev|a|b|rc)?(.*)$/.exec(text));
    if (a && b) {
      const [as, bs] = [a, b].map((found) => found[1].split(".").map(Number));
      for (let part = 0; part < Math.max(as.length, bs.length); part += 1) {
        if ((as[part] ?? 0) !== (bs[part] ?? 0)) return (as[part] ?? 0) - (bs[part] ?? 0);
      }
      if (a[2] !== b[2]) return (PHASES[a[2]] ?? 0) - (PHASES[b[2]] ?? 0);
    }
    return left.localeCompare(right, "en", { numeric: true });
  }
  const UNITS = { h: 3600, m: 60, s: 1, ms: 0.001 };
  const secondsOf = (text) => [...text.matchAll(/([\d.]+) ?(ms|h|m|s)/g)].reduce((sum, [, number, unit]) => sum + number * UNITS[unit], 0);

  if (filters) {
    const { show, q, package: named, version, sort } = filters.elements;
    const shown = document.getElementById("shown");
    const more = document.getElementById("more");
    const headers = [...table.tHead.rows[0].cells];
    const titles = headers.map((header) => header.textContent.trim());
    const words = new Map();
    const NAMED = { lt: "<", gt: ">", amp: "&" };
    const written = (source) => source.replace(/<[^>]*>/g, " ")
      .replace(/&(?:#(\d+)|(lt|gt|amp));/g, (_, code, name) => (code ? String.fromCodePoint(code) : NAMED[name]));
    const textOf = (cell) => {
      if (!words.has(cell)) {
        const held = cell.querySelector("noscript");
        words.set(cell, `${cell.rows[0].textContent} ${held ? `${held.previousElementSibling.textContent} ${written(held.textContent)}` : cell.rows[1].textContent}`.toLowerCase());
      }
      return words.get(cell);
    };
    const valueOf = (cell, column) => {
      const [first] = cell.rows[0].cells[column].childNodes;
      return first ? (first.firstChild ?? first).textContent.replace(" !", "").trim() : "";
    };

    function offerVersions() {
      if (!named) return;
      const column = titles.indexOf(named.value);
      const versions = column < 0 ? [] : [...new Set(cells.map((cell) => valueOf(cell, column)))];
      versions.sort(compareVersions);
      version.replaceChildren(new Option("any", ""), ...versions.map((text) => new Option(text, text)));
      version.disabled = column < 0;
    }

    // The order of the rows: that of the matrix, what is not as expected first, or by a column.
    let ordered = cells;
    const FAILING = "failing-first";
    const weight = ({ dataset }) => ("unexpected" in dataset ? 0 : "failing" in dataset ? 1 : 2);
    function order() {
      const down = sort.value.startsWith("-");
      const column = titles.indexOf(down ? sort.value.slice(1) : sort.value);
      let next = cells;
      if (sort.value === FAILING) next = cells.toSorted((a, b) => weight(a) - weight(b));
      else if (column >= 0) {
        const textIn = (cell) => (column === 0 ? linkOf(cell).textContent : column === 1 ? cell.rows[0].cells[1].textContent : valueOf(cell, column));
        const compare = headers[column].className === "n" ? (a, b) => secondsOf(a) - secondsOf(b) : compareVersions;
        const keyed = cells.map((cell) => [textIn(cell), cell]).sort(([a], [b]) => (down ? compare(b, a) : compare(a, b)));
        next = keyed.map(([, cell]) => cell);
      }
      headers.forEach((header, number) => {
        if (number === column) header.setAttribute("aria-sort", down ? "descending" : "ascending");
        else header.removeAttribute("aria-sort");
      });
      if (next !== ordered) table.append(...next);
      ordered = next;
    }
    headers.forEach((header, number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = titles[number];
      button.addEventListener("click", () => {
        sort.value = sort.value === titles[number] ? `-${titles[number]}` : titles[number];
        order();
        apply();
        remember();
      });
      header.replaceChildren(button);
      sort.append(new Option(titles[number], titles[number]), new Option(`${titles[number]}, descending`, `-${titles[number]}`));
    });

    // Show the first rows of a long list; nobody reads thousands.
    const PART = 200;
    let limit = PART;
    function apply() {
      const query = q.value.trim().toLowerCase();
      const column = named?.value && version.value ? titles.indexOf(named.value) : -1;
      let number = 0;
      for (const cell of ordered) {
        const match = (!show.value || (show.value === "passing" ? !("failing" in cell.dataset) : show.value in cell.dataset))
          && (column < 0 || valueOf(cell, column) === version.value)
          && (!query || textOf(cell).includes(query));
        number += match;
        cell.hidden = !match || number > limit;
      }
      table.classList.add("ready");
      shown.value = number === cells.length ? "" : `${number} of ${cells.length} match`;
      document.getElementById("nothing").hidden = number > 0;
      more.hidden = number <= limit;
      more.firstElementChild.textContent = `The first ${limit} of ${number} are listed.`;
    }
    more.addEventListener("click", (event) => {
      if (event.target.type !== "button") return;
      limit = event.target.value === "all" ? Infinity : limit + PART;
      apply();
    });

    // Keep the filters in the address, so that a link shows the same cells to somebody else.
    function remember() {
      const query = new URLSearchParams(location.search);
      for (const field of [show, q, named, version, sort]) {
        if (field?.value) query.set(field.name, field.value);
        else if (field) query.delete(field.name);
      }
      try {
        history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
      } catch { /* Some browsers forbid it for local files; the filters still work. */ }
    }

    function restore() {
      const query = new URLSearchParams(location.search);
      for (const field of [show, q, named, sort]) if (field) field.value = query.get(field.name) ?? "";
      for (const field of [show, named, sort]) if (field && field.selectedIndex < 0) field.value = "";
      offerVersions();
      if (version) version.value = query.get("version") ?? "";
      if (version && version.selectedIndex < 0) version.value = "";
      order();
      apply();
    }

    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.addEventListener("input", (event) => {
      limit = PART;
      if (event.target === named) offerVersions();
      if (event.target === sort) order();
      apply();
      remember();
    });
    filters.addEventListener("reset", () => setTimeout(() => { limit = PART; offerVersions(); order(); apply(); remember(); }));
    addEventListener("popstate", restore);
    document.getElementById("open-all").addEventListener("click", () => { for (const cell of cells) if (!cell.hidden) open(cell); });
    document.getElementById("close-all").addEventListener("click", () => { for (const cell of cells) cell.querySelector("details").open = false; });
    filters.hidden = false;
    restore();
  }

  // A link to a cell opens it, even if the filters hide it.
  function reveal() {
    const name = location.hash.length > 1 ? decodeURIComponent(location.hash.slice(1)) : "";
    const cell = name && cells.find((each) => anchorOf(each) === name);
    if (!cell) return;
    cell.hidden = false;
    open(cell);
    document.getElementById(name)?.scrollIntoView();
  }
  addEventListener("hashchange", reveal);
  table?.ownerDocument.addEventListener("click", (event) => {
    // A second click on the same link does not change the address.
    const link = event.target.closest?.('a[href^="#"]');
    if (link && link.hash === location.hash) reveal();
  });
  reveal();

  // A click on a strip shows the state of that day; the list of states has the same links for everybody.
  document.getElementById("history")?.addEventListener("click", (event) => {
    const { state } = event.target.dataset;
    const item = state && document.getElementById(state);
    if (!item) return;
    for (let around = item.parentElement; around; around = around.parentElement) if (around.tagName === "DETAILS") around.open = true;
    location.hash = state;
  });
})();
