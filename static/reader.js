// The reader's comforts: a theme that is remembered, "/" for the search, arrows in its suggestions and in tables.
// Loaded before the page is drawn, so that a remembered theme doesn't flash; without it pages follow the system's theme.
"use strict";

(() => {
  const root = document.documentElement;
  const THEMES = ["auto", "light", "dark"];

  const remembered = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is forbidden: the choice lasts as long as the page
    }
  };
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  apply(remembered());

  const label = (button) => {
    button.textContent = `Theme: ${root.dataset.theme ?? "auto"}`;
    button.hidden = false;
  };
  const next = (button) => {
    const theme = THEMES[(THEMES.indexOf(root.dataset.theme ?? "auto") + 1) % THEMES.length];
    apply(theme);
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // as above
    }
    label(button);
    document.dispatchEvent(new CustomEvent("themechange"));
  };

  /** Move the focus among links by an arrow key; from the search field the first one is next. */
  const step = (event, links) => {
    const place = links.indexOf(document.activeElement);
    const to = place + (event.key === "ArrowDown" ? 1 : -1);
    if (to < 0 || to >= links.length) return;
    event.preventDefault();
    links[to].focus();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    label(button);
    button.addEventListener("click", () => next(button));
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, [contenteditable]");
    const search = document.getElementById("q");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (event.target.closest("search")) step(event, [...document.querySelectorAll("#suggestions a")]);
      else if (!typing && event.target.closest("tbody a")) {
        step(event, [...event.target.closest("tbody").querySelectorAll("th a")]);
      }
    }
  });
})();
