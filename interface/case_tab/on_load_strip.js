element.addEventListener('click', (event) => {
  const row = event.target.closest('button');
  if (!row) return;
  if (row.dataset.opens) { window.viewboxOpen(row.dataset.opens); return; }
  for (const other of element.querySelectorAll('[aria-current]')) other.removeAttribute('aria-current');
  row.setAttribute('aria-current', 'true');
  if (row.dataset.own) trigger('open_own', {own: Number(row.dataset.own)});
  else trigger('open_case', {case_id: row.dataset.case});
});
