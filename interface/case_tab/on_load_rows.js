element.addEventListener('click', (event) => {
  const row = event.target.closest('[data-case]');
  if (row) trigger('open_case', {case_id: row.dataset.case});
});
setTimeout(() => window.viewboxViewer?.markCase?.());
