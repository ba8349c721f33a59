"""Who is let in, and whose turn it is: gradio's queue with fair shares, and films read before their turn.

How much of it anyone may have says `interface.session.shares`.
"""

import asyncio
import inspect
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import fastapi
from gradio.data_classes import PredictBodyInternal
from gradio.exceptions import Error
from gradio.queueing import Event, Queue
from gradio.server_messages import EventMessage, ProcessCompletedMessage
from gradio.utils import LRUCache, error_payload

from cases.reading.decoder import FilmDecoder
from cases.reading.upload import NO_FILE, study_from_upload
from interface.session.lanes import sentence
from interface.session.shares import address_of, fits
from modeling.errors import StudyError, ViewboxError
from modeling.sentence import Sentence
from modeling.study import MOST_FILMS, Radiograph, Study

PLACES = 600
"""That wait in one lane: opening the page, predictions and explanations each have their own. Half of them are
enough for a class of 100 that opens the page behind one address."""
PLACES_OF_ONE = 40
"""Of one session in one lane: more than a page asks for, however quickly its reader goes on."""
WAITING_BYTES = 2**30
"""Of films, as they were sent or as they were decoded, that wait."""
SESSIONS = 20_000
"""That messages wait for."""
PATIENCE = 15.0
"""Seconds in which a caller whose request waits has to take what is said to them."""
FILMS = 20
"""Of one call that sends several."""
DECODERS = 2
AT_ONCE = 1000
"""Handlers under way, such as those that show a reader's place in line; lanes bound all others."""

LEFT = Sentence("Nobody was waiting for this answer any more; ask again and listen for it.")
FULL = Sentence("Too many requests of yours are waiting already; wait for some of them to end and try again.")


def sent_film(film: object) -> Radiograph:
    """A film as `FairQueue` read it; raises `ViewboxError` where none was sent, or it could not be read."""
    if isinstance(film, ViewboxError):
        raise film
    if not isinstance(film, Radiograph):
        raise StudyError(NO_FILE)
    return film


def sent_study(film: object, name: str) -> Study:
    """A study of such a film alone. Raises ViewboxError: as `sent_film`."""
    return study_from_upload(sent_film(film), table={}, text={}, name=name)


