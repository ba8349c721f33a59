"""The panel "About this model": what a checkpoint is, what was measured, and what was not."""

STRINGS: dict[str, tuple[str, str]] = {
    "tab.about": ("About this model", "關於此模型"),
    "about.title": ("About the models on this page", "關於此頁的模型"),
    "about.intro": (
        "Every number below was measured and is read from the files of the checkpoint; brackets are 95 %"
        " intervals over patients.",
        "以下所有數字皆為實測，讀自模型所附的檔案；方括號內為以病人為單位的 95 % 信賴區間。",
    ),
    "about.open": (
        "Open this tab again to see what has been loaded since.",
        "重新開啟此分頁以顯示新載入的模型。",
    ),
    "about.what": (
        "A research checkpoint with {size} million weights, revision {revision}.",
        "研究用模型，{size} 百萬參數，版本 {revision}。",
    ),
    "about.reads": ("{task} from the {modalities}", "{task}：依據{modalities}"),
    "about.and": (" and ", "與"),
    "about.sections": ("Text that it reads: {sections}.", "讀取的文字：{sections}。"),
    "about.use.title": ("What it is for", "用途"),
    "about.use": (
        "For teaching and research: to see what such a model answers, why, and how often it is wrong. Not for"
        " diagnosis, triage, or any decision about a patient.",
        "供教學與研究：觀察這類模型的回答、理由以及錯誤率。不可用於診斷、檢傷或任何病人決策。",
    ),
    "about.trained.title": ("What it was trained on, and on which terms", "訓練資料與使用條款"),
    "about.source.siim": (
        "SIIM-FISABIO-RSNA COVID-19 films (BIMCV and MIDRC-RICORD): research, non-commercial, not to be"
        " passed on.",
        "SIIM-FISABIO-RSNA COVID-19 影像（BIMCV 與 MIDRC-RICORD）：限研究、非商業，不得轉發。",
    ),
    "about.source.ricord": (
        "MIDRC-RICORD, part of the SIIM films: CC BY-NC 4.0.",
        "MIDRC-RICORD（包含於 SIIM 影像中）：CC BY-NC 4.0。",
    ),
    "about.source.cohen": (
        "covid-chestxray-dataset (Cohen et al. 2020): a licence for each image.",
        "covid-chestxray-dataset（Cohen 等，2020）：每張影像各有授權。",
    ),
    "about.source.hannover": (
        "COVID-19 Image Repository, Hannover Medical School: CC BY 3.0.",
        "漢諾威醫學院 COVID-19 影像庫：CC BY 3.0。",
    ),
    "about.source.phantom": (
        "Computed films of this project, no patients: CC0 1.0.",
        "本專案以電腦產生的影像，無真實病人：CC0 1.0。",
    ),
    "about.source.unknown": (
        "{name} (the checkpoint's own name; its terms are not known here).",
        "{name}（模型自述名稱；此處不知其條款）。",
    ),
    "about.source.none": ("The checkpoint does not say what it was trained on.", "此模型未說明訓練資料。"),
    "about.limits.title": ("Limits", "限制"),
    "about.limits.shift": (
        "Label shift: Typical is {here} of the SIIM films measured here and one in five of RICORD's studies."
        " Its probabilities follow its training films, not your ward.",
        "標籤分布差異：此處測量的 SIIM 影像中 Typical 佔 {here}，RICORD 檢查中約五分之一。"
        "機率反映訓練影像，而非您的病房。",
    ),
    "about.limits.films": (
        "Films of few hospitals, adults almost only, frontal views. Anything else is outside of what it saw,"
        " and it answers all the same.",
        "影像來自少數醫院，幾乎皆為成人正面照。超出此範圍者它未曾見過，卻仍會作答。",
    ),
    "about.limits.table": (
        "No data set that could be had carries appearance labels and a clinical table for the same film, so a"
        " clinical field cannot change the appearance; grading rests on few patients.",
        "目前沒有資料集同時具有同一影像的型態標籤與臨床資料，因此臨床欄位不會改變型態；分級僅以少數病人訓練。",
    ),
    "about.limits.synthetic": (
        "It knows computed films alone. What it says of a real film means nothing.",
        "它只看過電腦產生的影像。對真實影像的回答毫無意義。",
    ),
    "about.limits.generic": (
        "It answers for any film, also for one that is unlike those it was trained on.",
        "它對任何影像都會作答，即使與訓練影像不同。",
    ),
    "about.limits.post_read": (
        "It reads what was written after the film was read; where labels were mined from that text, its"
        " numbers say little about the film.",
        "它會讀取閱片後所寫的報告；若標籤取自同一文字，其數字無法代表對影像的判讀。",
    ),
    "about.results.title": ("How good it is", "表現"),
    "about.measured_on": (
        "{task} on {data}: {films} films of {patients} patients ({split})",
        "{task}，{data}：{films} 張影像，{patients} 位病人（{split}）",
    ),
    "about.split.train": ("training films", "訓練影像"),
    "about.split.validation": ("validation films", "驗證影像"),
    "about.split.test": ("unseen films", "未見過的影像"),
    "about.split.all": ("all films", "全部影像"),
    "about.column.metric": ("Metric", "指標"),
    "about.column.value": ("Value", "數值"),
    "about.column.interval": ("95 % interval", "95 % 信賴區間"),
    "about.column.majority": ("Always the majority class", "一律猜多數類別"),
    "about.column.class": ("Class", "類別"),
    "about.column.films": ("Films", "影像數"),
    "about.column.group": ("Subgroup", "次群組"),
    "about.column.model": ("What a model may see", "模型可見的資料"),
    "about.column.p": ("p", "p 值"),
    "about.column.difference": ("This checkpoint is ahead by", "此模型領先"),
    "about.column.map": ("Map", "圖"),
    "about.column.miou": ("mIoU", "mIoU"),
    "about.column.hit": ("Hit rate", "命中率"),
    "about.column.arm": ("Model", "模型"),
    "about.column.ahead_of_film": ("Spearman ahead of film alone", "Spearman 相對僅影像的差"),
    "about.metric.macro_auroc": ("Macro AUROC", "宏平均 AUROC"),
    "about.metric.macro_average_precision": ("Macro average precision", "宏平均精確度（AP）"),
    "about.metric.accuracy": ("Accuracy", "準確率"),
    "about.metric.macro_f1": ("Macro F1", "宏平均 F1"),
    "about.metric.matthews": ("Matthews correlation", "Matthews 相關係數"),
    "about.metric.quadratic_kappa": ("Quadratic kappa", "二次加權 kappa"),
    "about.metric.recall_at_fpr_05": ("Recall at 5 % false positives", "偽陽性率 5 % 時的召回率"),
    "about.metric.recall_at_fpr_10": ("Recall at 10 % false positives", "偽陽性率 10 % 時的召回率"),
    "about.metric.expected_calibration_error": (
        "Expected calibration error (low is good)",
        "預期校準誤差（愈低愈好）",
    ),
    "about.metric.brier": ("Brier score (low is good)", "Brier 分數（愈低愈好）"),
    "about.metric.spearman": (
        "Spearman with the experts' geographic extent",
        "與專家範圍評分的 Spearman 相關",
    ),
    "about.metric.spearman_extent": ("Spearman with extent", "與範圍評分的 Spearman 相關"),
    "about.metric.auroc": ("AUROC", "AUROC"),
    "about.metric.average_precision": ("Average precision", "平均精確度"),
    "about.classes": ("By class", "依類別"),
    "about.groups": ("By subgroup (macro AUROC)", "依次群組（宏平均 AUROC）"),
    "about.group.sex": ("Sex", "性別"),
    "about.group.age": ("Age", "年齡"),
    "about.group.view": ("View", "投照方向"),
    "about.group.source": ("Source", "來源"),
    "about.too_few": ("too few films to say", "影像太少，無法判斷"),
    "about.audit.title": ("Leak audit: what must be beaten", "洩漏稽核：必須勝過的基準"),
    "about.audit.note": (
        "Small models that never see the lungs, trained and measured on the same films. Where one comes near,"
        " the labels leak from somewhere else than the film.",
        "這些小模型從未看過肺部，以相同影像訓練與測量。若其中之一表現接近，表示標籤由影像以外之處洩漏。",
    ),
    "about.audit.all_beaten": (
        "This checkpoint beats all of them (paired test, p < 0.01).",
        "此模型勝過全部基準（配對檢定，p < 0.01）。",
    ),
    "about.audit.not_beaten": (
        "NOT beaten with p < 0.01: {names}.",
        "未以 p < 0.01 勝過：{names}。",
    ),
    "about.readers.title": ("How far the readers agree", "判讀者之間的一致性"),
    "about.readers.ricord": (
        "{task}: two of RICORD's readers agree for {pairs} of pairs, and one agrees with the majority (own"
        " vote included) for {majority}. A model that learns from such labels cannot be right much more"
        " often.",
        "{task}：RICORD 兩位判讀者成對一致者佔 {pairs}，單一判讀者與多數（含自己一票）一致者佔 {majority}。"
        "以此類標籤學習的模型，正確率不會高出許多。",
    ),
    "about.decisions.title": ("Prediction sets and operating points", "預測集合與操作點"),
    "about.sets": (
        "{task}: prediction sets meant to hold the label for {wanted} of films held it for {coverage} of"
        " films whose patients had no part in them; {size} classes on average.",
        "{task}：預計涵蓋 {wanted} 標籤的預測集合，在未參與校準的病人上涵蓋 {coverage}；平均 {size} 個類別。",
    ),
    "about.points": (
        "{task}: thresholds chosen on validation films, and what they gave there",
        "{task}：以驗證影像選定的閾值及其結果",
    ),
    "about.rule.balanced": ("balanced", "平衡"),
    "about.rule.sensitive": ("sensitive", "高敏感度"),
    "about.column.rule": ("Rule", "規則"),
    "about.column.threshold": ("Threshold", "閾值"),
    "about.column.sensitivity": ("Sensitivity", "敏感度"),
    "about.column.specificity": ("Specificity", "特異度"),
    "about.audit.row.majority": ("Always the majority", "一律猜多數類別"),
    "about.audit.row.table": ("Clinical fields alone", "僅臨床欄位"),
    "about.audit.row.text": ("Text alone", "僅文字"),
    "about.audit.row.source": (
        "Where the film comes from: site, licence, view, file, border",
        "影像來源：機構、授權、投照方向、檔案、邊框",
    ),
    "about.audit.row.thumbnail": ("The film at 16 × 16 pixels", "16 × 16 像素的影像"),
    "about.audit.row.shuffled labels": ("Shuffled labels", "打亂的標籤"),
    "about.audit.row.film alone": ("This checkpoint, film alone", "此模型，僅影像"),
    "about.plots.title": ("Calibration and ranking", "校準與排序"),
    "about.maps.title": ("Do its maps point at the evidence?", "它的圖是否指向證據？"),
    "about.maps.note": (
        "Hit rate: the map's maximum lies on the evidence ({films} films of {patients} patients). Controls"
        " and location priors stand beside the methods.",
        "命中率：圖的最大值落在證據上（{films} 張影像，{patients} 位病人）。對照與位置先驗並列於方法旁。",
    ),
    "about.maps.beaten": (
        "Knowing where evidence usually lies does better than any of these maps.",
        "僅知道證據通常在哪裡，就勝過這些圖。",
    ),
    "about.gain.title": ("What does each modality bring?", "每種資料帶來什麼？"),
    "about.gain.note": (
        "Unseen phantoms, grouped by what holds the evidence: appearance macro AUROC with everything, and"
        " what is lost when that modality is taken away.",
        "未見過的模擬影像，依證據所在分組：使用全部資料時的型態 macro AUROC，以及移除該資料後的損失。",
    ),
    "about.gain.held_by": ("Evidence lies in", "證據位於"),
    "about.gain.cases": ("Phantoms", "模擬影像數"),
    "about.gain.everything": ("With everything", "使用全部資料"),
    "about.gain.lost": ("Lost without it", "移除後的損失"),
    "about.shortcut.title": ("What the shortcut does", "捷徑造成的影響"),
    "about.shortcut.note": (
        "{pairs} unseen phantoms, film alone, each without and with a lead arrow in the corner. The twin"
        " learnt that the arrow means {learnt}; the teaching checkpoint did not.",
        "{pairs} 張未見過的模擬影像（僅影像），各有無箭頭與有箭頭兩版。"
        "雙胞胎學到箭頭代表{learnt}；教學模型沒有。",
    ),
    "about.shortcut.twin": ("Shortcut twin", "捷徑雙胞胎"),
    "about.shortcut.checkpoint": ("Teaching checkpoint", "教學模型"),
    "about.shortcut.accuracy_without_arrow": ("Accuracy without the arrow", "無箭頭時的準確率"),
    "about.shortcut.accuracy_with_arrow": ("Accuracy with the arrow on every film", "每張都有箭頭時的準確率"),
    "about.shortcut.turned_to_learnt": (
        "Share of other films that the arrow turns to what it learnt",
        "其他影像中因箭頭而改判為所學類別的比例",
    ),
    "about.shortcut.rise_of_learnt": (
        "Median rise of that probability on them",
        "這些影像上該機率的中位數上升",
    ),
    "about.shortcut.evidence_on_arrow": (
        "Median share of the film's evidence on the arrow",
        "箭頭上所占影像證據的中位數比例",
    ),
    "about.map.centre_prior": ("Prior: the film's centre", "先驗：影像中央"),
    "about.map.location_prior": ("Prior: where other patients' evidence lies", "先驗：其他病人的證據位置"),
    "about.fusion.title": ("Does the clinical table help?", "臨床資料是否有幫助？"),
    "about.fusion.note": (
        "The same small model over frozen film features ({backbone}), severity of {films} films of {patients}"
        " patients: {folds}-fold cross-validation by patient, {seeds} repetitions. These are not the weights"
        " of this checkpoint.",
        "以凍結的影像特徵（{backbone}）訓練相同的小模型，判斷 {patients} 位病人 {films} 張影像的嚴重度："
        "以病人分組的 {folds} 折交叉驗證，重複 {seeds} 次。並非此模型本身的權重。",
    ),
    "about.fusion.seen": (
        "Careful: these features were trained on films of {patients} of these patients, so the numbers"
        " flatter.",
        "注意：這些特徵曾以其中 {patients} 位病人的影像訓練，數字偏樂觀。",
    ),
    "about.fusion.helps": (
        "Better than the film alone (Spearman, corrected p < 0.05): {names}.",
        "優於僅用影像（Spearman，校正後 p < 0.05）：{names}。",
    ),
    "about.fusion.worse": (
        "Worse than the film alone: {names}.",
        "不如僅用影像：{names}。",
    ),
    "about.fusion.no_help": (
        "No fusion is better than the film alone (Spearman, corrected p < 0.05).",
        "沒有任何融合方式優於僅用影像（Spearman，校正後 p < 0.05）。",
    ),
    "about.fusion.ceiling": (
        "Two expert readers of Cohen's films agree with a kappa of {kappa} on the grading that follows from"
        " their zones: a model that learns from such readings can hardly do better.",
        "兩位專家對 Cohen 影像依肺區得出的分級，一致性 kappa 為 {kappa}：以此學習的模型很難更好。",
    ),
    "about.fusion.external": (
        "Trained on Cohen's films, read on Hannover's ({films} films, {patients} patients)",
        "以 Cohen 影像訓練，判讀漢諾威影像（{films} 張，{patients} 位病人）",
    ),
    "about.arm.film": ("Film alone", "僅影像"),
    "about.arm.table": ("Table alone", "僅臨床資料"),
    "about.arm.known_fields": ("Control: which fields are known", "對照：僅知哪些欄位有值"),
    "about.arm.product": ("Both: product", "兩者：乘積"),
    "about.arm.concat": ("Both: side by side", "兩者：並列"),
    "about.arm.gated": ("Both: gated", "兩者：閘控"),
    "about.arm.cross_attention": ("Both: cross-attention", "兩者：交叉注意力"),
    "about.missing.title": ("Not measured", "未測量"),
    "about.missing.metrics": (
        "This checkpoint came without measurements (metrics.json), so nothing is known here about how good"
        " it is.",
        "此模型未附測量結果（metrics.json），因此不知其表現。",
    ),
    "about.missing.audit": (
        "whether small models that never see the lungs do as well",
        "未看肺部的小模型是否同樣好",
    ),
    "about.missing.plots": ("calibration by bin and ROC curves", "逐區間校準與 ROC 曲線"),
    "about.missing.subgroups": (
        "how it does by sex, age, view and source",
        "依性別、年齡、投照方向與來源的表現",
    ),
    "about.missing.maps": ("whether its maps point at the evidence", "圖是否指向證據"),
    "about.missing.fusion": ("whether the clinical table helps", "臨床資料是否有幫助"),
    "about.missing.ricord": ("any film of the hospital where you are reading this", "您所在醫院的任何影像"),
    "about.missing.list": ("Nobody has measured: {names}.", "尚未測量：{names}。"),
}
