"""The tab "Learn": words and failures."""

STRINGS: dict[str, tuple[str, str]] = {
    "tab.learn": ("Learn", "學習"),
    "learn.show": ("Show me", "示範"),
    "learn.no_checkpoint": (
        "The checkpoint {name} is not on this page, so this cannot be shown here.",
        "此頁沒有模型 {name}，無法在此示範。",
    ),
    "learn.change.inverted": ("film inverted", "影像黑白顛倒"),
    "learn.change.arrow": ("with a lead arrow", "加上鉛箭頭"),
    "learn.change.no_film": ("without the film", "移除影像"),
    "learn.change.framed": ("film in a bright frame", "影像加亮框"),
    "learn.change.sideways": ("film on its side", "影像橫躺"),
    "learn.read": ("How to read the map on screen", "如何閱讀畫面上的圖"),
    "learn.read.text": (
        "Look at the film first. Orange speaks for the chosen class, blue against it; the legend"
        " says how much."
        " Below the film a sentence names the lung zone with most weight. Then read the line on"
        " convergence and"
        " the checks. A map that passes them shows what the model used, never that the model is right.",
        "請先看影像。橙色支持所選類別，藍色反對；圖例說明多少。影像下方有一句話指出權重最多的肺區。"
        "接著閱讀收斂說明與各項檢查。通過檢查的圖只說明模型用了什麼，絕不表示模型正確。",
    ),
    "learn.failures": ("Failures to recognise", "認識失敗"),
    "learn.failures.text": (
        "Each of these has happened to real systems. Open them, look, and compare with the usual view.",
        "這些都曾發生在真實系統。請開啟、觀察，並與一般畫面比較。",
    ),
    "learn.glossary": ("Words", "詞彙"),
    # the gallery
    "learn.failure.inverted": ("The inverted film", "黑白顛倒的影像"),
    "learn.failure.inverted.text": (
        "Half of the DICOM files of one public set store bone dark. A loader that forgets it feeds"
        " negatives, and"
        " the model still answers. Compare the probabilities of both views, and see whether it says so.",
        "某公開資料集有一半的 DICOM 以暗色儲存骨骼。忽略此點的程式會送入負片，模型仍照樣回答。"
        "請比較兩個畫面的機率，看模型是否提醒。",
    ),
    "learn.failure.sideways": ("The film on its side", "橫躺的影像"),
    "learn.failure.sideways.text": (
        "A file without its orientation. No reader would go on; a network does.",
        "檔案遺失方向。醫師不會繼續判讀；網路卻會。",
    ),
    "learn.failure.random": ("The map that ignores what was learnt", "與學習無關的圖"),
    "learn.failure.random.text": (
        "This map comes from the same network with all that it learnt thrown away: every weight is"
        " drawn anew. If it"
        " looks as convincing as the real one, looking convincing proves nothing (Adebayo et al., 2018).",
        "此圖來自同一網路，但訓練所得的權重已被丟棄。若它與真圖一樣可信，則「看起來可信」毫無意義"
        "（Adebayo 等，2018）。",
    ),
    "learn.failure.edges": ("The map that asks no model", "沒有問過模型的圖"),
    "learn.failure.edges.text": (
        "An edge detector: it outlines ribs and heart and has never seen a label. Many published"
        " maps look like it.",
        "邊緣偵測：它勾勒肋骨與心臟，從未見過標籤。許多已發表的圖看起來就像它。",
    ),
    "learn.failure.padding": ("Attention on padding", "注意力落在填補區"),
    "learn.failure.padding.text": (
        "A loader that ignores the file's padding value leaves a bright frame around the film. No patient is"
        " there, and a good part of the map still lies on it: the line below the film says how much.",
        "程式忽略檔案的填補值，影像四周便留下亮框。框內沒有病人，圖卻有不小的部分落在其上："
        "影像下方的說明會指出多少。",
    ),
    "learn.failure.arrow": ("The source leak", "來源洩漏"),
    "learn.failure.arrow.text": (
        "The shortcut twin was trained on films where a lead arrow beside the lung went with Negative, as if"
        " one hospital that marks its films so had sent all the normal ones: the mark tells the source, and"
        " the source the label. Compare its answer with and without the arrow, then the honest checkpoint's,"
        " and see how much of the map lies on it.",
        "「捷徑雙胞胎」以肺旁有鉛箭頭即為陰性的影像訓練，如同一家會這樣標記的醫院送來了所有正常影像："
        "標記透露來源，來源透露標籤。請比較它在有無箭頭時的答案，再看正常模型，並觀察圖有多少落在箭頭上。",
    ),
    "learn.failure.leak": ("The leak", "洩漏"),
    "learn.failure.leak.text": (
        "Take the film away and see what the model still answers. On one public COVID set, licence"
        " and place alone"
        " predict the diagnosis with an AUC of 0.880: where a film comes from tells what it shows.",
        "移除影像，看模型還能答什麼。在某公開 COVID 資料集，僅憑授權與地點預測診斷的 AUC 即達 0.880："
        "影像來自何處便洩漏了答案。",
    ),
    # the glossary
    "learn.integrated_gradients": ("Integrated Gradients", "積分梯度"),
    "learn.integrated_gradients.text": (
        "Walks from an empty study (the baseline) to the real one and adds up, step by step, how"
        " much each pixel,"
        " field and word moved the answer (Sundararajan et al., 2017).",
        "從空白檢查（起點）走到真實檢查，逐步累加每個像素、欄位與文字使答案移動多少（Sundararajan"
        " 等，2017）。",
    ),
    "learn.baseline": ("Baseline", "起點"),
    "learn.baseline.text": (
        "What the walk starts from: a black film, a blurred one, and fields unknown. There is no"
        " right one, and"
        " another baseline gives another map. Compare both views.",
        "路徑的起點：全黑或模糊的影像、未知的欄位。沒有唯一正確的起點，換了起點圖也會變。請比較兩個畫面。",
    ),
    "learn.completeness": ("Completeness", "完備性"),
    "learn.completeness.text": (
        "The parts of an account add up to the whole change of the logit. Without it a map is a"
        " picture, not an account.",
        "說明的各部分加總等於 logit 的總變化。沒有它，圖只是圖，不是說明。",
    ),
    "learn.delta": ("Convergence delta", "收斂差"),
    "learn.delta.text": (
        "What completeness misses in practice: the sum of the parts minus the change of the logit."
        " Up to 1 % is"
        " converged, up to 5 % usable; do not read a map above that.",
        "實際計算中與完備性的差距：各部分總和減去 logit 的變化。1 % 以內為已收斂，5 % 以內可用；"
        "超過則勿解讀。",
    ),
    "learn.heat_map": ("Heat map and attribution", "熱圖與歸因"),
    "learn.heat_map.text": (
        "The attribution is the numbers, in logits; the heat map is their picture, smoothed and"
        " coloured. Only the"
        " numbers can be checked.",
        "歸因是數值（logit）；熱圖是其平滑上色後的圖像。只有數值能夠檢驗。",
    ),
    "learn.grad_cam": ("Grad-CAM", "Grad-CAM"),
    "learn.grad_cam.text": (
        "A coarse map from the last layers of the network (Selvaraju et al., 2017). It adds up to"
        " nothing, but is a"
        " second opinion on the place.",
        "來自網路最後幾層的粗略圖（Selvaraju 等，2017）。它不加總成任何量，但可作為位置的第二意見。",
    ),
    "learn.occlusion": ("Occlusion", "遮蔽"),
    "learn.occlusion.text": (
        "Covers one patch after another and watches the answer. Slow and plain; the covered film"
        " is unlike any real one.",
        "逐塊遮住影像並觀察答案。緩慢而直接；被遮住的影像不像任何真實影像。",
    ),
    "learn.attention": ("Attention", "注意力"),
    "learn.attention.text": (
        "The weights with which a network gathers the parts of its input, such as the places of a film."
        " They are the same whatever the target, so they are no account of an answer, though often shown as"
        " one. The view shows the weights with which this model pools the film.",
        "網路彙集輸入各部分（例如影像各處）時所用的權重。無論目標為何，權重都相同，因此不是對答案的說明，"
        "儘管常被如此呈現。此畫面顯示本模型彙集影像時所用的權重。",
    ),
    "learn.sanity": ("Sanity check", "合理性檢驗"),
    "learn.sanity.text": (
        "Does the map change when the model's learning is thrown away? A map that does not shows"
        " the film, not the"
        " model. Two controls are one click away on every case.",
        "丟棄模型所學後，圖是否改變？若不變，圖顯示的是影像而非模型。每個病例都可一鍵查看兩種對照。",
    ),
    "learn.share": ("Modality share", "各模態佔比"),
    "learn.share.text": (
        "How much film, clinical table and text each added to the answer, on one scale. Take the"
        " film away and see"
        " what is left.",
        "影像、臨床資料與文字各為答案增加多少，同一刻度。移除影像，看還剩什麼。",
    ),
    "learn.shapley": ("Shapley value", "夏普利值"),
    "learn.shapley.text": (
        "A fair way to share out an answer among film, table and text: each one's added worth,"
        " averaged over every"
        " order of joining (Shapley, 1953). It stands beside the path's own shares.",
        "在影像、資料與文字間公平分配答案的方法：各種加入順序下新增價值的平均（Shapley，1953）。"
        "與路徑的佔比並列。",
    ),
    "learn.logit": ("Logit and probability", "Logit 與機率"),
    "learn.logit.text": (
        "The model adds in logits; probabilities come afterwards. A logit of +2 for a class pushes"
        " it up, but how far"
        " depends on all the others.",
        "模型以 logit 相加，之後才換算成機率。某類別 +2 logit 會使其上升，但幅度取決於其他類別。",
    ),
    "learn.calibration": ("Calibration", "校準"),
    "learn.calibration.text": (
        "Of all films that a model gives 70 %, 70 % should be so. A temperature fitted on"
        " validation films brings it"
        " nearer (Guo et al., 2017); how near is told in the tab about the model.",
        "模型給 70 % 的影像中，應有 70 % 確實如此。以驗證影像擬合的溫度使其更接近（Guo 等，2017）；"
        "接近程度見關於模型的分頁。",
    ),
    "learn.prediction_set": ("Prediction set", "預測集合"),
    "learn.prediction_set.text": (
        "The classes that cannot be ruled out, made so that 9 films in 10 have their label inside."
        " A set of one is"
        " firm; a set of all says nothing. It is a differential with a measured promise.",
        "無法排除的類別，設計為 10 張影像中有 9 張的標籤在內。只有一類即明確；包含全部則等於沒說。"
        "它是附有實測保證的鑑別。",
    ),
    "learn.operating_point": ("Operating point", "操作點"),
    "learn.operating_point.text": (
        "Where probability becomes a decision: a threshold with its sensitivity and specificity."
        " Move it in the panel"
        ' "In your ward".',
        "機率變成決定之處：一個門檻及其敏感度與特異度。可在「在您的病房」面板移動。",
    ),
    "learn.prevalence": ("Prevalence, PPV and NPV", "盛行率、PPV 與 NPV"),
    "learn.prevalence.text": (
        "The same test is worth less where the disease is rare: most positive calls are then wrong. Set the"
        " prevalence of your ward and see.",
        "疾病罕見時，同一檢驗的價值較低：多數陽性判斷都是錯的。請設定您病房的盛行率看看。",
    ),
    "learn.leak": ("Leak", "洩漏"),
    "learn.leak.text": (
        "Something in the data that gives the label away and will not be there in real use: the hospital, the"
        " machine, the report itself.",
        "資料中透露標籤、而實際使用時並不存在的東西：醫院、機器、報告本身。",
    ),
    "learn.shortcut": ("Shortcut", "捷徑"),
    "learn.shortcut.text": (
        "A leak that the model has learnt to use instead of the disease, such as a lead marker on the film.",
        "模型學會用來取代疾病特徵的洩漏，例如影像上的鉛標記。",
    ),
    "learn.ood": ("Out of distribution", "分布之外"),
    "learn.ood.text": (
        "A film unlike those the model learnt from. Its answer there was never measured; where a"
        " gate is there, it"
        " says that it would rather not say.",
        "不像模型學習過的影像。模型在此的答案從未量測過；有把關機制時，它會說寧可不回答。",
    ),
    "learn.polarity": ("Polarity", "極性"),
    "learn.polarity.text": (
        "Whether large stored numbers mean bright or dark. It stands in the DICOM file and must be obeyed.",
        "儲存的大數值代表亮或暗。DICOM 檔案中有註明，必須遵守。",
    ),
}
