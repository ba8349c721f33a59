/* The film viewer: what is shown, its controls, and what goes back to the page. How films and maps are made
   is in viewer_film.js and viewer_map.js, marking in viewer_brush.js, mouse, touch and keys in viewer_input.js,
   the frame around it in viewer_frame.js, a frame of the picture in viewer_paint.js. */
(() => {
  "use strict";
  const V = (window.viewboxViewer ??= {});
  if (V.Viewer) return;
  const FILMS_KEPT = 3, MAPS_KEPT = 12;
  V.LAYERS = ["film", "map", "both"];
  V.KINDS = ["methods", "targets", "baselines", "checkpoints"]; // what the maps of a sheet differ in
  const usualTool = () => (matchMedia("(pointer: coarse)").matches ? "pan" : "window");
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  V.Viewer = class {
    constructor(element, send, props) {
      this.root = element;
      this.send = send;
      this.props = props;
      this.language = "en";
      this.entries = [];
      this.films = new Map();
      this.brushes = new Map();
      this.count = 1;
      this.sheet = null;
      this.linked = true;
      this.tool = usualTool();
      this.choice = { opacity: 60, threshold: 60, sign: "both", contours: true };
      this.layers = "both";
      this.radius = 0.03;
      this.frames = 0;
      this.frame = new V.Frame(this);
      this.panes = this.frame.stages.map((parts, index) => ({
        ...parts, index, shown: "", follows: true, preset: "model", inverted: false,
        view: { zoom: 1, u: 0.5, v: 0.5 }, window: { low: 0, high: 1 }, film: new V.FilmPainter(parts.canvas),
      }));
      for (const pane of this.panes) {
        V.listen(this, pane);
        new ResizeObserver(() => this.draw()).observe(pane.stage);
      }
      V.listenToKeys(this);
      this.take();
    }

    say(key, values = {}) {
      const text = this.props.words[this.language][key] ?? key;
      return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
    }

    /* --- what the page sends */

    take() {
      const value = this.props.value;
      if (!value || !value.film_id) return;
      this.language = value.language;
      this.marking = value.marking;
      this.tested = value.tested && V.Brush.told(value.tested);
      if (value.film_id !== this.filmId && this.root.closest("#vb-figure")) this.tool = usualTool(); // a pen marks one film
      this.filmId = value.film_id;
      this.sheets = Boolean(value.sheets);
      const film = value.film && this.filmOf(value.film);
      const common = { film, name: value.name, mark: value.mark, caption: value.caption, message: value.message };
      const first = { ...common, id: value.film_id, filmId: value.film_id, label: this.say("viewer.alone"),
        text: value.text, heat: null };
      const maps = value.layers.map((layer) => ({ ...common, filmId: value.film_id, heat: new V.HeatMap(layer),
        id: `${value.film_id}/${layer.id}`, label: layer.label, text: layer.text }));
      const opened = !this.entries.some((entry) => entry.filmId === value.film_id);
      for (const entry of [first, ...maps]) this.keep(entry);
      if (value.beside) this.keep(this.besideEntry(value.beside));
      this.forget(value.film_id);
      const current = maps.at(-1)?.id ?? first.id;
      const [left, ...others] = this.panes, fresh = opened || value.insist || !this.known.has(current);
      if (opened || !this.entryOf(left)) this.reset(left);
      if (value.sheet && value.sheet.turn !== this.left) this.lay(value.sheet, first);
      else if (!value.sheet) {
        this.latest = current;
        if (fresh) this.leaveSheet();
        if (!this.sheet && (fresh || left.follows)) this.show(left, current, true);
      }
      for (const entry of maps.length ? maps : [first]) this.known.add(entry.id);
      for (const pane of others) if (!this.entryOf(pane)) this.show(pane, first.id, false);
      this.useBeside(value.beside);
      this.useLinked(value);
      V.lookAhead(this, film);
      if (this.root.closest("#vb-figure")) this.markCase(value.case);
      const brush = this.brushes.get(value.film_id);
      if (brush?.count && !value.region) this.props.value = { ...value, region: brush.message(value.film_id) };
      this.frame.update();
      this.draw();
    }

    known = new Set();

    /* Which case of the strip and of the list is on screen, however it came there; the reader's own has no ID. */
    markCase(id) {
      for (const row of document.querySelectorAll(":is(#vb-strip, #vb-rows) [data-case]"))
        if (row.dataset.case === id) row.setAttribute("aria-current", "true");
        else row.removeAttribute("aria-current");
    }

    besideEntry({ film, film_id, name, mark, caption, message, text }) {
      return { film: film && this.filmOf(film), name, mark, caption, message, text, id: film_id, filmId: film_id,
        label: this.say("viewer.alone"), heat: null };
    }

    /* Another film of the same study in the second pane, linked; it goes with its study. */
    useBeside(beside) {
      if (!beside && this.besides) this.count = 1;
      if (beside && beside.turn !== this.besides) {
        this.leaveSheet(true);
        this.count = 2;
        this.show(this.panes[1], beside.film_id, false);
        this.linked = true;
        this.align(this.panes[0]);
      }
      this.besides = beside?.turn;
    }

    /* The view that the page's address names, on the first film that it shows. */
    useLinked(value) {
      if (this.linkUsed || !this.root.closest("#vb-figure")) return;
      this.linkUsed = true;
      const text = new URLSearchParams(window.location.search).get("view");
      if (text && value.film) V.useView(this, text);
    }

    filmOf(meta) {
      if (!this.films.has(meta.id) || this.films.get(meta.id).failed) {
        const film = new V.Film(meta, () => { if (this.entries.some((entry) => entry.film === film)) this.draw(); });
        this.films.set(meta.id, film);
      }
      return this.films.get(meta.id);
    }

    keep(entry) {
      const at = this.entries.findIndex((old) => old.id === entry.id);
      if (at >= 0) this.entries[at] = entry;
      else this.entries.push(entry);
    }

    /* Old films and maps go, but never what is on screen. */
    forget(current) {
      const shown = new Set(this.panes.map((pane) => pane.shown));
      const shownFilms = new Set([current, ...this.entries.filter((e) => shown.has(e.id)).map((e) => e.filmId)]);
      const films = [...new Set(this.entries.map((e) => e.filmId))];
      const kept = new Set([...shownFilms, ...films.slice(-FILMS_KEPT)]);
      const maps = new Set(this.entries.filter((e) => e.heat).slice(-MAPS_KEPT).map((e) => e.id));
      this.entries = this.entries.filter(
        (e) => kept.has(e.filmId) && (!e.heat || maps.has(e.id) || shown.has(e.id)));
      for (const id of this.films.keys()) if (!kept.has(id) && id !== this.ahead) { this.films.delete(id); this.brushes.delete(id); }
    }

    /* Boxes on the film in the first pane, from what a report says of them; none takes them off. */
    pointAt(places) {
      this.pointed = places;
      this.draw();
    }

    entryOf(pane) {
      return this.entries.find((entry) => entry.id === pane.shown);
    }

    /* A name for each entry that tells same-named ones apart, and films by their case. */
    labels() {
      const current = this.entryOf(this.panes[0])?.filmId, seen = new Map();
      return this.entries.map((entry) => {
        const label = entry.filmId === current ? entry.label : `${entry.name} · ${entry.label}`;
        const times = (seen.get(label) ?? 0) + 1;
        seen.set(label, times);
        return [entry.id, times > 1 ? `${label} (${times})` : label];
      });
    }

    /* --- what a reader changes */

    show(pane, id, follows) {
      const before = this.entryOf(pane)?.filmId;
      pane.shown = id;
      pane.follows = follows;
      const entry = this.entryOf(pane);
      if (entry.film && entry.filmId !== before) this.usePreset(pane, pane.preset === "own" ? "model" : pane.preset);
      this.frame.update();
      this.draw();
    }

    presets(film) {
      const relative = (value) => (value - film.low) / Math.max(film.high - film.low, 1e-6);
      return {
        model: [0, 1],
        ...(film.of_file && { file: film.of_file.map(relative) }),
        full: [relative(0), relative(film.last)],
        dark: [0, 0.6],
        bright: [0.4, 1.05],
        hard: [0.25, 0.75],
      };
    }

    usePreset(pane, name) {
      const film = this.entryOf(pane)?.film;
      const [low, high] = (film && this.presets(film)[name]) ?? [0, 1];
      pane.preset = film && this.presets(film)[name] ? name : "model";
      pane.window = { low, high };
      this.follow(pane);
    }

    /* Window by how far a hand moved, in shares of the viewer: right less contrast, up brighter. */
    turn(pane, right, down) {
      const { low, high } = pane.window;
      const [least, most] = this.presets(this.entryOf(pane).film).full;
      const width = clamp((high - low) * Math.exp(2.2 * right), 0.01, 2 * (most - least) + 0.01);
      const centre = clamp((low + high) / 2 + 1.2 * down * (high - low), least, most);
      pane.window = { low: centre - width / 2, high: centre + width / 2 };
      pane.preset = "own";
      this.follow(pane);
    }

    /* Move by shares of what is seen. */
    pan(pane, right, down) {
      const place = this.place(pane);
      if (!place) return;
      pane.view.u -= (right * pane.canvas.width) / place.width;
      pane.view.v -= (down * pane.canvas.height) / place.height;
      this.follow(pane);
    }

    /* Zoom about a point of the stage, given in shares of it. */
    zoom(pane, factor, x = 0.5, y = 0.5) {
      const before = this.place(pane);
      if (!before) return;
      const at = this.point(pane, x, y), film = this.entryOf(pane).film;
      const most = Math.max(8, (8 * film.width * pane.view.zoom) / before.width);
      pane.view.zoom = clamp(pane.view.zoom * factor, 1, most);
      const place = this.place(pane);
      pane.view.u = at.u + ((0.5 - x) * pane.canvas.width) / place.width;
      pane.view.v = at.v + ((0.5 - y) * pane.canvas.height) / place.height;
      this.follow(pane);
    }

    reset(pane) {
      pane.view = { zoom: 1, u: 0.5, v: 0.5 };
      pane.inverted = false;
      this.usePreset(pane, "model");
    }

    invert(pane) {
      pane.inverted = !pane.inverted;
      this.follow(pane);
    }

    /* Linked panes share view and window; the window is relative to each film's own, so two films compare. */
    follow(pane) {
      this.hurry();
      if (this.count > 1 && this.linked) this.align(pane);
      this.frame.update();
      this.draw();
    }

    align(pane) {
      for (const other of this.panes)
        if (other !== pane) {
          other.view = { ...pane.view };
          other.window = { ...pane.window };
          other.preset = pane.preset;
          other.inverted = pane.inverted;
        }
    }

    setTwo(on) {
      if (this.sheet) this.leaveSheet(true);
      this.count = on ? 2 : 1;
      if (on) {
        const [left, right] = this.panes, shown = this.entryOf(left);
        const others = this.entries.filter((entry) => entry !== shown);
        const own = others.filter((entry) => entry.filmId === shown?.filmId);
        right.shown = (own.at(-1) ?? others.at(-1) ?? shown)?.id ?? "";
        if (this.linked) this.follow(left);
      }
      this.frame.update();
      this.draw();
    }

    /* --- the sheet: up to four maps of one film, which the page makes one after the other */

    askSheet(kind = "methods", focus = false) {
      if (!this.sheets) return;
      this.focusing = focus;
      this.send("sheet", { kind, at: performance.now() });
    }

    /* Each pane shows the film alone until its map is there. */
    lay(sheet, first) {
      const begun = this.sheet?.turn === sheet.turn, { filmId } = first;
      this.sheet = sheet;
      this.count = sheet.panes.length;
      sheet.panes.forEach(({ id }, index) =>
        Object.assign(this.panes[index], { shown: id ? `${filmId}/${id}` : first.id, follows: false }));
      if (begun) return;
      this.align(this.panes[0]);
      this.frame.tellSheet(this.focusing);
      this.focusing = false;
    }

    /* Back to one film; what is still being made for the sheet is not needed any more. */
    leaveSheet(tell = false) {
      if (!this.sheet) return;
      this.left = this.sheet.turn;
      this.sheet = null;
      this.count = 1;
      if (tell) this.send("sheet", { kind: "", at: performance.now() });
      this.show(this.panes[0], this.latest, true);
    }

    set(name, value) {
      this.choice[name] = value;
      this.frame.update();
      this.draw();
    }

    useLayers(name) {
      this.layers = name;
      this.frame.update();
      this.draw();
    }

    useTool(name) {
      this.tool = name;
      this.frame.update();
      this.draw();
    }

    /* --- marking */

    brush(pane) {
      const entry = this.entryOf(pane);
      if (!entry?.film || !this.marking) return null;
      if (!this.brushes.has(entry.filmId))
        this.brushes.set(entry.filmId, new V.Brush(entry.film.width, entry.film.height * entry.film.aspect));
      return this.brushes.get(entry.filmId);
    }

    stroke(pane, from, to) {
      this.brush(pane)?.stroke(from, to, this.radius, this.tool === "erase");
      this.draw();
    }

    /* A stroke is over: the page hears of the whole region. */
    marked(pane) {
      const brush = this.brush(pane);
      if (brush) this.tellRegion(brush.message(this.entryOf(pane).filmId));
      this.frame.update();
      this.draw();
    }

    /* The region travels in the component's value too, for handlers that take it as an input. */
    tellRegion(region) {
      if (this.props.value.film_id !== region.film) return; // marked on a film that is here to compare with
      this.props.value = { ...this.props.value, region };
      this.send("marked", region);
    }

    /* The page has put everything back: the marks go without a word to it. */
    unmark() {
      const entry = this.entryOf(this.panes[0]);
      if (this.brushes.get(entry?.filmId)?.count) this.brushes.get(entry.filmId).clear();
      if (this.props.value.region) this.props.value = { ...this.props.value, region: null };
      this.frame.update();
      this.draw();
    }
  };

  /* For the page's own buttons, about the viewer with an id: take its marks off; whether its film has any;
     its maps beside each other. */
  const viewerIn = (id) => document.getElementById(id)?.querySelector(".vv")?.parentElement.viewer;
  V.unmark = (id) => viewerIn(id)?.unmark();
  V.isMarked = (id) => viewerIn(id)?.props.value?.region?.share > 0;
  V.compare = (id) => viewerIn(id)?.askSheet("methods", true);

  /* For a list that comes on screen: which of its cases is looked at. */
  V.markCase = () => {
    const viewer = viewerIn("vb-figure");
    viewer?.markCase(viewer.props.value.case);
  };

  /* For the page: what a proof came to, on the film, where the hand that marked it is. */
  V.brief = (id) => setTimeout(() => {
    const told = document.querySelector("#vb-proof [data-brief]");
    if (told) viewerIn(id).frame.tell(told.dataset.brief, 5000);
  }, 100);

  V.mount = (element, send, props, watch) => {
    Object.assign(V.Viewer.prototype, V.painting); // the other files are here by now
    Object.assign(V.Frame.prototype, V.telling);
    const viewer = new V.Viewer(element, send, props);
    element.viewer = viewer;
    watch("value", () => viewer.take());
  };
})();
