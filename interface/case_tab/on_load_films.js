element.addEventListener('click', (event) => {
  const whole = event.target.closest('[data-whole]');
  if (whole) { window.viewboxOpen(whole.dataset.whole); document.getElementById('vb-whole-ask').click(); return; }
  const beside = event.target.closest('button[data-beside-film]');
  if (beside) { trigger('open_film', {film: Number(beside.dataset.besideFilm), beside: true}); return; }
  const button = event.target.closest('button[data-film]');
  if (!button) return;
  for (const other of element.querySelectorAll('[data-film]')) other.setAttribute('aria-pressed', String(other === button));
  trigger('open_film', {film: Number(button.dataset.film)});
});
