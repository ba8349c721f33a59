/* The page's language for screen readers, and the switch that keeps the rest of the address. */
(() => {
  "use strict";
  if (window.viewboxLanguage) return;
  window.viewboxLanguage = true;
  const primary = (tag) => tag.toLowerCase().split("-")[0];
  const spoken = (tag) => primary(tag) === primary(navigator.language);
  document.documentElement.lang = window.viewboxLanguages.find(spoken) ?? "en";
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-language]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (window.viewboxOwnFilm && !window.confirm(link.parentElement.dataset.loses)) return;
    const address = new URL(window.location.href);
    if (address.searchParams.get("quiz") === "") address.searchParams.delete("quiz"); // the link to it is done with
    address.searchParams.set("lang", link.dataset.language);
    window.location.assign(address);
  });
})();
