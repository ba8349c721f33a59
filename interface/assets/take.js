/* What a reader takes away: a link into the clipboard, or a file made here from text, never on the server. */
(() => {
  "use strict";
  if (window.viewboxTake) return;
  const ADDRESS = "viewbox-address:";
  const here = () => window.location.origin + window.location.pathname;

  const copied = async (field) => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      return true;
    } catch {
      return document.execCommand("copy");
    }
  };

  const saved = (name, html) => {
    const address = URL.createObjectURL(new Blob([html], { type: "text/html" }));
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
      field.value = value.query.replace(ADDRESS, here());
      line.append(field);
      if (!(await copied(field))) told.textContent = value.by_hand;
    } else if (value.kind === "file") saved(value.name, value.html.replaceAll(ADDRESS, here()));
  };

  window.viewboxTake = (element, props, watch) => watch("value", () => shown(element, props.value));
})();
