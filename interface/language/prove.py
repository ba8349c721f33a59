"""The panel that takes a part of the study away and predicts again."""

STRINGS: dict[str, tuple[str, str]] = {
    "prove.title": ("Prove it", "驗證"),
    "prove.hint": (
        "Brush over a place on the film, or tick words and clinical rows: they are taken away, and the answer"
        " follows at once.",
        "在影像上塗抹某處，或勾選文字與臨床資料：它們會被移除，並立即重新預測。",
    ),
    "prove.fields": ("Clinical rows to take away", "要移除的臨床資料"),
    "prove.words": ("Words to take away", "要移除的文字"),
    "prove.button": ("Prove it", "驗證"),
    "prove.reset": ("Put everything back", "全部復原"),
    "prove.nothing": (
        "Nothing is taken away yet: brush over the film or tick a row or a word first.",
        "尚未移除任何內容：請先在影像上塗抹，或勾選臨床資料或文字。",
    ),
    "prove.waiting": (
        "Wait until the explanation is there, then prove it.",
        "請等解釋完成後再驗證。",
    ),
    "prove.before": ("before", "移除前"),
    "prove.after": ("after", "移除後"),
    "prove.change": ("change", "變化"),
    "prove.claim": (
        "The map had claimed that this part adds {claimed} logits for {target}. Without it the logit moved by"
        " {change}.",
        "此圖聲稱這部分為「{target}」增加 {claimed} logit。移除後 logit 變動 {change}。",
    ),
    "prove.kept": (
        "The claim held: it moved the way and about as far as the map said.",
        "聲稱成立：方向相符，幅度相近。",
    ),
    "prove.sign": (
        "The claim held in its direction only: the amount was another one.",
        "聲稱僅方向成立：幅度不同。",
    ),
    "prove.failed": (
        "The claim did not hold: the logit moved the other way.",
        "聲稱不成立：logit 往相反方向變動。",
    ),
    "prove.still": (
        "The map claimed next to nothing for this part.",
        "此圖對這部分幾乎沒有聲稱。",
    ),
    "prove.moved_unclaimed": (
        "The map claimed next to nothing for this part, and yet the logit moved.",
        "此圖對這部分幾乎沒有聲稱，但 logit 卻變動了。",
    ),
    "prove.seconds": ("Answered in {milliseconds} ms.", "{milliseconds} 毫秒內完成。"),
    "prove.caution": (
        "One removal is one experiment: a film with a hole in it is unlike any that the model learnt from.",
        "一次移除只是一次實驗：有缺口的影像不像模型訓練時的任何影像。",
    ),
}
