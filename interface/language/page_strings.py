"""The strings themselves: key -> (English, Traditional Chinese)."""

from collections import ChainMap

from interface.language import PANELS

_PAGE: dict[str, tuple[str, str]] = {
    # the page
    "page.title": ("Viewbox", "Viewbox 閱片箱"),
    "page.not_for_diagnosis": ("Not for diagnosis", "不可用於診斷"),
    "page.what": (
        "A chest film, what a model makes of it, and why. Often wrong; teaching and research only.",
        "一張胸部 X 光片、模型的判斷與理由。模型常會出錯；僅供教學與研究。",
    ),
    "page.purpose": (
        "Teaching and research only. The model is often wrong; see why it says what it says.",
        "僅供教學與研究。模型常會出錯；請看它為何這樣說。",
    ),
    "tab.look": ("Look at a case", "看病例"),
    # the model
    "model.loading": (
        "Loading the checkpoint {name} … ({seconds} s)",
        "正在載入模型 {name} ……（{seconds} 秒）",
    ),
    "model.ready": (
        "Checkpoint {name}, revision {revision}, on {device}, {size} million parameters",
        "模型 {name}，版本 {revision}，裝置 {device}，{size} 百萬參數",
    ),
    "model.waiting": ("Checkpoint {name} waits for its turn to be loaded", "模型 {name} 等待載入"),
    "model.failed": ("Checkpoint {name} is not there: {sentence}", "沒有模型 {name}：{sentence}"),
    "model.choice": ("Checkpoint", "模型"),
    "model.suits": ("what suits this case", "適合此病例者"),
    "model.in_use": ("in use", "使用中"),
    "model.retry": ("Try again", "再試一次"),
    "model.post_read": (
        "This checkpoint reads what the radiologist wrote after reading the film.",
        "此模型會讀取放射科醫師閱片後所寫的報告。",
    ),
    # choosing
    "choose.id": ("Case ID", "病例編號"),
    "choose.id_hint": ("type an ID and press Enter", "輸入編號後按 Enter"),
    "choose.open": ("Open", "開啟"),
    "choose.previous": ("◀ Previous", "◀ 上一例"),
    "choose.next": ("Next ▶", "下一例 ▶"),
    "choose.random": ("Random", "隨機"),
    "choose.list": ("List of cases", "病例清單"),
    "choose.source": ("Source", "來源"),
    "choose.appearance": ("Appearance (reference)", "型態（參考）"),
    "choose.grading": ("Grading (reference)", "分級（參考）"),
    "choose.any": ("any", "不限"),
    "choose.earlier": ("◀ Earlier", "◀ 前一頁"),
    "choose.later": ("Later ▶", "後一頁 ▶"),
    "choose.range": ("{first} to {last} of {count} cases", "第 {first} 至 {last} 例，共 {count} 例"),
    "choose.none": (
        'No case passes this filter; choose "any" in one of its fields.',
        "沒有符合條件的病例；請把其中一項改為「不限」。",
    ),
    "choose.end": (
        "There is no further case in this direction; go the other way or change the filter.",
        "此方向沒有其他病例；請往另一方向，或更改篩選條件。",
    ),
    "choose.empty_id": (
        "Type the ID of a case first, or choose one from the list.",
        "請先輸入病例編號，或從清單選擇。",
    ),
    "choose.first": ("Choose a case or a film first.", "請先選擇病例或影像。"),
    "upload.title": ("Your own film", "上傳影像"),
    "upload.choose": ("Choose a film, or drop it here", "選擇影像，或拖放到此"),
    "upload.kinds": (
        "PNG, JPEG or DICOM. It is read in memory and never kept on disk. Take names off first.",
        "PNG、JPEG 或 DICOM。僅在記憶體中讀取，不存於磁碟。請先移除姓名。",
    ),
    "upload.none": ("Start without a film", "不用影像"),
    "upload.yours": ("Your film ({name})", "您的影像（{name}）"),
    "upload.licence": ("not stored", "不儲存"),
    # the form
    "form.title": ("Clinical data and text", "臨床資料與文字"),
    "form.hint": (
        "Change a value and predict again. An empty field is unknown; nothing is filled in for you.",
        "更改數值後再預測。空白即為未知；不會自動補值。",
    ),
    "form.spellings": ("How values may be written", "數值的寫法"),
    "form.spellings_about": (
        "A number without a unit is in the field's own unit; where its range says that it cannot be, it is"
        " converted and a note says so. N/A, NA, null, - and ? are unknown; <5 and >300 are limits of the"
        " laboratory.",
        "未寫單位的數字以欄位本身的單位讀取；若依範圍判斷並非如此，會換算並加以註明。"
        "N/A、NA、null、- 與 ? 為未知；<5 與 >300 為檢驗極限。",
    ),
    "form.unknown": ("unknown", "未知"),
    "form.predict": ("Predict again", "再次預測"),
    "form.without_image": ("Leave out the film", "移除影像"),
    "form.without_table": ("Leave out the table", "移除臨床資料"),
    "form.without_text": ("Leave out the text", "移除文字"),
    "form.as_stored": ("Restore the case", "恢復病例"),
    "form.nothing_left": (
        "Nothing would be left to predict from; press Restore the case, or fill in a field.",
        "將沒有任何資料可供預測；請按「恢復病例」，或填寫一個欄位。",
    ),
    "form.reads": ("This checkpoint reads (✓): {fields}.", "此模型讀取（✓）：{fields}。"),
    "form.reads_none": ("This checkpoint reads no clinical field.", "此模型不讀取臨床欄位。"),
    "form.reads_text": ("Text that it reads: {sections}.", "讀取的文字：{sections}。"),
    "form.reads_no_text": ("It reads no text.", "不讀取文字。"),
    "section.indication": ("Indication", "檢查原因"),
    "section.findings": ("Findings (after reading)", "影像所見（閱片後）"),
    "section.impression": ("Impression (after reading)", "影像診斷（閱片後）"),
    # the film
    "film.alt": ("Chest film of {case}", "{case} 的胸部 X 光片"),
    "film.map_alt": (
        "Chest film of {case} with the attribution of {target} in colour",
        "{case} 的胸部 X 光片，色彩為 {target} 的歸因",
    ),
    "film.none": ("This study has no film.", "此檢查沒有影像。"),
    "film.left_out": ("The film is left out of this prediction.", "此次預測不使用影像。"),
    "film.hidden": (
        "The licence of this film ({licence}) does not let it be shown here; the prediction still uses it.",
        "此影像的授權（{licence}）不允許在此顯示；預測仍會使用它。",
    ),
    "film.synthetic": ("SYNTHETIC: a computed film, no patient", "合成影像：由電腦計算，並非病人"),
    "film.source": ("source {source}", "來源 {source}"),
    "film.licence": ("licence {licence}", "授權 {licence}"),
    "film.scale": (
        "Full colour is {scale} logits per 1 % of the film's area. Orange speaks for {target}, blue against.",
        "最深色為每 1 % 影像面積 {scale} logit。橙色支持「{target}」，藍色反對。",
    ),
    "film.scale_positive": (
        "Full colour is {scale} logits per 1 % of the film's area; only what speaks for {target} shows.",
        "最深色為每 1 % 影像面積 {scale} logit；僅顯示支持「{target}」的部分。",
    ),
    "film.scale_negative": (
        "Full colour is {scale} logits per 1 % of the film's area; only what speaks against {target} shows.",
        "最深色為每 1 % 影像面積 {scale} logit；僅顯示反對「{target}」的部分。",
    ),
    "film.both": ("for and against", "支持與反對"),
    "film.positive": ("only what speaks for it", "僅支持"),
    "film.negative": ("only what speaks against it", "僅反對"),
    # the prediction
    "prediction.title": ("Prediction", "預測"),
    "prediction.waiting": (
        "The prediction follows as soon as the checkpoint is loaded.",
        "模型載入後即會預測。",
    ),
    "prediction.running": ("Predicting …", "預測中……"),
    "prediction.made_by": (
        "Made by checkpoint {name}, revision {revision}.",
        "由模型 {name} 預測，版本 {revision}。",
    ),
    "prediction.failed": (
        "There is no prediction: the checkpoint for this case is not there. {sentence}",
        "沒有預測：此病例所用的模型無法使用。{sentence}",
    ),
    "prediction.twin": (
        "{name} is a shortcut twin: it was trained on purpose on films where a lead arrow in the corner gives"
        " the answer away. Compare it with the other checkpoint, and do not believe it.",
        "{name} 是「捷徑雙胞胎」：刻意用角落鉛製箭頭洩漏答案的影像訓練而成。"
        "請拿它與另一個模型比較，不要相信它。",
    ),
    "prediction.mismatch": (
        "Checkpoint {name} was trained on {sources}, not on {source}; do not expect its answers to hold.",
        "模型 {name} 以 {sources} 訓練，而非 {source}；請勿預期其答案可靠。",
    ),
    "prediction.own_film": ("films like your own", "您自己的影像"),
    "prediction.class": ("Class", "類別"),
    "prediction.probability": ("Probability", "機率"),
    "prediction.most": ("most probable", "最可能"),
    "prediction.agrees": ("reference", "參考"),
    "prediction.no_reference": ("no reference label", "無參考標籤"),
    "prediction.given": ("The study holds: {given}.", "此檢查包含：{given}。"),
    "prediction.made_from": ("made from {modalities}", "依據 {modalities}"),
    # the explanation
    "explain.title": ("Explanation", "解釋"),
    "explain.target": ("Explain", "解釋目標"),
    "explain.baseline": ("Starting from a film that is", "起點影像"),
    "explain.black": ("black", "全黑"),
    "explain.blurred": ("blurred", "模糊"),
    "explain.again": ("Explain again", "再次解釋"),
    "explain.cancel": ("Cancel", "取消"),
    "explain.step": ("Integrated Gradients", "積分梯度"),
    "explain.stopped": ("The explanation was stopped. The prediction stands.", "解釋已停止。預測仍有效。"),
    "explain.method": (
        "Integrated Gradients for {target} from a {baseline} film, {evaluations} gradients in {seconds} s",
        "「{target}」的積分梯度，起點為{baseline}影像，{evaluations} 次梯度，{seconds} 秒",
    ),
    "explain.refining": ("being refined", "改進中"),
    "explain.share": ("What each part of the study contributed", "各部分的貢獻"),
    "explain.share_note": (
        "Share of the summed magnitudes, and the signed sum in logits.",
        "佔總量的比例，以及帶正負號的總和（logit）。",
    ),
    "explain.fields": ("Clinical fields", "臨床欄位"),
    "explain.words": ("Words", "文字"),
    "explain.no_fields": (
        "No clinical field plays a part in this answer.",
        "沒有任何臨床欄位影響此答案。",
    ),
    "explain.no_words": ("No word took part in this answer.", "沒有文字參與此答案。"),
    "explain.reads_no_text": ("This checkpoint reads no text.", "此模型不讀取文字。"),
    "explain.bars_note": (
        "Full width is {scale} logits, the same for fields and words."
        " Right and + speaks for it, left and − against it.",
        "滿格為 {scale} logit，欄位與文字相同。右側與 + 為支持，左側與 − 為反對。",
    ),
    "explain.delta": (
        "{verdict}: the parts add up to {total}, the logit moved by {change}; {delta} logits ({percent}) are"
        " unaccounted for.",
        "{verdict}：各部分合計 {total}，logit 變動 {change}；有 {delta} logit（{percent}）未能說明。",
    ),
    "verdict.converged": ("Converged", "已收斂"),
    "verdict.usable": ("Usable", "可用"),
    "verdict.not converged": ("Not converged", "未收斂"),
    "verdict.not converged.advice": (
        "Do not read this map; try the other baseline.",
        "請勿解讀此圖；請改用另一起點。",
    ),
    # names from modeling
    "task.appearance": ("Appearance", "型態"),
    "task.grading": ("Grading", "分級"),
    "task.findings": ("Findings", "發現"),
    "modality.image": ("film", "影像"),
    "modality.table": ("clinical table", "臨床資料"),
    "modality.text": ("text", "文字"),
    "class.Negative": ("Negative", "陰性"),
    "class.Typical": ("Typical", "典型"),
    "class.Indeterminate": ("Indeterminate", "不確定"),
    "class.Atypical": ("Atypical", "非典型"),
    "class.Mild": ("Mild", "輕度"),
    "class.Moderate": ("Moderate", "中度"),
    "class.Severe": ("Severe", "重度"),
    "class.Atelectasis": ("Atelectasis", "肺塌陷"),
    "class.Cardiomegaly": ("Cardiomegaly", "心臟擴大"),
    "class.Consolidation": ("Consolidation", "肺實質化"),
    "class.Edema": ("Edema", "肺水腫"),
    "class.Effusion": ("Effusion", "肋膜積水"),
    "class.Emphysema": ("Emphysema", "肺氣腫"),
    "class.Fibrosis": ("Fibrosis", "纖維化"),
    "class.Hernia": ("Hernia", "疝氣"),
    "class.Infiltration": ("Infiltration", "浸潤"),
    "class.Mass": ("Mass", "腫塊"),
    "class.Nodule": ("Nodule", "結節"),
    "class.Pleural_Thickening": ("Pleural thickening", "肋膜增厚"),
    "class.Pneumonia": ("Pneumonia", "肺炎"),
    "class.Pneumothorax": ("Pneumothorax", "氣胸"),
    "value.years": ("years", "歲"),
    "value.months": ("months", "個月"),
    "value.weeks": ("weeks", "週"),
    "value.days": ("days", "天"),
    "value./uL": ("/µL", "/µL"),
    "value.10^6/L": ("10⁶/L", "10⁶/L"),
    "value.10^9/L": ("10⁹/L", "10⁹/L"),
    "form.range_age": ("0 – 120 years (months)", "0 – 120 歲（或如 8 months）"),
    "value.female": ("female", "女"),
    "value.male": ("male", "男"),
    "value.positive": ("positive", "陽性"),
    "value.negative": ("negative", "陰性"),
    "value.PA": ("PA", "PA"),
    "value.AP": ("AP", "AP"),
}

