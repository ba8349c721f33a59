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
        "The numbers follow as you type. What you write is used in this browser tab only and kept nowhere.",
        "數字會隨您輸入而更新。所寫的內容僅用於此瀏覽器分頁，不會保存。",
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
    "reports.called_normal": ("Called normal", "稱為正常"),
    "reports.silent": ("Not mentioned: {findings}.", "未提及：{findings}。"),
    "reports.not_read": ("not read by the rules", "規則不讀取"),
    "reports.other": ("Other abnormality", "其他異常"),
    "reports.section.comparison": ("Comparison", "比較"),
    "reports.section.indication": ("Indication", "檢查原因"),
    "reports.section.findings": ("Findings", "所見"),
    "reports.section.impression": ("Impression", "診斷印象"),
    "reports.section.technique": ("Technique", "檢查技術"),
    "reports.section.recommendation": ("Recommendation", "建議"),
    "reports.section.report": ("Report", "報告"),
    "reports.value.positive": ("affirmed", "肯定"),
    "reports.value.negative": ("denied", "否定"),
    "reports.value.uncertain": ("in doubt", "存疑"),
    "reports.value.unmentioned": ("of the past, not counted", "過去病史，不計入"),
    "reports.kind.negation": ("negation", "否定詞"),
    "reports.kind.uncertainty": ("uncertainty", "不確定"),
    "reports.kind.history": ("history", "病史"),
    "reports.kind.present": ("present", "目前存在"),
    "reports.kind.alternative": ("one or the other", "二者之一"),
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
        " held-out Open-i reports (micro F1 0.953).",
        "這些少量報告只用來顯示編輯的影響，不代表規則的好壞：後者以 750 份保留的 Open-i 報告測量"
        "（micro F1 0.953）。",
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
        "Compared is a sample drawn at random; {n} further cases of the store are not in it.",
        "比較的是隨機抽取的樣本；病例庫中另有 {n} 例不在其中。",
    ),
    "similar.film_of": ("Film of {case}", "{case} 的影像"),
    "similar.similarity": ("Similarity {value}", "相似度 {value}"),
    "similar.label": ("Reference label: {label}", "參考標籤：{label}"),
    "similar.same_label": ("Reference label: {label}, the same", "參考標籤：{label}，相同"),
    "similar.unlabelled": ("No reference label", "沒有參考標籤"),
    "similar.synthetic": ("computed film", "電腦合成影像"),
    "similar.join": (", ", "、"),
    "similar.join_fields": ("; ", "；"),
    "similar.shared": ("Both reports affirm: {findings}", "兩份報告皆肯定：{findings}"),
    "similar.other": ("Only one report affirms: {findings}", "僅一份報告肯定：{findings}"),
    "similar.shared_fields": ("About the same: {fields}", "大致相同：{fields}"),
    "similar.differing": ("Differing: {fields}", "不同：{fields}"),
    "similar.field": ("{field} {here} here, {there} there", "{field} 此例 {here}、彼例 {there}"),
    "similar.no_text": ("This case has no text.", "此病例沒有文字。"),
    "similar.own_words": ("{case} in its own words", "{case} 自己的文字"),
    "similar.in_store": (
        "Searched by MongoDB's vector search among {n} cases, one by one, by the vectors of checkpoint"
        " {name}; never another case of the same patient.",
        "由 MongoDB 向量搜尋在 {n} 例中逐一比較，使用模型 {name} 的向量；不會列出同一病人的其他病例。",
    ),
    "similar.why_here": ("The store's own search was not used: {why}", "未使用病例庫自己的搜尋：{why}"),
    # two explanations side by side
    "pair.compare": ("Compare explanations", "比較解釋"),
    "pair.title": ("Both explanations side by side", "並列兩例的解釋"),
    "pair.made": (
        "Why {name} says {target} of each: the same target, the same way, one scale. Each is computed from"
        " its own film, fields and words.",
        "模型 {name} 為何認為各為「{target}」：相同目標、相同方式、同一尺度。"
        "各由自己的影像、欄位與文字計算。",
    ),
    "pair.here": ("On screen", "目前病例"),
    "pair.there": ("Retrieved", "找到的病例"),
    "pair.probability": ("Probability of {target}: {percent}", "「{target}」的機率：{percent}"),
    "pair.one_scale": ("Both maps have this scale.", "兩張圖使用同一尺度。"),
    "pair.running": ("{name} explains both cases …", "模型 {name} 正在解釋兩例……"),
    "pair.not_predicted": (
        "No checkpoint has answered for the case on screen yet; wait for its prediction in the first tab.",
        "目前病例尚無模型預測；請在第一個分頁等待預測完成。",
    ),
    # topics
    "topics.title": ("Topics of the store's reports", "病例庫報告的主題"),
    "topics.find": ("Show the topics", "顯示主題"),
    "topics.made": (
        "Words that go together in {n} reports among {cases} cases, found without any label. What a report"
        " denies or calls normal is left out.",
        "{cases} 例中 {n} 份報告裡常一起出現的字詞，未使用任何標籤。報告否定或稱為正常的內容不計入。",
    ),
    "topics.sample": (
        "This is a sample drawn at random; {n} further cases of the store are not in it.",
        "這是隨機抽取的樣本；病例庫中另有 {n} 例不在其中。",
    ),
    "topics.coherence": (
        "Mean coherence (NPMI) {npmi}: 1 for keywords that always stand in the same reports, 0 for chance, −1"
        " for never.",
        "平均連貫性（NPMI）{npmi}：1 表示關鍵詞總在相同報告中出現，0 為隨機，−1 為從不同時出現。",
    ),
    "topics.nothing": ("Nothing abnormal said", "未提及異常"),
    "topics.nothing_note": (
        "These reports deny everything or call it normal, so they have no keywords.",
        "這些報告否定一切異常或稱為正常，因此沒有關鍵詞。",
    ),
    "topics.share": ("{percent} of the reports", "佔報告 {percent}"),
    "topics.own": ("topic of the case on screen", "目前病例的主題"),
    "topics.keywords": ("Keywords and their share of the topic", "關鍵詞及其在主題中的比重"),
    "topics.cases": ("Cases that it makes up most of", "最符合此主題的病例"),
    "topics.case_share": ("{percent} of its report", "佔其報告 {percent}"),
    "topics.more": ("and {n} more", "另有 {n} 例"),
}
