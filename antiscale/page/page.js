"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const role = { vf: "vf", vb: "vb", gap: "gap", ink: "mark" };
  // Plotly reads tags in names; these are text.
  const text = (name) => name.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const plots = [];
  let printing = false;

  function themed() {
    const ink = colour("ink"), grid = colour("grid"), line = colour("soft");
    const axis = { gridcolor: grid, zerolinecolor: line, linecolor: line, tickcolor: line, showline: true, ticks: "outside", ticklen: 4 };
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: ink },
      hoverlabel: { bgcolor: colour("card"), bordercolor: line, font: { color: ink, size: 13 } },
      axis,
    };
  }

  function layoutOf(figure) {
    const { axis, ...look } = themed();
    const layout = { ...figure.layout, ...look };
    layout.xaxis = { ...figure.layout.xaxis, ...axis };
    layout.yaxis = { ...figure.layout.yaxis, ...axis, type: figure.scale, autorange: !figure.range[figure.scale] };
    if (figure.range[figure.scale]) layout.yaxis.range = figure.range[figure.scale];
    if (figure.scale === "log") layout.yaxis.dtick = figure.step;
    // The size that page.css gives a plot on paper.
    if (printing) Object.assign(layout, { width: 640, height: 320 });
    // A finger scrolls the page; a mouse zooms.
    layout.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom";
    return layout;
  }

  function tracesOf(figure) {
    return figure.data.map((trace) => {
      const ink = colour(role[trace.meta]);
      const drawn = { ...trace, name: text(trace.name), visible: figure.shown[trace.uid] };
      drawn.line = { ...trace.line, color: ink };
      drawn.marker = { ...trace.marker, color: ink, line: { color: ink, width: 1 } };
      // A logarithm has no place for these; Plotly would draw a line down to nowhere.
      if (figure.scale === "log") drawn.y = trace.y.map((value) => (value > 0 ? value : null));
      if (trace.error_y) drawn.error_y = { ...trace.error_y, color: ink };
      return drawn;
    });
  }

  function draw(figure) {
    return Plotly.react(figure.place, tracesOf(figure), layoutOf(figure), {
      displayModeBar: false, responsive: true, doubleClick: "reset",
    });
  }

  function sample(trace) {
    const dash = { solid: "", dash: "7 4", dot: "2 3", dashdot: "7 3 2 3" }[trace.line.dash] ?? "";
    const marks = {
      circle: '<circle cx="14" cy="7" r="3.6"/>', square: '<rect x="10.6" y="3.6" width="6.8" height="6.8"/>',
      diamond: '<path d="M14 2.4 18.6 7 14 11.6 9.4 7Z"/>', "triangle-up": '<path d="M14 2.6 18.4 10.4H9.6Z"/>',
      "circle-open": '<circle cx="14" cy="7" r="3.4" fill="none" stroke="currentColor" stroke-width="1.6"/>',
      x: '<path d="M10.5 3.5l7 7M17.5 3.5l-7 7" stroke="currentColor" stroke-width="2.2"/>',
    };
    const swatch = document.createElement("span");
    swatch.style.color = `var(--${role[trace.meta]})`;
    swatch.style.display = "inline-flex";
    const line = trace.mode === "markers" ? "" : `<path d="M0 7H28" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="${dash}"/>`;
    const mark = trace.mode === "lines" ? "" : marks[trace.marker.symbol] ?? marks.circle;
    swatch.innerHTML = `<svg width="28" height="14" viewBox="0 0 28 14" fill="currentColor" aria-hidden="true">${line}${mark}</svg>`;
    return swatch;
  }

  function legend(figure) {
    const box = document.createElement("div");
    box.className = "legend";
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Curves: press to hide or show");
    for (const trace of figure.data) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.curve = trace.uid;
      button.append(sample(trace), trace.name);
      button.setAttribute("aria-pressed", String(figure.shown[trace.uid]));
      button.addEventListener("click", () => {
        figure.shown[trace.uid] = !figure.shown[trace.uid];
        button.setAttribute("aria-pressed", String(figure.shown[trace.uid]));
        draw(figure);
      });
      box.append(button);
    }
    figure.place.before(box);
  }

  function tools(figure) {
    const box = document.createElement("div");
    box.className = "tools";
    const scale = document.createElement("button");
    const name = () => { scale.textContent = figure.scale === "log" ? "Linear axis" : "Log axis"; };
    scale.type = "button";
    name();
    scale.addEventListener("click", () => {
      figure.scale = figure.scale === "log" ? "linear" : "log";
      name();
      draw(figure);
    });
    const save = document.createElement("button");
    save.type = "button";
    save.textContent = "Save as SVG";
    save.addEventListener("click", () => Plotly.downloadImage(
      {
        data: tracesOf(figure),
        layout: { ...layoutOf(figure), paper_bgcolor: colour("paper"), showlegend: true, legend: { orientation: "h", y: 1.02, yanchor: "bottom" } },
      },
      { format: "svg", width: 860, height: 520, filename: `antiscale-${data.run}-${figure.place.id}` },
    ));
    box.append(scale, save);
    figure.place.after(box);
  }

  // Plotly measures the place it draws in, so that has to be seen first.
  for (const image of document.querySelectorAll(".fallback")) image.hidden = true;
  for (const panel of document.querySelectorAll(".scripted")) panel.hidden = false;
  for (const place of document.querySelectorAll(".plot")) {
    const figure = data.figures[place.id];
    figure.place = place;
    figure.scale = figure.layout.yaxis.type;
    figure.range = { [figure.scale]: figure.layout.yaxis.range };
    figure.shown = Object.fromEntries(figure.data.map((trace) => [trace.uid, trace.visible !== "legendonly"]));
    legend(figure);
    tools(figure);
    draw(figure);
    plots.push(figure);
  }

  const explorer = data.explorer;
  if (explorer) {
    const inputs = explorer.sliders.map((slider) => document.getElementById(`slider-${slider.name}`));
    const pick = (nested, stops) => stops.reduce((found, stop) => found[stop], nested);
    const show = () => {
      const stops = inputs.map((input) => Number(input.value));
      explorer.sliders.forEach((slider, i) => {
        const shown = slider.texts[stops[i]];
        inputs[i].setAttribute("aria-valuetext", shown);
        document.getElementById(`output-${slider.name}`).textContent = shown;
      });
      for (const figure of [data.figures.bounds, data.figures.certified]) {
        if (!figure) continue;
        for (const trace of figure.data) {
          trace.y = pick(explorer.curves[trace.uid], stops);
          trace.customdata = pick(explorer.texts[trace.uid], stops);
        }
        draw(figure);
      }
      const readout = pick(explorer.readouts, stops);
      for (const [name, value] of Object.entries(readout)) document.getElementById(`readout-${name}`).textContent = value;
    };
    for (const input of inputs) input.addEventListener("input", show);
    document.getElementById("reset").addEventListener("click", () => {
      explorer.sliders.forEach((slider, i) => { inputs[i].value = slider.start; });
      show();
    });
    // Browsers keep a slider where it was when a page is loaded again.
    show();
  }

  const redraw = () => plots.forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // Paper is white.
  addEventListener("beforeprint", () => { printing = true; root.dataset.theme = "light"; redraw(); });
  addEventListener("afterprint", () => { printing = false; delete root.dataset.theme; redraw(); plots.forEach((figure) => Plotly.Plots.resize(figure.place)); });
})();
