/* Gradio gives each radio button a name of its own, so that arrows do not move among them and a screen reader
   counts "1 of 1". One name for each group, and the group's label as its name, make them what they look like;
   the arrows are answered here, since Gradio draws a group anew, without the name, after each choice. */
(() => {
  "use strict";
  if (window.viewboxRadios) return;
  window.viewboxRadios = true;
  const EVERY = 300;
  let waiting = null, groups = 0;

  const joined = () => {
    waiting = null;
    for (const group of document.querySelectorAll("fieldset:has(input[type=radio])")) {
      const name = (group.dataset.radios ??= `viewbox-radios-${++groups}`);
      for (const radio of group.querySelectorAll("input[type=radio]")) if (radio.name !== name) radio.name = name;
      const label = group.querySelector("[data-testid=block-info]")?.textContent.trim();
      if (label && group.getAttribute("aria-label") !== label) group.setAttribute("aria-label", label);
    }
  };

  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key], group = event.target.closest?.("fieldset");
    if (!step || !group || event.target.type !== "radio" || event.ctrlKey || event.altKey || event.metaKey) return;
    const radios = [...group.querySelectorAll("input[type=radio]:not(:disabled)")];
    const next = radios[(radios.indexOf(event.target) + step + radios.length) % radios.length];
    event.preventDefault();
    next?.focus();
    next?.click();
  }, true);

  const look = () => { waiting ??= setTimeout(joined, EVERY); };
  new MutationObserver(look).observe(
    document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["name"] });
  look();
})();
