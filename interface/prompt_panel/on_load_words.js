const show = (word) => {
  const film = element.querySelector('.vb-word-map');
  if (!film || !word.dataset.map) return;
  film.src = word.dataset.map;
  film.hidden = false;
  element.querySelector('.vb-word-named').textContent = word.textContent;
};
for (const kind of ['pointerover', 'focusin', 'click']) {
  element.addEventListener(kind, (event) => {
    const word = event.target.closest('[data-start]');
    if (!word) return;
    show(word);
    if (kind !== 'click') return;
    for (const one of element.querySelectorAll('[data-start]')) one.setAttribute('aria-pressed', one === word);
    const {sentence, start} = word.dataset;
    const sentences = JSON.parse(element.querySelector('[data-asked]').dataset.asked);
    trigger('check_word', {sentences, sentence: Number(sentence), start: Number(start)});
  });
}
element.addEventListener('pointerout', () => {
  const pressed = element.querySelector('[data-start][aria-pressed="true"]');
  if (pressed) show(pressed);
});
