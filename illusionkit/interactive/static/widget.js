(function () {
  "use strict";
  // One script for every widget of the book. It reads a widget's data, then only moves what the
  // page already holds: text by textContent, geometry by attributes. It never parses markup.
  var GLIDE = 180;

  function all(root, selector) { return [].slice.call(root.querySelectorAll(selector)); }
  function set(node, values) { for (var k in values) node.setAttribute(k, values[k]); }
  function round(v) { return Math.floor(v * 100 + 0.5) / 100; }
  function fill(template, values) {
    return template.replace(/\{(\w+)\}/g, function (whole, name) {
      return name in values ? values[name] : whole;
    });
  }

  // The strings of the nearest `lang` on the page, key by key, with English where one is missing.
  function words(root, data) {
    var near = root.closest("[lang]"), asked = (near ? near.lang : "").toLowerCase();
    var names = [asked, asked.split("-")[0], data.lang, "en"];
    var name = names.filter(function (n) { return n in data.text; })[0];
    var say = function (key, values) {
      var found = [data.text[name], data.text.en].filter(function (t) { return t && key in t; })[0];
      return found ? fill(found[key], values || {}) : key;
    };
    if (name !== data.lang) all(root, "[data-text]").forEach(function (node) {
      node.textContent = say(node.getAttribute("data-text"));
    });
    return say;
  }

  function glide(from, to, draw, time) {
    var still = matchMedia("(prefers-reduced-motion: reduce)").matches || document.hidden;
    if (still || from.length !== to.length) { draw(to); return function () {}; }
    var start = performance.now(), frame = 0;
    function step(now) {
      var t = Math.min(1, Math.max(0, (now - start) / (time || GLIDE))), ease = 1 - Math.pow(1 - t, 3);
      draw(t === 1 ? to : to.map(function (v, i) { return from[i] + (v - from[i]) * ease; }));
      if (t < 1) frame = requestAnimationFrame(step);
    }
    step(start);
    frame = requestAnimationFrame(step);
    return function () { cancelAnimationFrame(frame); };
  }

  function explore(root, data, say) {
    var slider = root.querySelector("input[type=range]"), radios = all(root, "input[type=radio]");
    var status = root.querySelector("[role=status]"), hit = root.querySelector("[data-hit]");
    var arm = data.start[0], dose = data.start[1], shown = target(), stop = function () {}, timer;

    function series(name) { return [0, 1].map(function (s) { return root.querySelector("[data-" + name + '="' + s + '"]'); }); }
    var line = series("line"), band = series("band"), end = series("end"), here = series("here"), whisker = series("whisker");
    var marks = [0, 1].map(function (s) { return all(root, '[data-marks="' + s + '"] > svg'); });
    var cursor = root.querySelector("[data-cursor]"), bracket = root.querySelector("[data-bracket]"), tag = root.querySelector("[data-tag]");

    // Everything that can glide, as one flat list: cursor x, six heights at the cursor, two label
    // heights, then x and six heights a dose (score, low, high of the first and second curve).
    function target() {
      var a = data.arms[arm];
      return [a.x[dose]].concat(a.y[dose], a.ends, [].concat.apply([], a.x.map(function (x, i) { return [x].concat(a.y[i]); })));
    }
    function draw(v) {
      var n = (v.length - 9) / 7, s, i, at = function (i, k) { return round(v[9 + 7 * i + k]); };
      shown = v;
      for (s = 0; s < 2; s++) {
        var mid = [], low = [], high = [];
        for (i = 0; i < n; i++) {
          mid.push(at(i, 0) + "," + at(i, 1 + 3 * s));
          low.push(at(i, 0) + "," + at(i, 2 + 3 * s));
          high.unshift(at(i, 0) + "," + at(i, 3 + 3 * s));
        }
        set(line[s], {points: mid.join(" ")});
        set(band[s], {points: low.concat(high).join(" ")});
        marks[s].forEach(function (mark, i) {
          if (i < n) { set(mark, {x: at(i, 0) + "%", y: at(i, 1 + 3 * s)}); mark.removeAttribute("display"); }
          else mark.setAttribute("display", "none");
        });
        set(end[s], {y: round(v[7 + s])});
        set(here[s], {y: round(v[1 + 3 * s])});
        set(whisker[s], {y1: round(v[2 + 3 * s]), y2: round(v[3 + 3 * s])});
      }
      var side = v[0] > 58 ? -1 : 1, reach = 18 * side;
      set(cursor, {x: round(v[0]) + "%"});
      set(bracket, {d: "M" + 11 * side + " " + round(v[1]) + "H" + reach + "V" + round(v[4]) + "H" + 11 * side});
      set(tag, {x: reach + 9 * side, y: round(tagHeight(v)), "text-anchor": side > 0 ? "start" : "end"});
    }
    // The gap's number stands beside the bracket, or clear of the curves where the gap is small.
    function tagHeight(v) {
      if (Math.abs(v[1] - v[4]) >= 30) return (v[1] + v[4]) / 2;
      var above = Math.min(v[3], v[6]) - 19;
      return above > 12 ? above : Math.max(v[2], v[5]) + 19;
    }
    function tell() {
      var a = data.arms[arm], n = a.says[dose], name = a.doses[dose];
      all(root, "[data-dose]").forEach(function (node) { node.textContent = name; });
      all(root, "[data-value]").forEach(function (node) { node.textContent = n[node.getAttribute("data-value")]; });
      slider.setAttribute("aria-valuetext", name);
      clearTimeout(timer);
      timer = setTimeout(function () { status.textContent = sentence(); }, 250);
    }
    function sentence() {
      var n = data.arms[arm].says[dose], name = function (i) { return data.names[i][0] ? say(data.names[i][0]) : data.names[i][1]; };
      return say("explore.says", {dose: data.arms[arm].doses[dose], first: name(0), second: name(1), gap: name(2), a: n[0], h: n[2], g: n[4]});
    }
    function go(nextArm, nextDose) {
      if (nextArm === arm && nextDose === dose) return;
      arm = nextArm; dose = nextDose;
      slider.max = data.arms[arm].x.length - 1;
      slider.value = dose;
      stop();
      stop = glide(shown, target(), draw);
      tell();
    }
    function nearest(xs, x) {
      return xs.reduce(function (best, value, i) { return Math.abs(value - x) < Math.abs(xs[best] - x) ? i : best; }, 0);
    }
    function point(event) {
      var box = hit.getBoundingClientRect();
      go(arm, nearest(data.arms[arm].x, 100 * (event.clientX - box.left) / box.width));
    }

    slider.addEventListener("input", function () { go(arm, +slider.value); });
    // Two copies of one output must not share a radio group.
    var group = "ik-" + all(document, "[data-ik-ready]").length + "-" + Math.random();
    radios.forEach(function (radio, i) {
      radio.name = group;
      radio.checked = i === arm;
      radio.addEventListener("change", function () { go(i, nearest(data.arms[i].x, data.arms[arm].x[dose])); });
    });
    var dragging = false;
    hit.addEventListener("pointerdown", function (event) {
      if (event.button) return;
      dragging = true;
      hit.setPointerCapture(event.pointerId);
      point(event);
      slider.focus({preventScroll: true});
      event.preventDefault();
    });
    hit.addEventListener("pointermove", function (event) { if (dragging) point(event); });
    ["pointerup", "pointercancel", "lostpointercapture"].forEach(function (name) {
      hit.addEventListener(name, function () { dragging = false; });
    });
    slider.value = dose;
    draw(target());
    tell();
    clearTimeout(timer);
    status.textContent = sentence();
  }

  function number(data, v, form) { return fill(form || data.form, {n: v.toFixed(data.decimals).replace("-", "\u2212")}); }

  // A slider that must be touched before its button can be pressed.
  function guessing(slider, value, button, data, say) {
    function touched() {
      if (slider.disabled) return;
      button.disabled = false;
      value.removeAttribute("data-unset");
      value.textContent = number(data, +slider.value);
      slider.setAttribute("aria-valuetext", number(data, +slider.value));
    }
    slider.value = (data.low + data.high) / 2;
    slider.disabled = false;
    slider.setAttribute("aria-valuetext", say("predict.open"));
    slider.addEventListener("input", touched);
    slider.addEventListener("pointerup", touched);
    button.disabled = true;
  }

  // What is said of a committed guess.
  function judged(slider, data, say) {
    var guess = +slider.value, off = Math.abs(guess - data.answer), same = number(data, off) === number(data, 0);
    var apart = data.points ? say("predict.points", {n: number(data, off, "{n}")}) : number(data, off);
    return say(same ? "predict.exact" : guess > data.answer ? "predict.high" : "predict.low",
      {guess: number(data, guess), answer: data.shown, distance: apart});
  }

  function predict(root, data, say) {
    var slider = root.querySelector("input"), button = root.querySelector("button"), value = root.querySelector("[data-guess]");
    var details = root.querySelector("details"), verdict = root.querySelector("[data-verdict]"), done = false;
    function place(v) { return round(100 * Math.min(1, Math.max(0, (v - data.low) / (data.high - data.low)))); }
    function mark(name, v, text) {
      var x = place(v), node = root.querySelector('[data-mark="' + name + '"]'), label = node.querySelector("text");
      node.setAttribute("x", x + "%");
      label.setAttribute("text-anchor", x < 18 ? "start" : x > 82 ? "end" : "middle");
      label.textContent = text;
    }
    function commit() {
      if (done) return;
      done = true;
      var guess = +slider.value;
      slider.disabled = button.disabled = true;
      button.textContent = say("predict.committed");
      verdict.textContent = judged(slider, data, say);
      mark("guess", guess, say("predict.you") + " " + number(data, guess));
      mark("answer", data.answer, say("predict.answer") + " " + data.shown);
      // An end of the scale makes room for a label that would cover it.
      all(root, ".ik-scale").forEach(function (end, i) { end.setAttribute("opacity", Math.abs(place(data.answer) - 100 * i) < 42 ? 0 : 1); });
      set(root.querySelector("[data-miss]"), {x1: place(guess) + "%", x2: place(data.answer) + "%"});
      root.querySelector("[data-numberline]").removeAttribute("hidden");
      details.querySelector("summary").textContent = say("predict.revealed");
      details.hidden = false;
      details.open = true;
      verdict.focus();
    }
    guessing(slider, value, button, data, say);
    button.addEventListener("click", commit);
    details.hidden = true;
    details.open = false;
  }

  // Dots that go from frame to frame. Each frame's boxes and labels stand in the page: they move
  // into the first frame's picture, and one set is shown at a time.
  function scene(root, data, say) {
    var items = all(root, ".ik-frames > li"), stage = items[0].querySelector("svg"), inner = stage.querySelector("svg");
    var says = items[0].querySelector(".ik-says"), told = root.querySelector("[data-told]"), count = root.querySelector("[data-count]");
    var back = root.querySelector("[data-back]"), next = root.querySelector("[data-next]"), ask = root.querySelector("[data-ask]"), verdict = root.querySelector("[data-verdict]");
    var knob = root.querySelector("[data-knob]"), slider = knob.querySelector("input"), knobName = knob.querySelector("[data-knob-name]");
    var here = 0, open = !data.guess, line = data.frames.map(function (f) { return f.knob ? f.knob.start : 0; });
    var parts = items.map(function (item) { return all(item, "[data-fixed], [data-labels]"); });
    var shown = places(0), stop = function () {};

    function make(name, kind) {
      var node = document.createElementNS(inner.namespaceURI, name);
      node.setAttribute("class", kind);
      inner.appendChild(node);
      return node;
    }
    all(inner, "path, .ik-cursor").forEach(function (node) { node.remove(); });
    parts.forEach(function (nodes) { nodes.forEach(function (node) { (node.hasAttribute("data-fixed") ? inner : stage).appendChild(node); }); });
    items.slice(1).forEach(function (item) { item.hidden = true; });
    var thread = make("path", "ik-thread"), rings = make("path", "ik-ring");
    var dots = ["soft", "apparent", "honest", "third", "fourth", "ink"].map(function (name) { return make("path", "ik-dots ik-c-" + name); });
    var cursor = make("line", "ik-cursor");
    dots.forEach(function (path) { path.setAttribute("stroke-width", data.size); });
    rings.setAttribute("stroke-width", data.size * 1.35);

    function places(n) { return data.frames[n].at.map(function (v) { return v < 0 ? v : v / 100; }); }
    function x(knobs, value) { return knobs.axis[0] + (knobs.axis[1] - knobs.axis[0]) * (value - knobs.low) / (knobs.high - knobs.low); }
    function above(i) { return places(here)[2 * i] >= x(data.frames[here].knob, line[here]) - 1e-9; }
    function seen(i) { return data.frames[here].at[2 * i] >= 0; }
    function colour(i) {
      var frame = data.frames[here];
      return frame.knob ? frame.knob.colours[+above(i)] : +frame.roles[i];
    }
    function draw(v) {
      var paths = dots.map(function () { return ""; }), ring = "";
      shown = v;
      for (var i = 0; i < data.dots; i++) if (seen(i)) {
        var at = "M" + round(v[2 * i]) + " " + round(v[2 * i + 1]) + "h0";
        paths[colour(i)] += at;
        if (i in data.texts) ring += at;
      }
      dots.forEach(function (path, k) { path.setAttribute("d", paths[k]); });
      rings.setAttribute("d", ring);
      thread.setAttribute("d", data.frames[here].threads.map(function (pair) {
        return "M" + pair.map(function (i) { return round(v[2 * i]) + " " + round(v[2 * i + 1]); }).join("L");
      }).join(""));
    }
    function whole(value) { return String(Math.floor(value + 0.5)).replace(/\B(?=(\d{3})+(?!\d))/g, ","); }
    function sentence() {
      var frame = data.frames[here], k = frame.knob, cost = 0, n = [0, 0];
      if (!k) return frame.says;
      for (var i = 0; i < data.dots; i++) if (seen(i)) {
        var up = above(i), costs = up ? k.above : k.below;
        n[+up] += data.each;
        cost += costs.length ? costs[i] : 0;
      }
      return (frame.says + " " + fill(k.says, {at: line[here].toFixed(k.decimals), below: whole(n[0]), above: whole(n[1]), cost: whole(cost)})).trim();
    }
    function turn() {
      var k = data.frames[here].knob;
      knob.hidden = !k;
      cursor.setAttribute("visibility", k ? "visible" : "hidden");
      if (k) {
        set(slider, {min: k.low, max: k.high, step: k.step, "aria-valuetext": line[here].toFixed(k.decimals)});
        slider.value = line[here];
        knobName.textContent = k.label + " " + line[here].toFixed(k.decimals);
        set(cursor, {x1: round(x(k, line[here])), x2: round(x(k, line[here])), y1: 0, y2: 140});
      }
      parts.forEach(function (nodes, n) { nodes.forEach(function (node) { node.setAttribute("visibility", n === here ? "visible" : "hidden"); }); });
      says.textContent = sentence();
      count.textContent = say("scene.of", {n: here + 1, all: data.frames.length});
      var mine = document.activeElement;
      back.disabled = here === 0;
      next.disabled = here === data.frames.length - 1;
      // Who steps to an end by keyboard goes on from the other button.
      if (mine === next && next.disabled) back.focus({preventScroll: true});
      if (mine === back && back.disabled) next.focus({preventScroll: true});
      root.querySelector("[data-turn]").hidden = !open;
      if (verdict) verdict.hidden = !open || here !== 1;
      told.hidden = true;
    }
    // A dot that was out of sight appears where it belongs, and one that leaves does not fly.
    function go(n) {
      if (n < 0 || n >= data.frames.length || n === here || (n > here && !open)) return;
      var to = places(n), from = shown.map(function (v, i) { return v < 0 ? to[i] : v; });
      here = n;
      turn();
      stop();
      stop = glide(from, to, draw, 700);
    }
    function point(event) {
      var box = stage.getBoundingClientRect(), scale = 300 / box.width, best = null, near = 10;
      Object.keys(data.texts).forEach(function (i) {
        var far = Math.hypot((event.clientX - box.left) * scale - shown[2 * i], (event.clientY - box.top) * scale - shown[2 * i + 1]);
        if (seen(i) && far < near) { near = far; best = i; }
      });
      if (best !== null) { told.hidden = false; told.textContent = data.texts[best]; }
    }
    function commit() {
      if (open) return;
      open = true;
      verdict.textContent = judged(ask.querySelector("input"), data.guess, say);
      ask.hidden = true;
      go(1);
      next.focus({preventScroll: true});
    }

    set(says, {role: "status", "aria-live": "polite"});
    if (data.guess) {
      root.querySelector("[data-plain]").hidden = true;
      guessing(ask.querySelector("input"), ask.querySelector("[data-guess]"), ask.querySelector("[data-commit]"), data.guess, say);
      ask.querySelector("[data-commit]").addEventListener("click", commit);
    }
    back.addEventListener("click", function () { go(here - 1); });
    next.addEventListener("click", function () { go(here + 1); });
    [back, next].forEach(function (button) {
      button.addEventListener("keydown", function (event) {
        var way = {ArrowLeft: -1, ArrowRight: 1}[event.key];
        if (way) { go(here + way); event.preventDefault(); event.stopPropagation(); }
      });
    });
    slider.addEventListener("input", function () { line[here] = +slider.value; turn(); draw(shown); });
    stage.addEventListener("pointermove", point);
    stage.addEventListener("click", point);
    var touch = null;
    stage.addEventListener("touchstart", function (event) { touch = event.changedTouches[0]; }, {passive: true});
    stage.addEventListener("touchend", function (event) {
      var end = event.changedTouches[0], dx = end.clientX - touch.clientX;
      if (Math.abs(dx) > 40 && Math.abs(dx) > 2 * Math.abs(end.clientY - touch.clientY)) go(here + (dx < 0 ? 1 : -1));
    });
    turn();
    draw(shown);
  }

  var kinds = {explore: explore, predict: predict, scene: scene};
  function start(root) {
    var holder = root.querySelector('script[type="application/json"]');
    if (!holder) return;
    root.setAttribute("data-ik-ready", "");
    var data = JSON.parse(holder.textContent), say = words(root, data);
    all(root, "[data-needs-script]").forEach(function (node) { node.hidden = false; });
    kinds[root.getAttribute("data-ik")](root, data, say);
  }
  all(document, "[data-ik]:not([data-ik-ready])").forEach(start);
})();
