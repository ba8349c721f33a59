/* What a reader takes away: a link into the clipboard, or a file made here from text, never on the server. */
(() => {
  "use strict";
  if (window.viewboxTake) return;
  const ADDRESS = "viewbox-address:";
  const here = () => window.location.origin + window.location.pathname;

  /* The server's addresses made whole; `seen` adds how the reader looks at the film (one case, not a pack). */
  const addressed = (text, seen, and = "&") => {
    const view = seen ? window.viewboxViewer?.viewOf?.("vb-figure") : "";
    const more = view ? `${and}view=${encodeURIComponent(view).replaceAll("%2C", ",")}` : "";
    return text.replaceAll(new RegExp(`${ADDRESS}(\\?[^"\\s]*)?`, "g"), (whole, query) => here() + (query ? query + more : ""));
  };

  const copied = async (field) => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      return true;
    } catch {
      return document.execCommand("copy");
    }
  };

  const saved = (name, blob) => {
    const address = URL.createObjectURL(blob);
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  };

  const shown = async (element, value) => {
    const line = element.querySelector(".vb-taken");
    line.replaceChildren();
    if (!value?.kind) return;
    const told = document.createElement("span");
    told.textContent = value.told;
    line.append(told);
    if (value.kind === "link") {
      const field = document.createElement("input");
      field.readOnly = true;
      field.className = "vb-link";
      field.setAttribute("aria-label", value.label);
      field.value = addressed(value.query, true);
      line.append(field);
      if (!(await copied(field))) told.textContent = value.by_hand;
    } else if (value.kind === "file") saved(value.name, new Blob([addressed(value.html, value.seen, "&amp;")], { type: "text/html" }));
    else if (value.kind === "bytes") saved(value.name, new Blob([Uint8Array.from(atob(value.url.split(",")[1]), (c) => c.charCodeAt(0))]));
  };

  window.viewboxTake = (element, props, watch) => watch("value", () => shown(element, props.value));
})();
