// The charts follow the colour scheme. The list of decisions follows the pointer, the arrow keys and the time line.
(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function fit() {
    const style = getComputedStyle(document.documentElement);
    const text = style.getPropertyValue("--text").trim();
    const line = style.getPropertyValue("--line").trim();
    const raised = style.getPropertyValue("--raised").trim();
    document.querySelectorAll(".js-plotly-plot").forEach(function (plot) {
      const change = { "font.color": text, "hoverlabel.bgcolor": raised, "hoverlabel.font.color": text };
      Object.keys(plot.layout).filter(function (key) { return /^[xy]axis/.test(key); }).forEach(function (axis) {
        change[axis + ".gridcolor"] = line;
        change[axis + ".zerolinecolor"] = line;
        change[axis + ".linecolor"] = line;
      });
      Plotly.relayout(plot, change);
      // Each chart was drawn before the elements beside it.
      Plotly.Plots.resize(plot);
    });
  }

  function decisions(part) {
    const list = part.querySelector("[role=listbox]");
    const options = Array.from(list.children);
    const shown = part.querySelector(".shown");
    let selected = -1;

    function select(number, scroll) {
      if (number < 0 || number >= options.length) { return; }
      if (selected >= 0) { options[selected].setAttribute("aria-selected", "false"); }
      selected = number;
      const option = options[number];
      option.setAttribute("aria-selected", "true");
      list.setAttribute("aria-activedescendant", option.id);
      shown.innerHTML = option.querySelector(".why").innerHTML;
      if (scroll) { option.scrollIntoView({ block: "nearest" }); }
    }

    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -options.length, End: options.length };
    list.addEventListener("keydown", function (event) {
      if (!(event.key in steps)) { return; }
      event.preventDefault();
      const wanted = selected + steps[event.key];
      select(Math.min(options.length - 1, Math.max(0, wanted)), true);
    });
    options.forEach(function (option, number) {
      option.addEventListener("click", function () { select(number, false); });
      option.addEventListener("mouseenter", function () { select(number, false); });
    });
    const timeline = document.getElementById("timeline-" + part.dataset.run);
    function point(event) { select(event.points[0].customdata, true); }
    timeline.on("plotly_hover", point);
    timeline.on("plotly_click", point);
    select(0, false);
  }

  fit();
  dark.addEventListener("change", fit);
  document.querySelectorAll(".decisions").forEach(decisions);
})();
