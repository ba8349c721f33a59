const send = (file) => {
  if (!file) return;
  window.scrollTo({top: 0, behavior: 'instant'});  // to the film, its answer and what is said of both
  if (file.size > 90e6) { trigger('take_film', {name: file.name, data: '', size: file.size}); return; }
  const reader = new FileReader();
  reader.onload = () => {
    const text = String(reader.result);
    trigger('take_film', {name: file.name, data: text.slice(text.indexOf(',') + 1), size: file.size});
  };
  reader.onerror = () => trigger('take_film', {name: file.name, data: '', size: -1});
  reader.readAsDataURL(file);
};
element.addEventListener('change', (event) => {
  if (event.target.type !== 'file') return;
  send(event.target.files[0]);
  event.target.value = '';
});
for (const name of ['dragenter', 'dragover'])
  element.addEventListener(name, (event) => event.preventDefault());
element.addEventListener('drop', (event) => {
  event.preventDefault();
  send(event.dataTransfer.files[0]);
});
