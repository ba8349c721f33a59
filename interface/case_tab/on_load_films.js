element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-film]');
  if (!button) return;
  for (const other of element.querySelectorAll('button')) other.setAttribute('aria-pressed', String(other === button));
  trigger('open_film', {film: Number(button.dataset.film)});
});
