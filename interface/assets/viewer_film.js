/* Films in the browser: fetched as bytes, kept at native range, windowed for the screen at every change.
   A pyramid of halves stands behind each film, so that a frame never touches many more pixels than it shows. */
(() => {
  "use strict";
  const V = (window.viewboxViewer ??= {});
  if (V.Film) return;
  const BLOCK_ROWS = 128;

  /* One block of rows: zigzag steps from pixel to pixel, low bytes before high bytes. */
  const undo = (bytes, at, width, rows, wide, out, from) => {
    const count = width * rows;
    for (let y = 0, i = 0; y < rows; y++) {
      for (let x = 0, last = 0; x < width; x++, i++) {
        const code = wide ? bytes[at + i] | (bytes[at + count + i] << 8) : bytes[at + i];
        last = (last + ((code >>> 1) ^ -(code & 1))) & (wide ? 0xffff : 0xff);
        out[from + i] = last;
      }
    }
  };

  const halved = ({ width, height, data }) => {
    const w = Math.max(1, width >> 1), h = Math.max(1, height >> 1);
    const out = new Uint16Array(w * h);
    const right = width > 1 ? 1 : 0, down = height > 1 ? width : 0;
    for (let y = 0, i = 0; y < h; y++) {
      for (let x = 0, a = 2 * y * width; x < w; x++, a += 2, i++)
        out[i] = (data[a] + data[a + right] + data[a + down] + data[a + down + right] + 2) >> 2;
    }
    return { width: w, height: h, data: out };
  };

  V.Film = class {
    /* meta: what interface/case_tab/viewer.py says of a film. onChange is called when there is more to draw. */
    constructor(meta, onChange) {
      Object.assign(this, meta);
      this.levels = [];
      this.onChange = onChange;
      this.failed = false;
      this.whole = false;
      this.loading = this.load().catch(() => { this.failed = true; this.onChange(); });
    }

    async load() {
      const answer = await fetch(new URL(this.address, document.baseURI), { credentials: "same-origin" });
      if (!answer.ok) throw new Error(`film: ${answer.status}`);
      const [smallWidth, smallHeight] = this.preview;
      const parts = [[smallWidth, smallHeight], [this.width, this.height]].filter(([w]) => w);
      const bytes = new Uint8Array(parts.reduce((sum, [w, h]) => sum + w * h * this.bytes, 0));
      const reader = answer.body.getReader();
      let got = 0, at = 0;
      const filled = async (need) => {
        while (got < need) {
          const { done, value } = await reader.read();
          if (done || got + value.length > bytes.length) throw new Error("film: wrong length");
          bytes.set(value, got);
          got += value.length;
        }
      };
      for (const [width, height] of parts) {
        const data = new Uint16Array(width * height);
        for (let y = 0; y < height; y += BLOCK_ROWS) {
          const rows = Math.min(BLOCK_ROWS, height - y), size = rows * width * this.bytes;
          await filled(at + size);
          undo(bytes, at, width, rows, this.bytes === 2, data, y * width);
          at += size;
        }
        this.levels = [{ width, height, data }];
        this.whole = width === this.width;
        this.onChange();
      }
    }

    /* What the server says of the film that most likely follows, once this one is whole; null for none. */
    async next() {
      await this.loading;
      if (!this.whole) return null;
      const answer = await fetch(new URL(`${this.address}/next`, document.baseURI), { credentials: "same-origin" })
        .catch(() => null); // a convenience: the next case is fetched when it is opened
      return answer?.status === 200 ? answer.json() : null;
    }

    /* The smallest level with a pixel for each pixel of the screen; a hurried one may have half as many. */
    level(shownWidth, hurried) {
      let found = this.levels[0];
      while (found.width >= (hurried ? 1.4 : 2) * shownWidth && Math.min(found.width, found.height) > 1) {
        const at = this.levels.indexOf(found);
        found = this.levels[at + 1] ?? (this.levels[at + 1] = halved(found));
      }
      return found;
    }

    /* The film's own value at a point (0 to 1 across and down), in the file's units; null until it is here. */
    valueAt(u, v) {
      if (!this.whole || u < 0 || v < 0 || u >= 1 || v >= 1) return null;
      const { width, height, data } = this.levels[0];
      return this.slope * data[Math.floor(v * height) * width + Math.floor(u * width)] + this.intercept;
    }
  };

  /* While a film is looked at, the one that most likely follows is fetched. */
  V.lookAhead = async (viewer, film) => {
    if (!film || film.followed || navigator.connection?.saveData || !viewer.root.closest("#vb-figure")) return;
    film.followed = true;
    const next = await film.next(), [pane] = viewer.panes;
    if (!next || viewer.entryOf(pane)?.film !== film) return;
    viewer.ahead = next.id;
    const following = viewer.filmOf(next);
    await following.loading;
    if (following.whole) following.level(pane.canvas.width);
  };

  /* Black at low, white at high, for every value that a film can have. */
  V.table = (low, high, inverted, last) => {
    const table = new Uint32Array(last + 1), span = Math.max(high - low, 1e-6);
    for (let value = 0; value <= last; value++) {
      const share = Math.min(1, Math.max(0, (value - low) / span));
      const gray = Math.round(255 * (inverted ? 1 - share : share));
      table[value] = 0xff000000 | (gray << 16) | (gray << 8) | gray;
    }
    return table;
  };

  /* Draws a film into a canvas. place: {left, top, width, height} of the whole film in the canvas's pixels. */
  V.FilmPainter = class {
    constructor(canvas) {
      this.canvas = canvas;
      this.context = canvas.getContext("2d", { alpha: false });
      this.stage = document.createElement("canvas");
      this.stageContext = this.stage.getContext("2d", { alpha: false, willReadFrequently: true });
      this.image = null;
    }

    clear(ground) {
      this.context.fillStyle = ground;
      this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    }

    draw(film, place, low, high, inverted, ground, hurried) {
      this.clear(ground);
      if (!film.levels.length) return;
      const level = film.level(place.width, hurried);
      const across = level.width / place.width, down = level.height / place.height;
      const left = Math.max(0, Math.floor(-place.left * across) - 1);
      const top = Math.max(0, Math.floor(-place.top * down) - 1);
      const right = Math.min(level.width, Math.ceil((this.canvas.width - place.left) * across) + 1);
      const bottom = Math.min(level.height, Math.ceil((this.canvas.height - place.top) * down) + 1);
      const width = right - left, height = bottom - top;
      if (width <= 0 || height <= 0) return;
      const key = `${low} ${high} ${inverted} ${film.last}`;
      if (this.tableKey !== key) this.table = V.table(low, high, inverted, film.last);
      this.tableKey = key;
      this.fill(level, left, top, width, height, this.table);
      this.context.imageSmoothingEnabled = true;
      this.context.imageSmoothingQuality = "medium";
      this.context.drawImage(this.stage, 0, 0, width, height,
        place.left + left / across, place.top + top / down, width / across, height / down);
    }

    fill(level, left, top, width, height, table) {
      if (this.stage.width < width || this.stage.height < height) {
        this.stage.width = Math.max(this.stage.width, width);
        this.stage.height = Math.max(this.stage.height, height);
      }
      // Kept while it is large enough: a zoom changes the size with every frame.
      if (!this.image || this.image.width < width || this.image.height < height) {
        this.image = this.stageContext.createImageData(this.stage.width, this.stage.height);
        this.pixels = new Uint32Array(this.image.data.buffer);
      }
      const { data, width: stride } = level, { pixels, image } = this;
      for (let y = 0; y < height; y++) {
        let from = (top + y) * stride + left, i = y * image.width;
        for (const end = i + width; i < end; i++, from++) pixels[i] = table[data[from]];
      }
      this.stageContext.putImageData(image, 0, 0, 0, 0, width, height);
    }
  };
})();
