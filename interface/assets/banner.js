/* Refusals stay in sight just below the banner, whose height follows the language, the width and the zoom. */
(() => {
  "use strict";
  if (window.viewboxBanner) return;
  window.viewboxBanner = true;
  const root = document.documentElement.style;
  const sizes = new ResizeObserver(([banner]) =>
    root.setProperty("--vb-banner-height", `${Math.ceil(banner.target.getBoundingClientRect().height)}px`));
  const find = () => {
    const banner = document.querySelector("#vb-banner");
    if (banner) sizes.observe(banner);
    else setTimeout(find, 50);
  };
  find();
})();
