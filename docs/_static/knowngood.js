"use strict";
// What the theme leaves out for people who use a keyboard or a screen reader.
addEventListener("DOMContentLoaded", () => {
  for (const caption of document.querySelectorAll('[role="heading"]:not([aria-level])')) caption.setAttribute("aria-level", "2");
  for (const [part, label] of [[".sidebar-drawer", "Site"], [".toc-drawer", "Page"]]) {
    document.querySelector(part)?.setAttribute("aria-label", label);
  }
  if (!document.querySelector("h1")) {
    const title = document.createElement("h1");
    title.textContent = "Search";
    document.getElementById("search-results")?.before(title);
  }
  for (const region of document.querySelectorAll("pre, .table-wrapper")) {
    if (region.scrollWidth > region.clientWidth) region.tabIndex = 0;
  }
});
