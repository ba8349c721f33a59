"""The tab of reports: mined labels, the rules, and cases that resemble each other."""

STRINGS: dict[str, tuple[str, str]] = {
    "tab.reports": ("Reports and similar cases", "報告與相似病例"),
    "reports.intro": (
        "Labels mined from a report by rules. Each marked word shows the rule that decided: point at it or go"
        " to it with the Tab key. The rules are written for English reports.",
        "依規則從報告中擷取標籤。將游標移至標記的字詞，或以 Tab 鍵移動，可看到作出判定的規則。"
        "規則是為英文報告所寫。",
    ),
    "reports.text": ("Report", "報告"),
    "reports.placeholder": (
        "Paste a report here. Headings such as FINDINGS: and IMPRESSION: are understood.",
        "在此貼上報告。可辨識 FINDINGS:、IMPRESSION: 等標題。",
    ),
    "reports.take": ("Take the report of the case on screen", "取用目前病例的報告"),
    "reports.mine": ("Mine labels", "擷取標籤"),
    "reports.rules": ("The rules: edit them and see what changes", "規則：編輯並查看影響"),
    "reports.rules_text": ("Rules (TOML)", "規則（TOML）"),
    "reports.rules_hint": (
        "What you write here is used in this browser tab only and kept nowhere.",
        "在此所寫的內容僅用於此瀏覽器分頁，不會保存。",
    ),
    "reports.apply": ("Try these rules", "試用這些規則"),
    "reports.restore": ("Restore the rules that ship", "還原內附規則"),
    "reports.empty": (
        "There is no report yet: paste one, or take that of the case on screen.",
        "尚無報告：請貼上一份，或取用目前病例的報告。",
    ),
    "reports.no_case": (
        "No case is open; open one in the first tab.",
        "尚未開啟病例；請在第一個分頁開啟。",
    ),
    "reports.no_report": (
        "This case has no report and no text; paste a report instead.",
        "此病例沒有報告也沒有文字；請改為貼上報告。",
    ),
    "reports.labels": ("Labels of this report", "此報告的標籤"),
    "reports.silent": ("Not mentioned: {findings}.", "未提及：{findings}。"),
    "reports.not_read": ("not read by the rules", "規則不讀取"),
    "reports.other": ("Other abnormality", "其他異常"),
    "reports.section.comparison": ("Comparison", "比較"),
    "reports.section.indication": ("Indication", "檢查原因"),
    "reports.section.findings": ("Findings", "所見"),
    "reports.section.impression": ("Impression", "診斷印象"),
    "reports.section.technique": ("Technique", "檢查技術"),
    "reports.section.report": ("Report", "報告"),
    "reports.value.positive": ("affirmed", "肯定"),
    "reports.value.negative": ("denied", "否定"),
    "reports.value.uncertain": ("in doubt", "存疑"),
    "reports.value.unmentioned": ("of the past, not counted", "過去病史，不計入"),
    "reports.kind.negation": ("negation", "否定詞"),
    "reports.kind.uncertainty": ("uncertainty", "不確定"),
    "reports.kind.history": ("history", "病史"),
    "reports.kind.present": ("present", "目前存在"),
    "reports.kind.added": ("mined, but not in the gold", "已擷取，但標準答案沒有"),
    "reports.kind.missed": ("in the gold, but not mined", "標準答案有，但未擷取"),
    "reports.why.plain": (
        "{finding}: {value}. Named plainly; no rule about its context applies.",
        "{finding}：{value}。直接提及，沒有適用的上下文規則。",
    ),
    "reports.why.rule": (
        '{finding}: {value} by the rule "{rule}" ({kind}), because of "{cue}".',
        "{finding}：依規則「{rule}」（{kind}）判為{value}，因為「{cue}」。",
    ),
    "reports.scores": ("What the rules reach", "規則的表現"),
    "reports.scores.shipped": (
        "The rules that ship, on {n} example reports written for Viewbox.",
        "內附規則在 {n} 份為 Viewbox 撰寫的範例報告上的表現。",
    ),
    "reports.scores.edited": (
        "Your rules beside those that ship, on {n} example reports written for Viewbox.",
        "您的規則與內附規則在 {n} 份為 Viewbox 撰寫的範例報告上的比較。",
    ),
    "reports.scores.caution": (
        "These few reports show what an edit does, not how good the rules are: that was measured on 750"
        " held-out Open-i reports (micro F1 0.951).",
        "這些少量報告只用來顯示編輯的影響，不代表規則的好壞：後者以 750 份保留的 Open-i 報告測量"
        "（micro F1 0.951）。",
    ),
    "reports.finding": ("Finding", "所見項目"),
    "reports.precision": ("Precision", "精確率"),
    "reports.recall": ("Recall", "召回率"),
    "reports.f1": ("F1", "F1"),
    "reports.pooled": ("All findings pooled", "所有項目合計"),
    "reports.up": ("better", "變好"),
    "reports.down": ("worse", "變差"),
    # similar cases
    "similar.title": ("Cases like the one on screen", "與目前病例相似的病例"),
    "similar.hint": (
        "Compared by film, clinical table and text, each as much as you say. By text, the report counts:"
        " this is a look back after the reading.",
        "依影像、臨床資料與文字比較，各占您設定的比重。以文字比較時會用到報告：這是閱片之後的回顧。",
    ),
    "similar.image": ("Film counts", "影像比重"),
    "similar.table": ("Clinical table counts", "臨床資料比重"),
    "similar.text": ("Text counts", "文字比重"),
    "similar.find": ("Find similar and contrast cases", "尋找相似與對照病例"),
    "similar.building": (
        "The cases are being compared for the first time: {done} of {total} …",
        "首次比較病例：{done} / {total} ……",
    ),
    "similar.alike": ("Similar cases", "相似病例"),
    "similar.contrast": ("Contrast cases", "對照病例"),
    "similar.contrast_hint": (
        "The most similar cases whose reference label is another.",
        "參考標籤不同的最相似病例。",
    ),
    "similar.none": ("There is none.", "沒有。"),
    "similar.no_label": (
        "This case has no reference label, so nothing contrasts with it.",
        "此病例沒有參考標籤，因此沒有對照病例。",
    ),
    "similar.made": (
        "Exact search among {n} cases; never another case of the same patient.",
        "在 {n} 例中精確搜尋；不會列出同一病人的其他病例。",
    ),
    "similar.films_by": (
        "Films are compared by the features of checkpoint {name} and a coarse picture.",
        "影像以模型 {name} 的特徵及粗略影像比較。",
    ),
    "similar.films_plain": (
        "Films are compared by a coarse picture, as no checkpoint that reads them is ready.",
        "影像以粗略影像比較，因為沒有可讀取影像的模型就緒。",
    ),
    "similar.left_out": (
        "{n} further cases of the store were not compared.",
        "病例庫中另有 {n} 例未比較。",
    ),
    "similar.film_of": ("Film of {case}", "{case} 的影像"),
    "similar.similarity": ("Similarity {value}", "相似度 {value}"),
    "similar.label": ("Reference label: {label}", "參考標籤：{label}"),
    "similar.same_label": ("Reference label: {label}, the same", "參考標籤：{label}，相同"),
    "similar.unlabelled": ("No reference label", "沒有參考標籤"),
    "similar.synthetic": ("computed film", "電腦合成影像"),
    "similar.join": (", ", "、"),
    "similar.shared": ("Both reports affirm: {findings}", "兩份報告皆肯定：{findings}"),
    "similar.other": ("Only one report affirms: {findings}", "僅一份報告肯定：{findings}"),
    "similar.shared_fields": ("About the same: {fields}", "大致相同：{fields}"),
    "similar.differing": ("Differing: {fields}", "不同：{fields}"),
    "similar.field": ("{field} {here} here, {there} there", "{field} 此例 {here}、彼例 {there}"),
    "similar.no_text": ("This case has no text.", "此病例沒有文字。"),
    "similar.own_words": ("{case} in its own words", "{case} 自己的文字"),
}
