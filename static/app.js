// Mounts figures: finds the JSON beside each chart, colours it from the CSS tokens, draws it with plotly.js, and draws
// again when the theme changes. Keeps the list of jobs up to date. Without it every page still shows its drawing and
// its numbers.
"use strict";

(() => {
  const bundle = document.currentScript.dataset.plotly;
  const config = { displayModeBar: false, responsive: true, showTips: false, doubleClick: false };
  const LABEL_PX = 56;
  let loading = null;

  /** Load plotly.js once, when the first chart asks for it. */
  const plotly = () => {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = bundle;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => reject(new Error("the chart library didn't load"));
      document.head.append(script);
    });
    return loading;
  };

  /** Return what a CSS token is in the theme in place, as plotly.js can read it. */
  const colourOf = (probe, token) => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };

  /** Return the figure with every "--token" replaced by its colour. */
  const coloured = (value, probe) => {
    if (typeof value === "string") return value.startsWith("--") ? colourOf(probe, value) : value;
    if (Array.isArray(value)) return value.map((item) => coloured(item, probe));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, coloured(item, probe)]));
  };

  /** Fit a layout to the window: a smaller margin in a narrow one, and every so many labels that none touches the next. */
  const fit = (layout, width) => {
    if (width < 480) layout.margin.l = 40;
    const { tickvals, ticktext, domain } = layout.xaxis;
    const room = (width - layout.margin.l - layout.margin.r) * (domain[1] - domain[0]);
    const step = Math.ceil((tickvals.length * LABEL_PX) / room);
    const kept = (_, place) => (tickvals.length - 1 - place) % step === 0;
    Object.assign(layout.xaxis, { tickvals: tickvals.filter(kept), ticktext: ticktext.filter(kept) });
  };

  const draw = async (chart) => {
    const library = await plotly();
    if (!chart.isConnected) return;
    const plot = chart.querySelector(".plot");
    const figure = coloured(JSON.parse(chart.querySelector("script").textContent), chart);
    chart.style.color = "";
    plot.hidden = false;
    fit(figure.layout, plot.clientWidth);
    chart.querySelector(".spark").style.display = "none";
    await library.react(plot, figure.data, figure.layout, config);
    chart.dataset.drawn = "true";
  };

  const drawAll = (root) => {
    for (const chart of root.querySelectorAll("[data-chart]")) {
      draw(chart).catch((error) => console.error(error));
    }
  };

  document.addEventListener("DOMContentLoaded", () => drawAll(document));
  document.addEventListener("htmx:after:settle", () => {
    for (const chart of document.querySelectorAll("[data-chart]:not([data-drawn])")) {
      draw(chart).catch((error) => console.error(error));
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
  document.addEventListener("themechange", () => drawAll(document));

  // Jobs move on while a reader looks: the stream tells of a step, which is shown in its row; when a run starts or ends,
  // htmx fetches the region anew.
  const leftOf = ({ remaining_s: seconds }) => {
    if (seconds === null) return "";
    const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
    const [hours, spare] = [Math.floor(minutes / 60), minutes % 60];
    return `about ${hours ? `${hours} h ${spare} min` : minutes ? `${minutes} min ${rest} s` : `${rest} s`} left`;
  };

  const show = (run) => {
    const row = document.querySelector(`[data-run="${CSS.escape(run.id)}"]`);
    if (row?.dataset.state !== `${run.state} ${run.stopping ?? ""}`) {
      if (row || run.state === "running") document.querySelector("[data-stream]").dispatchEvent(new Event("job"));
      return;
    }
    if (run.state !== "running") return;
    row.querySelector("progress").value = 100 * run.progress;
    row.querySelector('[data-part="message"]').textContent = run.message;
    row.querySelector('[data-part="left"]').textContent = leftOf(run);
  };

  document.addEventListener("DOMContentLoaded", () => {
    const region = document.querySelector("[data-stream]");
    if (region) new EventSource(region.dataset.stream).addEventListener("job", (event) => show(JSON.parse(event.data)));
  });

  // What a search suggests closes with Escape, or when the focus leaves that search.
  const close = (but) => {
    for (const shown of document.querySelectorAll("search :is(#suggestions, #choices)")) {
      if (!but?.contains(shown)) shown.replaceChildren();
    }
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  document.addEventListener("focusin", (event) => close(event.target.closest("search")));
})();
