/* What the film viewer says: the legend of a map, the line below the film, and what is spoken. */
(() => {
  "use strict";
  const V = (window.viewboxViewer ??= {});
  if (V.telling) return;
  const number = (value) => (Math.abs(value) >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(3));
  /* Two digits that count and never an exponent: 450, 7.6, 0.0031. */
  const plain = (value) => value === 0 ? "0" : Math.abs(value).toFixed(Math.min(9, Math.max(0, 1 - Math.floor(Math.log10(Math.abs(value))))));
  const signed = (value) => `${value < 0 ? "−" : "+"}${plain(value)}`;

  /* Methods of V.Frame. */
  V.telling = {
    legend(pane, entry) {
      const { heat } = entry, { viewer } = this, { opacity, threshold, contours } = viewer.choice;
      const sign = heat && !heat.layer.signed ? "positive" : viewer.choice.sign;
      pane.legend.hidden = !heat;
      if (!heat) return;
      const { limit, shared } = viewer.scale(entry), { supports, against, scale_text: text, short_text: short } = heat.layer;
      const region = heat.layer.unit === "region"; // where the reference lies: neither scale nor sign
      const notes = [limit ? text[sign].replace("{scale}", plain(limit)) : viewer.say("viewer.empty_map")];
      if (threshold && !region) notes.push(viewer.say("viewer.threshold_note", { percent: 100 - threshold }));
      if (contours && limit && !region) notes.push(viewer.say("viewer.contours_note"));
      const brief = !limit ? notes[0] : viewer.sheet ? viewer.say(shared ? "viewer.sheet_scale" : "viewer.sheet_scales")
        : [heat.faint ? viewer.say("viewer.faint") : short[sign], ...(shared ? [viewer.say("viewer.same_scale")] : [])].join(" ");
      if (pane === this.active) {
        this.notes.textContent = notes.join(" ");
        this.origin.textContent = pane.caption.textContent;
      }
      const key = JSON.stringify([brief, sign, opacity, limit]);
      if (pane.legended === key) return;
      pane.legended = key;
      const stop = (colour, on) => `rgba(${colour},${on ? opacity / 100 : 0})`;
      const bar = V.make("span", { class: "vv-scale", "aria-hidden": "true" });
      const one = !heat.layer.signed;
      bar.style.backgroundImage = region ? `linear-gradient(${stop(supports, true)}, ${stop(supports, true)})` : one ? `linear-gradient(to right, ${stop(supports, false)}, ${stop(supports, true)})`
        : `linear-gradient(to right, ${stop(against, sign !== "positive")}, ${stop(against, false)} 50%, ` +
          `${stop(supports, false)} 50%, ${stop(supports, sign !== "negative")})`;
      const ticks = V.make("span", { class: "vv-ticks", "aria-hidden": "true" },
        ...(region ? [] : [one ? "0" : viewer.say("viewer.against"), viewer.say(one ? "viewer.much" : "viewer.for")]).map((t) => V.make("span", { text: t })));
      pane.legend.replaceChildren(V.make("span", { class: "vv-bartics" }, bar, ticks), V.make("small", { text: brief }));
    },

    progress(pane, entry) {
      const { viewer } = this, film = entry?.film;
      const text = !entry ? "" : !film ? entry.message : film.failed ? viewer.say("viewer.lost")
        : film.levels.length ? "" : viewer.say("viewer.loading");
      if (pane.message.textContent !== text) pane.message.textContent = text;
      pane.message.hidden = !text;
    },

    /* The line below the film: window, zoom, and what lies under the pointer. */
    read(pane) {
      const { viewer } = this, entry = viewer.entryOf(pane), film = entry?.film;
      if (!film) return void (pane.readout.textContent = "");
      const [low, high] = viewer.values(pane).map((value) => film.slope * value + film.intercept);
      const parts = [viewer.say("viewer.readout",
        { centre: number(Math.round((low + high) / 2)), width: number(Math.round(Math.abs(high - low))) })];
      const place = viewer.place(pane), ratio = pane.canvas.width / (pane.stage.clientWidth || 1);
      // A pane that is still hidden has no width yet.
      if (place.width > 0 && ratio > 0)
        parts.push(viewer.say("viewer.zoomed", { percent: Math.round((100 * place.width) / ratio / film.width) }));
      const at = pane.pointer && viewer.point(pane, pane.pointer.x, pane.pointer.y);
      const value = at && film.valueAt(at.u, at.v);
      if (at && value !== null) {
        parts.push(viewer.say("viewer.point",
          { x: Math.floor(at.u * film.width), y: Math.floor(at.v * film.height), value: number(value) }));
        if (entry.heat && entry.heat.layer.unit !== "region") parts.push(viewer.say("viewer.point_map", { value: signed(entry.heat.valueAt(at.u, at.v)) }));
      }
      const brush = viewer.brushes.get(entry.filmId);
      if (brush?.count)
        parts.push(viewer.say("viewer.marked", { percent: ((100 * brush.count) / brush.mask.length).toFixed(1) }));
      if (viewer.tested && entry.filmId === viewer.filmId) parts.push(viewer.say("viewer.tested_place"));
      const text = parts.join(" · ");
      if (pane.readout.textContent !== text) pane.readout.textContent = text;
    },

    /* After a key, when the hand rests: the same line, spoken. */
    announce(pane) {
      clearTimeout(this.speaking);
      this.speaking = setTimeout(() => {
        const { choice } = this.viewer;
        this.status.textContent = this.viewer.entryOf(pane)?.heat
          ? `${pane.readout.textContent} · ${this.viewer.say("viewer.opacity")} ${choice.opacity} % · ` +
            this.viewer.say(`film.${choice.sign}`)
          : pane.readout.textContent;
      }, 600);
    },

    tell(text, milliseconds = 1800) {
      this.hint.textContent = text;
      clearTimeout(this.hinting);
      this.hinting = setTimeout(() => { this.hint.textContent = ""; }, milliseconds);
    },
  };
})();