CATALOGUE: dict[str, tuple[str, str]] = dict(ChainMap(_PAGE, *PANELS))
"""Every string of the page and its panels."""

FIELD_LABELS: dict[str, tuple[str, str]] = {
    "age": ("Age (years)", "年齡（歲）"),
    "sex": ("Sex", "性別"),
    "view_position": ("View position", "投照方位"),
    "rt_pcr": ("RT-PCR", "RT-PCR"),
    "temperature": ("Temperature (°C)", "體溫（°C）"),
    "spo2": ("SpO₂ (%)", "血氧飽和度（%）"),
    "respiratory_rate": ("Respiratory rate (/min)", "呼吸速率（次/分）"),
    "crp": ("CRP (mg/L)", "C 反應蛋白（mg/L）"),
    "d_dimer": ("D-dimer (mg/L)", "D-雙聚體（mg/L）"),
    "ldh": ("LDH (U/L)", "乳酸脫氫酶（U/L）"),
    "leukocytes": ("Leukocytes (10⁹/L)", "白血球（10⁹/L）"),
    "lymphocytes": ("Lymphocytes (10⁹/L)", "淋巴球（10⁹/L）"),
    "neutrophils": ("Neutrophils (10⁹/L)", "嗜中性球（10⁹/L）"),
    "po2": ("pO₂ (mmHg)", "氧分壓（mmHg）"),
    "pco2": ("pCO₂ (mmHg)", "二氧化碳分壓（mmHg）"),
}
