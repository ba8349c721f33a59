/* The page's language for screen readers, and the switch that keeps the rest of the address. */
(() => {
  "use strict";
  if (window.viewboxLanguage) return;
  window.viewboxLanguage = true;
  document.documentElement.lang = navigator.language.toLowerCase().startsWith("zh") ? "zh-Hant" : "en";
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-language]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const address = new URL(window.location.href);
    address.searchParams.set("lang", link.dataset.language);
    window.location.assign(address);
  });
})();
