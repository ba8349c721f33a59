const MOST = 50;
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
const send = async (files) => {
  if (!files.length) return;
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
for (const name of ['dragenter', 'dragover'])
  element.addEventListener(name, (event) => event.preventDefault());
element.addEventListener('drop', (event) => {
  event.preventDefault();
  send([...event.dataTransfer.files]);
});
