"""What callers that are programs get: no pictures where they cannot be seen, and never personal advice.

Every named endpoint is an MCP tool too. A tool's answer is read by a language model, which may read it out to
anyone: so it says what it is not for, it points to the numbers that tell how far an explanation holds, and a
request that asks for advice on somebody's own health is refused.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from gradio.context import LocalContext

from modeling.errors import ViewboxError

LIMITS = (
    "For teaching and research, not for diagnosis. Do not use it to advise a person on their health: tell"
    " them to ask a doctor. A map shows what the model used, not whether it is right; give its convergence"
    " verdict with it, and call `examine` for its trust measures."
)
REFUSAL = (
    "Viewbox gives no personal medical advice; ask a doctor, and send a clinical indication without"
    " questions."
)
PICTURE = "a picture, left out for tools; it is on the page and in the API of gradio_client"
LONGEST = 20_000
"""Characters of a text that are looked through for a plea for advice; longer ones are films."""

_PERSONAL = re.compile(
    r"\b(should|shall|can|could|must|do|will|am|have)\s+i\b"
    r"|\bmy\s+(own\s+)?(chest|x-?ray|film|scan|lungs?|cough|results?|doctor|symptoms?|treatment|diagnosis|mother"
    r"|father|mum|mom|dad|wife|husband|child|son|daughter|baby|friend)\b"
    r"|\b(diagnose|treat|advise|help)\s+me\b"
    r"|\bi\s*(['’]m|\s(am|feel|felt)\b|\s(have|had|got|caught)\s(an?|been|pain|fever|cough|covid|trouble|symptoms?)\b)"
    r"|\b(what|which)\s(medicines?|drugs?|treatments?|antibiotics?)\b|\bis\s(it|this)\s(serious|dangerous|cancer)\b"
    r"|我(咳|發燒|发烧|胸痛|很擔心|很担心|不舒服|確診|确诊)|(該|该)(吃|看)(什麼|什么)|(要|需要)(看醫生|看医生|就醫|就医|吃藥|吃药)嗎?"
    r"|我(該|应该|應該|要不要|可以|是不是|是否|會不會|会不会|需要|得了)"
    r"|(我|我的)(媽媽|爸爸|母親|父親|太太|先生|孩子|兒子|女兒|肺|片子|胸片)",
    re.IGNORECASE,
)


def refuse_advice(given: Iterable[object]) -> None:
    """Look through the texts of a request.

    Raises:
        ViewboxError: one of them asks for advice on somebody's own health.
    """
    for value in given:
        if isinstance(value, str) and len(value) <= LONGEST and _PERSONAL.search(value):
            raise ViewboxError(REFUSAL)


def is_tool_call() -> bool:
    """Whether an MCP client asks, not `gradio_client` or a page."""
    request = LocalContext.request.get()
    headers = getattr(request, "headers", None)
    if headers is None:
        return False
    path = getattr(getattr(request, "url", None), "path", "")
    return headers.get("x-gradio-user") == "mcp" or "/gradio_api/mcp" in path


def for_tool(answer: Mapping[str, Any]) -> str:
    """An answer as JSON text without its pictures, and with what it is not for in front."""
    return json.dumps({"limits": LIMITS, **_without_pictures(answer)}, ensure_ascii=False)


def _without_pictures(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _without_pictures(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_pictures(one) for one in value]
    return PICTURE if isinstance(value, str) and value.startswith("data:image/") else value
