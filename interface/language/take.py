"""Links, the language switch, handouts, the map in words, prediction sets and the ward."""

STRINGS: dict[str, tuple[str, str]] = {
    "language.switch": ("Language", "語言"),
    # links
    "link.bad": (
        "This link's {part} '{value}' is not here; the usual view is shown instead.",
        "此連結的{part}「{value}」不存在；改以一般畫面顯示。",
    ),
    "link.part.case": ("case", "病例"),
    "link.part.target": ("target", "解釋目標"),
    "link.part.baseline": ("baseline", "起點"),
    "link.part.method": ("map", "圖"),
    "link.part.checkpoint": ("checkpoint", "模型"),
    "link.part.change": ("defect", "缺陷"),
    "take.copy": ("Copy link", "複製連結"),
    "take.copied": ("The link to this view is in the clipboard.", "此畫面的連結已在剪貼簿中。"),
    "take.by_hand": (
        "Copy the link to this view from here (Ctrl+C).",
        "請從此處複製此畫面的連結（Ctrl+C）。",
    ),
    "take.link": ("Link to this view", "此畫面的連結"),
    "take.no_link": (
        "A study of your own is not kept, so no link can restore it; open a stored case first.",
        "您自己的檢查不會保存，因此沒有連結可還原；請先開啟已存病例。",
    ),
    "take.changed": (
        "Your changes in the form are not part of the link.",
        "您在表單中的更改不包含在連結中。",
    ),
    # handouts
    "take.handout": ("Handout (HTML)", "講義（HTML）"),
    "take.not_yet": ("Wait until the explanation is there, then take it.", "請等解釋完成後再下載。"),
    "take.saved": ("The handout has been downloaded.", "講義已下載。"),
    "take.pack_title": ("Course pack of several cases", "多病例課程講義"),
    "take.cases": ("Case IDs", "病例編號"),
    "take.cases_hint": ("separated by commas, at most 8", "以逗號分隔，最多 8 例"),
    "take.pack": ("Make the course pack", "製作課程講義"),
    "take.none": ("Type the IDs of the cases first, separated by commas.", "請先輸入病例編號，以逗號分隔。"),
    "take.too_many": (
        "A course pack holds at most {limit} cases; take some off the list.",
        "課程講義最多 {limit} 例；請減少數量。",
    ),
    "take.packing": ("Case {number} of {count} …", "第 {number} 例，共 {count} 例……"),
    "take.packed": ("The course pack has been downloaded.", "課程講義已下載。"),
    "handout.title": ("Viewbox: {case}", "Viewbox 閱片箱：{case}"),
    "handout.pack": ("Viewbox: course pack of {count} cases", "Viewbox 閱片箱：{count} 例課程講義"),
    "handout.film": ("The film", "影像"),
    "handout.map": ("{method} for {target}", "「{target}」的{method}"),
    "handout.kept_back": (
        "The film is left out: its licence ({licence}) does not let it be passed on here.",
        "未附影像：其授權（{licence}）不允許在此轉發。",
    ),
    "handout.changed": (
        "The clinical data or the text were changed by the reader.",
        "臨床資料或文字已由讀者更改。",
    ),
    "handout.settings": ("How this was made", "製作方式"),
    "handout.case": ("Case", "病例"),
    "handout.checkpoint": ("Checkpoint", "模型"),
    "handout.revision": ("Revision", "版本"),
    "handout.sha": ("SHA-256 of the weights", "權重的 SHA-256"),
    "handout.target": ("Target", "解釋目標"),
    "handout.baseline": ("Baseline", "起點"),
    "handout.method": ("Map", "圖"),
    "handout.evaluations": ("Gradients", "梯度次數"),
    "handout.defect": ("Defect made on purpose", "刻意製造的缺陷"),
    "handout.link": ("Open this view in Viewbox", "在 Viewbox 開啟此畫面"),
    "handout.no_checks": (
        "Quick account for a course pack: the trust measures are on the page, behind the link.",
        "課程講義採用快速計算：可信度指標請由連結至網頁查看。",
    ),
    # the map in words
    "words.most": ("Most weight of the map: {zone}, {share}", "此圖權重最多處：{zone}，{share}"),
    "words.then": ("; then {zones}", "；其次為{zones}"),
    "words.share": ("{zone} {share}", "{zone} {share}"),
    "words.comma": (", ", "、"),
    "words.rest": (". Outside the lungs: {share}.", "。肺野以外：{share}。"),
    "words.outside": (
        "Most weight of the map lies outside the lungs: {share}. It is no place for a lung finding; be wary.",
        "此圖權重最多處在肺野以外：{share}。肺部發現不應在此；請小心。",
    ),
    "words.unknown": (
        "Where this map lies cannot be told in words: no two lungs were found, or the map is empty.",
        "無法以文字說明此圖的位置：找不到兩側肺野，或此圖為空白。",
    ),
    "words.lateral": (
        "Lung zones are told on frontal films only; this one is lateral.",
        "僅正面影像能以肺區說明；此為側面影像。",
    ),
    "words.right upper": ("right upper zone", "右上肺區"),
    "words.right middle": ("right middle zone", "右中肺區"),
    "words.right lower": ("right lower zone", "右下肺區"),
    "words.left upper": ("left upper zone", "左上肺區"),
    "words.left middle": ("left middle zone", "左中肺區"),
    "words.left lower": ("left lower zone", "左下肺區"),
    "words.frame": (
        "{percent} of it lies on the bright frame, where there is no patient.",
        "其中 {percent} 落在亮框上，那裡沒有病人。",
    ),
    # defects made on purpose
    "defect.inverted": (
        "Made wrong on purpose: this film is inverted, as by a loader that forgets its polarity.",
        "刻意的錯誤：此影像黑白顛倒，如同讀檔時忽略了極性。",
    ),
    "defect.arrow": (
        "Made wrong on purpose: a lead arrow was put on this film; it says nothing about the patient.",
        "刻意的錯誤：此影像被加上鉛箭頭；它與病人無關。",
    ),
    "defect.no_film": (
        "Made wrong on purpose: the film was taken away; whatever the model still knows, it did not see.",
        "刻意的錯誤：影像已移除；模型若仍知道答案，並非看出來的。",
    ),
    "defect.framed": (
        "Made wrong on purpose: this film stands in a bright frame, as a loader leaves it that forgets the"
        " file's padding value.",
        "刻意的錯誤：此影像加了亮框，如同讀檔時忽略了填補值。",
    ),
    "defect.sideways": (
        "Made wrong on purpose: this film lies on its side, as from a file without its orientation.",
        "刻意的錯誤：此影像橫躺，如同遺失方向的檔案。",
    ),
    # the differential, and when not to answer
    "set.one": (
        "{task}: only {classes} cannot be ruled out.",
        "{task}：僅{classes}無法排除。",
    ),
    "set.several": (
        "{task}: {count} classes cannot be ruled out: {classes}.",
        "{task}：有 {count} 個類別無法排除：{classes}。",
    ),
    "set.promise": (
        "Such sets are made to hold the label for {coverage} of films like the validation films;"
        " measured: {measured}.",
        "此類集合設計為在類似驗證影像中有 {coverage} 包含正確標籤；實測：{measured}。",
    ),
    "set.title": ("Differential", "鑑別"),
    "gate.familiar": (
        "This film is like those the checkpoint learnt from (distance {score}, usual up to {threshold}).",
        "此影像類似模型學習過的影像（距離 {score}，一般不超過 {threshold}）。",
    ),
    # in your ward
    "ward.title": ("In your ward: what a positive call is worth", "在您的病房：陽性判斷的價值"),
    "ward.call": ("Calling positive: {target}", "判為陽性：{target}"),
    "ward.prevalence": ("How common it is in your ward (%)", "在您病房的盛行率（%）"),
    "ward.threshold": (
        "How readily to call (place on the measured ROC curve)",
        "判為陽性的門檻（實測 ROC 曲線上的位置）",
    ),
    "ward.none": (
        "The measurements of this checkpoint hold no operating point yet.",
        "此模型的量測尚無操作點。",
    ),
    "ward.waiting": ("Wait until there is a prediction.", "請等待預測完成。"),
    "ward.at": (
        "At a measured sensitivity of {sensitivity} and specificity of {specificity} ({films}"
        " validation films of {corpus}):",
        "以實測敏感度 {sensitivity}、特異度 {specificity}（{corpus} 的 {films} 張驗證影像）：",
    ),
    "ward.ppv": (
        "Of 100 positive calls, {right} are right (PPV {ppv}).",
        "每 100 次判為陽性，{right} 次正確（PPV {ppv}）。",
    ),
    "ward.npv": (
        "Of 100 negative calls, {right} are right (NPV {npv}).",
        "每 100 次判為陰性，{right} 次正確（NPV {npv}）。",
    ),
    "ward.no_call": ("Nothing is called at this place.", "此位置沒有任何判斷。"),
    "ward.of": (
        "Among 1,000 patients there: {tp} found, {fn} missed, {fp} false alarms, {tn} rightly left alone.",
        "每 1,000 位病人：找到 {tp}，漏掉 {fn}，誤報 {fp}，正確排除 {tn}。",
    ),
    "ward.caution": (
        "Sensitivity and specificity travel badly between hospitals; this shows arithmetic, not your ward.",
        "敏感度與特異度換了醫院常不成立；此處僅為計算示範，並非您的病房。",
    ),
}
