"""A report of a problem: a page of the repository, filled in with what is on screen, and no film."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import gradio as gr

from interface.case_tab.panels import ModelPanel
from interface.html.render import render
from interface.language.texts import say
from interface.session.lanes import Lanes
from interface.session.session import Session, Sessions, link_of

_OPEN = "() => { setTimeout(() => document.querySelector('#vb-reported a')?.click(), 100); return []; }"


def report_address(home: str, session: Session) -> str:
    """`home` with a title and a text to go on from; nothing of a study of the reader's own is in it."""
    view, language = link_of(session).query(), session.language
    state = session.host.state if session.host is not None else None
    text = say(
        "report.text",
        language,
        view=f"?{view}" if view else say("report.own", language),
        checkpoint=f"{state.name}, {state.revision}" if state is not None else "–",
    )
    parts = urlsplit(home)
    body = "description" if (parts.hostname or "").endswith("huggingface.co") else "body"
    filled = [*parse_qsl(parts.query), ("title", say("report.title", language)), (body, text)]
    return parts._replace(query=urlencode(filled)).geturl()


def connect_report(home: str, panel: ModelPanel, sessions: Sessions, lanes: Lanes) -> None:
    """The button opens the address, and leaves it there as a link where the browser will not."""

    def report(request: gr.Request) -> dict[gr.HTML, str]:
        session = sessions.of(request.session_hash)
        address = report_address(home, session)
        return {panel.reported: render("case_tab/report.html", language=session.language, address=address)}

    outputs = [panel.reported, lanes.message]
    lanes.at_once(panel.report.click, report, None, outputs).then(None, js=_OPEN)
