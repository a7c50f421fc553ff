// Draw the charts, step through the day and through a reclaim, and go through the list of decisions.
(function () {
  "use strict";
  const options = { renderer: "svg", actions: false, tooltip: { theme: "custom" } };

  // A chart is drawn once it has a width: those that are folded away, when they are opened.
  function draw(figure) {
    if (!figure.drawn) {
      const spec = JSON.parse(figure.querySelector("script").textContent);
      figure.drawn = window.vegaEmbed(figure.querySelector(".drawing"), spec, options).then(function (result) {
        return result.view;
      });
    }
    return figure.drawn;
  }

  function visible(root) {
    return Array.from(root.querySelectorAll(".chart")).filter(function (figure) {
      return !figure.closest("details:not([open])");
    });
  }

  function clock(hours) {
    const minutes = Math.round(hours * 60);
    const day = Math.floor(minutes / 1440);
    const two = function (number) { return String(number).padStart(2, "0"); };
    return (day ? "day " + (day + 1) + ", " : "") + two(Math.floor(minutes / 60) % 24) + ":" + two(minutes % 60);
  }

  // The last row at or before the time, of rows in the order of their time.
  function rowAt(rows, hours) {
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(rows[middle].h) <= hours + 1e-6) { low = middle + 1; } else { high = middle; }
    }
    return rows[Math.max(0, low - 1)];
  }

  function set(view, value) {
    return view.signal("t", value).runAsync();
  }

  function day(part) {
    const slider = part.querySelector("input[type=range]");
    const output = part.querySelector("output");
    const panels = Array.from(part.querySelectorAll(".panel"));

    function show(hours) {
      slider.value = hours;
      output.textContent = clock(hours);
      slider.setAttribute("aria-valuetext", clock(hours));
      panels.forEach(function (panel) {
        draw(panel.querySelector(".chart")).then(function (view) {
          set(view, hours);
          const reading = panel.querySelector(".reading");
          if (!reading) { return; }
          const row = rowAt(view.data("samples"), hours);
          if (row) {
            reading.textContent = "at " + clock(hours) + ": " + row.instances + " instances, " + Number(row.demand).toFixed(1) +
              " needed, " + row.waiting + " tasks waiting";
          }
        });
      });
    }

    slider.addEventListener("input", function () { show(Number(slider.value)); });
    panels.forEach(function (panel) {
      panel.querySelector(".drawing").addEventListener("pointermove", function (event) {
        draw(panel.querySelector(".chart")).then(function (view) {
          const box = view.container().querySelector("svg").getBoundingClientRect();
          const hours = view.scale("x").invert(event.clientX - box.left - view.origin()[0]);
          show(Math.min(Number(slider.max), Math.max(0, hours)));
        });
      });
    });
  }

  function reclaim(part) {
    const slider = part.querySelector("input[type=range]");
    const output = part.querySelector("output");
    const play = part.querySelector("[data-step=play]");
    const items = Array.from(part.querySelectorAll(".events li"));
    const charts = Array.from(part.querySelectorAll(".chart"));
    const ends = Number(slider.max);
    // In whole seconds, as the list shows them. The slider takes no finer value than its step: a stop between two of its
    // values would be left at once for the one before, and no step would come next.
    function secondOf(item) { return Number(item.dataset.after); }
    const stops = Array.from(new Set(items.map(secondOf)))
      .filter(function (second) { return second <= ends; })
      .sort(function (a, b) { return a - b; });
    let timer = 0;

    function show(second) {
      slider.value = second;
      const text = (second >= 0 ? "+" : "") + Math.round(second) + " s";
      output.textContent = text;
      slider.setAttribute("aria-valuetext", text);
      part.querySelectorAll(".side").forEach(function (side) {
        let now = null;
        side.querySelectorAll(".events li").forEach(function (item) {
          const past = secondOf(item) <= second;
          item.classList.toggle("past", past);
          item.classList.remove("now");
          if (past) { now = item; }
        });
        if (now) { now.classList.add("now"); }
      });
      charts.forEach(function (figure) {
        draw(figure).then(function (view) { set(view, second); });
      });
    }

    function pause() {
      window.clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
      play.setAttribute("aria-pressed", "false");
    }

    slider.addEventListener("input", function () { pause(); show(Number(slider.value)); });
    part.querySelector("[data-step=next]").addEventListener("click", function () {
      pause();
      const now = Number(slider.value);
      // From the end, where the page begins, the first step is next.
      const next = stops.find(function (second) { return second > now; });
      show(next === undefined ? stops[0] : next);
    });
    part.querySelector("[data-step=previous]").addEventListener("click", function () {
      pause();
      const now = Number(slider.value);
      const before = stops.filter(function (second) { return second < now; });
      show(before.length ? before[before.length - 1] : Number(slider.min));
    });
    play.addEventListener("click", function () {
      if (timer) { pause(); return; }
      if (Number(slider.value) >= ends) { show(Number(slider.min)); }
      play.textContent = "Pause";
      play.setAttribute("aria-pressed", "true");
      timer = window.setInterval(function () {
        const next = Number(slider.value) + 1;
        show(Math.min(ends, next));
        if (next >= ends) { pause(); }
      }, 100);
    });
    output.textContent = "to the end";
  }

  function decisions(part) {
    const list = part.querySelector("[role=listbox]");
    const all = Array.from(list.children);
    const shown = part.querySelector(".shown");
    let selected = null;

    function listed() { return all.filter(function (option) { return !option.hidden; }); }

    function select(option, scroll) {
      if (!option) { return; }
      if (selected) { selected.setAttribute("aria-selected", "false"); }
      selected = option;
      option.setAttribute("aria-selected", "true");
      list.setAttribute("aria-activedescendant", option.id);
      shown.replaceChildren(...Array.from(option.cloneNode(true).childNodes).map(function (node) {
        node.hidden = false;
        return node;
      }));
      if (scroll) { option.scrollIntoView({ block: "nearest" }); }
    }

    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -all.length, End: all.length };
    list.addEventListener("keydown", function (event) {
      if (!(event.key in steps)) { return; }
      event.preventDefault();
      const within = listed();
      const wanted = within.indexOf(selected) + steps[event.key];
      select(within[Math.min(within.length - 1, Math.max(0, wanted))], true);
    });
    all.forEach(function (option) {
      option.addEventListener("click", function () { select(option, false); });
      option.addEventListener("mouseenter", function () { select(option, false); });
    });
    const filters = Array.from(part.querySelectorAll("[data-filter]"));
    filters.forEach(function (filter) {
      filter.addEventListener("change", function () {
        const [kind, cluster] = filters.map(function (one) { return one.value; });
        all.forEach(function (option) {
          option.hidden = (kind && !option.classList.contains(kind)) || (cluster && option.dataset.cluster !== cluster);
        });
        select(listed()[0], true);
      });
    });
    part.addEventListener("toggle", function () {
      draw(part.querySelector(".chart")).then(function (view) {
        function point(event, item) { if (item && item.datum && "n" in item.datum) { select(all[item.datum.n], true); } }
        view.addEventListener("pointerover", point);
        view.addEventListener("click", point);
      });
    }, { once: true });
    select(all[0], false);
  }

  document.querySelectorAll("details").forEach(function (part) {
    part.addEventListener("toggle", function () { visible(part).forEach(draw); });
  });
  document.querySelectorAll(".stepper[data-kind=day]").forEach(day);
  document.querySelectorAll(".stepper[data-kind=reclaim]").forEach(reclaim);
  document.querySelectorAll(".decisions").forEach(decisions);

  // One chart after the other, those on top first: between two of them the page answers its reader.
  (async function () {
    for (const figure of visible(document)) {
      await draw(figure);
      await new Promise(function (resolve) { window.setTimeout(resolve); });
    }
    document.body.dataset.drawn = "yes";
  })();
})();
