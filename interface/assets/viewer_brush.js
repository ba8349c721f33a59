/* A region that the reader marks on the film: a coarse mask in film shares, whatever zoom it was drawn at. */
(() => {
  "use strict";
  const V = (window.viewboxViewer ??= {});
  if (V.Brush) return;
  const SIDE = 256, STEPS_BACK = 30;

  V.Brush = class {
    constructor(filmWidth, filmHeight) {
      const ratio = SIDE / Math.max(filmWidth, filmHeight);
      this.width = Math.max(1, Math.round(filmWidth * ratio));
      this.height = Math.max(1, Math.round(filmHeight * ratio));
      this.mask = new Uint8Array(this.width * this.height);
      this.past = [];
      this.changed();
    }

    changed() {
      this.path = null;
      this.canvas = null;
      this.count = this.mask.reduce((sum, bit) => sum + bit, 0);
    }

    /* Before a stroke: what undo returns to. */
    begin() {
      this.past.push(this.mask.slice());
      if (this.past.length > STEPS_BACK) this.past.shift();
    }

    /* A line of discs from one point to the next. radius: share of the film's longer side. */
    stroke(from, to, radius, erase) {
      const size = radius * SIDE;
      const dx = (to.u - from.u) * this.width, dy = (to.v - from.v) * this.height;
      const steps = Math.max(1, Math.ceil(Math.hypot(dx, dy) / Math.max(0.5, size / 3)));
      for (let i = 0; i <= steps; i++)
        this.disc(from.u * this.width + (dx * i) / steps, from.v * this.height + (dy * i) / steps, size, erase);
      this.changed();
    }

    disc(cx, cy, size, erase) {
      const top = Math.max(0, Math.floor(cy - size)), bottom = Math.min(this.height - 1, Math.ceil(cy + size));
      const left = Math.max(0, Math.floor(cx - size)), right = Math.min(this.width - 1, Math.ceil(cx + size));
      for (let y = top; y <= bottom; y++)
        for (let x = left; x <= right; x++)
          if (Math.hypot(x + 0.5 - cx, y + 0.5 - cy) <= size)
            this.mask[y * this.width + x] = erase ? 0 : 1;
    }

    undo() {
      if (this.past.length) this.mask = this.past.pop();
      this.changed();
    }

    clear() {
      this.begin();
      this.mask = new Uint8Array(this.mask.length);
      this.changed();
    }

    outline() {
      return (this.path ??= V.contour(this.mask, this.width, this.height, 0.5));
    }

    picture() {
      if (this.canvas) return this.canvas;
      this.canvas = Object.assign(document.createElement("canvas"), { width: this.width, height: this.height });
      const context = this.canvas.getContext("2d"), image = context.createImageData(this.width, this.height);
      for (let i = 0; i < this.mask.length; i++) if (this.mask[i]) image.data.set([255, 224, 102, 80], 4 * i);
      context.putImageData(image, 0, 0);
      return this.canvas;
    }

    /* A region that the server tells in the same form, and where a name for it may stand. */
    static told({ width, height, bits }) {
      const bytes = Uint8Array.from(atob(bits), (c) => c.charCodeAt(0));
      const mask = Uint8Array.from({ length: width * height }, (_, i) => (bytes[i >> 3] >> (i & 7)) & 1);
      const first = mask.indexOf(1);
      return { path: V.contour(mask, width, height, 0.5), u: (first % width) / width, v: Math.floor(first / width) / height };
    }

    /* What goes to the server: rows of bits, the first pixel in the lowest bit. */
    message(film) {
      const bits = new Uint8Array(Math.ceil(this.mask.length / 8));
      this.mask.forEach((bit, i) => { bits[i >> 3] |= bit << (i & 7); });
      let text = "";
      for (const byte of bits) text += String.fromCharCode(byte);
      return { film, width: this.width, height: this.height, bits: btoa(text), share: this.count / this.mask.length };
    }
  };
})();
