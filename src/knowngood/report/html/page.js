"use strict";
(() => {
  const table = document.getElementById("cells");
  const cells = table ? [...table.tBodies] : [];
  const filters = document.getElementById("filters");

  // Only the reader's clock knows how old a result is; the page itself has dates.
  const DAY = 86400000;
  for (const age of document.querySelectorAll(".age")) {
    const time = age.previousElementSibling;
    const days = Math.floor((Date.now() - Date.parse(time.dateTime)) / DAY);
    if (days >= 0) age.textContent = days === 0 ? "(today)" : days === 1 ? "(1 day ago)" : `(${days} days ago)`;
  }

  // Add a button beside each command when its details are opened.
  function addButtons(root) {
    for (const code of root.querySelectorAll("code.copy")) {
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
  addButtons(document.querySelector("header"));
  document.addEventListener("toggle", (event) => {
    if (event.target.open && table?.contains(event.target)) addButtons(event.target);
  }, true);

  // A click anywhere on a row opens it, unless it selects text or follows a link.
  table?.addEventListener("click", (event) => {
    if (event.target.closest("a, summary, button, td[colspan], thead") || String(getSelection())) return;
    const details = event.target.closest("tbody")?.querySelector("details");
    if (details) details.open = !details.open;
  });

  if (filters) {
    const { show, q, package: named, version } = filters.elements;
    const shown = document.getElementById("shown");
    const headers = [...table.tHead.rows[0].cells];
    const words = new Map();
    const textOf = (cell) => {
      if (!words.has(cell)) words.set(cell, cell.textContent.toLowerCase());
      return words.get(cell);
    };
    const columnOf = () => headers.findIndex((header) => header.className === "package" && header.textContent.trim() === named.value);
    const versionOf = (cell, column) => {
      const [first] = cell.rows[0].cells[column].childNodes;
      return (first.firstChild ?? first).textContent.replace(" !", "").trim();
    };

    function offerVersions() {
      if (!named) return;
      const column = named.value ? columnOf() : -1;
      const versions = column < 0 ? [] : [...new Set(cells.map((cell) => versionOf(cell, column)))];
      versions.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
      version.replaceChildren(new Option("any", ""), ...versions.map((text) => new Option(text, text)));
      version.disabled = column < 0;
    }

    // Show a long list in parts, so that its beginning appears at once.
    const PART = 100;
    let latest = 0;
    function unhide(matches, from, request) {
      if (request !== latest) return;
      for (const cell of matches.slice(from, from + PART)) cell.hidden = false;
      if (from + PART < matches.length) requestAnimationFrame(() => unhide(matches, from + PART, request));
    }

    function apply() {
      const query = q.value.trim().toLowerCase();
      const column = named?.value && version.value ? columnOf() : -1;
      const matches = [];
      let number = 0;
      for (const cell of cells) {
        const match = (!show.value || (show.value === "passing" ? !("failing" in cell.dataset) : show.value in cell.dataset))
          && (column < 0 || versionOf(cell, column) === version.value)
          && (!query || textOf(cell).includes(query));
        number += match;
        if (!match) cell.hidden = true;
        else if (cell.hidden) matches.push(cell);
      }
      unhide(matches, 0, ++latest);
      shown.value = number === cells.length ? "" : `${number} of ${cells.length} shown`;
      document.getElementById("nothing").hidden = number > 0;
    }

    // Keep the filters in the address, so that a link shows the same cells to somebody else.
    function remember() {
      const query = new URLSearchParams();
      for (const field of [show, q, named, version]) if (field?.value) query.set(field.name, field.value);
      try {
        history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
      } catch { /* Some browsers forbid it for local files; the filters still work. */ }
    }

    function restore() {
      const query = new URLSearchParams(location.search);
      for (const field of [show, q, named]) if (field) field.value = query.get(field.name) ?? "";
      for (const field of [show, named]) if (field && field.selectedIndex < 0) field.value = "";
      offerVersions();
      if (version) version.value = query.get("version") ?? "";
      if (version && version.selectedIndex < 0) version.value = "";
      apply();
    }

    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.addEventListener("input", (event) => {
      if (event.target === named) offerVersions();
      apply();
      remember();
    });
    filters.addEventListener("reset", () => setTimeout(() => { offerVersions(); apply(); remember(); }));
    addEventListener("popstate", restore);
    const openAll = (open) => { for (const cell of cells) if (!cell.hidden) cell.querySelector("details").open = open; };
    document.getElementById("open-all").addEventListener("click", () => openAll(true));
    document.getElementById("close-all").addEventListener("click", () => openAll(false));
    filters.hidden = false;
    restore();
  }

  // A link to a cell opens it, even if the filters hide it.
  function reveal() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !table?.contains(target)) return;
    const cell = target.closest("tbody");
    cell.hidden = false;
    cell.querySelector("details").open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", reveal);
  table?.ownerDocument.addEventListener("click", (event) => {
    // A second click on the same link does not change the address.
    const link = event.target.closest?.('a[href^="#"]');
    if (link && link.hash === location.hash) reveal();
  });
  reveal();

  const opened = [];
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details:not([open])")) { details.open = true; opened.push(details); }
  });
  addEventListener("afterprint", () => { for (const details of opened.splice(0)) details.open = false; });
})();
