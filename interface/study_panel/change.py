"""What changed since the earlier film of the same view, as HTML: pictures, legend and plain words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interface.html.pictures import data_url
from interface.html.render import render
from interface.html.study_films import film_words
from interface.language.texts import Language, say, translated
from modeling.configuration import ImageProcessing
from modeling.render.pictures import legend
from modeling.sentence import Sentence
from modeling.study import DatedFilm, ViewPosition

if TYPE_CHECKING:
    from modeling.explain.change import FilmChange


def changed_panel(
    found: Sequence["tuple[tuple[int, int], FilmChange | Sentence]"],
    films: Sequence[DatedFilm],
    image: ImageProcessing,
    language: Language,
    warnings: Sequence[Sentence] = (),
) -> str:
    """Each pair of films with its change, or with why there is none; a sentence where there is no pair.

    `warnings`: why what the model sees need not hold for such films.
    """
    told = [_told(pair, change, films, image, language) for pair, change in found]
    scale = data_url(legend(1.0), exact=True) if any(pair["pictures"] for pair in told) else ""
    return render("study_panel/change.html", language=language, pairs=told, legend=scale, warnings=warnings)


def _told(
    pair: tuple[int, int],
    change: "FilmChange | Sentence",
    films: Sequence[DatedFilm],
    image: ImageProcessing,
    language: Language,
) -> dict[str, object]:
    today, earlier = (films[place] for place in pair)
    words = [film_words(film, language) for film in (today, earlier)]
    title = say("whole.pair", language, today=words[0], earlier=words[1])
    if isinstance(change, Sentence):
        return {"title": title, "pictures": [], "told": [translated(change, language)]}
    from modeling.render.change_pictures import change_pictures  # torch: not before it is needed

    drawn = change_pictures(change, films, image)
    captions = [words[0], say("whole.laid", language, film=words[1]), say("whole.difference", language)]
    pictures = (drawn.today, drawn.earlier, drawn.difference)
    return {
        "title": title,
        "pictures": [(data_url(one), text) for one, text in zip(pictures, captions, strict=True)],
        "told": _sentences(change, today.radiograph.view_position, language),
    }


def _sentences(change: "FilmChange", view: ViewPosition, language: Language) -> list[str]:
    from modeling.explain.change import USUAL

    usual = USUAL.get(view, max(USUAL.values()))
    way = "same" if abs(change.strength) <= usual else "more" if change.strength > 0 else "less"
    also = way != "same" and abs(change.opposite) > usual
    fits = change.registration
    return [
        say(f"whole.{way}", language, strength=_strength(change.strength), usual=f"{usual:.2f}"),
        *([say(f"whole.beside_{way}", language, strength=_strength(change.opposite))] if also else []),
        say("whole.fit", language, before=f"{fits.before:.2f}", after=f"{fits.after:.2f}"),
    ]


def _strength(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