def sent_together(sent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The films of the page's upload of one study; what is none is left out."""
    films = sent.get("films")
    return [one for one in films if isinstance(one, dict)] if isinstance(films, list) else []


def file_names(names: object, count: int) -> list[str]:
    """So many files' names, as far as they were sent as a list."""
    given = names if isinstance(names, list) else []
    return [short_name(given[n]) if n < len(given) else f"film {n + 1}" for n in range(count)]


def short_name(name: object) -> str:
    """A file's name as it is read at most, without halves of characters."""
    return str(name or "")[:120].encode(errors="ignore").decode()


class _Film:
    """A film inside a request that waits: as base64 text, then as what was read there."""

    def __init__(self, event: Event, inside: Any, at: str | int, name: object) -> None:
        self.event, self._inside, self._at, self.name = event, inside, at, short_name(name)
        self.text: str = inside[at]
        self.bytes = len(self.text)

    @property
    def is_alone(self) -> bool:
        """Whether it is the one film of its request, which without it is none."""
        return self._inside is self.event.data.data

    def put(self, read: Radiograph | ViewboxError) -> None:
        """Take the place of the text."""
        self._inside[self._at], self.text = read, ""
        self.bytes = read.pixels.nbytes if isinstance(read, Radiograph) else 0


def _films_in(event: Event) -> list[_Film]:
    """The film or films of an endpoint's argument, or the film of the page's own upload.

    Of several, what is no text is refused here, before gradio would take it for a file of its own.
    """
    body, arguments = event.data, list(inspect.signature(event.fn.fn).parameters)
    given, uploads = dict(zip(arguments, body.data, strict=False)), ("take_film", "add_film")
    places: list[tuple[Any, str | int, object]] = []
    if "film" in given:
        places = [(body.data, arguments.index("film"), given.get("name", ""))]
    elif isinstance(given.get("films"), list):
        films, names = given["films"], file_names(given.get("names"), len(given["films"]))
        films[:] = [sent if isinstance(sent, str) else StudyError(NO_FILE) for sent in films]
        most, anyway = (MOST_FILMS, 1) if "days" in arguments else (FILMS, 0)
        read = len(films) if len(films) <= most else anyway  # one tells whether they are slices of a volume
        places = [(films, number, name) for number, name in enumerate(names[:read])]
    elif getattr(event.fn.fn, "__name__", "") in uploads and isinstance(body.event_data, dict):
        sent = (
            sent_together(body.event_data)[:MOST_FILMS] if "films" in body.event_data else [body.event_data]
        )
        places = [(one, "data", one.get("name", "")) for one in sent]
    found = ((inside.get(at) if isinstance(inside, dict) else inside[at]) for inside, at, _ in places)
    alone = places and places[0][0] is body.data  # a study may have no film
    texts = (isinstance(sent, str) and (sent != "" or not alone) for sent in found)
    return [_Film(event, *place) for place, is_text in zip(places, texts, strict=True) if is_text]


@dataclass
class _Listening:
    """How a caller takes their messages: so many were sent and taken, and since when none was taken."""

    since: float
    sent: int = 0
    taken: int = 0


class FairQueue(Queue):
    """Gradio's queue, in which one client's requests cannot fill what others wait for.

    The next to be answered is, in each lane, who was answered there longest ago, by address and then by
    session. A film is decoded while its request waits, of one address one at a time.
    """

    def __init__(self, decoder: FilmDecoder, left: Callable[[str], None], **options: Any) -> None:
        """
        Args:
            left: told of every session whose caller has gone.
            options: gradio's own.
        """
        super().__init__(
            live_updates=True, concurrency_count=AT_ONCE, update_intervals=1, max_size=None, **options
        )
        self.pending_messages_per_session.max_size = SESSIONS
        self._decoder, self._left = decoder, left
        self._threads = ThreadPoolExecutor(DECODERS, "films")
        self._films: dict[str, list[_Film]] = {}  # event ID -> its films, as long as the event waits or runs
        self._unread: set[str] = set()
        self._of_address: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: WeakKeyDictionary[Any, _Listening] = WeakKeyDictionary()  # of a session's messages
        self._answered: LRUCache[tuple[str, str], int] = LRUCache(10_000)
        self._turn = 0

    def start(self) -> None:
        """Begin; what shows a reader's place in line holds a job for as long as they wait."""
        self.max_thread_count = AT_ONCE
        super().start()

    async def push(self, body: PredictBodyInternal, request: fastapi.Request, username: str | None) -> Any:
        """Let a request in, or say why not; a film that cannot be read ends its request."""
        fn = self.blocks.fns.get(body.fn_index) if body.fn_index is not None else None
        lane = self.event_queue_per_concurrency_id.get(fn.concurrency_id) if fn is not None else None
        address = address_of(request)
        waiting = lane.queue if lane is not None else []
        places = Counter(address_of(event.request) for event in waiting)
        own = sum(event.session_hash == body.session_hash for event in waiting)
        if own >= PLACES_OF_ONE or not fits(places, address, 1, PLACES):
            return False, FULL, "queue_full"
        pushed = await super().push(body, request, username)
        event = self.event_ids_to_events.get(str(pushed[1]))
        if event is None:
            return pushed
        for kept in ("_body", "_json"):  # starlette keeps a request's bytes, and what JSON they are
            vars(request).pop(kept, None)
        films = _films_in(event)
        if films:
            await self._take(event, films, address)
        return pushed

    async def _take(self, event: Event, films: list[_Film], address: str) -> None:
        """Have a request's films read soon; refuse it where too many bytes wait."""
        self._films = {key: held for key, held in self._films.items() if key in self.event_ids_to_events}
        if not self._have_room(address, sum(film.bytes for film in films)):
            return await self._refuse(event, FULL)
        self._films[event._id] = films
        self._unread.add(event._id)
        task = asyncio.create_task(self._read(event, films, address))
        self._tasks.add(task)  # else nobody would hold it
        task.add_done_callback(self._tasks.discard)

    def _have_room(self, address: str, more: int) -> bool:
        held = Counter[str]()
        for film in chain.from_iterable(self._films.values()):
            held[address_of(film.event.request)] += film.bytes
        return fits(held, address, more, WAITING_BYTES)

    async def _read(self, event: Event, films: list[_Film], address: str) -> None:
        key, waits = event._id, self.event_ids_to_events
        for film in films:
            async with self._of_address.setdefault(address, asyncio.Lock()):
                read: Radiograph | ViewboxError = StudyError(FULL)
                if key in waits:  # else its caller has gone
                    loop = asyncio.get_running_loop()
                    read = await loop.run_in_executor(self._threads, self._decoded, film.text, film.name)
            if isinstance(read, Radiograph) and not self._have_room(address, read.pixels.nbytes):
                read = StudyError(FULL)  # small files may hold large films
            film.put(read)
        alone = film.is_alone and event.fn.api_visibility == "public"
        if alone and isinstance(read, ViewboxError) and key in waits:
            await self._refuse(event, read.sentence)
        self._unread.discard(key)

    def _decoded(self, text: str, name: str) -> Radiograph | ViewboxError:
        try:
            return self._decoder.read(text, name)
        except Exception as exc:  # the thread's border: the caller is told
            return StudyError(sentence(exc))

    async def _refuse(self, event: Event, why: str) -> None:
        """End a request that waits."""
        await self.remove_from_queue(event._id)
        self._end(event, why)

    def _end(self, event: Event, why: str) -> None:
        output = error_payload(Error(why), True)
        self.send_message(event, ProcessCompletedMessage(output=output, success=False))

    def _is_left(self, event: Event) -> bool:
        """Whether nobody listens: who does takes what is said within moments, however much is said."""
        messages = self.pending_messages_per_session.get(event.session_hash)
        if messages is None:
            return True
        known = self._listening.get(messages)
        if known is None or messages.qsize() == 0 or known.taken != known.sent - messages.qsize():
            return False
        return time.monotonic() - known.since > PATIENCE

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Tell a caller something, if there still is one; gradio's own fault there would end the queue."""
        messages = self.pending_messages_per_session.get(event.session_hash)
        if messages is None:
            return
        known = self._listening.setdefault(messages, _Listening(time.monotonic()))
        taken = known.sent - messages.qsize()
        if messages.qsize() == 0 or taken != known.taken:
            known.since, known.taken = time.monotonic(), taken
        super().send_message(event, event_message)
        known.sent = taken + messages.qsize()

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """The next request of some lane that has room."""
        lanes = list(self.event_queue_per_concurrency_id.items())
        random.shuffle(lanes)
        for name, lane in lanes:
            full = lane.concurrency_limit is not None and lane.current_concurrency >= lane.concurrency_limit
            ready = [] if full else [event for event in lane.queue if event._id not in self._unread]
            while ready:
                event = min(ready, key=lambda event: [self._answered.get(key, 0) for key in _keys(event)])
                ready.remove(event)
                lane.queue.remove(event)
                if self._is_left(event):
                    self.event_ids_to_events.pop(event._id, None)
                    self._end(event, LEFT)
                    continue
                self._turn += 1
                for key in _keys(event):
                    self._answered[key] = self._turn
                return [event], False, name
        return None

    async def clean_events(self, *, session_hash: str | None = None, event_id: str | None = None) -> None:
        """Drop what waits for a caller who has gone, and stop what runs for them."""
        await super().clean_events(session_hash=session_hash, event_id=event_id)
        if session_hash:
            self._left(session_hash)


def _keys(event: Event) -> tuple[tuple[str, str], tuple[str, str]]:
    """Whose turn counts: in a lane that of an address, then that of a session."""
    lane = str(event.concurrency_id)
    return (lane, address_of(event.request)), (lane, event.session_hash)
