/* One frame of the film viewer: film, map, contours and marks, each where the view puts it. */
(() => {
  "use strict";
  const V = (window.viewboxViewer ??= {});
  if (V.painting) return;
  const GROUND = "#0a0c0f", DIMMED = "rgba(10,12,15,.72)", MOST_PIXELS = 6e6;
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  /* Methods of V.Viewer. */
  V.painting = {
    /* Where the whole film lies in the pane's canvas. */
    place(pane) {
      const film = this.entryOf(pane)?.film;
      if (!film) return null;
      const { width, height } = pane.canvas, tall = film.height * film.aspect;
      const scale = Math.min(width / film.width, height / tall) * pane.view.zoom;
      const place = { width: film.width * scale, height: tall * scale };
      const within = (at, whole, seen) => (whole <= seen ? 0.5 : clamp(at, seen / 2 / whole, 1 - seen / 2 / whole));
      pane.view.u = within(pane.view.u, place.width, width);
      pane.view.v = within(pane.view.v, place.height, height);
      place.left = width / 2 - pane.view.u * place.width;
      place.top = height / 2 - pane.view.v * place.height;
      return place;
    },

    /* A point of the stage, in shares of it, as a point of the film. */
    point(pane, x, y) {
      const place = this.place(pane);
      return { u: (x * pane.canvas.width - place.left) / place.width,
        v: (y * pane.canvas.height - place.top) / place.height };
    },

    /* While a hand moves, frames come before sharpness; the sharp one follows when it rests. */
    hurry() {
      clearTimeout(this.resting);
      this.resting = setTimeout(() => { this.resting = null; this.draw(); }, 150);
    },

    draw() {
      this.waiting ??= requestAnimationFrame(() => {
        this.waiting = null;
        for (const pane of this.panes) if (!pane.figure.hidden) this.paint(pane);
        this.frames++;
      });
    },

    scale(entry) {
      const maps = this.panes.filter((pane) => !pane.figure.hidden).map((pane) => this.entryOf(pane)?.heat);
      const same = maps.filter((map) => map && map.layer.unit === entry.heat.layer.unit);
      return { limit: Math.max(entry.heat.layer.scale, ...same.map((m) => m.layer.scale)), shared: same.length > 1 };
    },

    fit(pane) {
      const box = pane.stage.getBoundingClientRect();
      let ratio = window.devicePixelRatio || 1;
      if (box.width * box.height * ratio * ratio > MOST_PIXELS) ratio = 1;
      const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
      for (const canvas of [pane.canvas, pane.over])
        if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      return width > 0 && height > 0;
    },

    paint(pane) {
      const entry = this.entryOf(pane), context = pane.over.getContext("2d");
      if (!this.fit(pane)) return;
      context.clearRect(0, 0, pane.over.width, pane.over.height);
      this.frame.progress(pane, entry);
      if (!entry?.film?.levels.length) return pane.film.clear(GROUND);
      const { film, heat } = entry, place = this.place(pane);
      const [low, high] = this.values(pane);
      pane.film.draw(film, place, low, high, pane.inverted, GROUND, Boolean(this.resting));
      if (heat && this.layers !== "film") this.paintMap(context, place, heat, this.scale(entry).limit);
      if (this.marking) V.paintMarks(this, pane, context, place);
      if (this.pointed?.length && pane.index === 0) this.paintPointed(context, place);
      if (this.tested && entry.filmId === this.filmId) this.paintTested(context, place);
    },

    /* The pane's window in the film's transported values. */
    values(pane) {
      const { low, high } = this.entryOf(pane).film, span = Math.max(high - low, 1e-6);
      return [low + pane.window.low * span, low + pane.window.high * span];
    },

    /* The place that "Test the map" took away, by its name. */
    paintTested(context, place) {
      const { path, u, v } = this.tested, unit = window.devicePixelRatio || 1;
      V.outline(context, place, path, "#7a5c00", false, "#ffe066");
      context.font = `600 ${13 * unit}px sans-serif`;
      const at = [place.left + u * place.width, Math.max(14 * unit, place.top + v * place.height - 5 * unit)];
      Object.assign(context, { lineWidth: 3 * unit, strokeStyle: GROUND, fillStyle: "#ffe066" });
      context.strokeText(this.say("viewer.tested"), ...at);
      context.fillText(this.say("viewer.tested"), ...at);
    },

    /* What a sentence of the report speaks of; dashed where it says that there is nothing. */
    paintPointed(context, place) {
      for (const { box: [left, top, right, bottom], denied } of this.pointed) {
        const path = new Path2D();
        path.rect(left, top, right - left, bottom - top);
        V.outline(context, place, path, "#00d5ff", denied, "rgba(10,12,15,.85)");
      }
    },

    paintMap(context, place, heat, limit) {
      const { opacity, threshold, contours } = this.choice, sign = heat.layer.signed ? this.choice.sign : "both", alone = this.layers === "map";
      context.save();
      if (alone) { // the film stays as a shadow, so that one sees where this is
        context.fillStyle = DIMMED;
        context.fillRect(place.left, place.top, place.width, place.height);
      }
      context.globalAlpha = alone ? 1 : opacity / 100;
      context.imageSmoothingQuality = "medium";
      context.drawImage(heat.picture({ sign, threshold }, limit), place.left, place.top, place.width, place.height);
      context.restore();
      if (!contours || !limit) return;
      for (const which of ["positive", "negative"]) {
        if ((sign !== "both" && sign !== which) || (which === "negative" && !heat.layer.signed)) continue;
        const colour = which === "positive" ? heat.layer.supports : heat.layer.against;
        V.outline(context, place, heat.contour(which, threshold), `rgb(${colour})`, which === "negative");
      }
    },
  };

  V.outline = (context, place, path, colour, dashed, rim = "rgba(255,255,255,.85)") => {
    const whole = new Path2D(), unit = window.devicePixelRatio || 1;
    whole.addPath(path, new DOMMatrix([place.width, 0, 0, place.height, place.left, place.top]));
    context.save();
    for (const [style, width] of [[rim, 3.4], [colour, 2]]) {
      context.setLineDash(dashed ? [6 * unit, 4 * unit] : []);
      context.strokeStyle = style;
      context.lineWidth = width * unit;
      context.stroke(whole);
    }
    context.restore();
  };
})();
