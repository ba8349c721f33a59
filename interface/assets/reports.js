/* The rule beside a marked word stays on the page, and Escape puts it away without moving the pointer. */
(() => {
  const place = (event) => {
    const word = event.target.closest?.('.vb-said[tabindex]');
    const why = word?.querySelector('.vb-why');
    if (!why || (event.type === 'pointerover' && word.contains(event.relatedTarget))) return;
    word.classList.remove('vb-hushed');
    why.style.setProperty('--vb-shift', '0px');
    const box = why.getBoundingClientRect();
    const over = box.right - (document.documentElement.clientWidth - 8);
    if (over > 0) why.style.setProperty('--vb-shift', `${-Math.min(over, box.left - 8)}px`);
  };
  document.addEventListener('pointerover', place);
  document.addEventListener('focusin', place);
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    document.querySelectorAll('.vb-said:is(:hover, :focus)').forEach((word) => word.classList.add('vb-hushed'));
  });
})();
