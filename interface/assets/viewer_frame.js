/* The frame around the film: buttons, lists, caption, and the list of keys. */
(() => {
  "use strict";
  const V = (window.viewboxViewer ??= {});
  if (V.Frame) return;

  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "text") node.textContent = value;
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  };
  const KEYS = [
    ["← ↑ → ↓", "arrows"], ["+ −", "zoom"], ["Shift ↑ ↓ ← →", "level"], ["1 … 6", "presets"], ["I", "invert"],
    ["R, 0", "reset"], ["F", "full"], ["S", "two"], ["Q", "sheet"], ["L", "linked"], ["V", "layers"], ["N", "view"], ["[ ]", "opacity"],
    [", .", "threshold"], ["G", "sign"], ["C", "contours"], ["W M B E", "tools"], ["Space, Shift ←…", "mark"],
    ["< >", "size"], ["U", "undo"], ["Delete", "clear"], ["?", "help"],
  ];
  /* Signs that not every device has a font for are drawn, on a ground of 20 x 20. */
  const DRAWN = {
    pan: "M10 2v16M2 10h16M7.5 4.5 10 2l2.5 2.5M7.5 15.5 10 18l2.5-2.5M4.5 7.5 2 10l2.5 2.5M15.5 7.5 18 10l-2.5 2.5",
    mark: "M3 17l1-4L14 3l3 3L7 16zM12 5l3 3", erase: "M7 4h11v12H7L2 10zM10 7.5l5 5M15 7.5l-5 5",
    undo: "M4 8h8a4.5 4.5 0 0 1 0 9H8M7.5 4 4 8l3.5 4", reset: "M4.5 6.5a7 7 0 1 1-1 6M4.5 2v4.5H9",
    two: "M2 4h7v12H2zM11 4h7v12h-7z", sheet: "M3 3h14v14H3zM3 10h14M10 3v14",
    linked: "M8 10h4M9 6H6a4 4 0 0 0 0 8h3M11 6h3a4 4 0 0 1 0 8h-3", full: "M12 3h5v5M8 17H3v-5M17 3l-6 6M3 17l6-6",
  };
  const MARK_KEYS = new Set(["mark", "size", "undo", "clear"]);

  V.make = make;

  V.Frame = class {
    constructor(viewer) {
      this.viewer = viewer;
      this.worded = []; // [node, key, attribute or "text"]
      this.status = make("div", { class: "vb-unseen", role: "status" });
      this.hint = make("p", { class: "vv-hint", "aria-hidden": "true" });
      this.stages = [0, 1, 2, 3].map((index) => this.stage(index));
      this.dialog = make("dialog", { class: "vv-keys" });
      this.root = make("div", { class: "vv", role: "group" },
        this.toolbar(), this.sheetTools(), (this.panesHome = make("div", { class: "vv-panes" }, this.stages[0].figure)),
        this.mapTools(), (this.captionHome = make("div")), this.status, this.dialog);
      this.worded.push([this.root, "viewer.title", "aria-label"]);
      document.addEventListener("fullscreenchange", () => { this.update(); viewer.draw(); });
      viewer.root.replaceChildren(this.root);
    }

    /* --- building */

    button(key, icon, onclick, extra = "vv-icon") {
      const name = make("span", { class: "vv-name" });
      const sign = make("span", { "aria-hidden": "true", text: icon });
      if (DRAWN[icon]) sign.innerHTML = `<svg viewBox="0 0 20 20" class="vv-sign"><path d="${DRAWN[icon]}"/></svg>`;
      const button = make("button", { type: "button", class: `vv-button ${extra}`, onclick }, sign, name);
      this.worded.push([name, key, "text"]);
      if (extra === "vv-icon") this.worded.push([button, key, "title"]);
      return button;
    }

    labelled(key, control, extra = "") {
      const name = make("span");
      this.worded.push([name, key, "text"]);
      return make("label", { class: `vv-label ${extra}` }, name, control);
    }

    get active() {
      const { panes, count } = this.viewer, shown = panes.slice(0, count);
      return shown.find((pane) => pane.figure.contains(document.activeElement)) ?? shown[this.last ?? 0] ?? panes[0];
    }

    stage(index) {
      const canvas = make("canvas", { "aria-hidden": "true" }), over = make("canvas", { "aria-hidden": "true" });
      const stage = make("div", { class: "vb-ground vv-stage", tabindex: "0", role: "application" }, canvas, over);
      const mark = make("span", { class: "vb-synthetic" });
      const message = make("p", { class: "vb-nofilm" });
      const views = make("select", { onchange: () => this.viewer.show(this.viewer.panes[index], views.value, false) });
      const viewsLabel = this.labelled("viewer.view", views, "vv-view");
      const legend = make("div", { class: "vb-legend" }), readout = make("div", { class: "vv-readout" });
      const caption = make("figcaption"), title = make("p", { class: "vv-title" });
      const figure = make("figure", { class: "vb-film vv-pane" }, title, viewsLabel, stage, legend, caption);
      stage.append(mark, message, readout);
      if (index === 0) stage.append(this.hint);
      stage.addEventListener("focus", () => { this.last = index; this.viewer.draw(); });
      stage.addEventListener("blur", () => this.viewer.draw());
      return { stage, canvas, over, title, mark, message, views, viewsLabel, legend, readout, caption, figure };
    }

    toolbar() {
      const { viewer } = this;
      const tool = (name, key, icon) => [name, this.button(key, icon, () => viewer.useTool(name))];
      this.tools = Object.fromEntries([
        tool("window", "viewer.window", "◐"), tool("pan", "viewer.pan", "pan"),
        tool("mark", "viewer.mark", "mark"), tool("erase", "viewer.erase", "erase"),
      ]);
      this.undoButton = this.button("viewer.undo", "undo", () => this.undo(this.active));
      this.clearButton = this.button("viewer.clear", "✕", () => this.clear(this.active));
      this.size = make("input", { type: "range", min: "0.5", max: "12", step: "0.5",
        oninput: () => this.brushSize(Number(this.size.value) / 100) });
      this.sizeLabel = this.labelled("viewer.size", this.size);
      this.preset = make("select", { onchange: () => viewer.usePreset(this.active, this.preset.value) });
      this.inverted = this.button("viewer.invert", "◑", () => viewer.invert(this.active));
      this.twoButton = this.button("viewer.two", "two", () => viewer.setTwo(viewer.count === 1 || Boolean(viewer.sheet)));
      this.sheetButton = this.button("viewer.sheet", "sheet", () => (viewer.sheet ? viewer.leaveSheet(true) : viewer.askSheet()));
      this.sheetButton.classList.add("vv-wide"); // on a phone the page's own button asks for it
      this.linkButton = this.button("viewer.linked", "linked", () => this.link(!viewer.linked));
      this.fullButton = this.button("viewer.full", "full", () => this.full());
      const smaller = this.button("viewer.smaller", "−", () => viewer.zoom(this.active, 0.8));
      const larger = this.button("viewer.larger", "+", () => viewer.zoom(this.active, 1.25));
      const keys = this.button("viewer.keys", "?", () => this.help());
      const reset = this.button("viewer.reset", "reset", () => viewer.reset(this.active));
      for (const spare of [smaller, larger, reset, keys, this.twoButton, this.sheetButton]) spare.classList.add("vv-fine"); // behind "more" where there is little room
      const more = this.button("viewer.more_tools", "⋯", () =>
        more.setAttribute("aria-expanded", String(bar.classList.toggle("vv-all"))));
      more.classList.add("vv-rest");
      more.setAttribute("aria-expanded", "false");
      const bar = make("div", { class: "vv-bar vv-tools", role: "group" },
        ...Object.values(this.tools), this.undoButton, this.clearButton, this.sizeLabel,
        this.labelled("viewer.preset", this.preset, "vv-quiet vv-fine"), this.inverted, smaller, larger,
        reset, this.twoButton, this.sheetButton, this.linkButton, this.fullButton, keys, more);
      this.worded.push([bar, "viewer.tools", "aria-label"]);
      return bar;
    }

    /* What the panes of a sheet differ in, and the way back to one film. */
    sheetTools() {
      const { viewer } = this;
      this.kinds = Object.fromEntries(V.KINDS.map((name) => {
        const button = make("button", { type: "button", class: "vv-button", onclick: () => viewer.askSheet(name) });
        this.worded.push([button, `viewer.sheet_${name}`, "text"]);
        return [name, button];
      }));
      const choice = make("div", { class: "vv-switch", role: "group" }, ...Object.values(this.kinds));
      const close = this.button("viewer.sheet_close", "✕", () => { viewer.leaveSheet(true); this.stages[0].stage.focus(); });
      this.worded.push([choice, "viewer.sheet", "aria-label"]);
      return (this.sheetBar = make("div", { class: "vv-bar vv-kinds" }, choice, close));
    }

    /* A sheet has just been laid out: in sight, and spoken. */
    tellSheet(focus) {
      const { viewer } = this, first = this.stages[0].stage;
      this.updateNow();
      if (focus) first.focus({ preventScroll: true });
      const { top, bottom } = this.root.getBoundingClientRect();
      if (top < 0 || bottom > window.innerHeight - 90) // legends and origin are still to come
        this.root.closest(".block")?.scrollIntoView({ block: "start" });
      this.status.textContent = viewer.say("viewer.sheet_told", { names: viewer.sheet.panes.map((pane) => pane.caption).join("; ") });
    }

    /* One line: what is shown, the legend, how strong the colour is; what is rarer waits behind "More". */
    mapTools() {
      const { viewer } = this;
      const slider = (name, most) => make("input", { type: "range", min: "0", max: most, step: "5",
        oninput: (event) => viewer.set(name, Number(event.target.value)) });
      this.layers = Object.fromEntries(V.LAYERS.map((name) => {
        const button = make("button", { type: "button", class: "vv-button", onclick: () => viewer.useLayers(name) });
        this.worded.push([button, `viewer.layers_${name}`, "text"]);
        return [name, button];
      }));
      const choice = make("div", { class: "vv-switch", role: "group" }, ...Object.values(this.layers));
      this.opacity = slider("opacity", "100");
      this.threshold = slider("threshold", "95");
      this.sign = make("select", { onchange: () => viewer.set("sign", this.sign.value) });
      this.contours = this.button("viewer.contours", "◎", () => viewer.set("contours", !viewer.choice.contours), "");
      this.opacityValue = make("output");
      this.thresholdValue = make("output");
      this.notes = make("p");
      this.origin = make("p");
      const name = make("span", { class: "vv-name" });
      const more = make("details", { class: "vv-more" },
        make("summary", { class: "vv-button vv-icon" }, make("span", { "aria-hidden": "true", text: "⋯" }), name),
        make("div", { class: "vv-panel" }, this.labelled("viewer.show", this.sign),
          this.labelled("viewer.threshold", this.threshold), this.thresholdValue, this.contours, this.notes, this.origin));
      more.addEventListener("toggle", () => { if (more.open) more.lastChild.scrollIntoView({ block: "nearest" }); });
      document.addEventListener("keydown", (event) => { if (event.key === "Escape") more.open = false; });
      document.addEventListener("pointerdown", (event) => { if (!more.contains(event.target)) more.open = false; });
      this.legendHome = make("div", { class: "vv-legend" });
      const bar = make("div", { class: "vv-bar vv-map", role: "group" }, choice, this.legendHome,
        this.labelled("viewer.opacity", this.opacity, "vv-quiet"), this.opacityValue, more);
      this.worded.push([bar, "viewer.map_tools", "aria-label"], [choice, "viewer.layers", "aria-label"], [name, "viewer.more", "text"]);
      return (this.mapBar = bar);
    }

    /* --- keeping it true */

    options(select, pairs, value) {
      const text = JSON.stringify(pairs);
      if (select.dataset.pairs !== text) {
        select.replaceChildren(...pairs.map(([id, label]) => make("option", { value: id, text: label })));
        select.dataset.pairs = text;
      }
      select.value = value;
    }

    /* Once a frame, however many changes came. */
    update() {
      this.due ??= requestAnimationFrame(() => { this.due = null; this.updateNow(); });
    }

    updateNow() {
      const { viewer } = this, { choice } = viewer, pressed = (node, on) => node.setAttribute("aria-pressed", String(on));
      if (this.spoken !== viewer.language) {
        this.spoken = this.root.lang = viewer.language;
        for (const [node, key, where] of this.worded)
          if (where === "text") node.textContent = viewer.say(key);
          else node.setAttribute(where, viewer.say(key));
        this.dialog.replaceChildren();
      }
      for (const [name, node] of Object.entries(this.tools)) pressed(node, viewer.tool === name);
      const marks = Boolean(viewer.marking), uses = marks && (viewer.tool === "mark" || viewer.tool === "erase");
      this.tools.mark.hidden = !marks;
      this.tools.erase.hidden = !uses;
      const { brushes } = viewer, brush = brushes.get(viewer.entryOf(this.active)?.filmId);
      this.undoButton.hidden = !(marks && brush?.past.length);
      this.clearButton.hidden = !(marks && brush?.count);
      this.sizeLabel.hidden = !uses;
      this.size.value = 100 * viewer.radius;
      pressed(this.inverted, this.active.inverted);
      const several = viewer.count > 1, sheet = viewer.sheet;
      pressed(this.twoButton, several && !sheet);
      pressed(this.sheetButton, Boolean(sheet));
      this.sheetButton.hidden = !viewer.sheets;
      this.sheetBar.hidden = !sheet;
      for (const [name, node] of Object.entries(this.kinds)) pressed(node, sheet?.kind === name);
      pressed(this.linkButton, viewer.linked);
      this.linkButton.hidden = !several;
      pressed(this.fullButton, this.isFull());
      this.options(this.sign, ["both", "positive", "negative"].map((s) => [s, viewer.say(`film.${s}`)]), choice.sign);
      this.opacity.value = choice.opacity;
      this.threshold.value = choice.threshold;
      this.opacityValue.textContent = `${choice.opacity} %`;
      this.thresholdValue.textContent = `${choice.threshold} %`;
      pressed(this.contours, choice.contours);
      for (const [name, node] of Object.entries(this.layers)) pressed(node, viewer.layers === name);
      const shown = viewer.entryOf(this.active), region = shown?.heat?.layer.unit === "region";
      this.layers.map.textContent = region ? shown.label : viewer.say("viewer.layers_map");
      this.root.classList.toggle("vv-two", viewer.count === 2);
      this.root.classList.toggle("vv-four", viewer.count > 2);
      this.root.classList.toggle("vv-sheet", Boolean(sheet));
      this.root.dataset.tool = viewer.tool;
      for (const { figure, index } of viewer.panes.slice(1)) {
        figure.hidden = index >= viewer.count;
        if (figure.hidden) figure.remove();
        else if (!figure.isConnected) this.panesHome.append(figure); // a node that is moved loses the focus
      }
      for (const pane of viewer.panes) this.updatePane(pane);
      this.mapBar.hidden = !viewer.panes.some((pane) => !pane.figure.hidden && viewer.entryOf(pane)?.heat);
      this.updatePreset();
      viewer.draw();
    }

    updatePreset() {
      const { viewer } = this, film = viewer.entryOf(this.active)?.film;
      this.preset.parentElement.hidden = !film;
      if (!film) return;
      const names = [...Object.keys(viewer.presets(film)), ...(this.active.preset === "own" ? ["own"] : [])];
      this.options(this.preset, names.map((name) => [name, viewer.say(`viewer.preset_${name}`)]), this.active.preset);
    }

    updatePane(pane) {
      const { viewer } = this, entry = viewer.entryOf(pane);
      if (!entry) return;
      const { count, sheet } = viewer, told = sheet?.panes[pane.index];
      const coming = told && !told.id && !told.failed && viewer.say("viewer.sheet_coming");
      const title = told ? [told.caption, coming, told.note].filter(Boolean).join(" · ") : "";
      const side = title ? `${title}: ` : count > 1 ? `${viewer.say(pane.index ? "viewer.right" : "viewer.left")}: ` : "";
      if (pane.title.textContent !== title) pane.title.textContent = pane.title.title = title;
      pane.title.hidden = !title;
      pane.stage.setAttribute("aria-label", `${side}${entry.text} ${viewer.say("viewer.hint")}`);
      pane.stage.setAttribute("aria-roledescription", viewer.say("viewer.role"));
      pane.stage.classList.toggle("vv-moves", pane.view.zoom > 1);
      pane.viewsLabel.hidden = count < 2 || Boolean(sheet) || viewer.entries.length < 2;
      const { film } = entry, alone = count === 1 && !pane.index, below = alone || (sheet && !pane.index);
      if (film) pane.stage.style.setProperty("--film", film.width / (film.height * film.aspect));
      for (const [part, home] of [[pane.legend, alone ? this.legendHome : pane.figure], [pane.caption, below ? this.captionHome : pane.figure]])
        if (part.parentElement !== home) home.append(part);
      this.options(pane.views, viewer.labels(), entry.id);
      pane.mark.textContent = entry.mark;
      pane.mark.hidden = !entry.mark;
      if (pane.captioned !== entry.caption) pane.caption.innerHTML = pane.captioned = entry.caption; // escaped on the server
      this.legend(pane, entry);
      this.read(pane);
    }

    /* --- what buttons and keys share */

    link(on) {
      this.viewer.linked = on;
      this.viewer.follow(this.active);
    }

    brushSize(radius) {
      this.viewer.radius = Math.min(0.12, Math.max(0.005, radius));
      this.update();
    }

    undo(pane) {
      if (!this.viewer.brush(pane)?.past.length) return;
      this.viewer.brush(pane).undo();
      this.viewer.marked(pane);
    }

    clear(pane) {
      if (!this.viewer.brush(pane)?.count) return;
      this.viewer.brush(pane).clear();
      this.viewer.marked(pane);
    }

    isFull() {
      return document.fullscreenElement === this.root || this.root.classList.contains("vv-filled");
    }

    /* Where a browser has no full screen for a part of a page (phones), the part fills the window. */
    full() {
      if (document.fullscreenElement === this.root) document.exitFullscreen();
      else if (this.root.requestFullscreen && !this.root.classList.contains("vv-filled"))
        this.root.requestFullscreen().catch(() => { this.root.classList.add("vv-filled"); this.update(); });
      else this.root.classList.toggle("vv-filled");
      this.update();
    }

    help() {
      const { viewer } = this;
      const rows = KEYS.filter(([, name]) => (viewer.marking || !MARK_KEYS.has(name)) && (viewer.sheets || name !== "sheet")).map(([keys, name]) =>
        make("tr", {}, make("th", { scope: "row" }, make("kbd", { text: keys })),
          make("td", { text: viewer.say(`viewer.key_${name}`) })));
      const close = make("button", { type: "button", class: "vv-button", text: viewer.say("viewer.close"),
        onclick: () => this.dialog.close() });
      this.dialog.setAttribute("aria-label", viewer.say("viewer.keys"));
      this.dialog.replaceChildren(make("h2", { text: viewer.say("viewer.keys") }),
        make("p", { text: viewer.say("viewer.mouse") }), make("table", {}, make("tbody", {}, ...rows)), close);
      this.dialog.showModal();
    }
  };
})();
