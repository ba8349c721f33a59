const MOST = 50, MOST_OF_STUDY = 8, BYTES = 90e6;
let study = [];  // the files of a study whose views and days are being said
let turn = 0;
const read = (file) => new Promise((told) => {
  if (file.size > 90e6) { told({name: file.name, data: '', size: file.size}); return; }
  const reader = new FileReader();
  reader.onload = () => {
    const text = String(reader.result);
    told({name: file.name, data: text.slice(text.indexOf(',') + 1), size: file.size});
  };
  reader.onerror = () => told({name: file.name, data: '', size: -1});
  reader.readAsDataURL(file);
});
const answered = (one) => new Promise((go) => {  // its row stands, or it was turned away
  const until = Date.now() + 60000;
  const look = () =>
    Date.now() > until || document.querySelector(`#vb-several [data-turn="${one}"]`) ? go() : setTimeout(look, 100);
  look();
});
const list = (files) => {
  study = files;
  const row = element.querySelector('template').content, form = element.querySelector('.vb-study-list');
  form.querySelector('ol').replaceChildren(...files.slice(0, MOST_OF_STUDY).map((file) => {
    const item = row.cloneNode(true);
    item.querySelector('b').textContent = file.name;
    return item;
  }));
  form.hidden = false;
  form.querySelector('select').focus();
};
const open = async () => {
  const form = element.querySelector('.vb-study-list'), rows = [...form.querySelectorAll('li')];
  const large = study.reduce((all, file) => all + file.size, 0) > BYTES;  // the server says so
  const films = await Promise.all(study.map(async (file, at) => {
    const sent = large || at >= MOST_OF_STUDY ? {name: file.name, data: '', size: file.size} : await read(file);
    const days = rows[at]?.querySelector('input').value ?? '';
    return {...sent, view: rows[at]?.querySelector('select').value ?? '', days: days === '' ? null : Number(days)};
  }));
  form.hidden = true;
  window.viewboxOwnFilm = true;
  window.scrollTo({top: 0, behavior: 'instant'});
  trigger('take_film', {films});
};
const send = async (files) => {
  if (!files.length) return;
  if (files.length > 1 && element.querySelector('.vb-is-study').checked) { list(files); return; }
  window.viewboxOwnFilm = true;  // a page in another language would be without it
  window.scrollTo({top: 0, behavior: 'instant'});  // to the film, its answer and what is said of both
  if (files.length === 1) { trigger('take_film', await read(files[0])); return; }
  for (const [place, file] of files.slice(0, MOST).entries()) {
    const one = ++turn;
    trigger('add_film', {...await read(file), number: place + 1, count: files.length, turn: one});
    await answered(one);
  }
};
element.addEventListener('change', (event) => {
  if (event.target.type !== 'file') return;
  send([...event.target.files]);
  event.target.value = '';
});
element.addEventListener('submit', (event) => { event.preventDefault(); open(); });
for (const name of ['dragenter', 'dragover'])
  element.addEventListener(name, (event) => event.preventDefault());
element.addEventListener('drop', (event) => {
  event.preventDefault();
  send([...event.dataTransfer.files]);
});
