// The reader's comforts: a theme and a chart that are remembered, "/" for the search, arrows in its suggestions and in
// tables. Loaded before the page is drawn, so that what is remembered doesn't flash; without it pages follow the
// system's theme, and charts open as they always do.
"use strict";

(() => {
  const root = document.documentElement;
  const THEMES = ["auto", "light", "dark"];

  const remembered = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // storage is forbidden: the choice lasts as long as the page
    }
  };
  const remember = (name, value) => {
    try {
      localStorage.setItem(name, value);
    } catch {
      // as above
    }
  };
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  apply(remembered("theme"));

  // A stock's page whose address doesn't say what its chart shows opens as the last one was left.
  const chart = remembered("chart");
  if (chart && !location.search && /^\/stocks\/[^/]+$/.test(location.pathname)) location.replace(chart + location.hash);

  const label = (button) => {
    button.textContent = `Theme: ${root.dataset.theme ?? "auto"}`;
    button.hidden = false;
  };
  const next = (button) => {
    const theme = THEMES[(THEMES.indexOf(root.dataset.theme ?? "auto") + 1) % THEMES.length];
    apply(theme);
    remember("theme", theme);
    label(button);
    document.dispatchEvent(new CustomEvent("themechange"));
  };

  /** Move the focus among what can be chosen by an arrow key; from the search field the first one is next. */
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
    const here = document.querySelector(".top nav [aria-current]");
    if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.offsetLeft - 24; // a phone shows some
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#chart nav a");
    if (link) remember("chart", link.search);
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, [contenteditable]");
    const search = document.getElementById("add") ?? document.getElementById("q");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const around = event.target.closest("search");
      if (around) step(event, [...around.querySelectorAll("li a, li button")]);
      else if (!typing && event.target.closest("tbody a")) {
        step(event, [...event.target.closest("tbody").querySelectorAll("th a")]);
      }
    }
  });
})();
