"""What the panel about the model says of checkpoints that read reports: (English, Traditional Chinese)."""

STRINGS: dict[str, tuple[str, str]] = {
    "about.source.openi": (
        "Reports of the Indiana University collection (Open-i): CC BY-NC-ND 4.0; weights are passed on,"
        " reports are not.",
        "印第安納大學影像集（Open-i）的報告：CC BY-NC-ND 4.0；僅提供權重，不含報告。",
    ),
    "about.measured_on_reports": (
        "{task} on {data}: {films} reports ({split})",
        "{task}，{data}：{films} 份報告（{split}）",
    ),
    "about.audit.reports": (
        "All were trained on other reports and measured on the same ones. The labels were read off the whole"
        " report: a high number there is a leak, not skill.",
        "全部以其他報告訓練，並在相同報告上測量。標籤即取自整份報告，故該列數字高是洩漏，不是能力。",
    ),
    "about.audit.row.TF-IDF, whole report": ("TF-IDF, whole report (a leak)", "TF-IDF，整份報告（洩漏）"),
    "about.audit.row.TF-IDF, indication only": ("TF-IDF, indication only", "TF-IDF，僅檢查原因"),
}
