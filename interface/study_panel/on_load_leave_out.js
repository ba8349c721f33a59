/* Every choice of films was answered with the study: a press on one looks its answer up. */
const pressed = (button) => button.getAttribute('aria-pressed') === 'true';
const leave = (button) => {
  button.setAttribute('aria-pressed', String(!pressed(button)));
  const panel = button.closest('section'), films = [...panel.querySelectorAll('[data-leave]')];
  const out = films.filter(pressed);
  const choice = films.reduce((all, film) => 2 * all + (pressed(film) ? 0 : 1), 0);  // the first film's bit is the highest
  const left = out.length === films.length ? panel.dataset.none
    : panel.dataset.without.replace('{films}', out.map((film) => film.dataset.leave).join(panel.dataset.joint));
  const told = [];
  panel.classList.toggle('vb-left-out', out.length > 0);
  for (const table of panel.querySelectorAll('[data-choices]')) {
    const shares = JSON.parse(table.dataset.choices)[choice], rows = [...table.tBodies[0].rows];
    rows.forEach((row, at) => {
      row.querySelector('.vb-without').textContent = `${(100 * shares[at]).toFixed(1)} %`;
      row.querySelector('.vb-rest').style.width = `${100 * shares[at]}%`;
    });
    table.querySelector('.vb-named').textContent = out.length ? left : '';
    const best = shares.indexOf(Math.max(...shares)), mark = table.querySelector('.vb-tag');
    rows.forEach((row, at) => row.classList.toggle('vb-best', at === best));
    rows[best].cells[0].append(' ', mark);
    told.push(`${table.dataset.task}: ${rows[best].dataset.name} ${(100 * shares[best]).toFixed(1)} %`);
  }
  panel.querySelector('[role=status]').textContent = out.length ? `${left}: ${told.join(panel.dataset.joint)}` : '';
  films.forEach((film, at) => document.querySelector(`#vb-films [data-film="${at}"]`)?.classList.toggle('vb-out', pressed(film)));
};
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button?.dataset.leave) leave(button);
  if (!button?.dataset.beside) return;
  document.getElementById('vb-films').dataset.of = button.dataset.beside;
  for (const other of element.querySelectorAll('[data-beside]')) other.setAttribute('aria-pressed', String(other === button));
});
